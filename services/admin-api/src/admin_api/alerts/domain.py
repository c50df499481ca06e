"""What can be set about alerts, with the bounds."""

from dataclasses import dataclass
from typing import Final

from common.events.alerts import SmtpSecurity, WebhookFormat

WEBHOOK_PREFIX: Final = "whk"
ALERT_PREFIX: Final = "alr"
MOST_EMAILS: Final = 20
MOST_WEBHOOKS: Final = 10
LONGEST_COOLDOWN_S: Final = 30 * 86_400
DEFAULT_COOLDOWN_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedWebhook:
    """`id` null: a new one, with a secret of its own."""

    id: str | None
    url: str
    format: WebhookFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPolicy:
    enabled: bool
    emails: tuple[str, ...]
    webhooks: tuple[WantedWebhook, ...]
    cooldown_seconds: int


class _Keep:
    """The password stays what it is."""


KEEP: Final = _Keep()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSmtp:
    host: str
    port: int
    security: SmtpSecurity
    username: str | None
    password: str | _Keep | None
    from_address: str
    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTransport:
    """`smtp` null: as the service alerts is configured."""

    smtp: WantedSmtp | None
    webhook_timeout_ms: int
    max_retries: int
