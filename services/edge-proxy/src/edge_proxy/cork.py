"""What connections have to send during one turn of the event loop goes out together, at its end.

A send that comes alone wakes whoever is at the other end, and a turn later he is asleep again and is woken anew: under load that
costs more than what is sent. What comes together wakes him once. Pieces for one connection become a single send besides.
"""

import asyncio


class Corked:
    """A connection whose writing is put off. `transport` is there once it is made."""

    transport: asyncio.Transport

    def __init__(self, cork: "Cork") -> None:
        self._cork = cork
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send it at the end of this turn, unless the connection has ended by then."""
        if not self._unsent:
            self._cork.add(self)
        self._unsent.append(data)

    def flush(self) -> None:
        """Send it now: before a connection is closed, which is at once."""
        unsent, self._unsent = self._unsent, []
        if unsent and not self.transport.is_closing():
            self.transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))


class Cork:
    """Of all connections of one loop, those that have something to send."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._corked: list[Corked] = []

    def add(self, connection: Corked) -> None:
        if not self._corked:
            self._loop.call_soon(self._pull)
        self._corked.append(connection)

    def _pull(self) -> None:
        corked, self._corked = self._corked, []
        for each in corked:
            each.flush()
