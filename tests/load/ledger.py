"""The ledger at its size: how fast reports are over many entries, and how fast the worker enters calls.

A Postgres of its own is filled by COPY into the real table with `OMG_BENCH_ENTRIES` calls (10 million unless it says otherwise)
of 90 days, 100 tenants with two keys each and ten aliases; every key calls two of them. The sums are made by the product's own
rebuild, and its hours closed as the worker does. Then the Admin API is asked in this process, through its whole application but no
socket. At last the worker's way is measured from a message's bytes to the commit, 1,024 events at a time, as many as it fetches
when so many wait, two batches at once as in the worker, beside COPY of as many rows in as many transactions. Postgres has one core
to itself, and who enters has the other.
"""

import asyncio
import base64
import math
import os
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from sqlalchemy.engine import make_url
from tests.load.contests import Effort
from tests.load.results import Row, row, row_at_least
from tests.load.rig import TESTED_CORE, RigError

from admin_api.app import create_app
from admin_api.ledger.closing import close_hours
from admin_api.ledger.consumers import UsageHandler, decode_usage
from admin_api.ledger.partitions import Month, make_partition
from admin_api.ledger.rebuild import rebuild
from admin_api.ledger.repository import rows_of
from admin_api.migrations import MIGRATIONS, SCHEMAS
from admin_api.sessions.domain import SESSION_COOKIE, hash_token
from admin_api.sessions.models import SessionRow
from admin_api.settings import ServeSettings
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from admin_api.wiring import Wiring
from common.db.engine import Sessions, create_engine, create_sessions
from common.db.migrate import upgrade
from common.events.usage import UsageEnvelope
from common.ids import new_id
from common.testing.usage_events import usage_event, usage_message
from devstack.servers import PostgresServer

NOW: Final = datetime(2026, 11, 23, 10, 20, 30, tzinfo=UTC)
DAYS: Final = 90
TENANTS: Final = 100
_FIRST: Final = (NOW - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0)
_ALIASES: Final = 10
_ENTRIES: Final = 10_000_000
_INGESTED: Final = 50_000
_BATCH: Final = 1024
_BATCHES_AT_ONCE: Final = 2
_ASKED: Final = 40
_PER_CHUNK: Final = 20_000
_MOST_MS: Final = 50
_LEAST_SHARE: Final = 0.5
_VARYING: Final = {"occurred_at": "%s", "call_id": "req_%032x", "tenant_id": "%s", "key_id": "%s", "alias": "%s"}


@dataclass(frozen=True, slots=True)
class Found:
    """`answers`: milliseconds by question. `worker` and `copy`: entries per second, one for each round."""

    entries: int
    sums: int
    answers: Mapping[str, Sequence[float]]
    worker: Sequence[float]
    copy: Sequence[float]


def run(folder: Path, effort: Effort, *, entries: int | None = None, ingested: int = _INGESTED) -> Found:
    count = entries or int(os.environ.get("OMG_BENCH_ENTRIES", _ENTRIES))
    cores = os.sched_getaffinity(0)
    with PostgresServer(folder / "postgres", settings={"max_wal_size": "4GB"}) as server:
        os.sched_setaffinity(0, {TESTED_CORE})
        try:
            upgrade(url=server.url, migrations=MIGRATIONS, schemas=SCHEMAS)
            return asyncio.run(_run(server.url, effort, count, ingested))
        finally:
            os.sched_setaffinity(0, cores)


