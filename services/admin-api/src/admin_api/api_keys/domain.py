"""Rules of API keys."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from common.events.control import LimitPolicy

KEY_PREFIX: Final = "key"
MAX_ADDRESSES: Final = 100
DEFAULT_GRACE_S: Final = 86_400
LONGEST_GRACE_S: Final = 30 * 86_400
_MAPPED_BITS: Final = 96
"""In front of an IPv4 address that is written as an IPv6 one."""

KeyStatus = Literal["active", "suspended", "revoked", "expired"]
KeyKind = Literal["service", "personal"]
"""A service key is the tenant's; a personal one is its owner's alone."""
Surface = Literal[
    "chat",
    "completions",
    "embeddings",
    "responses",
    "images",
    "audio",
    "files",
    "batches",
    "models",
    "moderations",
    "rerank",
]
"""A part of the gateway's API that a key can be for."""
SURFACES: Final[tuple[Surface, ...]] = get_args(Surface)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicy:
    """What a key may do. `scopes` and `models`: null means all that its tenant may use, an empty list means none."""

    scopes: Sequence[Surface] | None = None
    models: Sequence[str] | None = None
    allowed_addresses: Sequence[str] = ()
    limits: LimitPolicy = field(default_factory=LimitPolicy)
    tags: dict[str, str] = field(default_factory=dict)


def normal_network(text: str) -> str:
    """A network in CIDR notation; a single address is a network of its own. Raises `ValueError`."""
    network = ipaddress.ip_network(text, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        # The same network, written as sockets that listen on both families report it.
        network = ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return str(network)


def status_of(
    *, revoked_at: datetime | None, suspended_at: datetime | None, expires_at: datetime | None, now: datetime
) -> KeyStatus:
    """What a key is worth at `now`: revoked counts before expired, and that before suspended."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "active" if suspended_at is None else "suspended"
