"""Bad input gets a clear error in OpenAI's shape, never a 5xx, and the next call works."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest


@pytest.fixture
async def client(control: Any, edge: Any) -> AsyncIterator[httpx.AsyncClient]:
    key = await control.key(await control.tenant())
    async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=20) as client:
        yield client
        assert (await client.get("/v1/models")).status_code == 200


def error_of(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\x00\xff", 400, "invalid_json"),
        (b"[" * 200_000, 400, None),
        (b"null", 400, "invalid_type"),
        (b'{"messages":[]}', 400, "missing_required_parameter"),
        (b'{"model":{},"messages":[]}', 400, "invalid_type"),
        (b'{"model":"x","messages":"hi"}', 400, "invalid_type"),
        (b'{"model":"x","messages":[],"stream":"yes"}', 400, "invalid_type"),
        (b'{"model":"unknown","messages":[]}', 404, "model_not_found"),
        (b'{"model":"\\u0000","messages":[]}', 404, "model_not_found"),
        (json.dumps({"model": "x" * 100_000, "messages": []}).encode(), 404, "model_not_found"),
    ],
)
async def test_bodies(client: httpx.AsyncClient, body: bytes, status: int, code: str | None) -> None:
    response = await client.post("/v1/chat/completions", content=body)
    assert response.status_code == status
    error = error_of(response)
    assert code is None or error["code"] == code
    assert len(response.content) < 2000


async def test_a_body_of_20_megabytes_is_refused_announced_or_not(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000_000

    for content in (b"x" * 20_000_000, pieces()):
        response = await client.post("/v1/chat/completions", content=content)
        assert response.status_code == 413
        assert error_of(response)["code"] == "request_too_large"


async def test_paths_and_methods(client: httpx.AsyncClient) -> None:
    for path in ("/", "/v1", "/v1/unknown", "/v1/chat/completions/", "/v2/models", "/..%2f..%2fetc/passwd", "/%ff"):
        assert (await client.get(path)).status_code == 404
    for method, path, allow in (("GET", "/v1/chat/completions", "POST"), ("DELETE", "/v1/models/x", "GET")):
        response = await client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allow)
        error_of(response)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 200_000 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_http_is_answered_or_cut_off_and_harms_nobody(
    edge: Any, client: httpx.AsyncClient, raw: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.settings.listen_port)
    writer.write(raw)
    async with asyncio.timeout(10):
        try:
            await writer.drain()
            status = await reader.readline()
        except ConnectionError:
            status = b""
    assert not status.startswith(b"HTTP/1.1 5")
    writer.close()
