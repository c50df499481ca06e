"""The database, roles and schemas of the services: who owns what, and how a Postgres server is brought there.

Tables are not made here; each service migrates its own schema.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from devstack.errors import DevstackError

DATABASE: Final = "omg"
SCHEMAS: Final[Mapping[str, tuple[str, ...]]] = {
    "admin_api": ("control", "ledger"),
    "batch_runner": ("batches",),
    "file_service": ("files",),
    "alerts": ("alerts",),
}
"""The schemas each role owns. A role bears its service's name."""

_CONNECT_TIMEOUT: Final = 10.0


class ProvisionError(DevstackError):
    """The server cannot be used; the message is for a person and holds no password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """`urls` by role. `shared_because` says why all services share the given URL, and is `None` when each has its own role."""

    urls: Mapping[str, str]
    admin_url: str
    shared_because: str | None = None


async def provision(admin_url: str, *, passwords: Mapping[str, str]) -> Provisioned:
    """Create what is missing of database, roles and schemas, and return the URL of each service.

    `admin_url` names a database that exists. When that is the maintenance database `postgres`, the services get a database
    `omg` of their own; any other is used as it is. A role that may not create roles and schemas, or a server on which one of
    our roles exists with another password, leaves everything unchanged and is shared by all services. Raises
    `ProvisionError` when the server cannot be reached or refuses the login.
    """
    maintenance = urlsplit(admin_url).path.lstrip("/") in {"", "postgres"}
    url = admin_url
    if maintenance:
        connection = await _connect(admin_url)
        try:
            url = _with_database(admin_url)
            await _create_database(connection)
        except asyncpg.InsufficientPrivilegeError:
            return _shared(admin_url, "its role may not create a database")
        finally:
            await connection.close(timeout=_CONNECT_TIMEOUT)
    connection = await _connect(url)
    try:
        async with connection.transaction():
            for role, schemas in SCHEMAS.items():
                await _create_role(connection, role, schemas, passwords[role])
            if maintenance:
                # Ours alone: nobody else enters, and nobody writes into the schema that everybody has on the search path.
                await connection.execute(
                    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC"
                )
                await connection.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {', '.join(SCHEMAS)}")
    except asyncpg.InsufficientPrivilegeError:
        return _shared(url, "its role may not create roles and schemas")
    finally:
        await connection.close(timeout=_CONNECT_TIMEOUT)
    urls = {role: _with_login(url, role, passwords[role]) for role in SCHEMAS}
    accepted = await asyncio.gather(*map(_accepts, urls.values()))
    refused = [role for role, accepts in zip(urls, accepted, strict=True) if not accepts]
    if refused:
        return _shared(url, f"its role {refused[0]} exists already and does not take our password")
    return Provisioned(urls=urls, admin_url=url)


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        parts = urlsplit(url)
        raise ProvisionError(
            f"cannot connect to Postgres at {parts.hostname}:{parts.port or 5432}{parts.path}: {error}"
        ) from error


async def _accepts(url: str) -> bool:
    """Whether the server lets this login in."""
    try:
        connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError):
        return False
    await connection.close(timeout=_CONNECT_TIMEOUT)
    return True


async def _create_database(connection: asyncpg.Connection) -> None:
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
        await connection.execute(f"CREATE DATABASE {DATABASE}")


async def _create_role(connection: asyncpg.Connection, role: str, schemas: tuple[str, ...], password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        quoted = password.replace("'", "''")
        await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'")
    for schema in schemas:
        if not await connection.fetchval("SELECT true FROM pg_namespace WHERE nspname = $1", schema):
            await connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")


def _shared(url: str, reason: str) -> Provisioned:
    return Provisioned(urls=dict.fromkeys(SCHEMAS, url), admin_url=url, shared_because=reason)


def _with_database(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))


def _with_login(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password, safe='')}@{address}"))