async def _run(url: str, effort: Effort, entries: int, ingested: int) -> Found:
    engine = create_engine(url, name="bench")
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(make_url(url).render_as_string(hide_password=False))
    try:
        await _make_months(sessions)
        began = time.perf_counter()
        await _fill(connection, entries, effort)
        effort.report(f"{entries:,} entries copied in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        await rebuild(sessions)
        await close_hours(sessions, now=NOW, pause_s=0)
        for table in ("usage_hourly", "usage_hourly_models", "usage_hourly_tenants", "closed_hours", "usage_entries"):
            await connection.execute(f"VACUUM ANALYZE ledger.{table}")
        sums: int = await connection.fetchval("SELECT count(*) FROM ledger.usage_hourly")
        effort.report(f"{sums:,} hourly sums made in {time.perf_counter() - began:.0f} s")
        answers = await _ask(url, sessions, entries)
        for question, times in answers.items():
            effort.report(f"{question}: p95 {_p95(times):.0f} ms")
        worker, copied = [], []
        for _ in range(effort.rounds):
            worker.append(await _enter(sessions, ingested))
            copied.append(await _copy(connection, ingested))
            effort.report(f"worker {worker[-1]:,.0f}, COPY {copied[-1]:,.0f} entries/s")
    finally:
        await connection.close()
        await engine.dispose()
    return Found(entries, sums, answers, worker, copied)


async def _make_months(sessions: Sessions) -> None:
    month = Month.of(_FIRST)
    while month <= Month.of(NOW):
        async with sessions.begin() as session:
            await make_partition(session, month)
        month = month.plus(1)


async def _fill(connection: asyncpg.Connection, entries: int, effort: Effort) -> None:
    """In the order of time, as entries come. The template is one event of the product's own, so that no column is forgotten."""
    columns = rows_of([usage_event(time=_FIRST)])
    names = list(columns)
    fixed = {name: _copied(values[0]) for name, values in columns.items()}
    step = timedelta(days=DAYS) / entries

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, entries, _PER_CHUNK):
            yield _lines(names, fixed, range(start, min(start + _PER_CHUNK, entries)), step)
            if start and start % 1_000_000 == 0:
                effort.report(f"{start:,} entries copied")

    await connection.copy_to_table("usage_entries", schema_name="ledger", columns=names, source=chunks())


def _lines(names: Sequence[str], fixed: Mapping[str, str], numbers: range, step: timedelta) -> bytes:
    """In COPY's text format."""
    template = "\t".join(_VARYING.get(name, fixed[name].replace("%", "%%")) for name in names)
    by_place = [name for name in names if name in _VARYING]
    lines = []
    for number in numbers:
        tenant, key, alias = _who(number)
        values = {
            "occurred_at": (_FIRST + number * step).isoformat(),
            "call_id": number,
            "tenant_id": tenant,
            "key_id": key,
            "alias": alias,
        }
        lines.append(template % tuple(values[name] for name in by_place))
    return ("\n".join(lines) + "\n").encode()


