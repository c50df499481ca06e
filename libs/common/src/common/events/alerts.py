"""What admin-api and alerts have to do with each other.

admin-api publishes into the KV bucket `alerts` who is to be told, and how: the service follows it, so a saved setting is in force
without a restart. It asks for the history, and for something to be sent, over core NATS: a request to `alerts.<what>`, answered by
one of the service's replicas with an `Answer`.
"""

from datetime import datetime
from typing import Annotated, Final, Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

TRANSPORT_KEY: Final = "transport"
DEFAULT_POLICY_KEY: Final = "default"
"""Of the installation's own alerts, and of tenants without a policy of their own; those have theirs under the tenant's id."""

SMTP_PASSWORD_PURPOSE: Final = "alerts-smtp-password"  # noqa: S105 - what it is sealed for, not what it is

SmtpSecurity = Literal["starttls", "tls", "none"]
WebhookFormat = Literal["json", "slack"]
Channel = Literal["email", "webhook"]
Severity = Literal["info", "warning", "critical"]
Status = Literal["sent", "suppressed"]
Why = Literal["cooldown", "disabled", "no_destination"]


def webhook_secret_purpose(webhook_id: str) -> str:
    """What a webhook's secret is sealed for: it opens for this webhook only."""
    return f"alerts-webhook:{webhook_id}"


class Smtp(msgspec.Struct, frozen=True, kw_only=True):
    """How mail leaves. `password` is sealed. `starttls` is required when it is asked for, and certificates are checked."""

    host: str
    port: int
    security: SmtpSecurity
    from_address: str
    username: str | None = None
    password: str | None = None
    timeout_seconds: float = 10


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `alerts`, under `transport`. Without `smtp` the service's own configuration counts, if it has one."""

    smtp: Smtp | None = None
    webhook_timeout_seconds: float = 5
    max_retries: int = 6


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`secret`, with which deliveries are signed, is sealed."""

    id: str
    url: str
    format: WebhookFormat
    secret: str


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bucket `alerts`, under `default` or a tenant's id. Within `cooldown_seconds` of an alert only a worse one about the same
    thing is sent."""

    enabled: bool = True
    emails: list[str] = []
    webhooks: list[Webhook] = []
    cooldown_seconds: int = 3600


class ListAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts.list`: newest first, older than `before` (an alert's id). `tenant_id` null: of all, and the installation's own."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)]
    before: str | None = None
    tenant_id: str | None = None
    kind: str | None = None
    status: Status | None = None


class OneAlert(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts.read` and `alerts.redeliver`: with `tenant_id`, only if the alert is that tenant's."""

    id: str
    tenant_id: str | None = None


class SendTest(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts.test`: to an address, or to a webhook of a policy (`policy` is its key in the bucket), now and once."""

    policy: str
    email: str | None = None
    webhook_id: str | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """`error` null: it arrived. `duration_ms` is what it took."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """`next_attempt_at` is set while it is pending."""

    id: str
    channel: Channel
    address: str
    status: Literal["pending", "delivered", "failed"]
    attempts: list[AttemptView]
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """`facts` are what webhooks are told; `deliveries` null in lists."""

    id: str
    kind: str
    tenant_id: str | None
    severity: Severity
    level: int
    title: str
    facts: dict[str, str | int | bool | None]
    occurred_at: datetime
    created_at: datetime
    status: Status
    why: Why | None
    pending: int
    delivered: int
    failed: int
    deliveries: list[DeliveryView] | None = None


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Either a result, or what was wrong with the request."""

    result: T | None = None
    error: str | None = None
