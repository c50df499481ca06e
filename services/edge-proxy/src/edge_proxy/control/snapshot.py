"""The in-memory configuration, prepared for the hot path: immutable records, in tables that change one record at a time.

All of it happens on the event loop's thread, so every reader sees whole changes, and a change costs the same with a million keys
as with ten; a call keeps the records it has looked up. Records that cannot be read are skipped and counted: one bad record never
stops the rest.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from common.budget_periods import period_at
from common.crypto.sealing import Sealer, SealingError
from common.events import subjects
from common.events.control import (
    UNKNOWN_CAPABILITIES,
    UNLIMITED,
    BudgetRecord,
    Capabilities,
    CatalogRecord,
    KeyRecord,
    LimitDefaults,
    LimitPolicy,
    RouteRecord,
    SpendRecord,
    TenantPolicy,
    route_credential_purpose,
)
from common.logging import get_logger
from edge_proxy.control.tables import Budget, BudgetTable, Table
from edge_proxy.pricing.prices import RoutePrices
from edge_proxy.providers.base import Provider
from edge_proxy.providers.registry import PROVIDERS

_log = get_logger(__name__)
_bad_records: Final = Counter(
    "omg_edge_bad_config_records_total", "Configuration records that could not be used.", ["bucket"]
)


Network = IPv4Network | IPv6Network


class Key(msgspec.Struct, frozen=True, gc=False):
    """A live API key. `expires_at` in Unix seconds, 0 for never; `scopes` and `models` None for all; no `networks` for any."""

    id: str
    tenant_id: str
    expires_at: float
    owner_id: str | None = None
    scopes: frozenset[str] | None = None
    models: frozenset[str] | None = None
    networks: tuple[Network, ...] = ()
    tags: dict[str, str] = {}
    limits: LimitPolicy = UNLIMITED


class Tenant(msgspec.Struct, frozen=True):
    """`models` None means every alias."""

    id: str
    active: bool
    models: frozenset[str] | None
    limits: LimitPolicy = UNLIMITED


class Route(msgspec.Struct, frozen=True):
    """One way to serve an alias, with everything of the upstream request that does not change from call to call."""

    id: str
    provider: Provider
    model: str
    model_json: bytes
    base_url: str
    headers: tuple[tuple[str, str], ...]
    prices: RoutePrices
    priority: int = 0
    weight: int = 1
    max_output_tokens: int | None = None
    operations: frozenset[str] = frozenset({"chat"})


class Alias(msgspec.Struct, frozen=True):
    """What a client calls a model. `routes` is never empty. At `prices_change_at` (Unix time) its record has to be read again."""

    name: str
    created: int
    routes: tuple[Route, ...]
    fallbacks: Mapping[str, tuple[str, ...]] = {}
    """Aliases to go on with, by reason: `general`, `context_length`, `content_filter`."""

    prices_change_at: float | None = None
    capabilities: Capabilities = UNKNOWN_CAPABILITIES

    @property
    def has_fallbacks(self) -> bool:
        return any(self.fallbacks.values())


class Snapshot:
    """`keys` by hash, `tenants` by id, `aliases` by name, `settings` by theirs, `budgets` by id, and `spent` by theirs: nano-USD
    by the name of a period."""

    def __init__(self) -> None:
        self.keys: Table[Key] = Table()
        self.tenants: Table[Tenant] = Table()
        self.aliases: Table[Alias] = Table()
        self.settings: Table[LimitDefaults] = Table()
        self.budgets = BudgetTable()
        self.spent: Table[Mapping[str, int]] = Table()
        self.tables: Mapping[str, Table[Any]] = {
            subjects.KEYS_BUCKET: self.keys,
            subjects.POLICIES_BUCKET: self.tenants,
            subjects.CATALOG_BUCKET: self.aliases,
            subjects.SETTINGS_BUCKET: self.settings,
            subjects.BUDGETS_BUCKET: self.budgets,
            subjects.SPEND_BUCKET: self.spent,
        }

    @property
    def limit_defaults(self) -> LimitDefaults:
        return self.settings.get(subjects.LIMITS_SETTING, _NO_LIMITS)


_NO_LIMITS: Final = LimitDefaults()
_NO_TAGS: Final[dict[str, str]] = {}

_key_records = msgspec.json.Decoder(KeyRecord)
_limit_defaults = msgspec.json.Decoder(LimitDefaults)
_budget_records = msgspec.json.Decoder(BudgetRecord)
_spend_records = msgspec.json.Decoder(SpendRecord)
_policies = msgspec.json.Decoder(TenantPolicy)
_catalog_records = msgspec.json.Decoder(CatalogRecord)


def snapshot_key(bucket: str, key: str) -> str:
    """Where a bucket's record is kept in the snapshot: aliases are looked up by their name, which the bucket key encodes."""
    return subjects.catalog_alias(key) if bucket == subjects.CATALOG_BUCKET else key


