"""The parts of this package, put together for the composition root."""

import asyncio
from random import Random

from common.bus.connection import Bus
from common.clock import Clock
from common.lifecycle import TaskOwner
from edge_proxy.control.configuration import Configuration
from edge_proxy.route_news.checks import HealthChecks
from edge_proxy.route_news.facts import RouteFacts
from edge_proxy.route_news.sharing import BreakerSharing
from edge_proxy.routing.health import Healths
from edge_proxy.upstream.transport import Transport


class RouteNews:
    """Made inside the running loop, whose time the breakers go by. `check_every` 0: providers are not asked."""

    def __init__(
        self,
        *,
        bus: Bus,
        healths: Healths,
        configuration: Configuration,
        transport: Transport,
        clock: Clock,
        source: str,
        check_every: float,
    ) -> None:
        now = asyncio.get_running_loop().time
        self._sharing = BreakerSharing(
            bus=bus,
            healths=healths,
            configuration=configuration,
            now=now,
            chance=Random(),  # noqa: S311 - spreads probes, keeps no secret
            longest=healths.options.max_cool_down,
        )
        self._facts = RouteFacts(bus=bus, healths=healths, configuration=configuration, clock=clock, source=source)
        self._checks = (
            HealthChecks(transport=transport, healths=healths, configuration=configuration, now=now, every=check_every)
            if check_every
            else None
        )

    def start(self, tasks: TaskOwner) -> None:
        tasks.keep_running("share-breakers", self._sharing.run)
        tasks.keep_running("publish-route-facts", self._facts.run)
        if self._checks is not None:
            tasks.keep_running("check-providers", self._checks.run)
