"""Published by edge-proxy: what became of a provider's routes, told by the replica that noticed.

Best effort: a replica that is killed, or cut off from NATS for long, tells nothing; several that notice the same thing at once
each tell it. Whoever acts on these facts looks at the route, not at how many there are.
"""

from typing import Annotated, Literal

import msgspec

from common.events.envelope import Envelope
from common.events.usage import Count, Name

RouteTrouble = Literal["server_error", "timeout", "connection", "credential", "deadline"]
"""The class of the failure that made a breaker open; see the edge's `errors.FailureKind`."""


class _AboutRoute(msgspec.Struct, frozen=True, kw_only=True):
    route_id: Name
    provider: Name
    alias: Name


class RouteOpened(_AboutRoute, frozen=True, kw_only=True):
    """The payload of `provider.route_opened.v1`: a route that worked fails too often and is left alone, `open_for_ms` at first."""

    reason: RouteTrouble
    open_for_ms: Count


class RouteClosed(_AboutRoute, frozen=True, kw_only=True):
    """The payload of `provider.route_closed.v1`: the route serves again. `was_open_ms`, as far as this replica knows."""

    was_open_ms: Count


class RouteOpenedEnvelope(Envelope[RouteOpened], frozen=True, kw_only=True):
    """As its consumers read it."""

    id: Annotated[str, msgspec.Meta(pattern=r"\Aevt_[0-9a-f]{32}\Z")]
    type: Literal["provider.route_opened.v1"]


class RouteClosedEnvelope(Envelope[RouteClosed], frozen=True, kw_only=True):
    """As its consumers read it."""

    id: Annotated[str, msgspec.Meta(pattern=r"\Aevt_[0-9a-f]{32}\Z")]
    type: Literal["provider.route_closed.v1"]
