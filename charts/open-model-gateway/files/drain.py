"""preStop of edge-proxy: `drain.py PORT SECONDS` returns when this pod has no call left, or after SECONDS.

Only after it returns does Kubernetes send SIGTERM, upon which the process gives its calls 8 s and then cuts them.
"""

import sys
import time
import urllib.request

GAUGE = "omg_edge_calls_in_flight"
ENDPOINTS_SETTLE_S = 5  # load balancers go on sending calls for a moment after a pod is marked for deletion


def calls_in_flight(port: int) -> float:
    """The gauge's sum; infinite when it is not exported, because a call that we cannot see must not be cut."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        lines = reply.read().decode().splitlines()
    values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == GAUGE]
    return sum(values) if values else float("inf")


def drain(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    time.sleep(min(ENDPOINTS_SETTLE_S, seconds))
    quiet = 0
    while time.monotonic() < deadline and quiet < 3:
        try:
            quiet = quiet + 1 if calls_in_flight(port) == 0 else 0
        except OSError:
            return  # the process is gone: there is nothing to wait for
        time.sleep(0.2)


if __name__ == "__main__":
    drain(int(sys.argv[1]), float(sys.argv[2]))
