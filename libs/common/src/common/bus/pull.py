"""The pull side of one durable JetStream consumer: bounded batches, fetched as soon as there is a message.

Two requests make a batch. The first asks for one message and lingers at the server, so that an idle consumer costs nothing and
a lone message is not kept waiting for company. The second takes at once what else is there, up to the bounds. The client
library's own `fetch` does either the one or the other: it waits out its whole timeout for a batch that does not fill up.

What is done with messages, and what happens when a fetch fails, is in `consumer`.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import Header, StatusCode

from common.bus.connection import Bus

_LINGER_S: Final = 20.0
_HEARTBEAT_S: Final = 1.0
# With its quota of unacknowledged messages used up the server leaves a no-wait request without an answer.
_SILENCE_S: Final = 0.1
_STATUS_CONSUMER_GONE: Final = re.compile("consumer deleted|no responders", re.IGNORECASE)


class ConsumerGoneError(Exception):
    """The consumer, or its stream, is not there; whoever owns it creates it again."""


class PullInterruptedError(Exception):
    """The connection or the server went away while a request was outstanding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchBounds:
    """At most this many messages and, except for a first message that is larger by itself, this many bytes."""

    messages: int = 256
    size: int = 1024 * 1024


class Puller:
    """Fetches for one durable consumer; not for use by two tasks at once."""

    def __init__(self, *, bus: Bus, stream: str, durable: str, bounds: BatchBounds) -> None:
        self._bus = bus
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._bounds = bounds
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._requests = 0
        self._received: list[Msg] = []
        self._news = asyncio.Event()
        self._end: tuple[str, str] | None = None
        self._interrupted = False
        bus.on_connect(self._on_connect)

    async def next_batch(self) -> list[Msg]:
        """The next messages; empty when none came for some seconds.

        Raises `ConsumerGoneError`, `PullInterruptedError`, and the NATS client's errors. Cancelling it loses nothing: what had
        been received is part of the next batch.
        """
        await self._subscribe()
        if not self._received:
            await self._request({"batch": 1, "expires": _ns(_LINGER_S), "idle_heartbeat": _ns(_HEARTBEAT_S)})
            await self._first()
        if self._received:
            room = self._bounds.messages - len(self._received)
            if room > 0:
                await self._request({"batch": room, "no_wait": True, "max_bytes": self._bounds.size})
                await self._rest()
        batch, self._received = self._received, []
        return batch

    async def close(self) -> list[Msg]:
        """Ask for nothing more, and hand over what arrived and was not fetched."""
        if self._subscription is not None and self._bus.is_connected:
            await self._subscription.unsubscribe()
        self._subscription = None
        left, self._received = self._received, []
        return left

    async def _subscribe(self) -> None:
        client = self._bus.client
        if self._subscription is None or client is not self._client:
            self._client = client
            self._inbox = client.new_inbox()
            self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._on_message)

    async def _request(self, request: dict[str, object]) -> None:
        """Each request has a reply subject of its own: the server's last words on an older one are told apart by it."""
        if not self._bus.is_connected:
            raise PullInterruptedError("not connected")
        self._requests += 1
        self._end = None
        self._interrupted = False
        await self._bus.client.publish(self._subject, json.dumps(request).encode(), reply=self._reply_subject())

    def _reply_subject(self) -> str:
        return f"{self._inbox}.{self._requests}"

    async def _first(self) -> None:
        while not self._received:
            if self._end is not None:
                code, description = self._end
                if code == StatusCode.SERVICE_UNAVAILABLE or _STATUS_CONSUMER_GONE.search(description):
                    raise ConsumerGoneError(description or code)
                if code not in {StatusCode.NO_MESSAGES, StatusCode.REQUEST_TIMEOUT, StatusCode.CONFLICT}:
                    raise PullInterruptedError(f"{code} {description}")
                return
            if not await self._news_within(3 * _HEARTBEAT_S):
                raise PullInterruptedError("no heartbeat from the server")

    async def _rest(self) -> None:
        while self._end is None and len(self._received) < self._bounds.messages:
            if not await self._news_within(_SILENCE_S):
                return

    async def _news_within(self, seconds: float) -> bool:
        """Whether anything came from the server; raises when the connection was lost and is new."""
        self._news.clear()
        if self._interrupted and not self._received:
            raise PullInterruptedError("reconnected")
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _on_message(self, message: Msg) -> None:
        # Told apart by what only a delivery has: a publisher may have put a header named Status on its message.
        if message.reply.startswith("$JS.ACK."):
            self._received.append(message)
        elif message.subject != self._reply_subject():
            return
        else:
            headers = message.headers or {}
            status = headers.get(Header.STATUS, "")
            if status != StatusCode.CONTROL_MESSAGE:
                self._end = (status, headers.get(Header.DESCRIPTION, ""))
        self._news.set()

    def _on_connect(self) -> None:
        self._interrupted = True
        self._news.set()


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
