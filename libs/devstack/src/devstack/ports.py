"""Choice of TCP ports on the loopback interface."""

import json
import random
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from devstack.errors import DevstackError

LOOPBACK: Final = "127.0.0.1"
# Below the range from which Linux and macOS take the source ports of outgoing connections: a server that is killed and
# started again must not find its port taken by somebody's outgoing call.
_LOWEST, _HIGHEST = 20_000, 29_999


class NoFreePortError(DevstackError):
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


def choose_ports(file: Path, *, wanted: Mapping[str, int | None], fixed: Mapping[str, int]) -> dict[str, int]:
    """A port for each name of `wanted`, remembered in `file` for the next run.

    A `fixed` port is taken as it is, and `NoFreePortError` raised when it is busy. Otherwise the port of the last run is used
    when it is still free, then the preferred one (the value in `wanted`), then any.
    """
    remembered = _read(file)
    chosen: dict[str, int] = {}
    for name, port in fixed.items():
        if name in wanted:
            if not is_free(port) or port in chosen.values():
                raise NoFreePortError(f"port {port}, configured for {name}, is in use")
            chosen[name] = port
    for name, preferred in wanted.items():
        if name not in chosen:
            before = remembered.get(name)
            reserved = {
                *chosen.values(),
                *(port for other, port in remembered.items() if other != name and other in wanted),
            }
            if before is not None and before not in chosen.values() and is_free(before):
                chosen[name] = before
            else:
                chosen[name] = free_port(preferred=preferred, taken=reserved)
    if chosen != remembered:
        file.write_text(json.dumps(remembered | chosen, indent=2))
    return chosen


def _read(file: Path) -> dict[str, int]:
    """What the last run chose; a damaged file is as good as none, for every port can be chosen anew."""
    try:
        stored = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: port for name, port in stored.items() if isinstance(port, int)} if isinstance(stored, dict) else {}
