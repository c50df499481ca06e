"""The records of the configuration buckets, as the tables say they are now. Whole each time, and absent when not in force.

Two writers of one record must not overlap: ids of outbox rows have to follow the order of the commits (`common.outbox.table`).
So whoever changes what a record says holds it first, with an advisory lock that ends with the transaction.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.alerts.records import read_alerts
from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository as budgets
from admin_api.budgets.domain import BUDGET_PREFIX
from admin_api.catalog.domain import is_alias
from admin_api.catalog.models import ModelRow, RouteRow
from admin_api.catalog.prices import nano_prices
from admin_api.catalog.repository import WITH_ROUTES
from admin_api.catalog.schedule import NO_PRICES, schedule_of
from admin_api.database import outbox
from admin_api.rate_limits.models import SettingRow, loaded
from admin_api.runtime_settings.repository import tenant_settings
from admin_api.tenants.domain import TENANT_PREFIX
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from common.clock import utc_now
from common.events import subjects
from common.events.alerts import DEFAULT_POLICY_KEY, TRANSPORT_KEY
from common.events.control import (
    Capabilities,
    CatalogRecord,
    KeyRecord,
    LimitDefaults,
    PriceChange,
    RouteRecord,
    TenantPolicy,
)
from common.ids import is_id
from common.outbox.table import Entry, Kind

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_HOLD: Final = text(
    "SELECT pg_advisory_xact_lock(id) FROM "
    "(SELECT hashtextextended(name, 0) AS id FROM unnest(CAST(:names AS text[])) AS name ORDER BY 1) AS records"
)


async def hold(session: AsyncSession, bucket: str, *keys: str) -> None:
    """Keep other writers of these records waiting until the caller's transaction ends. To be called before anything is read."""
    await session.execute(_HOLD, {"names": [f"{bucket}/{key}" for key in keys]})


async def emit(session: AsyncSession, bucket: str, *keys: str) -> list[int]:
    """Put these records, as the caller's transaction leaves them, into the outbox; the ids to wait for."""
    await session.flush()
    content = await _READERS[bucket](session, keys)
    return await outbox.add(
        session,
        *(
            Entry(Kind.PUT, bucket, key, content[key]) if key in content else Entry(Kind.DELETE, bucket, key)
            for key in keys
        ),
    )


async def read(session: AsyncSession, bucket: str) -> dict[str, bytes]:
    """Everything that should be in a bucket."""
    return await _READERS[bucket](session, None)


def is_key(bucket: str, key: str) -> bool:
    """Whether a record of ours can have this key; whatever else is in a bucket is somebody's garbage."""
    if bucket == subjects.KEYS_BUCKET:
        return _HASH.fullmatch(key) is not None
    if bucket == subjects.POLICIES_BUCKET:
        return is_id(key, TENANT_PREFIX)
    if bucket == subjects.SETTINGS_BUCKET:
        return key == subjects.LIMITS_SETTING
    if bucket == subjects.BUDGETS_BUCKET:
        return is_id(key, BUDGET_PREFIX)
    if bucket == subjects.ALERTS_BUCKET:
        return key in {TRANSPORT_KEY, DEFAULT_POLICY_KEY} or is_id(key, TENANT_PREFIX)
    alias = subjects.catalog_alias(key)
    return is_alias(alias) and subjects.catalog_key(alias) == key


async def _read_keys(session: AsyncSession, hashes: Collection[str] | None) -> dict[str, bytes]:
    statement = select(
        ApiKeyRow.hash,
        ApiKeyRow.previous_hash,
        ApiKeyRow.previous_ends_at,
        ApiKeyRow.id,
        ApiKeyRow.tenant_id,
        ApiKeyRow.expires_at,
        ApiKeyRow.scopes,
        ApiKeyRow.models,
        ApiKeyRow.allowed_addresses,
        ApiKeyRow.tags,
        ApiKeyRow.owner_id,
        ApiKeyRow.limits,
    ).where(ApiKeyRow.revoked_at.is_(None), ApiKeyRow.suspended_at.is_(None), _owner_may_sign_in())
    if hashes is not None:
        statement = statement.where(or_(ApiKeyRow.hash.in_(hashes), ApiKeyRow.previous_hash.in_(hashes)))
    found: dict[str, bytes] = {}
    for row in await session.execute(statement):
        found[row.hash] = _key_record(row, row.expires_at)
        if row.previous_hash is not None:
            ends = (each for each in (row.expires_at, row.previous_ends_at) if each is not None)
            found[row.previous_hash] = _key_record(row, min(ends))
    return found


