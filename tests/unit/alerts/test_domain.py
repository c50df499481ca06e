"""Who is told when, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.domain import Alert, Told, why_not
from common.events.alerts import AlertPolicy, Why

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = AlertPolicy(emails=["ops@example.com"], cooldown_seconds=3600)


def alert(level: int) -> Alert:
    return Alert(
        event_id="evt_1",
        kind="budget.threshold_crossed",
        subject="budget:1",
        tenant_id=None,
        severity="warning",
        level=level,
        title="t",
        facts={},
        link="/",
        occurred_at=NOON,
    )


@pytest.mark.parametrize(
    ("level", "told", "minutes_ago", "why"),
    [
        (80, None, 0, None),
        (80, 80, 59, "cooldown"),
        (80, 80, 60, None),
        (100, 80, 1, None),  # it got worse
        (80, 100, 1, "cooldown"),
        (0, 1, 1, None),  # it got better, and people knew that it was bad
        (0, 0, 600, "cooldown"),
        (0, None, 0, "cooldown"),
        (1, 0, 1, None),  # bad again
    ],
)
def test_within_the_cooldown_only_what_is_worse(
    level: int, told: int | None, minutes_ago: int, why: Why | None
) -> None:
    last = None if told is None else Told(told, NOON - timedelta(minutes=minutes_ago))
    assert why_not(alert(level), POLICY, last, now=NOON) == why


def test_nobody_to_tell() -> None:
    assert why_not(alert(80), AlertPolicy(), None, now=NOON) == "no_destination"
    assert why_not(alert(80), AlertPolicy(enabled=False, emails=["a@b"]), None, now=NOON) == "disabled"
