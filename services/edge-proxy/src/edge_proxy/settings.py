"""Settings of edge-proxy, read once from the environment by `__main__`."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from common.settings import BusSettings, ProcessSettings

Seconds = Annotated[float, Field(gt=0, le=3600)]


class EdgeSettings(ProcessSettings, BusSettings):
    """`state_dir` holds the call journal and the last configuration: it must survive a restart, and belongs to one process."""

    key_hash_secret: SecretStr
    encryption_keys: SecretStr
    state_dir: Path
    replica_id: str = Field(default_factory=socket.gethostname, max_length=128)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    journal_max_bytes: Annotated[int, Field(ge=1024)] = 1024**3

    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 8

    upstream_transport: Literal["http1", "pyreqwest"] = "http1"
    upstream_connect_timeout: Seconds = 5
    upstream_first_byte_timeout: Seconds = 300
    upstream_idle_timeout: Seconds = 60
    upstream_total_timeout: Seconds = 600
