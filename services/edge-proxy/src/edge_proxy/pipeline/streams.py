"""How many streams a replica carries at once: each holds memory and two connections for as long as a model talks.

Failure policy: one more than `OMG_MAX_STREAMS` is refused with 503 and a Retry-After, before it is reserved or sent anywhere
(`omg_edge_streams_refused_total`); plain calls go on.
"""

from types import TracebackType
from typing import Final

from prometheus_client import Counter

from edge_proxy.errors import Unavailable

_refused: Final = Counter("omg_edge_streams_refused_total", "Streams refused because as many were running as may.")


class Streams:
    """A context around each stream. Entering raises `Unavailable`."""

    def __init__(self, *, at_most: int) -> None:
        self._at_most = at_most
        self._running = 0

    def __enter__(self) -> None:
        if self._running >= self._at_most:
            _refused.inc()
            error = Unavailable("The gateway carries as many streams as it can. Please retry.", code="too_many_streams")
            error.headers.append((b"retry-after", b"1"))
            raise error
        self._running += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running -= 1
