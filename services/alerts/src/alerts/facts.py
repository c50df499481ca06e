"""From an event's bytes to the alert it means to people, in one place for all kinds.

What no one needs to be told of is no alert: an event of a type that is not known here is left out, so that the streams may carry
more than this service has heard of.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from alerts.domain import Alert
from common.bus.consumer import Decoded, Item, Reject
from common.events import subjects
from common.events.batches import BatchEnded
from common.events.budgets import ThresholdCrossed
from common.events.envelope import Envelope
from common.events.keys import KeyExpiring
from common.events.providers import RouteClosed, RouteOpened
from common.money import format_usd, readable_usd

_WHOSE: Final = {
    "installation": "the whole installation",
    "tenant": "the tenant",
    "key": "the API key",
    "user": "the user",
}
_TROUBLE: Final = {
    "server_error": "it answers with errors",
    "timeout": "it does not answer in time",
    "connection": "it cannot be reached",
    "credential": "it refuses our credential",
    "deadline": "its answers take too long",
}


class _Head(msgspec.Struct, frozen=True):
    type: str


_head: Final = msgspec.json.Decoder(_Head)


def decode_event(body: bytes) -> Decoded[Alert]:
    """What the consumer handles: none for a type that is nobody's concern."""
    try:
        kind = _KINDS.get(_head.decode(body).type)
        return Decoded() if kind is None else Decoded([Item(kind(body), body)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return Decoded(rejects=[Reject(body, str(error))])


def _threshold(body: bytes) -> Alert:
    event = msgspec.json.decode(body, type=Envelope[ThresholdCrossed])
    data, spent, amount = event.data, int(event.data.spent), int(event.data.amount)
    whose = _WHOSE[data.scope] + (f" {data.subject_name}" if data.subject_name else "")
    is_over = data.level >= 100
    title = f"Budget {data.name} of {whose}: {readable_usd(spent)} of {readable_usd(amount)} spent ({data.level} %)"
    return Alert(
        event_id=event.id,
        kind="budget.threshold_crossed",
        subject=f"budget:{data.budget_id}:{data.period_start.isoformat()}",
        tenant_id=data.tenant_id,
        severity="critical" if is_over else "warning",
        level=data.level,
        title=title,
        facts={
            "tenant_name": data.tenant_name,
            "budget_id": data.budget_id,
            "budget_name": data.name,
            "scope": data.scope,
            "subject": data.subject,
            "subject_name": data.subject_name,
            "hard": data.hard,
            "spend_usd": format_usd(spent),
            "limit_usd": format_usd(amount),
            "period_start": data.period_start.isoformat(),
            "period_end": None if data.period_end is None else data.period_end.isoformat(),
        },
        link="/budgets",
        occurred_at=event.time,
    )


def _route_opened(body: bytes) -> Alert:
    event = msgspec.json.decode(body, type=Envelope[RouteOpened])
    data = event.data
    return Alert(
        event_id=event.id,
        kind="provider.route_opened",
        subject=f"route:{data.route_id}",
        tenant_id=None,
        severity="critical",
        level=1,
        title=f"A route of {data.alias} at {data.provider} is left alone: {_TROUBLE[data.reason]}",
        facts={
            "alias": data.alias,
            "provider": data.provider,
            "route_id": data.route_id,
            "reason": data.reason,
            "open_for_ms": data.open_for_ms,
        },
        link="/models",
        occurred_at=event.time,
    )


def _route_closed(body: bytes) -> Alert:
    event = msgspec.json.decode(body, type=Envelope[RouteClosed])
    data = event.data
    return Alert(
        event_id=event.id,
        kind="provider.route_closed",
        subject=f"route:{data.route_id}",
        tenant_id=None,
        severity="info",
        level=0,
        title=f"A route of {data.alias} at {data.provider} serves again",
        facts={
            "alias": data.alias,
            "provider": data.provider,
            "route_id": data.route_id,
            "was_open_ms": data.was_open_ms,
        },
        link="/models",
        occurred_at=event.time,
    )


def _key_expiring(body: bytes) -> Alert:
    event = msgspec.json.decode(body, type=Envelope[KeyExpiring])
    data = event.data
    within = "a day" if data.days == 1 else f"{data.days} days"
    return Alert(
        event_id=event.id,
        kind="key.expiring",
        subject=f"key:{data.key_id}:{data.expires_at.isoformat()}",
        tenant_id=data.tenant_id,
        severity="warning",
        # Fewer days are worse: an hour after "in 7 days" one is still told "in a day".
        level=max(1, 100 - data.days),
        title=f"The API key {data.name} of {data.tenant_name} stops working within {within}",
        facts={
            "tenant_name": data.tenant_name,
            "key_id": data.key_id,
            "key_name": data.name,
            "key_hint": data.hint,
            "expires_at": data.expires_at.isoformat(),
            "days": data.days,
        },
        link="/api-keys",
        occurred_at=event.time,
    )


def _batch_ended(body: bytes) -> Alert:
    event = msgspec.json.decode(body, type=Envelope[BatchEnded])
    data = event.data
    went_well = data.status == "completed" and data.failed == 0
    return Alert(
        event_id=event.id,
        kind="batch.ended",
        subject=f"batch:{data.batch_id}",
        tenant_id=data.tenant_id,
        severity="info" if went_well else "warning",
        level=1,
        title=f"Batch {data.batch_id} {data.status}: {data.completed} of {data.total} requests, {data.failed} failed",
        facts={
            "tenant_name": data.tenant_name,
            "batch_id": data.batch_id,
            "key_id": data.key_id,
            "batch_status": data.status,
            "total": data.total,
            "completed": data.completed,
            "failed": data.failed,
            "ended_at": data.ended_at.isoformat(),
        },
        link="/",
        occurred_at=event.time,
    )


_KINDS: Final[Mapping[str, Callable[[bytes], Alert]]] = {
    subjects.BUDGET_THRESHOLD_CROSSED: _threshold,
    subjects.PROVIDER_ROUTE_OPENED: _route_opened,
    subjects.PROVIDER_ROUTE_CLOSED: _route_closed,
    subjects.KEY_EXPIRING: _key_expiring,
    subjects.BATCH_ENDED: _batch_ended,
}
