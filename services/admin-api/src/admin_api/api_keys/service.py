"""Use cases of API keys. A key is in force when its record is in the bucket, and only then is its creation answered.

A creation that cannot be put in force in time is taken back: the key is revoked before anybody has seen its secret. When even
that fails (Postgres gone in the same moment), or this process is killed in between, a key remains that nobody has and nobody
can use; it is listed, and can be revoked like any other.

A rotation that cannot be put in force in time is taken back likewise: the secret of before stays the only one.

A revocation is the other way round: it is recorded even while NATS is away, answered with 503 then, and takes effect when NATS
is back. Repeating it waits for the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys import repository
from admin_api.api_keys.domain import KEY_PREFIX, KeyKind, KeyPolicy
from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository as budgets
from admin_api.budgets.domain import BudgetPlan
from admin_api.budgets.service import check_ceiling as check_budget_ceiling
from admin_api.budgets.service import insert as insert_budget
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.database import outbox
from admin_api.errors import KeyRevokedError, NotInForceError
from admin_api.ledger.budgets import forget
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.rate_limits.ceiling import check_ceiling
from admin_api.rate_limits.models import stored
from admin_api.tenants.service import existing as existing_tenant
from admin_api.users import repository as users
from common.clock import Clock
from common.crypto.api_keys import hash_api_key, key_hint, new_api_key
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.subjects import KEYS_BUCKET
from common.http.errors import ConflictError, InvalidRequestError, NotFoundError
from common.ids import is_id, new_id
from common.logging import get_logger

# A date further away than this is a typing error, and some of them do not fit everywhere.
_LONGEST_LIFE: Final = timedelta(days=36_500)
_ANYTHING: Final = KeyPolicy()
_SECRET_FIELDS: Final = ("hash", "hint", "previous_hash", "previous_hint", "previous_ends_at")

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key, its tenant's name, and when it was last used."""

    row: ApiKeyRow
    tenant_name: str
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key in force, and its secret, which exists nowhere else."""

    shown: ShownKey
    secret: str


async def list_keys(
    sessions: Sessions,
    *,
    tenant_id: str | None,
    must_exist: bool,
    limit: int,
    cursor: str | None,
    owner_id: str | None = None,
) -> Slice[ShownKey]:
    """Newest first, of all tenants or one, of all owners or one. Raises `NotFoundError` when the tenant `must_exist`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        if tenant_id is not None and must_exist:
            await existing_tenant(session, tenant_id)
        rows = await repository.newest(session, tenant_id=tenant_id, owner_id=owner_id, limit=limit + 1, before=before)
        used = await repository.last_uses(session, [row.id for row, _ in rows])
    shown = [ShownKey(row, name, used.get(row.id)) for row, name in rows]
    return Slice.of(shown, limit, lambda each: encode_cursor(each.row.id))


async def read_key(sessions: Sessions, tenant_id: str, key_id: str) -> ShownKey:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        return await _shown(session, row, tenant.name)


async def create_key(
    sessions: Sessions,
    tenant_id: str,
    *,
    clock: Clock,
    propagation: Propagation,
    hash_secret: bytes,
    name: str,
    expires_at: datetime | None,
    policy: KeyPolicy,
    owner_id: str | None,
    kind: KeyKind = "service",
    budget: BudgetPlan | None = None,
) -> CreatedKey:
    """`budget` is one for the key, whose `subject` it becomes. Raises `NotFoundError`, `InvalidRequestError` for an end that has
    passed or an unknown owner, `AboveCeilingError` for limits or a budget above the tenant's, or `NotInForceError`.
    """
    now = clock()
    _check_end(expires_at, now)
    propagation.check()
    secret = new_api_key()
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        await _check_owner(session, owner_id)
        await check_ceiling(session, tenant.id, policy.limits)
        row, ids = await insert(
            session,
            tenant_id=tenant.id,
            name=name,
            secret=secret,
            hash_secret=hash_secret,
            expires_at=expires_at,
            now=now,
            policy=policy,
            owner_id=owner_id,
            kind=kind,
        )
        if budget is not None:
            await check_budget_ceiling(session, tenant.id, budget.amount_nano_usd, budget.schedule)
            ids += (await insert_budget(session, replace(budget, subject=row.id), now=now))[1]
    try:
        await propagation.wait(ids)
    except NotInForceError:
        await _take_back(sessions, row, clock=clock)
        raise NotInForceError(
            "The gateway could not be told of the new key in time, so the key was taken back. Try again."
        ) from None
    return CreatedKey(ShownKey(row, tenant.name), secret)


