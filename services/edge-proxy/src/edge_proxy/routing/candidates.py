"""Choosing among an alias's routes: each call takes one of them with equal chance."""

import random

from edge_proxy.control.snapshot import Alias, Route


def choose_route(alias: Alias) -> Route:
    routes = alias.routes
    return routes[0] if len(routes) == 1 else random.choice(routes)  # noqa: S311 - load spreading, not a secret
