"""The edge's preStop script, run as the kubelet runs it, against a server that shows the metric it waits for."""

import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from tests.charts.conftest import CHART, ROOT

SCRIPT = (CHART / "files" / "drain.py").read_text()
SETTLE = "ENDPOINTS_SETTLE_S = 5"
assert SETTLE in SCRIPT


@contextmanager
def metrics_server(body: Callable[[], bytes]) -> Iterator[int]:
    """Serves `body()` under any path; yields the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = body()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the test's output is not the place."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def drain(port: int, seconds: float) -> float:
    """Run the script with a shorter time for the load balancers; returns how long it took, in seconds."""
    started = time.monotonic()
    # -S and -I: it must need nothing but the standard library.
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        SCRIPT.replace(SETTLE, "ENDPOINTS_SETTLE_S = 0.1"),
        str(port),
        str(seconds),
    ]
    subprocess.run(command, check=True, timeout=30)
    return time.monotonic() - started


@pytest.fixture
def in_flight() -> tuple[Gauge, Callable[[], bytes]]:
    """The gauge as the edge registers it, and its rendering."""
    registry = CollectorRegistry()
    gauge = Gauge("omg_edge_calls_in_flight", "Calls at a provider now.", registry=registry)
    return gauge, lambda: generate_latest(registry)


def test_the_gauge_is_the_one_the_edge_exports() -> None:
    source = ROOT / "services" / "edge-proxy" / "src"
    assert any('"omg_edge_calls_in_flight"' in path.read_text() for path in source.rglob("*.py"))
    assert 'GAUGE = "omg_edge_calls_in_flight"' in SCRIPT


def test_an_idle_pod_stops_at_once(in_flight: tuple[Gauge, Callable[[], bytes]]) -> None:
    with metrics_server(in_flight[1]) as port:
        assert drain(port, 20) < 5


def test_running_calls_are_waited_for(in_flight: tuple[Gauge, Callable[[], bytes]]) -> None:
    gauge, body = in_flight
    gauge.set(2)
    with metrics_server(body) as port:
        finish = threading.Timer(0.8, gauge.set, args=[0])
        finish.start()
        assert 0.8 < drain(port, 20) < 8
        finish.join()


@pytest.mark.parametrize("text", [b"", b"omg_edge_calls_in_flight 3\n", b"omg_edge_calls_in_flight_total 0\n"])
def test_the_wait_has_an_end(text: bytes) -> None:
    # Calls that do not end, or a process that does not show how many it has.
    with metrics_server(lambda: text) as port:
        assert 0.4 <= drain(port, 0.4) < 4


def test_a_dead_process_is_not_waited_for() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert drain(unused.getsockname()[1], 20) < 5