def _owner_may_sign_in() -> ColumnElement[bool]:
    """A personal key goes with its person."""
    may_sign_in = exists().where(UserRow.id == ApiKeyRow.owner_id, UserRow.disabled_at.is_(None))
    return or_(ApiKeyRow.kind == "service", may_sign_in)


def _key_record(row: Row[*tuple[Any, ...]], expires_at: datetime | None) -> bytes:
    return msgspec.json.encode(
        KeyRecord(
            key_id=row.id,
            tenant_id=row.tenant_id,
            owner_id=row.owner_id,
            expires_at=expires_at,
            scopes=row.scopes,
            models=row.models,
            allowed_addresses=row.allowed_addresses,
            tags=row.tags,
            limits=loaded(row.limits),
        )
    )


async def _read_policies(session: AsyncSession, tenant_ids: Collection[str] | None) -> dict[str, bytes]:
    statement = select(
        TenantRow.id, TenantRow.status, TenantRow.models, TenantRow.limits, TenantRow.follows_default_models
    ).where(TenantRow.status != "deleted")
    if tenant_ids is not None:
        statement = statement.where(TenantRow.id.in_(tenant_ids))
    default = (await tenant_settings(session)).default_models
    default_models = None if default is None else list(default)
    return {
        row.id: msgspec.json.encode(
            TenantPolicy(
                tenant_id=row.id,
                status=_in_force(row.status),
                models=default_models if row.follows_default_models else row.models,
                limits=loaded(row.limits),
            )
        )
        for row in await session.execute(statement)
    }


def _in_force(status: str) -> Literal["active", "suspended"]:
    """What the edge is told of a tenant's status: an archived one is as good as suspended there."""
    return "active" if status == "active" else "suspended"


async def _read_catalog(session: AsyncSession, keys: Collection[str] | None) -> dict[str, bytes]:
    statement = select(ModelRow).where(ModelRow.enabled).options(WITH_ROUTES)
    if keys is not None:
        statement = statement.where(ModelRow.alias.in_([subjects.catalog_alias(key) for key in keys]))
    rows = (await session.execute(statement.execution_options(populate_existing=True))).scalars()
    now = utc_now()
    return {
        subjects.catalog_key(row.alias): msgspec.json.encode(_catalog_record(row, now)) for row in rows if row.routes
    }


async def _read_settings(session: AsyncSession, names: Collection[str] | None) -> dict[str, bytes]:
    # There is one so far, so `names` need not be looked at. Selected by column, past the session's memory of the row.
    statement = select(SettingRow.name, SettingRow.value).where(SettingRow.name == subjects.LIMITS_SETTING)
    return {
        row.name: msgspec.json.encode(LimitDefaults(tenant=loaded(row.value)))
        for row in await session.execute(statement)
    }


async def _read_budgets(session: AsyncSession, ids: Collection[str] | None) -> dict[str, bytes]:
    return {record.id: msgspec.json.encode(record) for record in await budgets.records(session, ids)}


_READERS: Final[Mapping[str, Callable[[AsyncSession, Collection[str] | None], Awaitable[dict[str, bytes]]]]] = {
    subjects.KEYS_BUCKET: _read_keys,
    subjects.POLICIES_BUCKET: _read_policies,
    subjects.CATALOG_BUCKET: _read_catalog,
    subjects.SETTINGS_BUCKET: _read_settings,
    subjects.BUDGETS_BUCKET: _read_budgets,
    subjects.ALERTS_BUCKET: read_alerts,
}


def _catalog_record(model: ModelRow, now: datetime) -> CatalogRecord:
    return CatalogRecord(
        alias=model.alias,
        created=int(model.created_at.timestamp()),
        routes=[_route_record(row, now) for row in model.routes],
        fallbacks=model.fallbacks,
        context_length_fallbacks=model.context_length_fallbacks,
        content_filter_fallbacks=model.content_filter_fallbacks,
        capabilities=msgspec.convert(model.capabilities, Capabilities),
    )


def _route_record(row: RouteRow, now: datetime) -> RouteRecord:
    schedule = schedule_of(row.prices, now)
    in_force = schedule.in_force
    return RouteRecord(
        id=row.id,
        provider=row.provider,
        model=row.model,
        base_url=row.base_url,
        credential=row.credential,
        prices={} if in_force is None else dict(nano_prices(in_force.prices)),
        price_version=NO_PRICES if in_force is None else in_force.version,
        price_changes=[
            PriceChange(
                effective_from=each.effective_from, prices=dict(nano_prices(each.prices)), price_version=each.version
            )
            for each in schedule.scheduled
        ],
        priority=row.priority,
        weight=row.weight,
        max_output_tokens=row.max_output_tokens,
        operations=row.operations,
        metadata=row.settings,
    )
