"""From the previous release's tables to these, while calls are entered and people change things."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest
from tests.integration.admin_api.test_migrations import differences

from admin_api.ledger import repository
from admin_api.ledger.service import record_usage
from admin_api.ledger.sums import DIMENSIONS, HOUR, SUMS
from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.db.engine import create_engine, create_sessions
from common.db.migrate import upgrade
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

PREVIOUS = "0011"
"""The newest revision of the release before."""
_ROUTES = (
    ("rte_1", "0.150000000", "0.075000000", "0.600000000", "prc_1"),
    ("rte_2", "3.000000000", None, "100.000000000", "prc_2"),
    ("rte_3", None, None, None, "prc_3"),
)


_COLUMNS = ", ".join(repository.rows_of([]))
_ENTER = f"""
    WITH inserted AS (
        INSERT INTO ledger.usage_entries ({_COLUMNS})
        SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::ledger.usage_entries, $1) RETURNING *
    ), added AS (
        INSERT INTO ledger.usage_hourly AS known (hour, {", ".join((*DIMENSIONS, *SUMS))})
        SELECT {HOUR} AS hour, {", ".join((*DIMENSIONS, *SUMS.values()))}
        FROM inserted GROUP BY hour, {", ".join(DIMENSIONS)} ORDER BY hour, {", ".join(DIMENSIONS)}
        ON CONFLICT (hour, {", ".join(DIMENSIONS)})
        DO UPDATE SET {", ".join(f"{name} = known.{name} + excluded.{name}" for name in SUMS)}
    )
    SELECT count(*) FROM inserted
"""
"""What the previous release's worker does, which knows nothing of the tables that are new."""


async def enter_calls(url: str, ended: asyncio.Event) -> int:
    connection = await asyncpg.connect(url)
    entered = 0
    try:
        while not ended.is_set():
            columns = repository.rows_of([usage_event(key_id=f"key_{secrets.randbelow(5)}") for _ in range(20)])
            rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
            for row in rows:
                row.update({name: json.loads(row[name]) for name in ("lines", "metadata", "tags")})
            entered += await connection.fetchval(_ENTER, json.dumps(rows, default=str))
    finally:
        await connection.close()
    return entered


async def change_tenants(url: str, ended: asyncio.Event) -> int:
    """As the previous release's Admin API does."""
    connection = await asyncpg.connect(url)
    changed = 0
    try:
        while not ended.is_set():
            changed += 1
            name = f"Tenant {changed}"
            await connection.execute(
                "INSERT INTO control.tenants (id, name, status, created_at) VALUES ($1, $1, 'active', now())", name
            )
            await connection.execute("UPDATE control.models SET enabled = NOT enabled WHERE alias = 'a'")
            await asyncio.sleep(0.002)
    finally:
        await connection.close()
    return changed


async def test_nothing_is_lost_and_nobody_fails_meanwhile(make_database: Callable[[], Awaitable[str]]) -> None:
    url = await make_database()
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS, revision=PREVIOUS)
    connection = await asyncpg.connect(url)
    engine = create_engine(url, name="test", pool_size=3)
    sessions = create_sessions(engine)
    try:
        await connection.execute(
            "INSERT INTO control.models (alias, enabled, created_at, updated_at) VALUES ('a', true, now(), now())"
        )
        for position, (route, given, cached, produced, version) in enumerate(_ROUTES):
            await connection.execute(
                "INSERT INTO control.routes (id, alias, position, provider, model, base_url, price_input, "
                "price_cached_input, price_output, price_version) VALUES ($1, 'a', $2, 'openai', 'm', 'https://x', "
                "$3::text::numeric, $4::text::numeric, $5::text::numeric, $6)",
                route, position, given, cached, produced, version,
            )  # fmt: skip
        ended = asyncio.Event()
        writers = [asyncio.create_task(enter_calls(url, ended)) for _ in range(3)]
        writers.append(asyncio.create_task(change_tenants(url, ended)))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
        await asyncio.sleep(0.3)
        ended.set()
        *entered, changed = await asyncio.gather(*writers)
        entered.append((await record_usage(sessions, [usage_event()])).calls)

        assert await differences(url) == []
        assert await connection.fetchval("SELECT count(*) FROM ledger.usage_entries") == sum(entered) > 0
        assert await connection.fetchval("SELECT sum(requests) FROM ledger.usage_hourly") == sum(entered)
        assert await connection.fetchval("SELECT count(*) FROM control.tenants") == changed > 0
        prices = await connection.fetch(
            "SELECT route_id, version, prices::text, effective_from FROM control.route_prices ORDER BY route_id"
        )
        assert [tuple(row) for row in prices] == [
            (
                "rte_1",
                "prc_1",
                '{"input": "0.15", "output": "0.6", "cached_input": "0.075"}',
                datetime(2000, 1, 1, tzinfo=UTC),
            ),
            ("rte_2", "prc_2", '{"input": "3", "output": "100"}', datetime(2000, 1, 1, tzinfo=UTC)),
            ("rte_3", "prc_3", "{}", datetime(2000, 1, 1, tzinfo=UTC)),
        ]
    finally:
        await engine.dispose()
        await connection.close()
