"""Asks providers that failed, in the background, whether they answer again. Off unless the settings say how often.

Only routes whose breaker is open are asked: a cheap request for the list of models, with the route's credential. An answer ends the
cool-down, so that the next call may be the probe; a breaker that is closed is never touched. Not every failure shows there: when a
call fails that an answer let in, the check is not believed again until it has seen the failure itself, or the breaker has closed.

Failure policy: whatever goes wrong, the cool-down goes on as without checks (`omg_edge_health_checks_total{result="failed"}`).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import Counter

from common.ids import new_id
from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Route
from edge_proxy.routing.health import Healths
from edge_proxy.routing.lookup import find_route
from edge_proxy.upstream.errors import TransportError
from edge_proxy.upstream.transport import Transport, UpstreamRequest

_PATIENCE_S: Final = 5.0
_AT_ONCE: Final = 8

_checks: Final = Counter("omg_edge_health_checks_total", "Providers asked whether they answer again.", ["result"])


class HealthChecks:
    """`every`: seconds from the end of one round to the beginning of the next."""

    def __init__(
        self,
        *,
        transport: Transport,
        healths: Healths,
        configuration: Configuration,
        now: Callable[[], float],
        every: float,
    ) -> None:
        self._transport = transport
        self._healths = healths
        self._configuration = configuration
        self._now = now
        self._every = every
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._let_in_at: dict[str, int] = {}
        """Routes whose cool-down an answer has ended, and how often their breaker had opened then."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.ask_all()

    async def ask_all(self) -> None:
        """One round."""
        asked = []
        current = dict(self._healths.items())
        for route_id in self._let_in_at.keys() - current.keys():
            del self._let_in_at[route_id]
        for route_id, health in current.items():
            if health.breaker.state == "closed":
                self._let_in_at.pop(route_id, None)
            elif health.breaker.state == "open":
                found = find_route(self._configuration.snapshot, route_id)
                if found is not None:
                    asked.append(self._ask(found[1]))
        await asyncio.gather(*asked)

    async def _ask(self, route: Route) -> None:
        async with self._at_once:
            answers = await self._answers(route)
        _checks.labels(result="answered" if answers else "failed").inc()
        breaker = self._healths.of(route.id).breaker
        if not answers:
            self._let_in_at.pop(route.id, None)
        elif breaker.state == "open" and self._let_in_at.get(route.id, breaker.opens) == breaker.opens:
            self._let_in_at[route.id] = breaker.opens
            breaker.end_cool_down(self._now())

    async def _answers(self, route: Route) -> bool:
        request = UpstreamRequest(
            method="GET",
            url=route.provider.health_url(route.base_url),
            headers=route.headers,
            request_id=new_id("chk"),
            body=b"",
            stream=True,
        )
        try:
            async with asyncio.timeout(_PATIENCE_S):
                response = await self._transport.send(request)
                await response.close()
        except (TransportError, TimeoutError):
            return False
        return 200 <= response.status < 300
