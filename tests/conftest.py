"""Fixtures every test may use: real servers, one of each per session (and per xdist worker), started when first asked for.

With DATABASE_URL, REDIS_URL or NATS_URL set, that server is used instead: CI runs the data layers on Debian's servers so.
Tests that kill a server start one of their own from `devstack.servers`.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from devstack.servers.nats import NatsServer
from devstack.servers.postgres import PostgresServer
from devstack.servers.valkey import ValkeyServer

MakeDatabase = Callable[[], Awaitable[str]]


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's URL. Tests take a database of their own from `make_database`."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Shared by the session's tests, streams and buckets included: for tests that can live with that."""
    if given := os.environ.get("NATS_URL"):
        yield given
        return
    with NatsServer(tmp_path_factory.mktemp("nats"), sync_interval="1m") as server:
        yield server.url


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS of the test's own, empty, which it may kill and start again."""
    with NatsServer(tmp_path / "nats", sync_interval="1m") as server:
        yield server


@pytest.fixture
async def make_database(postgres_url: str) -> AsyncIterator[MakeDatabase]:
    """Creates an empty database and returns its URL; dropped at the end of the test."""
    made: list[str] = []

    async def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        async with _connection(postgres_url) as connection:
            await connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    yield make
    async with _connection(postgres_url) as connection:
        for name in made:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with asyncio.timeout(20):
        connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
