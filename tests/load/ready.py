"""Waiting for an edge: it listens before its configuration has come."""

import time
import urllib.request


def became_ready(url: str, *, within_s: float) -> bool:
    """Whether the edge says so in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return True
        except OSError:  # it does not answer, or not with 200
            time.sleep(0.1)
    return False
