"""Finding a route by its id: for what happens seldom, so no table is kept for it."""

from edge_proxy.control.snapshot import Alias, Route, Snapshot


def find_route(snapshot: Snapshot, route_id: str) -> tuple[Alias, Route] | None:
    """The route and its alias, or None when it is not configured (any more)."""
    return next(
        ((alias, route) for alias in snapshot.aliases.values() for route in alias.routes if route.id == route_id), None
    )
