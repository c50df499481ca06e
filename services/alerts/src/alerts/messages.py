"""What an alert looks like on each way: mail in text and HTML, JSON for programs, and the shape of Slack's incoming webhooks."""

from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Any, Final

import msgspec

from alerts.models import AlertRow
from common.events.alerts import WebhookFormat

_SIGNS: Final = {"info": "✅", "warning": "⚠️", "critical": "🔴"}
_COLOURS: Final = {"info": "#1a7f37", "warning": "#9a6700", "critical": "#cf222e"}
_LABELS: Final = {
    "tenant_name": "Tenant",
    "budget_name": "Budget",
    "scope": "For",
    "subject_name": "Name",
    "spend_usd": "Spent (USD)",
    "limit_usd": "Limit (USD)",
    "period_start": "Period from",
    "period_end": "Period until",
    "alias": "Model",
    "provider": "Provider",
    "reason": "Reason",
    "key_name": "API key",
    "key_hint": "Key",
    "expires_at": "Expires",
    "batch_id": "Batch",
    "batch_status": "Ended as",
    "completed": "Completed",
    "failed": "Failed",
    "total": "Requests",
}


def mail(alert: AlertRow, *, delivery_id: str, sender: str, to: str, link: str | None) -> EmailMessage:
    """The same Message-ID each time, so that a mail system may recognise one that is sent again."""
    message = EmailMessage()
    message["Subject"] = " ".join(f"[{alert.severity}] {alert.title}".split())[:200]
    message["From"], message["To"] = sender, to
    message["Date"] = format_datetime(alert.created_at)
    message["Message-ID"] = f"<{delivery_id}@open-model-gateway>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(alert, link))
    message.add_alternative(_html(alert, link), subtype="html")
    return message


def body(alert: AlertRow, *, form: WebhookFormat, link: str | None) -> bytes:
    """The JSON that a webhook gets."""
    return msgspec.json.encode(_slack(alert, link) if form == "slack" else _json(alert, link))


def _json(alert: AlertRow, link: str | None) -> dict[str, Any]:
    facts = dict(alert.facts)
    tenant_name = facts.pop("tenant_name", None)
    return {
        "type": alert.kind,
        "timestamp": alert.occurred_at,
        "data": {
            "id": alert.id,
            "tenant": None if alert.tenant_id is None else {"id": alert.tenant_id, "name": tenant_name},
            "severity": alert.severity,
            "level": alert.level,
            "title": alert.title,
            "spend_usd": facts.pop("spend_usd", None),
            "limit_usd": facts.pop("limit_usd", None),
            "metadata": facts,
            "link": link,
        },
    }


def _slack(alert: AlertRow, link: str | None) -> dict[str, Any]:
    title = f"{_SIGNS[alert.severity]} {_slack_text(alert.title)}"
    lines = [f"*{_slack_text(label)}*: {_slack_text(value)}" for label, value in _lines(alert)]
    if link is not None:
        lines.append(f"<{link}|Open the portal>")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"[:3000]}}]
    if lines:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:3000]}})
    return {"text": title, "blocks": blocks}


def _slack_text(text: str) -> str:
    """Slack's own three characters; names are people's, and must not become mentions or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(alert: AlertRow) -> list[tuple[str, str]]:
    return [(_LABELS[name], str(value)) for name, value in alert.facts.items() if name in _LABELS and value is not None]


def _text(alert: AlertRow, link: str | None) -> str:
    lines = [alert.title, ""]
    lines += [f"{label}: {value}" for label, value in _lines(alert)]
    lines += ["", f"When: {alert.occurred_at:%Y-%m-%d %H:%M:%S} UTC"]
    if link is not None:
        lines += ["", link]
    return "\n".join(lines) + "\n"


def _html(alert: AlertRow, link: str | None) -> str:
    rows = "".join(
        f'<tr><td style="padding:2px 16px 2px 0;color:#57606a">{escape(label)}</td><td>{escape(value)}</td></tr>'
        for label, value in [*_lines(alert), ("When", f"{alert.occurred_at:%Y-%m-%d %H:%M:%S} UTC")]
    )
    button = "" if link is None else f'<p><a href="{escape(link)}">Open the portal</a></p>'
    return (
        '<html><body style="font-family:sans-serif;font-size:14px;color:#1f2328">'
        f'<p style="font-size:16px;font-weight:bold;color:{_COLOURS[alert.severity]}">{escape(alert.title)}</p>'
        f"<table>{rows}</table>{button}</body></html>"
    )