async def insert(
    session: AsyncSession,
    *,
    tenant_id: str,
    name: str,
    secret: str,
    hash_secret: bytes,
    expires_at: datetime | None,
    now: datetime,
    policy: KeyPolicy = _ANYTHING,
    owner_id: str | None = None,
    kind: KeyKind = "service",
) -> tuple[ApiKeyRow, list[int]]:
    """A new key in the caller's transaction, and the outbox rows that tell the edge."""
    key_hash = hash_api_key(hash_secret, secret)
    await records.hold(session, KEYS_BUCKET, key_hash)
    row = ApiKeyRow(
        id=new_id(KEY_PREFIX),
        tenant_id=tenant_id,
        name=name,
        hash=key_hash,
        hint=key_hint(secret),
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
        limits=stored(policy.limits),
        scopes=None if policy.scopes is None else list(policy.scopes),
        models=None if policy.models is None else list(policy.models),
        allowed_addresses=list(policy.allowed_addresses),
        tags=policy.tags,
        owner_id=owner_id,
        kind=kind,
        suspended_at=None,
        previous_hash=None,
        previous_hint=None,
        previous_ends_at=None,
    )
    session.add(row)
    return row, await records.emit(session, KEYS_BUCKET, key_hash)


async def update_key(
    sessions: Sessions,
    tenant_id: str,
    key_id: str,
    *,
    clock: Clock,
    propagation: Propagation,
    changes: Mapping[str, Any],
) -> ShownKey:
    """The key as it is now. `suspended` is a change like others. Raises `NotFoundError`, `KeyRevokedError`, `InvalidRequestError`
    for an end that has passed or an unknown owner, `ConflictError` for another owner of a personal key, or `NotInForceError`."""
    _check_end(changes.get("expires_at"), clock())
    propagation.check()
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        await _check_owner(session, changes.get("owner_id"))
        if row.kind == "personal" and changes.get("owner_id", row.owner_id) != row.owner_id:
            raise ConflictError("A personal key stays its owner's.", code="personal_key", param="owner_id")
        ids = await change(session, row, _columns(changes, clock()))
        shown = await _shown(session, row, tenant.name)
    await propagation.wait(ids)
    return shown


