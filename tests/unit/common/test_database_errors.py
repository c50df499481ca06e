"""Which of Postgres's error codes mean "later", and that an engine says so in one way."""

import asyncio

import pytest

from common.db.engine import create_engine, ping
from common.db.errors import DatabaseUnavailableError, is_transient


@pytest.mark.parametrize("code", ["08006", "57P01", "57P03", "57014", "53300", "55P03", "40001", "40P01", "42P01"])
def test_what_may_pass_later(code: str) -> None:
    assert is_transient(code)


@pytest.mark.parametrize("code", ["23505", "42601", "22021", "42703", "", None])
def test_what_will_not(code: str | None) -> None:
    assert not is_transient(code)


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@127.0.0.1:1/x", "postgresql://u:p@nowhere.invalid/x", "postgres://u:p@127.0.0.1:1/x"]
)
async def test_a_server_that_is_not_there_is_unavailable_and_its_address_is_not_told(url: str) -> None:
    engine = create_engine(url, name="test")
    try:
        with pytest.raises(DatabaseUnavailableError) as raised:
            await ping(engine)
    finally:
        await engine.dispose()

    assert "p@" not in str(raised.value)
    assert isinstance(raised.value, OSError), "whoever retries a broken connection retries this"


async def test_a_server_that_never_answers_is_unavailable_in_time() -> None:
    gone = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        engine = create_engine(f"postgresql://u:p@127.0.0.1:{port}/x", name="test")
        try:
            async with asyncio.timeout(10):
                with pytest.raises(DatabaseUnavailableError):
                    await ping(engine)
        finally:
            gone.set()
            await engine.dispose()
            await asyncio.sleep(0.05)
