"""What admin-api asks over core NATS, and the answers. One replica answers each question.

Failure policy: Postgres away: the answer says so. NATS away: nobody can ask.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from alerts import repository, service
from alerts.destinations import Destination, Destinations
from alerts.sender import DATABASE_ERRORS, Sender
from common.bus.connection import Bus
from common.clock import Clock
from common.db.engine import Sessions
from common.events import subjects
from common.events.alerts import DEFAULT_POLICY_KEY, AlertView, Answer, ListAlerts, OneAlert, SendTest
from common.logging import get_logger

_LOOK_S: Final = 0.1
_PATIENCE_S: Final = 25.0
_QUEUE: Final = "alerts"
_NO_ALERT: Final = "not_found"

_log = get_logger(__name__)


class Requests:
    """`run` subscribes; the connection keeps the subscriptions over reconnects."""

    def __init__(
        self, *, bus: Bus, sessions: Sessions, destinations: Destinations, sender: Sender, clock: Clock
    ) -> None:
        self._bus = bus
        self._sessions = sessions
        self._destinations = destinations
        self._sender = sender
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()
        self._answers: Mapping[str, Callable[[bytes], Awaitable[Any]]] = {
            subjects.ALERTS_LIST: self._list,
            subjects.ALERTS_READ: self._read,
            subjects.ALERTS_REDELIVER: self._redeliver,
            subjects.ALERTS_TEST: self._test,
        }

    async def run(self) -> None:
        await self._bus.connected()
        for subject in self._answers:
            await self._bus.client.subscribe(subject, queue=_QUEUE, cb=self._hear)

    async def _hear(self, message: Msg) -> None:
        # In a task: a test waits for what it sends, and others must not wait for that.
        task = asyncio.create_task(self._answer(message), name=f"answer-{message.subject}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, message: Msg) -> None:
        try:
            answer = Answer(result=await self._answers[message.subject](message.data))
        except msgspec.DecodeError as error:
            answer = Answer(error=f"unreadable: {error}")
        except LookupError as error:
            answer = Answer(error=str(error.args[0]))
        except DATABASE_ERRORS as error:
            _log.warning("a question is not answered", subject=message.subject, reason=repr(error))
            answer = Answer(error="unavailable")
        with suppress(NatsError, OSError):
            await message.respond(msgspec.json.encode(answer))

    async def _list(self, body: bytes) -> list[AlertView]:
        asked = msgspec.json.decode(body, type=ListAlerts)
        async with self._sessions.begin() as session:
            return await service.list_alerts(session, asked)

    async def _read(self, body: bytes) -> AlertView:
        asked = msgspec.json.decode(body, type=OneAlert)
        async with self._sessions.begin() as session:
            row = await repository.find_alert(session, asked.id, tenant_id=asked.tenant_id)
            if row is None:
                raise LookupError(_NO_ALERT)
            return await service.show_alert(session, row)

    async def _redeliver(self, body: bytes) -> AlertView:
        asked = msgspec.json.decode(body, type=OneAlert)
        async with self._sessions.begin() as session:
            row = await repository.find_alert(session, asked.id, tenant_id=asked.tenant_id)
            if row is None:
                raise LookupError(_NO_ALERT)
            await service.redeliver(session, row, destinations=self._destinations, now=self._clock())
            await session.flush()
            view = await service.show_alert(session, row)
        self._sender.wake()
        return view

    async def _test(self, body: bytes) -> AlertView:
        """Answered when it has arrived or failed, or after a while."""
        asked = msgspec.json.decode(body, type=SendTest)
        tenant_id = None if asked.policy == DEFAULT_POLICY_KEY else asked.policy
        async with self._sessions.begin() as session:
            now = self._clock()
            row = await service.raise_test(session, self._destination(asked), tenant_id=tenant_id, now=now)
        self._sender.wake()
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                async with self._sessions.begin() as session:
                    view = await service.show_alert(session, row)
                if not view.pending:
                    return view
                await asyncio.sleep(_LOOK_S)

    def _destination(self, asked: SendTest) -> Destination:
        if asked.email is not None:
            return Destination("email", asked.email)
        webhook = self._destinations.webhook(asked.policy, asked.webhook_id or "")
        if webhook is None:
            raise LookupError("no_webhook")
        return self._destinations.of_webhook(webhook)
