"""The migration runner shared by the owners of a schema: each has its own Alembic history inside its package.

`python -m <service> migrate` calls `upgrade`. Several replicas may call it at once: an advisory lock lets one work while the
others wait. Lock waits are short, so that a migration never stalls a running version behind a queue of blocked statements.
"""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from common.db.engine import DIALECT, driver_url


def upgrade(*, url: str, migrations: Path, schemas: Sequence[str], revision: str = "head") -> None:
    """Bring the database at `url` to a revision in `migrations`, the newest; the version table lives in `schemas[0]`.

    Raises SQLAlchemy's errors when Postgres cannot be reached or a statement fails; nothing is half applied.
    """
    asyncio.run(_upgrade(url, migrations, schemas, revision))


async def _upgrade(url: str, migrations: Path, schemas: Sequence[str], wanted: str) -> None:
    engine = create_async_engine(DIALECT, poolclass=NullPool, connect_args={"dsn": driver_url(url), "timeout": 10})
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run, migrations, schemas, wanted)
    finally:
        await engine.dispose()


def _run(connection: Connection, migrations: Path, schemas: Sequence[str], wanted: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(schemas[0].encode())})
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    connection.execute(text("SET LOCAL statement_timeout = '10min'"))
    for schema in schemas:
        # Asked first: a role that owns its schema but may not create one in the database must pass here.
        if not connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema}):
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    script = ScriptDirectory(str(migrations))

    def steps(revision: tuple[str, ...], _context: MigrationContext) -> list[object]:
        return list(script._upgrade_revs(wanted, revision))  # type: ignore[arg-type]

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table_schema=schemas[0], transactional_ddl=True)
        environment.run_migrations()


def pending_differences(
    connection: Connection, *, metadata: MetaData | Sequence[MetaData], schemas: Sequence[str]
) -> list[object]:
    """What Alembic would still change so that the database equals the models: a test asserts it is nothing.

    Partitions are left out: they are made while the service runs, and follow their parent.
    """
    found = text(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition"
    )
    partitions = {(row.nspname, row.relname) for row in connection.execute(found)}

    def is_ours(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
        if kind == "schema":
            return name in schemas
        return not (kind == "table" and (parents["schema_name"], name) in partitions)

    context = MigrationContext.configure(
        connection,
        opts={"version_table_schema": schemas[0], "include_schemas": True, "include_name": is_ours},
    )
    return list(compare_metadata(context, metadata))  # type: ignore[arg-type]  # it takes several, without saying so
