"""What alerts can be told from outside. Read once, by `__main__`.

Mail server and destinations are what counts until somebody sets others through the Admin API or the portal.
"""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from common.configuration.keys import Key
from common.crypto.sealing import Sealer
from common.events.alerts import SmtpSecurity
from common.settings import BusSettings, DatabaseSettings, ProcessSettings


class ServeSettings(ProcessSettings, DatabaseSettings, BusSettings):
    """`serve`: its Postgres role, NATS, and how mail leaves."""

    encryption_keys: Annotated[
        SecretStr,
        Key(
            "security.encryption_keys",
            "`id:base64 of 32 bytes`, commas between several; the first seals. Keep old ones until nothing is sealed with them.",
        ),
    ]
    allow_private_webhooks: Annotated[
        bool, Key("security.allow_private_webhooks", "Let webhooks lead to private addresses, and use plain http.")
    ] = False
    portal_url: Annotated[
        str | None,
        Field(pattern=r"^https?://[^\s]+$"),
        Key("portal.url", "Where people find the portal: links lead there."),
    ] = None
    alerts_retention_days: Annotated[
        int, Field(ge=1, le=3650), Key("alerts.retention_days", "How long alerts and their deliveries are kept.")
    ] = 365
    smtp_host: Annotated[str | None, Key("budgets.alert.smtp.host", "Mail server; without one, no mail is sent.")] = (
        None
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535), Key("budgets.alert.smtp.port", "Its port.")] = 587
    smtp_security: Annotated[
        SmtpSecurity,
        Key(
            "budgets.alert.smtp.security",
            "`starttls` (port 587), `tls` (port 465) or `none`. Certificates are checked.",
        ),
    ] = "starttls"
    smtp_username: Annotated[str | None, Key("budgets.alert.smtp.username", "If the mail server wants one.")] = None
    smtp_password: Annotated[SecretStr | None, Key("budgets.alert.smtp.password", "With the user name.")] = None
    smtp_from: Annotated[str, Key("budgets.alert.smtp.from", "Sender of the mails.")] = "gateway@localhost"
    smtp_timeout: Annotated[
        float, Field(ge=0.1, le=60), Key("budgets.alert.smtp.timeout", "Seconds that sending one mail may take.")
    ] = 10
    alert_emails: Annotated[
        tuple[str, ...], Key("budgets.alert.emails", "Who is told where nobody else is set, for a tenant or for all.")
    ] = ()
    alert_cooldown: Annotated[
        int,
        Field(ge=0, le=30 * 86_400),
        Key("budgets.alert.cooldown", "Seconds in which only a worse alert about the same thing is sent."),
    ] = 3600
    webhook_timeout: Annotated[
        float, Field(ge=0.1, le=30), Key("budgets.alert.webhook.timeout", "Seconds that calling a webhook may take.")
    ] = 5
    webhook_max_retries: Annotated[
        int, Field(ge=0, le=20), Key("budgets.alert.webhook.max_retries", "Tries after the first, of mails too.")
    ] = 6

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        Sealer.from_setting(value.get_secret_value())
        return value


class MigrateSettings(ProcessSettings, DatabaseSettings):
    """`migrate`: its Postgres role only."""
