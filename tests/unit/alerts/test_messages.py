"""What people and programs read. Names are other people's: they must not become HTML, headers, mentions or links."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from alerts.facts import decode_event
from alerts.messages import body, mail
from alerts.models import AlertRow
from common.events.batches import BatchEnded
from common.events.budgets import ThresholdCrossed
from common.events.envelope import Envelope
from common.events.keys import KeyExpiring
from common.events.providers import RouteClosed, RouteOpened
from common.events.subjects import (
    BATCH_ENDED,
    BUDGET_THRESHOLD_CROSSED,
    KEY_EXPIRING,
    PROVIDER_ROUTE_CLOSED,
    PROVIDER_ROUTE_OPENED,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def crossed(**fields: Any) -> ThresholdCrossed:
    return ThresholdCrossed(
        **{
            "budget_id": "bud_1",
            "name": "Pilot",
            "scope": "tenant",
            "subject": "tnt_1",
            "hard": True,
            "period_start": NOON,
            "period_end": None,
            "level": 80,
            "amount": "1500000000000",
            "spent": "1234560000000",
            "tenant_id": "tnt_1",
            "tenant_name": "Research",
            "subject_name": "Research",
            **fields,
        }
    )


def event(kind: str, data: Any) -> bytes:
    return msgspec.json.encode(Envelope(id="evt_1", type=kind, source="test", time=NOON, data=data))


def row(kind: str, data: Any) -> AlertRow:
    decoded = decode_event(event(kind, data))
    assert not decoded.rejects, decoded.rejects
    alert = decoded.items[0].value
    return AlertRow(
        id="alr_1",
        event_id=alert.event_id,
        kind=alert.kind,
        subject=alert.subject,
        tenant_id=alert.tenant_id,
        severity=alert.severity,
        level=alert.level,
        title=alert.title,
        facts=dict(alert.facts),
        link=alert.link,
        occurred_at=alert.occurred_at,
        created_at=NOON,
        status="sent",
    )


def test_a_webhook_of_a_budget() -> None:
    sent = msgspec.json.decode(body(row(BUDGET_THRESHOLD_CROSSED, crossed()), form="json", link="https://p/budgets"))
    assert sent["type"] == "budget.threshold_crossed"
    data = sent["data"]
    assert (data["tenant"], data["level"], data["severity"]) == ({"id": "tnt_1", "name": "Research"}, 80, "warning")
    assert (data["spend_usd"], data["limit_usd"], data["link"]) == ("1234.56", "1500", "https://p/budgets")
    assert data["metadata"]["budget_id"] == "bud_1"


def test_a_mail_of_a_budget_reads_well() -> None:
    alert = row(BUDGET_THRESHOLD_CROSSED, crossed(level=100))
    message = mail(alert, delivery_id="dlv_1", sender="gw@example.com", to="ops@example.com", link="https://p/budgets")
    assert message["Subject"] == (
        "[critical] Budget Pilot of the tenant Research: $1,234.56 of $1,500.00 spent (100 %)"
    )
    text = message.get_body(("plain",))
    assert text is not None
    assert "Limit (USD): 1500\n" in text.get_content()
    assert "https://p/budgets" in text.get_content()
    assert message["Message-ID"] == "<dlv_1@open-model-gateway>"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\r\nBcc: x@evil.example"]
)
def test_a_name_is_only_text(name: str) -> None:
    alert = row(BUDGET_THRESHOLD_CROSSED, crossed(name=name))
    message = mail(alert, delivery_id="dlv_1", sender="gw@example.com", to="ops@example.com", link=None)
    assert message["Bcc"] is None
    assert set(message.keys()) == {
        "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}  # fmt: skip
    html = message.get_body(("html",))
    assert html is not None
    assert "<script" not in html.get_content()
    assert "<img" not in html.get_content()


def test_slack_is_told_in_its_own_way() -> None:
    alert = row(BUDGET_THRESHOLD_CROSSED, crossed(name="<!channel> <https://evil.example|x> & co"))
    sent = msgspec.json.decode(body(alert, form="slack", link="https://p/"))
    assert "&lt;!channel&gt;" in sent["text"]
    assert "<!channel>" not in msgspec.json.encode(sent).decode()
    assert sent["blocks"][0]["type"] == "section"
    assert "<https://p/|Open the portal>" in sent["blocks"][1]["text"]["text"]


@pytest.mark.parametrize(
    ("kind", "data", "title", "severity"),
    [
        (
            PROVIDER_ROUTE_OPENED,
            RouteOpened(route_id="rte_1", provider="openai", alias="fast", reason="timeout", open_for_ms=1000),
            "A route of fast at openai is left alone: it does not answer in time",
            "critical",
        ),
        (
            PROVIDER_ROUTE_CLOSED,
            RouteClosed(route_id="rte_1", provider="openai", alias="fast", was_open_ms=5),
            "A route of fast at openai serves again",
            "info",
        ),
        (
            KEY_EXPIRING,
            KeyExpiring(
                key_id="key_1", name="ci", hint="sk-…abcd", tenant_id="t", tenant_name="T", expires_at=NOON, days=7
            ),
            "The API key ci of T stops working within 7 days",
            "warning",
        ),
        (
            BATCH_ENDED,
            BatchEnded(
                batch_id="batch_1",
                tenant_id="t",
                tenant_name="T",
                key_id="key_1",
                status="completed",
                total=10,
                completed=8,
                failed=2,
                ended_at=NOON,
            ),
            "Batch batch_1 completed: 8 of 10 requests, 2 failed",
            "warning",
        ),
    ],
)
def test_other_kinds(kind: str, data: Any, title: str, severity: str) -> None:
    alert = row(kind, data)
    assert (alert.title, alert.severity) == (title, severity)
    assert msgspec.json.decode(body(alert, form="json", link=None))["type"] == alert.kind


def test_what_is_nobodys_concern_and_what_is_broken() -> None:
    assert decode_event(event("budget.renamed.v1", {})) == decode_event(event("provider.met.v1", {"x": 1}))
    assert not decode_event(event("budget.renamed.v1", {})).rejects
    assert decode_event(b"{").rejects
    assert decode_event(event(BUDGET_THRESHOLD_CROSSED, {"level": "x"})).rejects
