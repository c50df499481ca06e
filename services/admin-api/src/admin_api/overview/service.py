"""The use case behind the overview: it asks everybody at once, and waits for nobody longer than a person would.

Failure policy: what cannot be asked is missing from the overview, and `checks` says why. Nothing here fails because something else
has.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from sqlalchemy import func, select, text

from admin_api.database import outbox
from admin_api.ledger.models import KeyActivityRow
from admin_api.overview.domain import ConsumerState, Overview, StreamState
from common.bus.connection import Bus
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events import subjects
from common.events.status import EdgeStatus
from common.http.health import Pings, readiness

_EDGES_ANSWER_WITHIN_S: Final = 0.5
_STREAMS: Final = (
    subjects.USAGE_STREAM,
    subjects.BUDGET_STREAM,
    subjects.PROVIDER_STREAM,
    subjects.KEY_STREAM,
    subjects.BATCH_STREAM,
    subjects.DEAD_LETTER_STREAM,
)
_status: Final = msgspec.json.Decoder(EdgeStatus)


async def overview(*, sessions: Sessions, bus: Bus, pings: Pings) -> Overview:
    """How everything is at this moment."""
    (_, checks), (waiting, latest), (streams, consumers), edges = await asyncio.gather(
        readiness({}, pings), _database(sessions), _streams(bus), _edges(bus)
    )
    return Overview(
        checks=checks,
        outbox_waiting=waiting,
        latest_call_at=latest,
        streams=streams,
        consumers=consumers,
        edges=edges,
    )


async def _database(sessions: Sessions) -> tuple[int | None, datetime | None]:
    try:
        async with sessions.begin() as session:
            await session.execute(text("SET LOCAL statement_timeout = '2s'"))
            not_told = select(func.count()).select_from(outbox.table).where(outbox.table.c.done_at.is_(None))
            waiting = await session.scalar(not_told)
            return waiting, await session.scalar(select(func.max(KeyActivityRow.last_used_at)))
    except DatabaseUnavailableError:
        return None, None


async def _streams(bus: Bus) -> tuple[list[StreamState], list[ConsumerState]]:
    streams, consumers = list[StreamState](), list[ConsumerState]()
    if not bus.is_connected:
        return streams, consumers
    jetstream = bus.jetstream()
    for name in _STREAMS:
        with suppress(NatsError, JetStreamError, OSError, TimeoutError):  # one that nobody has made yet
            found = await jetstream.stream_info(name)
            streams.append(StreamState(name=name, messages=found.state.messages, bytes=found.state.bytes))
            for each in await jetstream.consumers_info(name):
                consumers.append(
                    ConsumerState(
                        stream=name,
                        name=each.name,
                        waiting=each.num_pending or 0,
                        unsettled=each.num_ack_pending or 0,
                        asking=each.num_waiting or 0,
                    )
                )
    return streams, consumers


async def _edges(bus: Bus) -> list[EdgeStatus]:
    """Whoever answers in time: replicas are not known by name."""
    answers: list[EdgeStatus] = []

    async def hear(message: Msg) -> None:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # of another version, or somebody else's
            answers.append(_status.decode(message.data))

    with suppress(NatsError, OSError):
        if bus.is_connected:
            inbox = bus.client.new_inbox()
            subscription = await bus.client.subscribe(inbox, cb=hear)
            await bus.client.publish(subjects.EDGE_STATUS, b"", reply=inbox)
            await asyncio.sleep(_EDGES_ANSWER_WITHIN_S)
            await subscription.unsubscribe()
    return sorted(answers, key=lambda status: status.replica)
