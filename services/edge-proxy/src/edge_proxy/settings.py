"""Settings of edge-proxy, read once from the environment by `__main__`."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import NoDecode

from common.settings import BusSettings, ProcessSettings

Seconds = Annotated[float, Field(gt=0, le=3600)]


class EdgeSettings(ProcessSettings, BusSettings):
    """`trusted_proxies`: networks, comma-separated, whose `X-Forwarded-For` is believed.

    `attribution`: how a request's `user` and `metadata` are kept.
    `assumed_output_tokens`: what budgets reserve for an answer that neither its caller nor its model has a maximum for.

    `health_check_seconds`: how often providers that failed are asked whether they answer again; 0 for never.

    `state_dir` holds the call journal and the last configuration: it must survive a restart, and belongs to one process.
    """

    redis_url: SecretStr = Field(validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    key_hash_secret: SecretStr
    encryption_keys: SecretStr
    state_dir: Path
    replica_id: str = Field(default_factory=socket.gethostname, max_length=128)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    journal_max_bytes: Annotated[int, Field(ge=1024)] = 1024**3

    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    max_streams: Annotated[int, Field(ge=1, le=10**6)] = 10_000
    drain_seconds: Annotated[float, Field(ge=0, le=86400)] = 8
    drain_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0

    upstream_transport: Literal["http1", "pyreqwest"] = "http1"
    upstream_connect_timeout: Seconds = 5
    upstream_first_byte_timeout: Seconds = 300
    upstream_idle_timeout: Seconds = 60
    upstream_total_timeout: Seconds = 600

    limits_without_redis: Literal["local", "closed"] = "local"
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    assumed_output_tokens: Annotated[int, Field(ge=1, le=10**8)] = 16_384
    attribution: Literal["hashed", "plain", "off"] = "hashed"
    max_tries: Annotated[int, Field(ge=1, le=10)] = 3
    health_check_seconds: Annotated[float, Field(ge=0, le=3600)] = 0
    idempotency_ttl: Annotated[float, Field(ge=1, le=30 * 86400)] = 86400
    idempotency_max_reply_bytes: Annotated[int, Field(ge=0, le=64 * 1024**2)] = 1024**2
    idempotency_without_redis: Literal["open", "closed"] = "open"

    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint")
    )
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