class RecordReader:
    """Turns bucket records into what the snapshot holds."""

    def __init__(self, sealer: Sealer, *, clock: Callable[[], float] = time.time) -> None:
        self._sealer = sealer
        self._clock = clock
        self._readers: dict[str, Callable[[str, bytes], Any]] = {
            subjects.KEYS_BUCKET: self._key,
            subjects.POLICIES_BUCKET: self._tenant,
            subjects.CATALOG_BUCKET: self._alias,
            subjects.SETTINGS_BUCKET: self._setting,
            subjects.BUDGETS_BUCKET: self._budget,
            subjects.SPEND_BUCKET: self._spent,
        }

    def read(self, bucket: str, key: str, value: bytes) -> Any | None:
        """The prepared record, or None when it is unusable (logged and counted)."""
        try:
            return self._readers[bucket](key, value)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, SealingError) as error:
            _bad_records.labels(bucket=bucket).inc()
            _log.error("unusable configuration record", bucket=bucket, key=key, error=repr(error))
            return None

    def _key(self, _key: str, value: bytes) -> Key:
        record = _key_records.decode(value)
        return Key(
            id=record.key_id,
            tenant_id=record.tenant_id,
            expires_at=_unix(record.expires_at),
            owner_id=record.owner_id,
            scopes=_names(record.scopes),
            models=_names(record.models),
            networks=tuple(ip_network(each, strict=False) for each in record.allowed_addresses),
            tags=record.tags or _NO_TAGS,
            limits=_known_unlimited(record.limits),
        )

    def _tenant(self, _key: str, value: bytes) -> Tenant:
        record = _policies.decode(value)
        limits = _known_unlimited(record.limits)
        return Tenant(record.tenant_id, record.status == "active", _names(record.models), limits)

    def _setting(self, key: str, value: bytes) -> Any:
        if key != subjects.LIMITS_SETTING:
            raise ValueError("a setting this edge does not know")
        return _limit_defaults.decode(value)

    def _budget(self, _key: str, value: bytes) -> Budget:
        record = _budget_records.decode(value)
        period_at(record.schedule, timezone=record.timezone, starts_at=record.starts_at, moment=record.starts_at)
        amount = int(record.amount)
        return Budget(
            id=record.id,
            name=record.name,
            scope=record.scope,
            subject=record.subject,
            amount=amount,
            warn_above=amount * record.warn_at // 100,
            hard=record.hard,
            schedule=record.schedule,
            timezone=record.timezone,
            starts_at=record.starts_at,
        )

    def _spent(self, _key: str, value: bytes) -> Mapping[str, int]:
        return {period: int(amount) for period, amount in _spend_records.decode(value).periods.items()}

    def _alias(self, key: str, value: bytes) -> Alias:
        record = _catalog_records.decode(value)
        if key != subjects.catalog_key(record.alias):
            raise ValueError("the record is not under its alias's key")
        now = self._clock()
        routes = []
        for route in record.routes:
            try:
                routes.append(self._route(route, now))
            except (SealingError, KeyError) as error:
                _bad_records.labels(bucket=subjects.CATALOG_BUCKET).inc()
                _log.error("unusable route", alias=record.alias, route=route.id, error=repr(error))
        if not routes:
            raise ValueError("no route of the alias is usable")
        fallbacks = {
            "general": tuple(record.fallbacks),
            "context_length": tuple(record.context_length_fallbacks),
            "content_filter": tuple(record.content_filter_fallbacks),
        }
        changes = [change.effective_from.timestamp() for route in record.routes for change in route.price_changes]
        upcoming = min((at for at in changes if at > now), default=None)
        return Alias(record.alias, record.created, tuple(routes), fallbacks, upcoming, record.capabilities)

    def _route(self, record: RouteRecord, now: float) -> Route:
        provider = PROVIDERS[record.provider]
        credential = None
        if record.credential is not None:
            credential = self._sealer.open(record.credential, purpose=route_credential_purpose(record.id))
        return Route(
            id=record.id,
            provider=provider,
            model=record.model,
            model_json=msgspec.json.encode(record.model),
            base_url=record.base_url.rstrip("/"),
            headers=provider.headers(credential, record.metadata),
            prices=_prices(record, now),
            priority=record.priority,
            weight=record.weight,
            operations=_able(provider, record.operations),
            max_output_tokens=record.max_output_tokens,
        )


def _prices(record: RouteRecord, now: float) -> RoutePrices:
    for change in reversed(record.price_changes):
        if change.effective_from.timestamp() <= now:
            return RoutePrices.of(change.prices, change.price_version)
    return RoutePrices.of(record.prices, record.price_version)


def _able(provider: Provider, wanted: list[str] | None) -> frozenset[str]:
    """What a route can do: what it is for, as far as its provider's adapter can."""
    return provider.operations if wanted is None else provider.operations.intersection(wanted)


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _known_unlimited(limits: LimitPolicy) -> LimitPolicy:
    """The same object for all who have no limits: they are most, and are told by it."""
    return UNLIMITED if limits == UNLIMITED else limits


def _unix(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
