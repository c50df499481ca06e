"""Each owner's migrations lead from an empty database to exactly its models, however often and by however many they are run."""

import subprocess
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from common.db.engine import create_engine
from common.db.migrate import pending_differences
from devstack.provision import SCHEMAS, provision
from devstack.servers import PostgresServer

pytestmark = pytest.mark.data_layer

Migrate = Callable[[str, str], subprocess.Popen[str]]
MakeDatabase = Callable[[], Awaitable[str]]


def run(migrate: Migrate, package: str, url: str) -> None:
    process = migrate(package, url)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


async def differences(package: str, schema: str, url: str) -> list[object]:
    metadata = import_module(f"{package}.models").Base.metadata
    engine = create_engine(url, name="test")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(pending_differences, metadata=metadata, schemas=[schema])
    finally:
        await engine.dispose()


async def test_an_empty_database_becomes_what_the_models_say(
    owner: Any, migrate: Migrate, make_database: MakeDatabase
) -> None:
    url = await make_database()

    run(migrate, owner.package, url)

    assert await differences(owner.package, owner.schema, url) == []


async def test_the_comparison_with_the_models_sees_a_missing_column(
    owner: Any, migrate: Migrate, make_database: MakeDatabase
) -> None:
    url = await make_database()
    run(migrate, owner.package, url)
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER TABLE {owner.schema}.{owner.table} DROP COLUMN created_at")
    await connection.close()

    found = await differences(owner.package, owner.schema, url)

    assert [difference[0] for difference in found if isinstance(difference, tuple)] == ["add_column"]


async def test_a_second_run_changes_nothing(owner: Any, migrate: Migrate, make_database: MakeDatabase) -> None:
    url = await make_database()
    run(migrate, owner.package, url)
    connection = await asyncpg.connect(url)
    newest = "SELECT oid, xmin::text FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY oid"
    before = await connection.fetch(newest, owner.schema)

    run(migrate, owner.package, url)

    assert await connection.fetch(newest, owner.schema) == before
    await connection.close()


async def test_several_may_migrate_at_once(owner: Any, migrate: Migrate, make_database: MakeDatabase) -> None:
    url = await make_database()

    started = [migrate(owner.package, url) for _ in range(3)]
    outputs = [process.communicate(timeout=90)[0] for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], outputs
    assert sum("Running upgrade" in output for output in outputs) == 1
    assert await differences(owner.package, owner.schema, url) == []


async def test_a_step_leaves_the_other_schemas_alone(owner: Any, migrate: Migrate, make_database: MakeDatabase) -> None:
    url = await make_database()

    run(migrate, owner.package, url)

    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    )
    await connection.close()
    expected = {"alembic_version", owner.table, *owner.others}
    assert {tuple(row) for row in tables} == {(owner.schema, table) for table in expected}


async def test_each_role_migrates_its_own_schema_and_reaches_no_other(migrate: Migrate, tmp_path: Path) -> None:
    owned = {"alerts": "alerts.deliveries", "batch_runner": "batches.batches", "file_service": "files.files"}
    with PostgresServer(tmp_path / "postgres", durable=False) as server:
        urls = (await provision(server.url, passwords=dict.fromkeys(SCHEMAS, "a password"))).urls
        for package in owned:
            run(migrate, package, urls[package])

        for role in owned:
            connection = await asyncpg.connect(urls[role])
            for package, table in owned.items():
                query = f"SELECT count(*) FROM {table}"
                if package == role:
                    assert await connection.fetchval(query) == 0
                else:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.fetchval(query)
            for forbidden in ("CREATE SCHEMA mine", "CREATE TABLE public.mine (id int)"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(forbidden)
            await connection.close()


def test_a_postgres_that_is_not_there_is_an_error(owner: Any, migrate: Migrate, unused_tcp_port: int) -> None:
    process = migrate(owner.package, f"postgresql://user:s3cret-word@127.0.0.1:{unused_tcp_port}/omg")
    output, _ = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "s3cret-word" not in output


async def test_a_process_that_is_told_to_migrates_before_it_serves(
    owner: Any, start_service: Any, make_database: MakeDatabase
) -> None:
    url = await make_database()
    service = start_service(owner.package, database_url=url, nats_url="nats://127.0.0.1:9", OMG_RUN_MIGRATIONS="true")
    await service.until("/readyz", 200)
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{owner.schema}.{owner.table}")
    finally:
        await connection.close()
