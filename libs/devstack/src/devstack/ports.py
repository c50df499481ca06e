"""Choice of TCP ports on the loopback interface. What is remembered between two runs is in `data_folder`."""

import random
import socket
from collections.abc import Collection
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Below the range from which Linux and macOS take the source ports of outgoing connections: a server that is killed and
# started again must not find its port taken by somebody's outgoing call.
_LOWEST, _HIGHEST = 20_000, 29_999


class NoFreePortError(Exception):
    """The wanted port is in use, or the whole range is."""


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: a port with only connections in TIME_WAIT counts as free, one with a listener does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, preferred: int | None = None, taken: Collection[int] = ()) -> int:
    """`preferred` when it is free, otherwise a random free port; never one of `taken`. Raises `NoFreePortError`."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    candidates = range(_LOWEST, _HIGHEST + 1)
    for port in random.SystemRandom().sample(candidates, k=len(candidates)):
        if port not in taken and is_free(port):
            return port
    raise NoFreePortError(f"no free port between {_LOWEST} and {_HIGHEST}")
