"""The times a call is held to, at the price of one timer per call instead of one per chunk.

While the edge waits for the provider a deadline stands; moving it is an assignment. The timer looks at it when it fires and goes
back to sleep if there is time left. Waiting for a slow client is not the provider's fault and only counts for the total.
The same switch ends the call when its client has gone.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

import msgspec

from edge_proxy.errors import ProviderTimeout
from edge_proxy.server.client import ClientGone

_NO_DEADLINE: Final = float("inf")


class Limits(msgspec.Struct, frozen=True):
    """Seconds. `first_byte` from a stream's head to its first bytes (the head itself is awaited by the transport)."""

    first_byte: float
    idle: float
    total: float


class Watchdog:
    """A context around the provider's part of a call. Raises `ProviderTimeout` or `ClientGone` in its task."""

    __slots__ = ("_deadline", "_loop", "_reason", "_task", "_timer", "_total_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, *, total: float) -> None:
        self._loop = loop
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._task = task
        self._reason: Exception | None = None
        self._deadline = _NO_DEADLINE
        self._total_at = self._loop.time() + total
        self._timer = self._loop.call_at(self._total_at, self._look)

    def __enter__(self) -> Self:
        return self

    def expect(self, seconds: float) -> None:
        """From now on the provider has `seconds` to do the next thing."""
        self._deadline = self._loop.time() + seconds
        if self._deadline < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._look)

    def pause(self) -> None:
        """It is not the provider we wait for."""
        self._deadline = _NO_DEADLINE

    def client_gone(self) -> None:
        self._end(ClientGone())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        reason, self._reason = self._reason, None
        self._loop = None  # type: ignore[assignment]  # a late `client_gone` finds no one
        if reason is not None and isinstance(error, asyncio.CancelledError) and self._task.uncancel() == 0:
            raise reason from None

    def _look(self) -> None:
        now = self._loop.time()
        if now >= self._total_at:
            self._end(ProviderTimeout("The call took longer than the gateway allows."))
        elif now >= self._deadline:
            self._end(ProviderTimeout("The provider did not answer in time."))
        else:
            self._timer = self._loop.call_at(min(self._deadline, self._total_at), self._look)

    def _end(self, reason: Exception) -> None:
        if self._loop is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()
