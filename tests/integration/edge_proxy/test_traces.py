"""Spans as a collector gets them, over OTLP."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from common.testing.emulator import Emulator

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
SECRET = "do not tell the collector"


class Collector:
    """Takes what is exported. `spans` by name and in order of arrival; `raw` are the messages."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = self.rfile.read(int(self.headers["content-length"]))
                assert self.path == "/v1/traces"
                collector.raw += message
                request = ExportTraceServiceRequest.FromString(message)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


async def calls(control: Any, run_an_edge: Any, collector: Collector, *traceparents: str, ratio: float) -> list[Any]:
    """One call per traceparent ("" for none), through an edge that then stops; returns the usage events."""
    key = await control.key(await control.tenant())
    async with (
        Emulator(api_key="sk-upstream") as emulator,
        run_an_edge(otlp_endpoint=collector.url, trace_sample_ratio=ratio) as edge,
        httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=20) as client,
    ):
        await control.model("alias", emulator.base_url, model="emulated-tokens-100-40-50-20", credential="sk-upstream")
        while (await client.get("/v1/models/alias")).status_code != 200:
            await asyncio.sleep(0.01)
        for traceparent in traceparents:
            headers = {"traceparent": traceparent} if traceparent else {}
            body = {"model": "alias", "messages": [{"role": "user", "content": SECRET}]}
            assert (await client.post("/v1/chat/completions", json=body, headers=headers)).status_code == 200
    return list(await control.usage(len(traceparents)))


async def test_a_traced_call_is_two_spans_below_its_clients(
    control: Any, run_an_edge: Any, collector: Collector
) -> None:
    (event,) = await calls(control, run_an_edge, collector, f"{PARENT}-01", ratio=0)
    inference, server = sorted(collector.spans, key=lambda span: span.name != "chat emulated-tokens-100-40-50-20")
    assert (server.name, server.kind) == ("POST /v1/chat/completions", Span.SPAN_KIND_SERVER)
    assert inference.kind == Span.SPAN_KIND_CLIENT
    assert {server.trace_id.hex(), inference.trace_id.hex()} == {PARENT.split("-")[1]}
    assert server.parent_span_id.hex() == PARENT.split("-")[2]
    assert inference.parent_span_id == server.span_id
    assert event.trace == f"00-{server.trace_id.hex()}-{server.span_id.hex()}-01"
    assert attributes(server) == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "omg.call.id": event.id,
        "omg.tenant.id": event.data.tenant_id,
        "omg.key.id": event.data.key_id,
    }
    assert attributes(inference) | {"omg.route.id": ""} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai-compatible",
        "gen_ai.request.model": "emulated-tokens-100-40-50-20",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "omg.alias": "alias",
        "omg.route.id": "",
        "omg.stream": False,
    }
    assert server.end_time_unix_nano > server.start_time_unix_nano
    assert SECRET.encode() not in collector.raw


async def test_the_client_decides_what_is_sampled_and_otherwise_the_ratio(
    control: Any, run_an_edge: Any, collector: Collector
) -> None:
    events = await calls(control, run_an_edge, collector, f"{PARENT}-00", "rubbish", "", ratio=1)
    assert [event.trace is not None for event in sorted(events, key=lambda event: event.time)] == [False, True, True]
    assert len(collector.spans) == 4
    assert PARENT.split("-")[1] not in {span.trace_id.hex() for span in collector.spans}


async def test_a_collector_that_is_away_costs_no_call(control: Any, run_an_edge: Any, collector: Collector) -> None:
    collector.url = "http://127.0.0.1:9"
    assert len(await calls(control, run_an_edge, collector, "", "", ratio=1)) == 2