def _who(number: int) -> tuple[str, str, str]:
    """Tenant, key and alias of a call: spread evenly, without a pattern that follows the clock."""
    mixed = number * 2654435761 % 2**32
    tenant, key = mixed % TENANTS, mixed // TENANTS % 2
    alias = (tenant + mixed // (2 * TENANTS) % 2) % _ALIASES
    return f"tnt_{tenant:03}", f"key_{tenant:03}_{key}", f"alias-{alias}"


def _copied(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value).replace("\\", "\\\\")


async def _ask(url: str, sessions: Sessions, entries: int) -> dict[str, list[float]]:
    """Each question so often, after two times for warmth. Raises `RigError` when an answer is not the whole truth."""
    token = secrets.token_urlsafe(32)
    await _sign_in(sessions, token)
    settings = ServeSettings(
        database_url=url,
        nats_url="nats://127.0.0.1:1",
        redis_url="redis://127.0.0.1:1",
        key_hash_secret="ab" * 32,
        encryption_keys="k1:" + base64.b64encode(bytes(32)).decode(),
    )
    wiring = Wiring(settings, clock=lambda: NOW)
    ten = ",".join(f"tnt_{number:03}" for number in range(10))
    questions = {
        "summary of 30 days of a tenant": ("summary", {"period": "30d", "tenant_id": "tnt_000"}),
        "summary of 30 days of everybody": ("summary", {"period": "30d"}),
        "summary of 24 hours of everybody": ("summary", {"period": "24h"}),
        "compare 30 days of ten tenants": ("compare", {"period": "30d", "tenant_ids": ten}),
        "compare 30 days of ten aliases": (
            "compare",
            {"period": "30d", "model_aliases": ",".join(f"alias-{number}" for number in range(_ALIASES))},
        ),
    }
    transport = httpx.ASGITransport(create_app(wiring))
    cookies = {SESSION_COOKIE: token}
    answers: dict[str, list[float]] = {}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://admin", cookies=cookies) as client:
            for question, (report, parameters) in questions.items():
                taken = []
                for _ in range(_ASKED + 2):
                    began = time.perf_counter()
                    reply = await client.get(f"/admin/usage/{report}", params=parameters)
                    taken.append((time.perf_counter() - began) * 1000)
                    if reply.status_code != 200:
                        raise RigError(f"ledger: {question}: {reply.status_code} {reply.text[:200]}")
                answers[question] = taken[2:]
            everything = {"start": _FIRST.isoformat(), "end": (NOW + timedelta(hours=1)).isoformat()}
            reply = await client.get("/admin/usage/summary", params=everything)
            if (told := reply.json()["totals"]["requests"]) != entries:
                raise RigError(f"ledger: the reports count {told} calls of {entries}")
    finally:
        await wiring.services.sessions.kw["bind"].dispose()
    return answers


async def _sign_in(sessions: Sessions, token: str) -> None:
    user = new_id("usr")
    async with sessions.begin() as session:
        session.add(
            UserRow(id=user, email="a@example.com", name="A", role="auditor", password_hash="-", created_at=NOW)
        )
        session.add_all(
            TenantRow(id=f"tnt_{number:03}", name=f"Tenant {number}", status="active", created_at=NOW)
            for number in range(TENANTS)
        )
        await session.flush()
        session.add(
            SessionRow(
                id=new_id("ses"),
                token_hash=hash_token(token),
                user_id=user,
                created_at=NOW,
                last_seen_at=NOW,
                expires_at=NOW + timedelta(days=1),
            )
        )


def _batches(count: int) -> Iterator[list[UsageEnvelope]]:
    """New calls of the last hour."""
    for start in range(0, count, _BATCH):
        batch = []
        for number in range(start, min(start + _BATCH, count)):
            tenant, key, alias = _who(number)
            moment = NOW - timedelta(hours=1) + number * timedelta(hours=1) / count
            batch.append(usage_event(time=moment, tenant_id=tenant, key_id=key, alias=alias))
        yield batch


async def _enter(sessions: Sessions, count: int) -> float:
    """Entries per second of the worker: decode, insert, add to the sums and to budgets, commit."""
    messages = iter([usage_message(batch) for batch in _batches(count)])
    handle = UsageHandler(sessions, tell=lambda _: None)

    async def work() -> None:
        for message in messages:
            decoded = decode_usage(message)
            await handle([item.value for item in decoded.items])

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_BATCHES_AT_ONCE):
            tasks.create_task(work())
    return count / (time.perf_counter() - began)


async def _copy(connection: asyncpg.Connection, count: int) -> float:
    """Entries per second of COPY into the same table: rows that are ready, nothing else kept in step."""
    batches = []
    for batch in _batches(count):
        columns = rows_of(batch)
        lines = ["\t".join(map(_copied, values)) for values in zip(*columns.values(), strict=True)]
        batches.append((list(columns), ("\n".join(lines) + "\n").encode()))

    async def one(body: bytes) -> AsyncIterator[bytes]:
        yield body

    began = time.perf_counter()
    for names, body in batches:
        await connection.copy_to_table("usage_entries", schema_name="ledger", columns=names, source=one(body))
    return count / (time.perf_counter() - began)


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


def rows(found: Found) -> list[Row]:
    size = f"of {found.entries:,} entries"
    worker, copied = statistics.median(found.worker), statistics.median(found.copy)
    return [
        *(
            row(f"ledger: {size}: {name}: p95", _p95(times), "ms", bar=_MOST_MS)
            for name, times in found.answers.items()
        ),
        row(f"ledger: {size}: rows of hourly sums", found.sums, "rows"),
        row(f"ledger: {size}: entered by the worker", worker, "1/s"),
        row(f"ledger: {size}: copied", copied, "1/s"),
        row_at_least(f"ledger: {size}: the worker's rate over COPY's", worker / copied, "times", bar=_LEAST_SHARE),
    ]


def table(found: Found) -> list[str]:
    lines = [f"| {found.entries:,} entries, {found.sums:,} hourly sums | p50 ms | p95 ms |", "|---|--:|--:|"]
    lines += [
        f"| {name} | {statistics.median(times):.0f} | {_p95(times):.0f} |" for name, times in found.answers.items()
    ]
    worker, copied = statistics.median(found.worker), statistics.median(found.copy)
    return [
        *lines,
        "",
        "| entries per second, one writer | |",
        "|---|--:|",
        f"| the worker | {worker:,.0f} |",
        f"| COPY | {copied:,.0f} |",
    ]
