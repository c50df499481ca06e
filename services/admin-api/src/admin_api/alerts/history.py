"""Asking the service alerts: what it told people, to tell them again, to try something out. Over core NATS.

Failure policy: NATS or the service away: 503, and nothing else of the Admin API is the worse for it.
"""

from typing import Any, Final, TypeVar

import msgspec
from nats.errors import Error as NatsError

from admin_api.alerts.domain import ALERT_PREFIX
from admin_api.audit import service as audit
from admin_api.paging import Slice, decode_cursor, encode_cursor
from common.bus.connection import Bus
from common.db.engine import Sessions
from common.events import subjects
from common.events.alerts import DEFAULT_POLICY_KEY, AlertView, Answer, ListAlerts, OneAlert, SendTest, Status
from common.http.errors import NotFoundError, UnavailableError
from common.ids import is_id

T = TypeVar("T")

_PATIENCE_S: Final = 5.0
_TEST_PATIENCE_S: Final = 30.0
_AWAY: Final = "The service alerts does not answer."
_MISSING: Final = "There is no such alert."


async def list_alerts(
    bus: Bus, *, tenant_id: str | None, kind: str | None, status: Status | None, limit: int, cursor: str | None
) -> Slice[AlertView]:
    """Newest first; with a tenant, only its own. Raises `InvalidCursorError` or `UnavailableError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    asked = ListAlerts(limit=limit + 1, before=before, tenant_id=tenant_id, kind=kind, status=status)
    found = await _ask(bus, subjects.ALERTS_LIST, asked, list[AlertView])
    return Slice.of(found, limit, lambda each: encode_cursor(each.id))


async def read_alert(bus: Bus, alert_id: str, *, tenant_id: str | None) -> AlertView:
    """With every attempt to deliver it. Raises `NotFoundError` or `UnavailableError`."""
    return await _ask(bus, subjects.ALERTS_READ, _one(alert_id, tenant_id), AlertView)


async def redeliver(sessions: Sessions, bus: Bus, alert_id: str, *, tenant_id: str | None) -> AlertView:
    """Send it again to everybody it went to, soon. Raises `NotFoundError` or `UnavailableError`."""
    found = await _ask(bus, subjects.ALERTS_REDELIVER, _one(alert_id, tenant_id), AlertView)
    async with sessions.begin() as session:
        await audit.note(
            session, "alert.redelivered", resource_type="alert", resource_id=alert_id, tenant_id=found.tenant_id
        )
    return found


async def send_test(
    sessions: Sessions, bus: Bus, *, tenant_id: str | None, email: str | None = None, webhook_id: str | None = None
) -> AlertView:
    """Send something now and once, and say what became of it. Raises `NotFoundError` or `UnavailableError`."""
    policy = tenant_id or DEFAULT_POLICY_KEY
    async with sessions.begin() as session:
        after = {"email": email, "webhook_id": webhook_id}
        await audit.note(
            session, "alert.tested", resource_type="alert_policy", resource_id=policy, tenant_id=tenant_id, after=after
        )
    asked = SendTest(policy=policy, email=email, webhook_id=webhook_id)
    return await _ask(bus, subjects.ALERTS_TEST, asked, AlertView, timeout=_TEST_PATIENCE_S)


def _one(alert_id: str, tenant_id: str | None) -> OneAlert:
    if not is_id(alert_id, ALERT_PREFIX):
        raise NotFoundError(_MISSING)
    return OneAlert(id=alert_id, tenant_id=tenant_id)


async def _ask(bus: Bus, subject: str, question: Any, shape: type[T], *, timeout: float = _PATIENCE_S) -> T:
    if not bus.is_connected:
        raise UnavailableError(_AWAY)
    try:
        reply = await bus.client.request(subject, msgspec.json.encode(question), timeout=timeout)
        answer: Answer[T] = msgspec.json.decode(reply.data, type=Answer[shape])  # type: ignore[valid-type]
    except (NatsError, OSError, TimeoutError, msgspec.DecodeError):
        raise UnavailableError(_AWAY) from None
    if answer.error == "not_found":
        raise NotFoundError(_MISSING)
    if answer.error == "no_webhook":
        raise NotFoundError("There is no such webhook.")
    if answer.result is None:
        raise UnavailableError(_AWAY)
    return answer.result
