"""What admin-api can be told from outside. Read once, by `__main__`; one class per command: none asks for more than it uses."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, field_validator

from common.crypto.sealing import Sealer
from common.settings import BusSettings, DatabaseSettings, ProcessSettings


class MigrateSettings(ProcessSettings, DatabaseSettings):
    """`migrate`: its Postgres role only."""


class WorkerSettings(ProcessSettings, DatabaseSettings, BusSettings):
    """`worker`: the ledger's database, the stream it is filled from, and Redis, which it tells what budgets have spent.

    `budget_reconcile_seconds`: between two comparisons of all budgets with what Redis has of them.
    """

    redis_url: SecretStr = Field(validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    budget_reconcile_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 30


class BootstrapSettings(ProcessSettings, DatabaseSettings):
    """`bootstrap`: the database, and the secrets with which keys are hashed and credentials sealed."""

    key_hash_secret: SecretStr
    encryption_keys: SecretStr
    allow_private_upstreams: bool = False

    @field_validator("key_hash_secret")
    @classmethod
    def _is_long_hex(cls, value: SecretStr) -> SecretStr:
        if len(bytes.fromhex(value.get_secret_value())) < 32:
            raise ValueError("must be at least 32 bytes in hexadecimal")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        Sealer.from_setting(value.get_secret_value())
        return value

    @property
    def key_hash_secret_bytes(self) -> bytes:
        return bytes.fromhex(self.key_hash_secret.get_secret_value())


class ServeSettings(BootstrapSettings, BusSettings):
    """`serve`: all of it. `session_idle_timeout` and `session_lifetime` are in seconds."""

    redis_url: SecretStr = Field(validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    public_gateway_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] = "http://localhost:8080"
    portal_dir: Path | None = None
    secure_cookies: bool = True
    session_idle_timeout: Annotated[int, Field(ge=60, le=10**8)] = 12 * 3600
    session_lifetime: Annotated[int, Field(ge=60, le=10**8)] = 7 * 86_400

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @property
    def gateway_url(self) -> str:
        """Without `/v1`, whether or not the setting has it."""
        return self.public_gateway_url.rstrip("/").removesuffix("/v1").rstrip("/")
