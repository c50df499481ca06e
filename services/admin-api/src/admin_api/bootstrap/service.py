"""The use case behind `python -m admin_api bootstrap`: one transaction for the whole document, so it is done or it is not.

It needs Postgres only: what the edge must know goes into the outbox, and whichever `serve` runs puts it in force.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys import repository as api_keys
from admin_api.api_keys.service import insert as insert_key
from admin_api.bootstrap.domain import Changes, Content, KeyContent, ModelContent, UserContent, are_same, take_over_ids
from admin_api.catalog import repository as catalog
from admin_api.catalog.domain import RoutePrices, WantedRoute
from admin_api.catalog.models import RouteRow
from admin_api.catalog.service import check_addresses
from admin_api.catalog.service import write as write_model
from admin_api.configuration import records
from admin_api.locks import BOOTSTRAP_LOCK
from admin_api.sessions.passwords import Passwords
from admin_api.tenants import repository as tenants
from admin_api.tenants.service import insert as insert_tenant
from admin_api.users import repository as users
from admin_api.users.service import insert as insert_user
from common.clock import Clock
from common.crypto.api_keys import hash_api_key
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions
from common.events.control import route_credential_purpose
from common.events.subjects import CATALOG_BUCKET, catalog_key
from common.http.errors import InvalidRequestError

_HOLD: Final = text("SELECT pg_advisory_xact_lock(:key)")


async def bootstrap(
    sessions: Sessions,
    content: Content,
    *,
    clock: Clock,
    passwords: Passwords,
    sealer: Sealer,
    hash_secret: bytes,
    allow_private: bool,
) -> Changes:
    """Make what is absent. Raises `InvalidRequestError` for a route or a tenant's name that cannot be, and then nothing is made."""
    for model in content.models:
        await check_addresses(model.routes, allow_private=allow_private)
    now = clock()
    async with sessions.begin() as session:
        await session.execute(_HOLD, {"key": BOOTSTRAP_LOCK})
        return Changes(
            tenants=sum([await _add_tenant(session, name, now) for name in content.tenants]),
            users=sum([await _add_user(session, user, passwords, now) for user in content.users]),
            keys=sum([await _add_key(session, key, hash_secret, now) for key in content.keys]),
            models=sum([await _add_model(session, model, sealer, now) for model in content.models]),
        )


async def _add_tenant(session: AsyncSession, name: str, now: datetime) -> bool:
    if await tenants.find_by_name(session, name) is not None:
        return False
    await insert_tenant(session, name=name, models=None, now=now)
    return True


async def _add_user(session: AsyncSession, user: UserContent, passwords: Passwords, now: datetime) -> bool:
    if await users.find_by_email(session, user.email) is not None:
        return False
    password_hash = await passwords.hash(user.password)
    insert_user(session, email=user.email, name=user.name, role=user.role, password_hash=password_hash, now=now)
    return True


async def _add_key(session: AsyncSession, key: KeyContent, hash_secret: bytes, now: datetime) -> bool:
    if await api_keys.find_by_hash(session, hash_api_key(hash_secret, key.secret)) is not None:
        return False
    tenant = await tenants.find_by_name(session, key.tenant)
    if tenant is None:
        raise InvalidRequestError(f"api_keys: there is no tenant named {key.tenant}.")
    await insert_key(
        session,
        tenant_id=tenant.id,
        name=key.name,
        secret=key.secret,
        hash_secret=hash_secret,
        expires_at=None,
        now=now,
    )
    return True


async def _add_model(session: AsyncSession, model: ModelContent, sealer: Sealer, now: datetime) -> bool:
    await records.hold(session, CATALOG_BUCKET, catalog_key(model.alias))
    row = await catalog.find(session, model.alias)
    existing = [] if row is None else [_opened(route, sealer) for route in row.routes]
    if row is not None and (not model.replace or are_same(model.routes, existing)):
        return False
    routes: Sequence[WantedRoute] = take_over_ids(model.routes, existing)
    await write_model(session, model.alias, sealer=sealer, enabled=None, routes=routes, now=now)
    return True


def _opened(row: RouteRow, sealer: Sealer) -> WantedRoute:
    try:
        purpose = route_credential_purpose(row.id)
        credential = None if row.credential is None else sealer.open(row.credential, purpose=purpose)
    except SealingError:
        # Sealed under a key that is gone: no wanted credential equals this, so the wanted one is sealed anew.
        credential = ""
    return WantedRoute(
        id=row.id,
        provider=row.provider,
        model=row.model,
        base_url=row.base_url,
        credential=credential,
        prices=RoutePrices(input=row.price_input, cached_input=row.price_cached_input, output=row.price_output),
        priority=row.priority,
        weight=row.weight,
    )
