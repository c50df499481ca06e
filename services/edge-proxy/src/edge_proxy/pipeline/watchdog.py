"""The times a call is held to while it is at a provider, and its end when its client has gone.

While the edge waits for the provider a deadline stands; moving it is an assignment, for one timer looks at all of them
(`deadlines.py`). Waiting for a slow client is not the provider's fault and only counts for the total.
"""

import asyncio
from types import TracebackType
from typing import Self

import msgspec

from edge_proxy.deadlines import Deadlines
from edge_proxy.errors import ProviderTimeout
from edge_proxy.server.client import ClientGone


class Limits(msgspec.Struct, frozen=True):
    """Seconds. `first_byte` from a stream's head to its first bytes (the head itself is awaited by the transport)."""

    first_byte: float
    idle: float
    total: float


class Watch:
    """All calls that are at a provider now. It is made inside the running loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.dogs: set[Watchdog] = set()
        self._deadlines = Deadlines(self.loop, self.dogs, shortest_s=min(limits.first_byte, limits.idle, limits.total))

    def close(self) -> None:
        self._deadlines.close()


class Watchdog:
    """A context around one try at a provider; `total_at`, in the loop's time, is when the call as a whole must end.

    Raises `ProviderTimeout` or `ClientGone` in its task.
    """

    __slots__ = ("_reason", "_task", "_total_at", "_watch", "deadline")

    def __init__(self, watch: Watch, *, total_at: float) -> None:
        task = asyncio.current_task(watch.loop)
        assert task is not None
        self._task = task
        self._watch = watch
        self._reason: Exception | None = None
        self.deadline = self._total_at = total_at

    def __enter__(self) -> Self:
        self._watch.dogs.add(self)
        return self

    def expect(self, seconds: float) -> None:
        """From now on the provider has `seconds` to do the next thing."""
        self.deadline = min(self._watch.loop.time() + seconds, self._total_at)

    def pause(self) -> None:
        """It is not the provider we wait for."""
        self.deadline = self._total_at

    def expire(self) -> None:
        if self.deadline == self._total_at:
            self._end(ProviderTimeout("The call took longer than the gateway allows.", kind="deadline"))
        else:
            self._end(ProviderTimeout("The provider did not answer in time."))

    def client_gone(self) -> None:
        self._end(ClientGone())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.dogs.discard(self)
        reason, self._reason = self._reason, None
        if reason is not None and isinstance(error, asyncio.CancelledError) and self._task.uncancel() == 0:
            raise reason from None

    def _end(self, reason: Exception) -> None:
        if self._reason is None and self in self._watch.dogs:
            self._reason = reason
            self._task.cancel()
