"""The control schema: up from empty equals the models, any number of times, by any number of replicas at once."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from admin_api.ledger.models import LedgerBase
from admin_api.migrations import MIGRATIONS, SCHEMAS
from admin_api.models import METADATA
from common.db.engine import create_engine
from common.db.migrate import pending_differences, upgrade

MakeDatabase = Callable[[], Awaitable[str]]


async def differences(url: str) -> list[object]:
    engine = create_engine(url, name="test")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: pending_differences(sync, metadata=[METADATA, LedgerBase.metadata], schemas=SCHEMAS)
            )
    finally:
        await engine.dispose()


async def migrate(url: str) -> None:
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)


async def test_up_from_empty_equals_the_models(make_database: MakeDatabase) -> None:
    url = await make_database()

    await migrate(url)

    assert await differences(url) == []


async def test_a_second_run_changes_nothing(make_database: MakeDatabase) -> None:
    url = await make_database()
    await migrate(url)

    await migrate(url)

    assert await differences(url) == []


async def test_replicas_that_migrate_at_once_wait_for_each_other(make_database: MakeDatabase) -> None:
    url = await make_database()

    await asyncio.gather(*(migrate(url) for _ in range(4)))

    assert await differences(url) == []


async def test_a_role_that_owns_its_schemas_but_may_not_create_any_can_migrate(
    make_database: MakeDatabase, postgres_url: str
) -> None:
    """As `omg up` and a careful administrator set it up."""
    url = await make_database()
    database = url.rsplit("/", 1)[-1]
    role = f"role_{database}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
        await connection.execute(f"REVOKE CREATE ON DATABASE {database} FROM PUBLIC")
        for schema in SCHEMAS:
            await connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
        address = postgres_url.split("@", 1)[1].rsplit("/", 1)[0]
        await migrate(f"postgresql://{role}:pw@{address}/{database}")
        assert await differences(url) == []
    finally:
        await connection.execute(f"DROP OWNED BY {role} CASCADE")
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO control.tenants VALUES ('a', 'a', 'gone', NULL, now())",
        "INSERT INTO control.users VALUES ('a', 'a', 'a', 'root', 'h', NULL, now(), NULL)",
        "INSERT INTO control.routes VALUES ('a', 'none', 0, 'p', 'm', 'u', NULL)",
        "INSERT INTO control.models VALUES ('a', true, now(), now()); "
        "INSERT INTO control.routes VALUES ('a', 'a', 0, 'p', 'm', 'u', NULL, 101)",
        "INSERT INTO control.models VALUES ('a', true, now(), now()); "
        "INSERT INTO control.routes VALUES ('a', 'a', 0, 'p', 'm', 'u', NULL, 0, 0)",
        "INSERT INTO control.outbox (kind, target, key, payload) VALUES ('shout', 't', 'k', '')",
    ],
)
async def test_the_database_refuses_what_must_not_be(make_database: MakeDatabase, statement: str) -> None:
    url = await make_database()
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await connection.execute(statement)
    finally:
        await connection.close()
