"""Published by admin-api into NATS KV: the configuration edge-proxy works from. One record per bucket key, whole each time.

A revoked key, a deleted or disabled alias is a deleted record: an edge that knows nothing serves nothing.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

Price = Annotated[int, msgspec.Meta(ge=0, le=10**18)]
"""Nano-USD per million units: at most a thousand dollars for one."""

Limit = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Null is no limit of one's own; 0 lets nothing pass."""

    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    parallel_requests: Limit | None = None


class LimitPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`overall` counts all calls together, `models` by alias those of one model in addition."""

    overall: RateLimits = RateLimits()
    models: dict[str, RateLimits] = {}


UNLIMITED: Final = LimitPolicy()
"""Shared by all who have no limits of their own: of a million keys, nearly all."""


class LimitDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `settings`, under `limits`: what applies to every tenant that has no value of its own."""

    tenant: LimitPolicy = UNLIMITED


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `keys`, under the key's hash.

    `scopes` (surfaces such as `chat`) and `models`: null means all that the tenant may use, an empty list means none.
    `allowed_addresses` are networks in CIDR notation; none of them means any address. `tags` are carried into usage. `owner_id` is
    the user whose budgets the key's calls count against.
    """

    key_id: str
    tenant_id: str
    owner_id: str | None = None
    expires_at: datetime | None = None
    scopes: list[str] | None = None
    models: list[str] | None = None
    allowed_addresses: list[str] = []
    tags: dict[str, str] = {}
    limits: LimitPolicy = UNLIMITED


class TenantPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `policies`, under the tenant's id. `models`: null means every alias, an empty list means none.

    `limits` cap all of the tenant's keys together; what is null there is taken from `LimitDefaults`.
    """

    tenant_id: str
    status: Literal["active", "suspended"]
    models: list[str] | None = None
    limits: LimitPolicy = UNLIMITED


class PriceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a route will cost from `effective_from` on."""

    effective_from: datetime
    prices: dict[str, Price]
    price_version: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model can do, as whoever put it into the catalog says; null where nobody said. Shown to clients, enforced nowhere.

    `context_window` and `max_output_tokens` in tokens; modalities such as `text`, `image`, `audio`, `file`, `video`.
    """

    context_window: Annotated[int, msgspec.Meta(ge=1, le=10**9)] | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=10**8)] | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None


UNKNOWN_CAPABILITIES: Final = Capabilities()


class RouteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One way to serve an alias. `credential` is sealed for the purpose `route_credential_purpose(id)`.

    `prices` are nano-USD per million units by the kinds of `common.prices`; a kind without a price of its own is charged as its
    parent kind. They were in force when this was written, `price_changes` come later, in the order of time.

    Routes of a lower `priority` number are tried first; among equals `weight` says how often each comes first.
    `max_output_tokens` is the most the model can answer with, for the worst case of a call that asks for no maximum itself.
    `operations` are what the model can do of all that the edge's adapter of its provider can, such as `chat`; null means all of it.
    `metadata` are the provider's own settings, by the names that its adapter knows.
    """

    id: str
    provider: str
    model: str
    base_url: str
    credential: str | None
    prices: dict[str, Price]
    price_version: str
    price_changes: list[PriceChange] = []
    priority: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=10**8)] | None = None
    operations: list[str] | None = None
    metadata: dict[str, str] = {}


class CatalogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `catalog`, under `subjects.catalog_key(alias)`. `created` is in Unix seconds.

    Aliases to go on with when every route failed, in order: `fallbacks`; instead of them, where a provider found the prompt too
    long or refused its content, `context_length_fallbacks` and `content_filter_fallbacks`.
    """

    alias: str
    created: int
    routes: Annotated[list[RouteRecord], msgspec.Meta(min_length=1)]
    fallbacks: list[str] = []
    context_length_fallbacks: list[str] = []
    content_filter_fallbacks: list[str] = []
    capabilities: Capabilities = UNKNOWN_CAPABILITIES


BudgetScope = Literal["installation", "tenant", "key", "user"]
NanoUsd = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")]


class BudgetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `budgets`, under the budget's id: so much may be spent in each of its periods (`common.budget_periods`).

    `subject` is the id of the tenant, the key or the user (of their keys) that it is for; empty for the installation. A hard
    budget refuses calls that could exceed it, a soft one only warns. `warn_at` is the percentage that clients are warned from;
    people are told at `warn_at`, at each of `alert_at`, and at 100.
    """

    id: str
    name: str
    scope: BudgetScope
    subject: str
    amount: NanoUsd
    hard: bool
    schedule: str
    timezone: str
    starts_at: datetime
    warn_at: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80
    alert_at: list[int] = []


class SpendRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `spend`, under the budget's id, published by the ledger: what is spent, by the name of the period it counts for.

    The current period's and the next one's: of a rolling budget the next period begins with most of what this one has spent.
    """

    periods: dict[str, NanoUsd]


def route_credential_purpose(route_id: str) -> str:
    """What a route's credential is sealed for: it opens for this route only."""
    return f"route-credential:{route_id}"
