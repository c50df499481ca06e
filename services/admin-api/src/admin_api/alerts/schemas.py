"""Shapes of alerts, their policies and their transport. No reply holds a password; a webhook's secret is shown when it is made."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from admin_api.alerts.domain import (
    DEFAULT_COOLDOWN_S,
    KEEP,
    LONGEST_COOLDOWN_S,
    MOST_EMAILS,
    MOST_WEBHOOKS,
    WantedPolicy,
    WantedSmtp,
    WantedTransport,
    WantedWebhook,
)
from admin_api.alerts.models import AlertTransportRow, AlertWebhookRow
from admin_api.alerts.service import ShownPolicy
from admin_api.fields import NO_CONTROL_CHARACTERS, RequestBody
from admin_api.paging import Page
from admin_api.users.schemas import Email
from common.events.alerts import Channel, Severity, SmtpSecurity, Status, WebhookFormat, Why

Url = Annotated[str, StringConstraints(min_length=8, max_length=1000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_CONTROL_CHARACTERS)]
Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9._:-]+$")]
Seconds = Annotated[float, Field(ge=0.1, le=60)]


class WebhookWrite(RequestBody):
    """`id`: one that is there already, which keeps its secret; without it a new one."""

    id: Annotated[str, StringConstraints(max_length=64)] | None = None
    url: Url
    format: WebhookFormat = "json"


class PolicyWrite(RequestBody):
    """All of it, as it is to be: a webhook that is left out goes."""

    enabled: bool = True
    emails: Annotated[list[Email], Field(max_length=MOST_EMAILS)] = Field(default_factory=list)
    webhooks: Annotated[list[WebhookWrite], Field(max_length=MOST_WEBHOOKS)] = Field(default_factory=list)
    cooldown_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_COOLDOWN_S)] = DEFAULT_COOLDOWN_S

    @field_validator("webhooks")
    @classmethod
    def _each_once(cls, webhooks: list[WebhookWrite]) -> list[WebhookWrite]:
        for values in ([each.url for each in webhooks], [each.id for each in webhooks if each.id is not None]):
            if len(set(values)) < len(values):
                raise ValueError("each webhook once")
        return webhooks

    def value(self) -> WantedPolicy:
        return WantedPolicy(
            enabled=self.enabled,
            emails=tuple(dict.fromkeys(self.emails)),
            webhooks=tuple(WantedWebhook(id=each.id, url=each.url, format=each.format) for each in self.webhooks),
            cooldown_seconds=self.cooldown_seconds,
        )


class WebhookView(BaseModel):
    """`secret`, with which deliveries are signed, is there in the reply that made it, and never again."""

    id: str
    url: str
    format: WebhookFormat
    created_at: datetime
    secret: str | None

    @classmethod
    def of(cls, row: AlertWebhookRow, secret: str | None) -> "WebhookView":
        return cls(id=row.id, url=row.url, format=row.format, created_at=row.created_at, secret=secret)


class PolicyView(BaseModel):
    """Who is told, and how often: within `cooldown_seconds` only a worse alert about the same thing. `inherited`: there is none of
    its own, and the default counts; for the default itself, what the service alerts is configured with."""

    inherited: bool
    enabled: bool
    emails: list[str]
    webhooks: list[WebhookView]
    cooldown_seconds: int

    @classmethod
    def of(cls, shown: ShownPolicy) -> "PolicyView":
        row = shown.row
        if row is None:
            return cls(inherited=True, enabled=True, emails=[], webhooks=[], cooldown_seconds=DEFAULT_COOLDOWN_S)
        webhooks = [WebhookView.of(each, shown.secrets.get(each.id)) for each in row.webhooks]
        return cls(
            inherited=False,
            enabled=row.enabled,
            emails=row.emails,
            webhooks=webhooks,
            cooldown_seconds=row.cooldown_seconds,
        )


class SmtpView(BaseModel):
    """`password_set`: there is one. It is never shown."""

    host: str
    port: int
    security: SmtpSecurity
    username: str | None
    password_set: bool
    from_address: str
    timeout_seconds: float


class AlertSettingsView(BaseModel):
    """How alerts leave. `smtp` null: as the service alerts is configured. `max_retries` counts tries after the first, of mails
    too."""

    smtp: SmtpView | None
    webhook_timeout_seconds: float
    max_retries: int

    @classmethod
    def of(cls, row: AlertTransportRow | None) -> "AlertSettingsView":
        if row is None:
            return cls(smtp=None, webhook_timeout_seconds=5, max_retries=6)
        smtp = None
        if row.smtp_host is not None:
            smtp = SmtpView(
                host=row.smtp_host,
                port=row.smtp_port,
                security=row.smtp_security,
                username=row.smtp_username,
                password_set=row.smtp_password is not None,
                from_address=row.smtp_from,
                timeout_seconds=row.smtp_timeout_ms / 1000,
            )
        return cls(smtp=smtp, webhook_timeout_seconds=row.webhook_timeout_ms / 1000, max_retries=row.max_retries)


class SmtpWrite(RequestBody):
    """`password` left out: it stays, as long as it goes to the same place. Certificates are checked."""

    host: Host
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 587
    security: SmtpSecurity = "starttls"
    username: Text | None = None
    password: Text | None = None
    from_address: Email
    timeout_seconds: Seconds = 10


class AlertSettingsWrite(RequestBody):
    """All of them, as they are to be."""

    smtp: SmtpWrite | None
    webhook_timeout_seconds: Annotated[float, Field(ge=0.1, le=30)] = 5
    max_retries: Annotated[int, Field(strict=True, ge=0, le=20)] = 6

    def value(self) -> WantedTransport:
        smtp = None
        if self.smtp is not None:
            smtp = WantedSmtp(
                host=self.smtp.host,
                port=self.smtp.port,
                security=self.smtp.security,
                username=self.smtp.username,
                password=self.smtp.password if "password" in self.smtp.model_fields_set else KEEP,
                from_address=self.smtp.from_address,
                timeout_ms=round(self.smtp.timeout_seconds * 1000),
            )
        return WantedTransport(
            smtp=smtp, webhook_timeout_ms=round(self.webhook_timeout_seconds * 1000), max_retries=self.max_retries
        )


class TestEmail(RequestBody):
    """Whom a test is sent to."""

    to: Email


class TestDelivery(RequestBody):
    """One of the policy's own addresses, or one of its webhooks by id."""

    email: Email | None = None
    webhook_id: Annotated[str, StringConstraints(max_length=64)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.email is None) == (self.webhook_id is None):
            raise ValueError("give either email or webhook_id")
        return self


class Attempt(BaseModel):
    """`error` null: it arrived."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None


class Delivery(BaseModel):
    """An alert on its way to one address, with every attempt. `next_attempt_at` is set while it is pending."""

    id: str
    channel: Channel
    address: str
    status: Literal["pending", "delivered", "failed"]
    attempts: list[Attempt]
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class Alert(BaseModel):
    """What people were told, or why they were not: `why` of a suppressed one. `level` says how bad it is; of a budget it is the
    percentage. `facts` are what webhooks get. `deliveries` is null in lists."""

    id: str
    kind: str
    tenant_id: str | None
    severity: Severity
    level: int
    title: str
    facts: dict[str, Any]
    occurred_at: datetime
    created_at: datetime
    status: Status
    why: Why | None
    pending: int
    delivered: int
    failed: int
    deliveries: list[Delivery] | None


class AlertPage(Page[Alert]):
    """Alerts, newest first."""
