"""What admin-api can be told from outside. Read once, by `__main__`; one class per command: none asks for more than it uses."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from admin_api.oidc.domain import Provider
from common.configuration.keys import Key
from common.crypto.sealing import Sealer
from common.settings import BusSettings, DatabaseSettings, ProcessSettings

RedisUrl = Annotated[
    SecretStr, Key("redis.url", "`redis://`, `rediss://` or `unix://`, with its password.", variable="REDIS_URL")
]

Issuer = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]


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


class OidcProviderSettings(BaseModel):
    """One identity provider of several."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    issuer: Issuer
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    redirect_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    roles_claim: str = "roles"
    allowed_roles: tuple[str, ...] = ()
    admin_roles: tuple[str, ...] = ()
    allowed_domains: tuple[str, ...] = ()

    def value(self) -> Provider:
        return Provider(
            id=self.id,
            name=self.name,
            issuer=self.issuer,
            client_id=self.client_id,
            client_secret=None if self.client_secret is None else self.client_secret.get_secret_value(),
            redirect_url=self.redirect_url,
            scopes=self.scopes,
            roles_claim=self.roles_claim,
            allowed_roles=frozenset(self.allowed_roles),
            admin_roles=frozenset(self.admin_roles),
            allowed_domains=frozenset(domain.lower() for domain in self.allowed_domains),
        )


class SignOnSettings(ProcessSettings):
    """How people sign in. One provider under `admin.oidc`, or several in `admin.oidc.providers`."""

    admin_local_enabled: Annotated[
        bool, Key("admin.local.enabled", "Whether people with a platform role may sign in with a password.")
    ] = True
    user_local_enabled: Annotated[
        bool, Key("user.local.enabled", "Whether everybody else may sign in with a password.")
    ] = True
    oidc_issuer: Annotated[
        Issuer | None,
        Key("admin.oidc.issuer", "The identity provider's issuer, exactly as it spells it; none: no SSO."),
    ] = None
    oidc_name: Annotated[str, Key("admin.oidc.name", "What the login page calls it.")] = "SSO"
    oidc_client_id: Annotated[str, Key("admin.oidc.client_id", "As it knows us.")] = ""
    oidc_client_secret: Annotated[
        SecretStr | None, Key("admin.oidc.client_secret", "None for a public client: there is PKCE in any case.")
    ] = None
    oidc_redirect_url: Annotated[
        str, Key("admin.oidc.redirect_url", "`https://<portal>/admin/auth/oidc/callback`, as the provider has it.")
    ] = ""
    oidc_scopes: Annotated[
        tuple[str, ...], Key("admin.oidc.scopes", "What is asked for; `offline_access` for refresh.")
    ] = (
        "openid",
        "email",
        "profile",
    )
    oidc_roles_claim: Annotated[
        str, Key("admin.oidc.roles_claim", "Where the roles are: a claim, or a path such as `realm_access.roles`.")
    ] = "roles"
    oidc_allowed_roles: Annotated[
        tuple[str, ...], Key("admin.oidc.allowed_roles", "Only who has one of these is let in; empty: everybody.")
    ] = ()
    oidc_admin_roles: Annotated[
        tuple[str, ...],
        Key("admin.oidc.admin_roles", "Who has one of these is a platform admin, as long as they have it."),
    ] = ()
    oidc_allowed_domains: Annotated[
        tuple[str, ...], Key("admin.oidc.allowed_domains", "Only verified addresses of these domains; empty: any.")
    ] = ()
    oidc_providers: Annotated[
        tuple[OidcProviderSettings, ...],
        Key(
            "admin.oidc.providers",
            "Several providers, each with `id`, `name` and the keys above (`client_secret_env` or `client_secret_file`).",
        ),
    ] = ()
    oidc_recheck_seconds: Annotated[
        int,
        Field(ge=10, le=86_400),
        Key(
            "admin.oidc.recheck_seconds",
            "How often a provider is asked again about its sessions, with their refresh tokens.",
        ),
    ] = 900
    allow_private_issuers: Annotated[
        bool,
        Key("security.allow_private_issuers", "Let identity providers be at private addresses, and on plain http."),
    ] = False

    @model_validator(mode="after")
    def _is_a_way_in(self) -> Self:
        providers = self.providers
        ids = [each.id for each in providers]
        if len(set(ids)) < len(ids):
            raise ValueError("admin.oidc.providers: each id once")
        if self.oidc_issuer is not None and not (self.oidc_client_id and self.oidc_redirect_url):
            raise ValueError("admin.oidc: an issuer needs a client_id and a redirect_url")
        if not providers and not (self.admin_local_enabled and self.user_local_enabled):
            raise ValueError("admin.local and user.local can be switched off only with a provider under admin.oidc")
        return self

    @property
    def providers(self) -> list[Provider]:
        given = [each.value() for each in self.oidc_providers]
        if self.oidc_issuer is None:
            return given
        secret = self.oidc_client_secret
        first = OidcProviderSettings(
            id="sso",
            name=self.oidc_name,
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id or "-",
            client_secret=secret,
            redirect_url=self.oidc_redirect_url or "https://-",
            scopes=self.oidc_scopes,
            roles_claim=self.oidc_roles_claim,
            allowed_roles=self.oidc_allowed_roles,
            admin_roles=self.oidc_admin_roles,
            allowed_domains=self.oidc_allowed_domains,
        )
        return [first.value(), *given]


class ServeSettings(SignOnSettings, BootstrapSettings, BusSettings):
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
