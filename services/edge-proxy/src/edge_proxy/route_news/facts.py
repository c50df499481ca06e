"""Tells the other services, over JetStream, that a route was given up or serves again: `common.events.providers`.

Only the replica that noticed tells, and only of a working route that is given up and of its return, not of probes in between.

Failure policy: best effort. With NATS away facts wait in memory and are sent when it is back, with the time they happened; beyond
a bound the oldest are dropped (`omg_edge_provider_facts_total{result="dropped"}`), and what waits when the process ends is lost.
"""

import asyncio
from collections import deque
from typing import Final, NamedTuple

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter

from common.bus.connection import Bus
from common.clock import Clock
from common.events import subjects
from common.events.envelope import Envelope
from common.events.providers import RouteClosed, RouteOpened, RouteTrouble
from common.ids import new_id
from common.logging import get_logger
from edge_proxy.control.configuration import Configuration
from edge_proxy.errors import FailureKind
from edge_proxy.routing.breaker import Finding
from edge_proxy.routing.health import Healths
from edge_proxy.routing.lookup import find_route

_ACK_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = 0.5
_WAITING_AT_MOST: Final = 1000

_log = get_logger(__name__)
_facts: Final = Counter(
    "omg_edge_provider_facts_total", "Facts about routes for other services, by what became of them.", ["result"]
)


class _Fact(NamedTuple):
    id: str
    subject: str
    payload: bytes


class RouteFacts:
    """Watches `healths` from the beginning; `run` publishes."""

    def __init__(
        self,
        *,
        bus: Bus,
        healths: Healths,
        configuration: Configuration,
        clock: Clock,
        source: str,
        at_most: int = _WAITING_AT_MOST,
    ) -> None:
        self._bus = bus
        self._healths = healths
        self._configuration = configuration
        self._clock = clock
        self._source = source
        self._at_most = at_most
        self._waiting: deque[_Fact] = deque()
        self._wake = asyncio.Event()
        healths.watch(self._found)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._bus.connected()
                fact = self._waiting[0]
                try:
                    await self._publish(fact)
                except (NatsError, OSError, TimeoutError) as error:
                    _log.warning("a fact about a route waits", error=repr(error), waiting=len(self._waiting))
                    await asyncio.sleep(_RETRY_S)
                    continue
                _facts.labels(result="published").inc()
                if self._waiting and self._waiting[0] is fact:  # it may have been dropped meanwhile
                    self._waiting.popleft()

    async def _publish(self, fact: _Fact) -> None:
        await self._bus.jetstream().publish(
            fact.subject, fact.payload, timeout=_ACK_TIMEOUT_S, headers={"Nats-Msg-Id": fact.id}
        )

    def _found(self, route_id: str, finding: Finding, seconds: float) -> None:
        if finding not in {"opened", "closed"}:
            return
        found = find_route(self._configuration.snapshot, route_id)
        if found is None:
            return
        alias, route = found
        ms = round(max(0.0, seconds) * 1000)
        provider = route.provider.name
        trouble = self._healths.of(route_id).trouble
        _log.warning(
            f"route {finding}", route=route_id, alias=alias.name, provider=provider, trouble=trouble, for_ms=ms
        )
        if finding == "opened":
            self._add(
                subjects.PROVIDER_ROUTE_OPENED,
                RouteOpened(
                    route_id=route_id,
                    provider=provider,
                    alias=alias.name,
                    reason=_reason(trouble),
                    open_for_ms=ms,
                ),
            )
        else:
            self._add(
                subjects.PROVIDER_ROUTE_CLOSED,
                RouteClosed(route_id=route_id, provider=provider, alias=alias.name, was_open_ms=ms),
            )

    def _add(self, type_: str, data: RouteOpened | RouteClosed) -> None:
        id_ = new_id("evt")
        envelope = Envelope(id=id_, type=type_, source=self._source, time=self._clock(), data=data)
        if len(self._waiting) >= self._at_most:
            self._waiting.popleft()
            _facts.labels(result="dropped").inc()
        self._waiting.append(_Fact(id_, type_, msgspec.json.encode(envelope)))
        self._wake.set()


def _reason(trouble: FailureKind | None) -> RouteTrouble:
    """Of what opens a breaker (`routing.retry`): every other kind of failure is not the route's."""
    match trouble:
        case "timeout" | "connection" | "credential" | "deadline":
            return trouble
        case _:
            return "server_error"
