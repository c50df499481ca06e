"""OpenTelemetry spans of the calls that are sampled, by the conventions for generative AI: ids and numbers, never a prompt.

Spans are made when a call is settled, from what is known then, so a call that is not sampled costs a comparison. Sampling
follows the client's own decision (W3C `traceparent`); where it made none, a share of the calls is taken.

Failure policy: spans wait in a bounded queue of the SDK, which drops what is too much and what the collector does not take.
"""

import random
import re
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from edge_proxy.pipeline.call import Call
from edge_proxy.server.client import Client

_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1
# With its repetitions; the process's end waits for the last one.
_EXPORT_S: Final = 2.0
_NANO: Final = 1_000_000_000


class CollectedTraces:
    """`endpoint` is a collector's base URL for OTLP over HTTP. The standard `OTEL_EXPORTER_OTLP_*` variables apply."""

    def __init__(self, *, endpoint: str, ratio: float, replica: str, version: str) -> None:
        self._ratio = ratio
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create(
                {"service.name": "edge-proxy", "service.instance.id": replica, "service.version": version}
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_S))
        )
        self._tracer = self._provider.get_tracer("open-model-gateway")

    def sample(self, client: Client) -> SpanContext | bool:
        header = client.header(b"traceparent")
        parent = None if header is None else _TRACEPARENT.fullmatch(header)
        if parent is None:
            return random.random() < self._ratio  # noqa: S311 - a sample, not a secret
        trace_id, span_id, flags = (int(part, 16) for part in parent.group(1, 2, 3))
        context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
        return context if context.is_valid and flags & _SAMPLED else False

    def record(self, call: Call, *, seconds: float) -> str | None:
        if not call.sampled:
            return None
        start = int(call.time.timestamp() * 1_000_000) * 1000
        end = start + int(seconds * _NANO)
        parent = call.sampled if isinstance(call.sampled, SpanContext) else None
        server = self._tracer.start_span(
            "POST /v1/chat/completions",
            context=None if parent is None else set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.SERVER,
            start_time=start,
            attributes=_server_attributes(call),
        )
        inference = self._tracer.start_span(
            f"{call.operation} {call.route.model}",
            context=set_span_in_context(server),
            kind=SpanKind.CLIENT,
            start_time=start,
            attributes=_inference_attributes(call),
        )
        for span in (inference, server):
            if call.error_code is not None:
                span.set_attribute("error.type", call.error_code)
                span.set_status(Status(StatusCode.ERROR))
            span.end(end)
        context = server.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"

    def close(self) -> None:
        """Send what waits, for as long as the exporter's timeout."""
        self._provider.shutdown()


def _server_attributes(call: Call) -> Attributes:
    return {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": call.http_status,
        "omg.call.id": call.id,
        "omg.tenant.id": call.tenant.id,
        "omg.key.id": call.key.id,
    }


def _inference_attributes(call: Call) -> Attributes:
    return {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": call.route.provider.name,
        "gen_ai.request.model": call.route.model,
        "gen_ai.usage.input_tokens": call.tokens.input,
        "gen_ai.usage.output_tokens": call.tokens.output,
        "omg.alias": call.alias.name,
        "omg.route.id": call.route.id,
        "omg.stream": call.request.stream,
    }
