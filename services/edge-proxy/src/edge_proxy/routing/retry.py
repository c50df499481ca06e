"""What a failure at a provider means for the call: try again, elsewhere, by another alias, or tell the client. Pure."""

from collections.abc import Mapping
from random import Random
from typing import Final, Literal

import msgspec

from edge_proxy.errors import FailureKind


class Consequence(msgspec.Struct, frozen=True):
    """`again`: another try may help, elsewhere or later; `blames`: the breaker counts it; `fallbacks`: whose turn it is then."""

    again: bool
    blames: bool
    fallbacks: Literal["none", "general", "context_length", "content_filter"]


_CONSEQUENCES: Final[Mapping[FailureKind, Consequence]] = {
    "client_fault": Consequence(again=False, blames=False, fallbacks="none"),
    "content_filter": Consequence(again=False, blames=False, fallbacks="content_filter"),
    "context_length": Consequence(again=False, blames=False, fallbacks="context_length"),
    "rate_limited": Consequence(again=True, blames=False, fallbacks="general"),
    "server_error": Consequence(again=True, blames=True, fallbacks="general"),
    "timeout": Consequence(again=True, blames=True, fallbacks="general"),
    "connection": Consequence(again=True, blames=True, fallbacks="general"),
    "credential": Consequence(again=True, blames=True, fallbacks="general"),
    "deadline": Consequence(again=False, blames=True, fallbacks="none"),
}


class RetryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`tries` in all, the first one included. Pauses in seconds; a provider that asks for a longer one is not waited for."""

    tries: int = 3
    pause: float = 0.25
    max_pause: float = 4.0
    max_retry_after: float = 10.0
    hold: float = 5.0
    """How long a route is left alone whose provider limits our rate without saying for how long."""


def consequence(kind: FailureKind) -> Consequence:
    return _CONSEQUENCES[kind]


def pause_before(retry: int, options: RetryOptions, chance: Random) -> float:
    """Before the `retry`-th time on the same route, counted from 1: full jitter, so that clients do not come back together."""
    return chance.uniform(0, min(options.max_pause, options.pause * 2 ** (retry - 1)))
