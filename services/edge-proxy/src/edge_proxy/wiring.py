"""The composition root: which parts a process of edge-proxy consists of, and in which order they start and stop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from random import Random
from typing import Final

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.clock import utc_now
from common.crypto.sealing import Sealer
from common.lifecycle import TaskOwner
from edge_proxy.control.configuration import Configuration
from edge_proxy.control.disk import SavedConfiguration
from edge_proxy.control.snapshot import RecordReader
from edge_proxy.endpoints.health import Health
from edge_proxy.endpoints.models import Models
from edge_proxy.idempotency.options import Options
from edge_proxy.idempotency.store import IdempotencyStore
from edge_proxy.limits.budgets import Budgets
from edge_proxy.limits.estimate import TokenEstimate
from edge_proxy.limits.fallback import FallbackLimitStore
from edge_proxy.limits.local import LocalLimitStore
from edge_proxy.limits.redis import RedisLimitStore
from edge_proxy.limits.rules import Rules
from edge_proxy.pipeline.attempt import Attempt
from edge_proxy.pipeline.authenticate import Authenticator
from edge_proxy.pipeline.authorize import KeyPolicy
from edge_proxy.pipeline.failover import Failover
from edge_proxy.pipeline.reserve import Reserve
from edge_proxy.pipeline.run import Pipeline
from edge_proxy.pipeline.streams import Streams
from edge_proxy.pipeline.watchdog import Limits, Watch
from edge_proxy.recording.access_log import AccessLog
from edge_proxy.recording.attribution import Attribution
from edge_proxy.recording.journal import Journal
from edge_proxy.recording.metrics import CallMetrics
from edge_proxy.recording.publisher import UsagePublisher
from edge_proxy.recording.recorder import Recorder
from edge_proxy.recording.recovery import Recovery
from edge_proxy.recording.route_metrics import RouteMetrics
from edge_proxy.recording.status import StatusReport
from edge_proxy.recording.traces import NoTraces, Traces
from edge_proxy.route_news.parts import RouteNews
from edge_proxy.routing.breaker import BreakerOptions
from edge_proxy.routing.health import Healths
from edge_proxy.routing.retry import RetryOptions
from edge_proxy.settings import EdgeSettings
from edge_proxy.upstream.http1.transport import Http1Transport
from edge_proxy.upstream.pyreqwest_transport import PyreqwestTransport
from edge_proxy.upstream.transport import Transport

_TELL_LIMITS_S: Final = 1.0
_TRANSPORTS: Final[Mapping[str, Callable[..., Transport]]] = {
    "http1": Http1Transport,
    "pyreqwest": PyreqwestTransport,
}


class Edge(msgspec.Struct, frozen=True):
    """What the endpoints need."""

    pipeline: Pipeline
    models: Models
    health: Health


@asynccontextmanager
async def run_edge(settings: EdgeSettings, *, registry: CollectorRegistry = REGISTRY) -> AsyncIterator[Edge]:
    """Start everything, yield, stop everything in the opposite order; what was not published stays in the journal.

    A second edge in one process (tests) needs a metrics registry of its own.
    """
    source = f"edge-proxy/{settings.replica_id}"
    key_hash_secret = bytes.fromhex(settings.key_hash_secret.get_secret_value())
    bus = Bus(url=settings.nats_url.get_secret_value(), name=source)
    access_log = AccessLog()
    metrics = CallMetrics(registry)
    traces = _traces(settings)
    transport = _TRANSPORTS[settings.upstream_transport](
        connect_timeout_s=settings.upstream_connect_timeout, read_timeout_s=settings.upstream_first_byte_timeout
    )
    with Journal(settings.state_dir / "journal", max_bytes=settings.journal_max_bytes) as journal:
        publisher = UsagePublisher(bus=bus, journal=journal)
        recovery = Recovery(bus=bus, journal=journal, publisher=publisher, source=source)
        configuration = Configuration(
            bus=bus,
            reader=RecordReader(Sealer.from_setting(settings.encryption_keys.get_secret_value())),
            saved=SavedConfiguration(settings.state_dir / "configuration.jsonl"),
        )
        authenticator = Authenticator(configuration=configuration, key_hash_secret=key_hash_secret)
        watch = Watch(
            Limits(
                first_byte=settings.upstream_first_byte_timeout,
                idle=settings.upstream_idle_timeout,
                total=settings.upstream_total_timeout,
            )
        )
        idempotency = IdempotencyStore(
            url=settings.redis_url.get_secret_value(),
            key_hash_secret=key_hash_secret,
            options=Options(
                ttl=settings.idempotency_ttl,
                max_reply_bytes=settings.idempotency_max_reply_bytes,
                away=settings.idempotency_without_redis,
            ),
        )
        key_policy = KeyPolicy(trusted_proxies=settings.trusted_proxies)
        recorder = Recorder(
            journal=journal,
            publisher=publisher,
            access_log=access_log,
            metrics=metrics,
            traces=traces,
            attribution=Attribution(settings.attribution, secret=key_hash_secret),
            source=source,
        )
        limits = FallbackLimitStore(
            RedisLimitStore(settings.redis_url.get_secret_value()),
            LocalLimitStore(replicas=settings.replicas),
            policy=settings.limits_without_redis,
        )
        healths = Healths(BreakerOptions())
        route_news = RouteNews(
            bus=bus,
            healths=healths,
            configuration=configuration,
            transport=transport,
            clock=utc_now,
            source=source,
            check_every=settings.health_check_seconds,
        )
        route_metrics = RouteMetrics(registry, healths=healths, configuration=configuration)
        failover = Failover(
            attempt=Attempt(transport, watch),
            configuration=configuration,
            healths=healths,
            options=RetryOptions(tries=settings.max_tries),
            recorder=recorder,
            chance=Random(),  # noqa: S311 - spreads load, keeps no secret
        )
        pipeline = Pipeline(
            clock=utc_now,
            configuration=configuration,
            authenticator=authenticator,
            key_policy=key_policy,
            idempotency=idempotency,
            failover=failover,
            reserve=Reserve(
                configuration,
                limits,
                Rules(),
                Budgets(),
                TokenEstimate(),
                assumed_output=settings.assumed_output_tokens,
            ),
            streams=Streams(at_most=settings.max_streams),
            recorder=recorder,
            traces=traces,
            max_body_bytes=settings.max_body_bytes,
        )

        status = StatusReport(
            bus=bus,
            journal=journal,
            publisher=publisher,
            healths=healths,
            configuration=configuration,
            replica=settings.replica_id,
            started_at=utc_now(),
        )

        async def prepare_bus() -> None:
            await bus.connected()
            await ensure_streams(bus.jetstream(), replicas=settings.nats_replicas)
            await ensure_buckets(bus.jetstream(), replicas=settings.nats_replicas)

        await bus.start()
        try:
            async with TaskOwner() as tasks:
                tasks.keep_running("prepare-bus", prepare_bus)
                configuration.start(tasks)
                tasks.keep_running("publish-usage", publisher.run)
                tasks.keep_running("keep-limits", limits.run)
                route_news.start(tasks)
                tasks.keep_running("answer-status", status.run)
                tasks.start("recover-journal", recovery.run())
                yield Edge(
                    pipeline=pipeline,
                    models=Models(configuration, authenticator, key_policy),
                    health=Health(configuration, journal, bus, registry if settings.enable_metrics else None),
                )
                await limits.drain(within=_TELL_LIMITS_S)
            await publisher.drain()
            await configuration.save()
        finally:
            access_log.flush()
            metrics.close()
            route_metrics.close()
            watch.close()
            await idempotency.close()
            await asyncio.to_thread(traces.close)
            await transport.close()
            await bus.close()


def _traces(settings: EdgeSettings) -> Traces:
    if settings.otlp_endpoint is None:
        return NoTraces()
    from edge_proxy.recording.otlp import CollectedTraces  # 0.2 s and 15 MB, for those who use it

    return CollectedTraces(
        endpoint=settings.otlp_endpoint,
        ratio=settings.trace_sample_ratio,
        replica=settings.replica_id,
        version=version("omg-edge-proxy"),
    )
