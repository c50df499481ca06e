"""What admin-api can be told from outside. Read once, by `__main__`; one class per command: none asks for more than it uses."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from common.configuration.keys import Key
from common.crypto.sealing import Sealer
from common.settings import BusSettings, DatabaseSettings, ProcessSettings

RedisUrl = Annotated[
    SecretStr, Key("redis.url", "`redis://`, `rediss://` or `unix://`, with its password.", variable="REDIS_URL")
]


class MigrateSettings(ProcessSettings, DatabaseSettings):
    """`migrate`: its Postgres role only."""


class LedgerSettings(ProcessSettings, DatabaseSettings):
    """`ledger`: its Postgres role only."""


class WorkerSettings(ProcessSettings, DatabaseSettings, BusSettings):
    """`worker`: the ledger's database, the stream it is filled from, and Redis, which it tells what budgets have spent."""

    redis_url: RedisUrl
    usage_retention_months: Annotated[
        int,
        Field(ge=0, le=1200),
        Key(
            "ledger.retention_months",
            "Whole months for which single calls are kept beside the current one; 0 keeps them for good. Sums are always kept.",
        ),
    ] = 0
    budget_reconcile_seconds: Annotated[
        float,
        Field(ge=0.1, le=3600),
        Key(
            "ledger.budget_reconcile_seconds",
            "Seconds between two comparisons of all budgets with what Redis has of them.",
        ),
    ] = 30


class BootstrapSettings(ProcessSettings, DatabaseSettings):
    """`bootstrap`: the database, and the secrets with which keys are hashed and credentials sealed."""

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
    allow_private_upstreams: Annotated[
        bool,
        Key("security.allow_private_upstreams", "Let model routes lead to private addresses."),
    ] = False

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
    """`serve`: all of it."""

    redis_url: RedisUrl
    public_gateway_url: Annotated[
        str,
        Field(pattern=r"^https?://[^\s/]+"),
        Key("portal.gateway_url", "Where clients find the gateway, as the portal prints it."),
    ] = "http://localhost:8080"
    allow_private_webhooks: Annotated[
        bool, Key("security.allow_private_webhooks", "Let webhooks lead to private addresses, and use plain http.")
    ] = False
    portal_dir: Annotated[
        Path | None, Key("portal.dir", "Folder of the built portal; without one, none is served.")
    ] = None
    secure_cookies: Annotated[
        bool, Key("admin.session.secure_cookies", "`false` only for plain http on one's own machine.")
    ] = True
    session_idle_timeout: Annotated[
        int, Field(ge=60, le=10**8), Key("admin.session.idle_timeout", "Seconds after which an unused session ends.")
    ] = 12 * 3600
    session_lifetime: Annotated[
        int, Field(ge=60, le=10**8), Key("admin.session.lifetime", "Seconds after which any session ends.")
    ] = 7 * 86_400

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
