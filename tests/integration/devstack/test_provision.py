"""The database, roles and schemas: what each role may do, on a server of ours and on one that only lends us a database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from devstack.applied import Applied, digest_of_files
from devstack.provision import SCHEMAS, Provisioned, ProvisionError, provision
from devstack.servers import PostgresServer

PASSWORDS = {role: f"pw'{role}/@:%" for role in SCHEMAS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of this module's own: roles belong to a whole server."""
    with PostgresServer(tmp_path_factory.mktemp("pg"), durable=False) as made:
        yield made


@pytest.fixture
async def provisioned(server: PostgresServer) -> Provisioned:
    return await provision(server.url, passwords=PASSWORDS)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        yield connection
    finally:
        await connection.close()


async def test_every_role_owns_its_schemas_and_may_read_no_other(provisioned: Provisioned) -> None:
    assert provisioned.shared_because is None
    for role, schemas in SCHEMAS.items():
        async with connected(provisioned.urls[role]) as connection:
            for schema in schemas:
                await connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.mine (n int)")
    for role, schemas in SCHEMAS.items():
        async with connected(provisioned.urls[role]) as connection:
            assert await connection.fetchval("SELECT current_user") == role
            for schema in schemas:
                await connection.fetch(f"SELECT * FROM {schema}.mine")
            for other in (schema for owner, owned in SCHEMAS.items() if owner != role for schema in owned):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"SELECT * FROM {other}.mine")
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(f"CREATE TABLE {other}.theirs (n int)")


async def test_no_role_may_make_schemas_databases_or_roles_or_write_to_public(provisioned: Provisioned) -> None:
    async with connected(provisioned.urls["alerts"]) as connection:
        for statement in (
            "CREATE SCHEMA more",
            "CREATE DATABASE more",
            "CREATE ROLE more",
            "CREATE TABLE public.more (n int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_provisioning_again_changes_nothing(server: PostgresServer, provisioned: Provisioned) -> None:
    async with connected(provisioned.urls["alerts"]) as connection:
        await connection.execute("CREATE TABLE alerts.kept (n int)")
    assert await provision(server.url, passwords=PASSWORDS) == provisioned
    async with connected(provisioned.urls["alerts"]) as connection:
        assert await connection.fetch("SELECT * FROM alerts.kept") == []


async def test_a_login_without_rights_is_shared_and_leaves_no_trace(
    server: PostgresServer, provisioned: Provisioned
) -> None:
    async with connected(server.url) as admin:
        await admin.execute("CREATE ROLE tenant LOGIN PASSWORD 'pw'")
        await admin.execute("CREATE DATABASE lent OWNER tenant")
    url = f"postgresql://tenant:pw@127.0.0.1:{server.port}/lent"
    # The roles exist on this server already: it is the schemas that this login may not hand to them.
    shared = await provision(url, passwords=PASSWORDS)
    assert shared.shared_because is not None
    assert set(shared.urls.values()) == {url}
    assert shared.urls.keys() == SCHEMAS.keys()
    async with connected(url) as connection:
        assert not await connection.fetch("SELECT 1 FROM pg_namespace WHERE nspname = ANY($1)", ["control", "alerts"])


async def test_a_given_database_is_used_as_it_is(server: PostgresServer, provisioned: Provisioned) -> None:
    async with connected(server.url) as admin:
        await admin.execute("CREATE DATABASE given")
    url = urlunsplit(urlsplit(server.url)._replace(path="/given"))
    given = await provision(url, passwords=PASSWORDS)
    assert given.shared_because is None
    assert {urlsplit(role_url).path for role_url in given.urls.values()} == {"/given"}


async def test_our_role_with_another_password_is_not_touched(server: PostgresServer, provisioned: Provisioned) -> None:
    shared = await provision(server.url, passwords=PASSWORDS | {"alerts": "another"})
    assert shared.shared_because == "its role alerts exists already and does not take our password"
    async with connected(provisioned.urls["alerts"]) as connection:
        assert await connection.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(
    "url", ["postgresql://postgres:wrong@127.0.0.1:{port}/postgres", "postgresql://u:p@127.0.0.1:1/postgres"]
)
async def test_a_server_that_refuses_is_named_without_the_password(server: PostgresServer, url: str) -> None:
    with pytest.raises(ProvisionError, match=r"cannot connect to Postgres at 127\.0\.0\.1:\d+/postgres") as caught:
        await provision(url.format(port=server.port), passwords=PASSWORDS)
    assert "wrong" not in str(caught.value)


async def test_what_was_applied_is_remembered_in_that_database_only(
    provisioned: Provisioned, server: PostgresServer
) -> None:
    async with Applied(provisioned.admin_url) as applied:
        assert not applied.has("migrate x", "1")
        await applied.record("migrate x", "0")
        await applied.record("migrate x", "1")
    async with Applied(provisioned.admin_url) as applied:
        assert applied.has("migrate x", "1")
        assert not applied.has("migrate x", "0")
    async with Applied(server.url) as elsewhere:
        assert not elsewhere.has("migrate x", "1")


async def test_the_revisions_of_a_schema_tell_a_downgrade(provisioned: Provisioned) -> None:
    async with connected(provisioned.urls["batch_runner"]) as connection, Applied(provisioned.admin_url) as applied:
        assert await applied.revisions(["batches"]) == ""
        await connection.execute(
            "CREATE TABLE batches.alembic_version (version_num text); INSERT INTO batches.alembic_version VALUES ('0002')"
        )
        assert await applied.revisions(["batches"]) == "batches.alembic_version=0002"
        await connection.execute("UPDATE batches.alembic_version SET version_num = '0001'")
        assert await applied.revisions(["batches"]) == "batches.alembic_version=0001"


async def test_a_login_that_may_not_keep_a_record_remembers_nothing(provisioned: Provisioned) -> None:
    async with Applied(provisioned.urls["alerts"]) as applied:
        await applied.record("migrate x", "1")
        assert not applied.has("migrate x", "1")


def test_the_digest_of_files_sees_names_and_contents_and_nothing_compiled(tmp_path: Path) -> None:
    (tmp_path / "versions" / "__pycache__").mkdir(parents=True)
    (tmp_path / "versions" / "0001.py").write_text("a")
    before = digest_of_files(tmp_path)
    (tmp_path / "versions" / "__pycache__" / "0001.pyc").write_text("b")
    assert digest_of_files(tmp_path) == before
    (tmp_path / "versions" / "0001.py").rename(tmp_path / "versions" / "0002.py")
    renamed = digest_of_files(tmp_path)
    (tmp_path / "versions" / "0002.py").write_text("b")
    assert len({before, renamed, digest_of_files(tmp_path)}) == 3
