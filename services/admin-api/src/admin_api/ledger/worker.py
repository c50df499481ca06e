"""The process `python -m admin_api worker`: usage events in, ledger out, and a small HTTP server for its health and metrics.

Failure policy: with Postgres away, consumption pauses and events wait in the stream; with NATS away, it waits for NATS. Neither
ends the process; `/readyz` tells which it is, and `omg_consumer_given_back_total` and `omg_nats_disconnects_total` count. Redis is
told what budgets have spent (`spending`, `reconciler`); while it is away, calls are entered all the same. The edges are told of
a new budget what was spent before it was made.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import asyncpg
from fastapi import FastAPI
from prometheus_client import Counter
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from admin_api.ledger.closing import close_regularly
from admin_api.ledger.consumers import UsageHandler, decode_usage
from admin_api.ledger.partitions import drop_partitions, ensure_partitions
from admin_api.ledger.reconciler import Reconciler
from admin_api.ledger.spending import SpendTeller
from admin_api.settings import WorkerSettings
from common.bus.buckets import BucketFollower
from common.bus.connection import Bus, BusUnavailableError
from common.bus.consumer import PullConsumer
from common.clock import Clock, utc_now
from common.db.engine import Sessions, create_engine, create_sessions, ping
from common.events import subjects
from common.events.usage import UsageEnvelope
from common.http.app import create_app
from common.lifecycle import TaskOwner, serve
from common.logging import get_logger

SERVICE: Final = "admin-api-worker"
# So many batches are in hand at once: while Postgres enters one, the next is read.
_BATCHES: Final = 2
# The batches in hand, the partitions, closing hours, telling what budgets have spent, two of the reconciler, the readiness check;
# one to spare.
_POOL_SIZE: Final = 7 + _BATCHES
_STOP_TIMEOUT_S: Final = 5.0
_LAST_WORDS_S: Final = 1.0
_PARTITIONS_INTERVAL_S: Final = 3600.0
_PARTITIONS_RETRY_S: Final = 10.0

_log = get_logger(__name__)
_partition_failures = Counter("omg_ledger_partition_failures_total", "Times the partitions could not be made ready.")


def run(settings: WorkerSettings) -> None:
    """Work until SIGTERM; the batches in hand are finished."""
    serve(create_worker(settings), host=settings.listen_host, port=settings.listen_port)


def create_worker(settings: WorkerSettings, *, clock: Clock = utc_now) -> FastAPI:
    """The worker as an ASGI application: it works from start-up to shutdown."""
    engine = create_engine(settings.database_url.get_secret_value(), name=SERVICE, pool_size=_POOL_SIZE)
    sessions = create_sessions(engine)
    bus = Bus(url=settings.nats_url.get_secret_value(), name=SERVICE)
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=2, socket_timeout=None)
    teller = SpendTeller(sessions=sessions, bus=bus, redis=redis, clock=clock)
    reconciler = Reconciler(
        sessions=sessions,
        bus=bus,
        redis=redis,
        clock=clock,
        teller=teller,
        interval_s=settings.budget_reconcile_seconds,
        replicas=settings.nats_replicas,
    )
    consumers = [
        PullConsumer(
            bus=bus,
            replicas=settings.nats_replicas,
            stream=subjects.USAGE_STREAM,
            subject=subjects.USAGE_RECORDED,
            durable=subjects.LEDGER_CONSUMER,
            decode=decode_usage,
            handle=UsageHandler(sessions, tell=teller.tell),
        )
        for _ in range(_BATCHES)
    ]
    follower = BucketFollower(
        bus=bus,
        bucket=subjects.BUDGETS_BUCKET,
        on_content=_leave_to_reconciler,
        on_change=lambda id_, _: teller.show(id_),
    )
    partitions_tried = asyncio.Event()

    async def keep_partitions() -> None:
        while True:
            made = await _try_partitions(sessions, clock, keep=settings.usage_retention_months)
            partitions_tried.set()
            pause = _PARTITIONS_INTERVAL_S if made else _PARTITIONS_RETRY_S
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing

    async def consume(consumer: PullConsumer[UsageEnvelope]) -> None:
        # Only so that the first rows need not be moved later: the default partition would take them.
        await partitions_tried.wait()
        await consumer.run()

    async def consumer_is_bound() -> None:
        if not all(consumer.is_bound for consumer in consumers):
            raise BusUnavailableError("the consumer is not there yet")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await bus.start()
        try:
            async with TaskOwner() as tasks:
                tasks.keep_running("partitions", keep_partitions)
                for number, consumer in enumerate(consumers, start=1):
                    tasks.keep_running(f"consume-{number}", partial(consume, consumer))
                tasks.keep_running("close-hours", partial(close_regularly, sessions, clock=clock))
                tasks.keep_running("tell-spending", teller.run)
                tasks.keep_running("reconcile-budgets", reconciler.run)
                tasks.keep_running("follow-budgets", follower.run)
                yield
                await asyncio.gather(*(consumer.stop(timeout=_STOP_TIMEOUT_S) for consumer in consumers))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORDS_S):
                        await teller.flush()
        finally:
            await redis.aclose()
            await bus.close()
            await engine.dispose()

    return create_app(
        title="Open Model Gateway ledger worker",
        description="Writes the usage ledger.",
        pings={"postgres": partial(ping, engine), "nats": bus.ping, "consumer": consumer_is_bound},
        lifespan=lifespan,
        metrics=settings.enable_metrics,
    )


async def _leave_to_reconciler(_budgets: Mapping[str, bytes]) -> None:
    """What all budgets have spent is compared in its rounds."""


async def _try_partitions(sessions: Sessions, clock: Clock, *, keep: int) -> bool:
    try:
        await ensure_partitions(sessions, now=clock())
        await drop_partitions(sessions, now=clock(), keep=keep)
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        _partition_failures.inc()
        _log.warning("partitions not made", reason=repr(error))
        return False
    return True
