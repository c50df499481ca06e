"""Use cases of API keys. A key is in force when its record is in the bucket, and only then is its creation answered.

A creation that cannot be put in force in time is taken back: the key is revoked before anybody has seen its secret. When even
that fails (Postgres gone in the same moment), or this process is killed in between, a key remains that nobody has and nobody
can use; it is listed, and can be revoked like any other.

A revocation is the other way round: it is recorded even while NATS is away, answered with 503 then, and takes effect when NATS
is back. Repeating it waits for the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys import repository
from admin_api.api_keys.domain import KEY_PREFIX, KeyPolicy
from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository as budgets
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.database import outbox
from admin_api.errors import KeyRevokedError, NotInForceError
from admin_api.ledger.budgets import forget
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.tenants.service import existing as existing_tenant
from admin_api.users import repository as users
from common.clock import Clock
from common.crypto.api_keys import hash_api_key, key_hint, new_api_key
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.subjects import KEYS_BUCKET
from common.http.errors import InvalidRequestError, NotFoundError
from common.ids import is_id, new_id
from common.logging import get_logger

# A date further away than this is a typing error, and some of them do not fit everywhere.
_LONGEST_LIFE: Final = timedelta(days=36_500)
_ANYTHING: Final = KeyPolicy()

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key in force, and its secret, which exists nowhere else."""

    row: ApiKeyRow
    tenant_name: str
    secret: str


async def list_keys(
    sessions: Sessions, *, tenant_id: str | None, must_exist: bool, limit: int, cursor: str | None
) -> Slice[tuple[ApiKeyRow, str]]:
    """Keys with their tenant's name, newest first, of all tenants or one. Raises `NotFoundError` when that one `must_exist`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        if tenant_id is not None and must_exist:
            await existing_tenant(session, tenant_id)
        rows = await repository.newest(session, tenant_id=tenant_id, limit=limit + 1, before=before)
    return Slice.of(rows, limit, lambda row: encode_cursor(row[0].id))


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
) -> CreatedKey:
    """Raises `NotFoundError`, `InvalidRequestError` for an end that has passed or an unknown owner, or `NotInForceError`."""
    now = clock()
    _check_end(expires_at, now)
    propagation.check()
    secret = new_api_key()
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        await _check_owner(session, owner_id)
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
        )
    try:
        await propagation.wait(ids)
    except NotInForceError:
        await _take_back(sessions, row, clock=clock)
        raise NotInForceError(
            "The gateway could not be told of the new key in time, so the key was taken back. Try again."
        ) from None
    return CreatedKey(row, tenant.name, secret)


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
        limits=None,
        scopes=None if policy.scopes is None else list(policy.scopes),
        models=None if policy.models is None else list(policy.models),
        allowed_addresses=list(policy.allowed_addresses),
        tags=policy.tags,
        owner_id=owner_id,
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
) -> tuple[ApiKeyRow, str]:
    """The key as it is now, with its tenant's name. Raises `NotFoundError`, `KeyRevokedError`, `InvalidRequestError` for an end
    that has passed or an unknown owner, or `NotInForceError`."""
    _check_end(changes.get("expires_at"), clock())
    propagation.check()
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        await _check_owner(session, changes.get("owner_id"))
        ids = await change(session, row, changes)
    await propagation.wait(ids)
    return row, tenant.name


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
    await records.hold(session, KEYS_BUCKET, row.hash)
    await session.refresh(row)
    if row.revoked_at is not None:
        raise KeyRevokedError
    owner = row.owner_id
    for field, value in changes.items():
        setattr(row, field, value)
    if row.owner_id != owner:
        await forget(session, await budgets.ids_of_users(session, [each for each in (owner, row.owner_id) if each]))
    return await records.emit(session, KEYS_BUCKET, row.hash)


async def revoke_key(
    sessions: Sessions, tenant_id: str, key_id: str, *, clock: Clock, propagation: Propagation
) -> None:
    """Return once no edge replica is told the key any more. Raises `NotFoundError` or `NotInForceError` (revoked nevertheless)."""
    async with sessions.begin() as session:
        await existing_tenant(session, tenant_id)
        row = await existing(session, tenant_id, key_id)
        ids = await _revoke(session, row, clock=clock)
        if not ids:
            ids = await outbox.pending(session, target=KEYS_BUCKET, key=row.hash)
    await propagation.wait(ids)


async def _revoke(session: AsyncSession, row: ApiKeyRow, *, clock: Clock) -> list[int]:
    await records.hold(session, KEYS_BUCKET, row.hash)
    await session.refresh(row)
    if row.revoked_at is not None:
        return []
    row.revoked_at = clock()
    return await records.emit(session, KEYS_BUCKET, row.hash)


async def _take_back(sessions: Sessions, row: ApiKeyRow, *, clock: Clock) -> None:
    try:
        async with sessions.begin() as session:
            session.add(row)
            await _revoke(session, row, clock=clock)
    except DatabaseUnavailableError:
        _log.error("a key that nobody has seen could not be taken back", key_id=row.id)
