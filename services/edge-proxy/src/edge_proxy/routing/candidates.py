"""Choosing the route of a call's next try. Pure: time and chance come in.

Routes of the lowest priority number come first; a group is left when none of it is available any more. Within a group two are drawn
by weight and the less busy, then the faster one is taken: that spreads load as well as full knowledge would, without herding.
A call that is sticky goes to the same route as its like, so that the provider's prompt cache knows it (rendezvous hashing: when a
route comes or goes, only its own share moves).
"""

import math
from collections.abc import Collection, Sequence
from hashlib import blake2b
from random import Random

from edge_proxy.control.snapshot import Alias, Route
from edge_proxy.routing.health import Healths


def choose_route(
    alias: Alias,
    healths: Healths,
    *,
    tried: Collection[str],
    sticky: bytes | None,
    now: float,
    chance: Random,
    operation: str = "chat",
) -> Route | None:
    """The route to try next, or None when no route is left that is available and can do `operation`. `tried` are ids."""
    routes = alias.routes
    if len(routes) == 1 and not tried:
        route = routes[0]
        return route if operation in route.operations and healths.of(route.id).is_available(now) else None
    left = [
        route
        for route in routes
        if route.id not in tried and operation in route.operations and healths.of(route.id).is_available(now)
    ]
    if not left:
        return None
    first = min(route.priority for route in left)
    group = [route for route in left if route.priority == first]
    if len(group) == 1:
        return group[0]
    if sticky is not None:
        return max(group, key=lambda route: _score(route, sticky))
    one, other = _two_by_weight(group, chance)
    return min(one, other, key=lambda route: healths.of(route.id).load())


def _two_by_weight(group: Sequence[Route], chance: Random) -> tuple[Route, Route]:
    one = chance.choices(group, [route.weight for route in group])[0]
    rest = [route for route in group if route is not one]
    return one, chance.choices(rest, [route.weight for route in rest])[0]


def _score(route: Route, sticky: bytes) -> float:
    digest = blake2b(sticky, key=route.id.encode()[:64], digest_size=8).digest()
    share = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return -route.weight / math.log(share)