def _columns(changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    columns = {field: value for field, value in changes.items() if field != "suspended"}
    if "suspended" in changes:
        columns["suspended_at"] = now if changes["suspended"] else None
    return columns


async def rotate_key(
    sessions: Sessions,
    tenant_id: str,
    key_id: str,
    *,
    clock: Clock,
    propagation: Propagation,
    hash_secret: bytes,
    grace: timedelta,
) -> CreatedKey:
    """The key with a new secret; the present one is good for `grace` from now, and the one before that no more.

    Raises `NotFoundError`, `KeyRevokedError`, or `NotInForceError`.
    """
    propagation.check()
    secret, now = new_api_key(), clock()
    fresh = hash_api_key(hash_secret, secret)
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        before = await _hold(session, row, fresh)
        if row.revoked_at is not None:
            raise KeyRevokedError
        was = {field: getattr(row, field) for field in _SECRET_FIELDS}
        if grace:
            row.previous_hash, row.previous_hint, row.previous_ends_at = row.hash, row.hint, now + grace
        else:
            row.previous_hash = row.previous_hint = row.previous_ends_at = None
        row.hash, row.hint = fresh, key_hint(secret)
        ids = await records.emit(session, KEYS_BUCKET, *sorted({fresh, *before}))
        shown = await _shown(session, row, tenant.name)
    try:
        await propagation.wait(ids)
    except NotInForceError:
        await _take_back_secret(sessions, row, fresh, was)
        raise NotInForceError(
            "The gateway could not be told of the new secret in time, so it was taken back. Try again."
        ) from None
    return CreatedKey(shown, secret)


def _check_end(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + _LONGEST_LIFE:
        raise InvalidRequestError(
            "expires_at: must be in the future, and within a hundred years.", code="invalid_value", param="expires_at"
        )


async def _check_owner(session: AsyncSession, owner_id: str | None) -> None:
    if owner_id is not None and await users.find(session, owner_id) is None:
        raise InvalidRequestError("owner_id: there is no such user.", code="invalid_value", param="owner_id")


async def existing(session: AsyncSession, tenant_id: str, key_id: str) -> ApiKeyRow:
    """The row of a tenant's key. Raises `NotFoundError`, for ids that name nothing and for what is no id."""
    row = await repository.find_of_tenant(session, tenant_id, key_id) if is_id(key_id, KEY_PREFIX) else None
    if row is None:
        raise NotFoundError("There is no such API key.")
    return row


async def change(session: AsyncSession, row: ApiKeyRow, changes: Mapping[str, Any]) -> list[int]:
    """Set the fields in `changes` in the caller's transaction; the outbox rows that tell the edge. Raises `KeyRevokedError`."""
    hashes = await _hold(session, row)
    if row.revoked_at is not None:
        raise KeyRevokedError
    owner = row.owner_id
    for field, value in changes.items():
        setattr(row, field, value)
    if row.owner_id != owner:
        await forget(session, await budgets.ids_of_users(session, [each for each in (owner, row.owner_id) if each]))
    return await records.emit(session, KEYS_BUCKET, *hashes)


async def revoke_key(
    sessions: Sessions, tenant_id: str, key_id: str, *, clock: Clock, propagation: Propagation
) -> None:
    """Return once no edge replica is told the key any more. Raises `NotFoundError` or `NotInForceError` (revoked nevertheless)."""
    async with sessions.begin() as session:
        await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        ids = await _revoke(session, row, clock=clock)
        for each in hashes_of(row) if not ids else ():
            ids = ids + await outbox.pending(session, target=KEYS_BUCKET, key=each)
    await propagation.wait(ids)


async def revoke_personal_keys(session: AsyncSession, user_id: str, tenant_id: str, *, clock: Clock) -> list[int]:
    """Of a person who leaves a tenant, in the caller's transaction; the outbox rows to wait for."""
    ids: list[int] = []
    for row in await repository.personal_of(session, user_id, tenant_id):
        ids += await _revoke(session, row, clock=clock)
    return ids


async def revoke_all_of(session: AsyncSession, tenant_id: str, *, clock: Clock) -> None:
    """Of a tenant that is no more, in the caller's transaction. What can be shown of a key stays, for the ledger's sake."""
    for row in await repository.of_tenant(session, tenant_id):
        await _revoke(session, row, clock=clock)


async def emit_personal_keys(session: AsyncSession, user_id: str) -> list[int]:
    """Tell the edge of a person's own keys, in whose transaction they were let in or out; the outbox rows to wait for."""
    ids: list[int] = []
    for row in await repository.personal_of(session, user_id):
        ids += await records.emit(session, KEYS_BUCKET, *await _hold(session, row))
    return ids


async def _revoke(session: AsyncSession, row: ApiKeyRow, *, clock: Clock) -> list[int]:
    hashes = await _hold(session, row)
    if row.revoked_at is not None:
        return []
    row.revoked_at = clock()
    return await records.emit(session, KEYS_BUCKET, *hashes)


def hashes_of(row: ApiKeyRow) -> list[str]:
    """Of its secrets: of the present one, and of the one before while there is one."""
    return [row.hash] if row.previous_hash is None else sorted((row.hash, row.previous_hash))


async def _hold(session: AsyncSession, row: ApiKeyRow, *more: str) -> list[str]:
    """Hold the records of all the key's secrets, and `more`; read the row anew. A rotation just before may have changed which ones
    those are, so it is looked at again until nobody else can."""
    held: set[str] = set()
    while missing := {*hashes_of(row), *more} - held:
        await records.hold(session, KEYS_BUCKET, *sorted(missing))
        held |= missing
        await session.refresh(row)
    return hashes_of(row)


async def _shown(session: AsyncSession, row: ApiKeyRow, tenant_name: str) -> ShownKey:
    return ShownKey(row, tenant_name, (await repository.last_uses(session, [row.id])).get(row.id))


async def _take_back(sessions: Sessions, row: ApiKeyRow, *, clock: Clock) -> None:
    try:
        async with sessions.begin() as session:
            session.add(row)
            await _revoke(session, row, clock=clock)
    except DatabaseUnavailableError:
        _log.error("a key that nobody has seen could not be taken back", key_id=row.id)


async def _take_back_secret(sessions: Sessions, row: ApiKeyRow, fresh: str, was: Mapping[str, Any]) -> None:
    try:
        async with sessions.begin() as session:
            session.add(row)
            hashes = await _hold(session, row)
            if row.hash == fresh:
                for field, value in was.items():
                    setattr(row, field, value)
            await records.emit(session, KEYS_BUCKET, *sorted({*hashes, *hashes_of(row)}))
    except DatabaseUnavailableError:
        _log.error("a secret that nobody has seen could not be taken back", key_id=row.id)
