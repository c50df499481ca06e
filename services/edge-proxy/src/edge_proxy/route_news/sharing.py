"""What this replica finds out about routes, told to the other replicas; and what they find out, taken over.

It goes over core NATS, not JetStream: news that is a minute old is worth nothing. A breaker that opens here opens everywhere, for
about as long; one that closes here closes everywhere. Times are sent as durations, for each process has a clock of its own. What is
taken over is not told again. A replica that starts later learns of an open breaker by failures of its own.

Who probes is settled by waiting for different times (`routing.agreement`). The price of sharing: a replica whose own network fails
takes the route from all of them until a probe of another one, or of its own, succeeds.

Failure policy: with NATS away nothing is sent, stored or sent later: each replica finds out by itself, as if it were alone
(`omg_edge_breaker_messages_total{result="dropped"}`).
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Annotated, Final

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import Counter

from common.bus.connection import Bus
from common.events import subjects
from edge_proxy.control.configuration import Configuration
from edge_proxy.routing.agreement import take_over
from edge_proxy.routing.breaker import Finding
from edge_proxy.routing.health import Healths
from edge_proxy.routing.lookup import find_route

_WAITING_AT_MOST: Final = 1000

_messages: Final = Counter(
    "omg_edge_breaker_messages_total", "What replicas tell each other about routes, by what became of it.", ["result"]
)


class _News(msgspec.Struct, frozen=True, kw_only=True):
    """`ms`: the cool-down; of a breaker that closed, how long it was open."""

    replica: str
    route_id: str
    finding: Finding
    ms: Annotated[int, msgspec.Meta(ge=0)]


_news: Final = msgspec.json.Decoder(_News)


class BreakerSharing:
    """Listens to `healths` from the beginning, and to the others as long as `run` does."""

    def __init__(
        self,
        *,
        bus: Bus,
        healths: Healths,
        configuration: Configuration,
        now: Callable[[], float],
        chance: Random,
        longest: float,
    ) -> None:
        """`longest`: the seconds beyond which nobody is believed."""
        self._bus = bus
        self._healths = healths
        self._configuration = configuration
        self._now = now
        self._chance = chance
        self._longest = longest
        self._replica = secrets.token_hex(8)  # not the setting: two replicas that are named alike must hear each other
        self._waiting: deque[_News] = deque(maxlen=_WAITING_AT_MOST)
        self._wake = asyncio.Event()
        healths.watch(self._found)

    async def run(self) -> None:
        """Tell and listen until cancelled."""
        await self._bus.connected()
        subscription = await self._bus.client.subscribe(subjects.ROUTES_BREAKER, cb=self._heard)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._send(self._waiting.popleft())
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    def _found(self, route_id: str, finding: Finding, seconds: float) -> None:
        if not self._bus.is_connected:
            _messages.labels(result="dropped").inc()
            return
        if len(self._waiting) == _WAITING_AT_MOST:
            _messages.labels(result="dropped").inc()  # the oldest makes room
        news = _News(replica=self._replica, route_id=route_id, finding=finding, ms=round(max(0.0, seconds) * 1000))
        self._waiting.append(news)
        self._wake.set()

    async def _send(self, news: _News) -> None:
        try:
            if not self._bus.is_connected:  # the client would keep it, and send it when it is no longer true
                raise OSError("NATS is away")
            await self._bus.client.publish(subjects.ROUTES_BREAKER, msgspec.json.encode(news))
        except (NatsError, OSError):
            _messages.labels(result="dropped").inc()
        else:
            _messages.labels(result="sent").inc()

    async def _heard(self, message: Msg) -> None:
        try:
            news = _news.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            _messages.labels(result="unreadable").inc()
            return
        if news.replica == self._replica:
            return
        if find_route(self._configuration.snapshot, news.route_id) is None:
            _messages.labels(result="unknown_route").inc()
            return
        take_over(
            self._healths.of(news.route_id).breaker,
            news.finding,
            min(news.ms / 1000, self._longest),
            now=self._now(),
            chance=self._chance,
        )
        _messages.labels(result="taken_over").inc()
