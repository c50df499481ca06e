"""Each embedded server: start, talk to it as its clients do, kill -9, start again on the same data and port."""

import os
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import nats
import psutil
import pytest
import redis.asyncio

from devstack.ports import is_free
from devstack.servers import NatsServer, PostgresServer, Server, ServerError, SmallModelServer, ValkeyServer
from devstack.servers.root import nobody
from devstack.servers.small_model import is_installed

LIMIT = 60


async def test_postgres_keeps_committed_rows_through_kill_9(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "pg", durable=False) as server:
        connection = await asyncpg.connect(server.url, timeout=LIMIT)
        await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
        first = server.pid
        server.kill()
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await asyncpg.connect(server.url, timeout=LIMIT)
        server.start()
        assert server.pid != first
        connection = await asyncpg.connect(server.url, timeout=LIMIT)
        assert await connection.fetchval("SELECT n FROM kept") == 1
        assert (
            await connection.fetchval("SELECT datcollate || datlocale FROM pg_database WHERE datname = 'template1'")
            == "CC.UTF-8"
        )
        await connection.close()
    assert is_free(server.port)


@pytest.fixture
def public_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In place of the one below /var/lib; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr("devstack.servers.root._PUBLIC_FOLDER", Path(folder))
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
async def test_postgres_as_nobody_in_a_folder_that_only_root_can_enter(tmp_path: Path, public_folder: Path) -> None:
    """What happens where user namespaces are forbidden: the data moves to where nobody can reach it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with PostgresServer(home / "pg", durable=False, identity=nobody()) as server:
        assert psutil.Process(server.pid).username() == "nobody"
        await (await asyncpg.connect(server.url, timeout=LIMIT)).close()
        link = home / "pg" / "data"
        assert link.resolve().is_relative_to(public_folder)
        server.kill()
        server.start()
        await (await asyncpg.connect(server.url, timeout=LIMIT)).close()
    with PostgresServer(home / "pg", port=server.port, password=server.password) as again:
        await (await asyncpg.connect(again.url, timeout=LIMIT)).close()


def test_an_initdb_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "pg" / "data.new" / "base").mkdir(parents=True)
    with PostgresServer(tmp_path / "pg", durable=False) as server:
        assert server.is_ready()


def test_the_pid_of_a_former_life_does_not_keep_postgres_from_starting(tmp_path: Path) -> None:
    """As in a new container, where that number belongs to another process: here, to this test."""
    with PostgresServer(tmp_path / "pg", durable=False) as server:
        lock = (tmp_path / "pg" / "data" / "postmaster.pid").read_text()
    (tmp_path / "pg" / "data" / "postmaster.pid").write_text(lock.replace(lock.split("\n")[0], str(os.getpid()), 1))
    server.start()
    server.stop()


def test_data_of_another_version_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "pg" / "data").mkdir(parents=True)
    (tmp_path / "pg" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerError, match=r"was made by Postgres 9; found here: .*18"):
        PostgresServer(tmp_path / "pg").start()


async def test_valkey_keeps_what_it_acknowledged_through_kill_9(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path / "valkey") as server:
        async with redis.asyncio.from_url(server.url) as client:
            await client.set("kept", "1")
        server.kill()
        server.start()
        async with redis.asyncio.from_url(server.url) as client:
            assert await client.get("kept") == b"1"


async def test_nats_keeps_acknowledged_messages_through_kill_9(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "nats") as server:
        async with await nats.connect(server.url) as client:
            stream = client.jetstream()
            await stream.add_stream(name="KEPT", subjects=["kept.>"])
            await stream.publish("kept.one", b"1")
        server.kill()
        server.start()
        async with await nats.connect(server.url) as client:
            assert (await client.jetstream().get_msg("KEPT", seq=1)).data == b"1"


@pytest.mark.skipif(not is_installed(), reason="the wheels of the small model are not installed")
async def test_the_small_model_streams_an_answer_with_usage(tmp_path: Path) -> None:
    with SmallModelServer(tmp_path / "model") as server:
        body = {
            "model": "any",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 8,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with httpx.AsyncClient(timeout=LIMIT) as client:
            answer = await client.post(f"{server.url}/chat/completions", json=body)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert '"completion_tokens":8' in answer.text
        assert answer.text.rstrip().endswith("data: [DONE]")
        server.kill()
        server.start()
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < server.stop_timeout


@pytest.mark.parametrize("server_class", [PostgresServer, ValkeyServer, NatsServer])
def test_a_busy_port_is_an_error_with_the_servers_own_words(tmp_path: Path, server_class: type[Server]) -> None:
    with NatsServer(tmp_path / "other") as other, pytest.raises(ServerError, match=r"(?s)did not start \(.*in use"):
        server_class(tmp_path / "this", port=other.port).start()


@pytest.mark.parametrize("server_class", [ValkeyServer, NatsServer])
def test_a_wrong_password_is_refused(tmp_path: Path, server_class: type[Server]) -> None:
    with server_class(tmp_path / "server") as server:
        assert server.is_ready()
        assert not server_class(tmp_path / "server", port=server.port, password="wrong").is_ready()


@pytest.mark.parametrize("server_class", [ValkeyServer, NatsServer])
def test_passwords_are_neither_on_the_command_line_nor_in_a_readable_file(
    tmp_path: Path, server_class: type[Server]
) -> None:
    with server_class(tmp_path / "server") as server:
        assert server.password not in " ".join(psutil.Process(server.pid).cmdline())
    readable = [
        path
        for path in (tmp_path / "server").rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert not [path for path in readable if server.password.encode() in path.read_bytes()]


def test_a_graceful_stop_is_quick_with_clients_connected(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "pg", durable=False) as server:
        os.kill(server.pid, signal.SIGHUP)  # rereads its settings, goes on
        assert server.is_ready()
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
