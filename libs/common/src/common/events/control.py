"""Published by admin-api into NATS KV: the configuration edge-proxy works from. One record per bucket key, whole each time.

A revoked key, a deleted or disabled alias is a deleted record: an edge that knows nothing serves nothing.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

Price = Annotated[int, msgspec.Meta(ge=0, le=10**15)]


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `keys`, under the key's hash."""

    key_id: str
    tenant_id: str
    expires_at: datetime | None = None


class TenantPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `policies`, under the tenant's id. `models`: null means every alias, an empty list means none."""

    tenant_id: str
    status: Literal["active", "suspended"]
    models: list[str] | None = None


class RouteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One way to serve an alias. `credential` is sealed for the purpose `route_credential_purpose(id)`.

    `prices` are nano-USD per million tokens by line kind (`input`, `cached_input`, `output`); a kind without a price of its own
    is charged as its parent kind.
    """

    id: str
    provider: str
    model: str
    base_url: str
    credential: str | None
    prices: dict[str, Price]
    price_version: str


class CatalogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `catalog`, under `subjects.catalog_key(alias)`. `created` is in Unix seconds."""

    alias: str
    created: int
    routes: Annotated[list[RouteRecord], msgspec.Meta(min_length=1)]


def route_credential_purpose(route_id: str) -> str:
    """What a route's credential is sealed for: it opens for this route only."""
    return f"route-credential:{route_id}"
