"""Settings of edge-proxy, read once by `__main__`."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr

from common.configuration.keys import Key
from common.settings import BusSettings, ProcessSettings

Seconds = Annotated[float, Field(gt=0, le=3600)]


class EdgeSettings(ProcessSettings, BusSettings):
    """`serve`. What each is for is in its `Key`, and in docs/reference/configuration.md."""

    redis_url: Annotated[
        SecretStr, Key("redis.url", "`redis://`, `rediss://` or `unix://`, with its password.", variable="REDIS_URL")
    ]
    key_hash_secret: Annotated[
        SecretStr,
        Key(
            "security.key_hash_secret",
            "At least 32 bytes in hexadecimal. API keys are stored as its HMACs: replacing it disables every key.",
        ),
    ]
    encryption_keys: Annotated[
        SecretStr,
        Key(
            "security.encryption_keys",
            "`id:base64 of 32 bytes`, commas between several; the first seals. Keep old ones until nothing is sealed with them.",
        ),
    ]
    state_dir: Annotated[
        Path,
        Key(
            "edge.state_dir",
            "Folder of the call journal and the last configuration: it must survive a restart, and belongs to one process.",
        ),
    ]
    replica_id: Annotated[
        str, Field(max_length=128), Key("edge.replica_id", "Name of this replica in events; the host's, by default.")
    ] = Field(default_factory=socket.gethostname)
    max_body_bytes: Annotated[
        int,
        Field(ge=1024),
        Key("server.max_body_bytes", "The largest body of a call that is taken; larger ones get 413."),
    ] = 16 * 1024 * 1024
    journal_max_bytes: Annotated[
        int,
        Field(ge=1024),
        Key(
            "edge.journal_max_bytes",
            "Usage events that may wait on disk while NATS is away; a full journal refuses calls with 503.",
        ),
    ] = 1024**3

    trusted_proxies: Annotated[
        tuple[IPvAnyNetwork, ...],
        Key(
            "server.trusted_proxies", "Networks whose `X-Forwarded-For` is believed where a key is bound to addresses."
        ),
    ] = ()
    max_streams: Annotated[
        int,
        Field(ge=1, le=10**6),
        Key("server.max_streams", "Streams at once, on this replica; one more gets 503 with a Retry-After."),
    ] = 10_000
    drain_seconds: Annotated[
        float,
        Field(ge=0, le=86400),
        Key("server.drain_seconds", "How long a process that is told to stop may finish the calls it has."),
    ] = 8
    drain_delay_seconds: Annotated[
        float,
        Field(ge=0, le=60),
        Key("server.drain_delay_seconds", "How long it still takes new ones, while load balancers go on sending them."),
    ] = 0

    upstream_transport: Annotated[
        Literal["http1", "pyreqwest"], Key("upstream.transport", "`http1` is our own; `pyreqwest` speaks HTTP/2, too.")
    ] = "http1"
    upstream_connect_timeout: Annotated[
        Seconds, Key("upstream.connect_timeout", "Seconds until a provider has taken the connection.")
    ] = 5
    upstream_first_byte_timeout: Annotated[
        Seconds,
        Key("upstream.first_byte_timeout", "Seconds to the reply's head, and from a stream's head to its first bytes."),
    ] = 300
    upstream_idle_timeout: Annotated[
        Seconds, Key("upstream.idle_timeout", "Seconds between two pieces of a stream.")
    ] = 60
    upstream_total_timeout: Annotated[
        Seconds, Key("upstream.total_timeout", "Seconds for a whole call, slow client included.")
    ] = 600

    limits_without_redis: Annotated[
        Literal["local", "closed"],
        Key(
            "limits.without_redis",
            "While Redis is away: each replica enforces its share (`local`), or calls are refused with 503 (`closed`).",
        ),
    ] = "local"
    replicas: Annotated[
        int, Field(ge=1, le=1000), Key("edge.replicas", "How many replicas share the limits while Redis is away.")
    ] = 1
    assumed_output_tokens: Annotated[
        int,
        Field(ge=1, le=10**8),
        Key(
            "limits.assumed_output_tokens",
            "What budgets reserve for an answer that neither its caller nor its model has a maximum for.",
        ),
    ] = 16_384
    attribution: Annotated[
        Literal["hashed", "plain", "off"],
        Key("observability.attribution", "How a request's `user` and `metadata` are kept with its usage."),
    ] = "hashed"
    max_tries: Annotated[
        int, Field(ge=1, le=10), Key("upstream.max_tries", "Attempts that one call has over all of its routes.")
    ] = 3
    health_check_seconds: Annotated[
        float,
        Field(ge=0, le=3600),
        Key("health.check_seconds", "How often providers that failed are asked whether they answer again; 0: never."),
    ] = 0
    idempotency_ttl: Annotated[
        float,
        Field(ge=1, le=30 * 86400),
        Key("idempotency.ttl", "Seconds that an answer is kept for its `Idempotency-Key`."),
    ] = 86400
    idempotency_max_reply_bytes: Annotated[
        int,
        Field(ge=0, le=64 * 1024**2),
        Key("idempotency.max_reply_bytes", "Larger answers are not kept: a duplicate gets 409."),
    ] = 1024**2
    idempotency_without_redis: Annotated[
        Literal["open", "closed"],
        Key(
            "idempotency.without_redis",
            "While Redis is away: calls with an `Idempotency-Key` are made as if without (`open`), or refused (`closed`).",
        ),
    ] = "open"

    otlp_endpoint: Annotated[
        str | None,
        Key(
            "observability.otlp_endpoint",
            "Base URL of an OpenTelemetry collector (OTLP over HTTP) for traces; `OTEL_EXPORTER_OTLP_HEADERS` and so on apply.",
            variable="OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ] = None
    trace_sample_ratio: Annotated[
        float,
        Field(ge=0, le=1),
        Key(
            "observability.trace_sample_ratio",
            "Which part of the calls is traced whose client sent no `traceparent`; with one, its decision counts.",
        ),
    ] = 0.01
