"""What an alert is, and whether people are told of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.events.alerts import AlertPolicy, Severity, Why

Facts = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What an event means to people.

    `subject` is what it is about, such as one budget in one period: within the cooldown only a higher `level` about the same
    subject is told. `facts` is what webhooks get; amounts in it are exact decimal texts in US dollars.
    `link` is the path in the portal where one would look first.
    """

    event_id: str
    kind: str
    subject: str
    tenant_id: str | None
    severity: Severity
    level: int
    title: str
    facts: Facts
    link: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """The last alert about a subject that people were told of."""

    level: int
    at: datetime


def why_not(alert: Alert, policy: AlertPolicy, told: Told | None, *, now: datetime) -> Why | None:
    """Why nobody is told; null: they are.

    What got better (level 0) is told once, and only to those who were told that it was bad.
    """
    if not policy.enabled:
        return "disabled"
    if not policy.emails and not policy.webhooks:
        return "no_destination"
    if alert.level == 0:
        return None if told is not None and told.level > 0 else "cooldown"
    if told is not None and now < told.at + timedelta(seconds=policy.cooldown_seconds) and alert.level <= told.level:
        return "cooldown"
    return None
