"""The record of calls: in the process, over HTTP, and in the append-only file; and the emulator as a process of its own."""

import asyncio
import base64
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from common.events.usage import Tokens
from common.testing.emulator import Emulator, read_call_file

HELLO = {"model": "emulated", "messages": [{"role": "user", "content": "Hello!"}]}


async def chat(http: httpx.AsyncClient, model: str = "emulated", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.post("/v1/chat/completions", json={**HELLO, "model": model}, headers=named)


async def test_what_came_is_kept_byte_for_byte(http: httpx.AsyncClient, emulator: Emulator) -> None:
    body = b'{ "model":"emulated","messages":[{"content":"\\u00e4","role":"user"}] }\n'
    await http.post(
        "/v1/chat/completions?a=b",
        content=body,
        headers=[("content-type", "application/json"), ("X-Request-Id", "req_1"), ("x-twice", "1"), ("x-twice", "2")],
    )
    [call] = emulator.calls
    assert (call.method, call.path, call.query, call.request_id) == ("POST", "/v1/chat/completions", "a=b", "req_1")
    assert call.raw_body == body
    assert call.body["messages"][0]["content"] == "ä"
    assert [value for name, value in call.headers if name == "x-twice"] == ["1", "2"]
    assert (call.header("x-twice"), call.header("absent")) == ("1", None)
    assert call.ended_at is not None
    assert call.ended_at >= call.arrived_at


async def test_bytes_sent_are_the_answers_body(http: httpx.AsyncClient, emulator: Emulator) -> None:
    response = await chat(http, "emulated-split-bytes")
    assert emulator.calls[0].bytes_sent == len(response.content)


async def test_what_is_refused_is_recorded_too(http: httpx.AsyncClient, emulator: Emulator) -> None:
    await http.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
    await http.get("/nowhere")
    first, second = emulator.calls
    assert (first.raw_body, first.body, first.status) == (b"{", None, 400)
    assert (second.status, second.refused) == (404, "Invalid URL (GET /nowhere)")
    assert emulator.count() == {"arrived": 2, "open": 0, "finished": 2, "aborted": 0, "cut": 0, "refused": 2}


async def test_a_client_that_leaves_while_it_sends(emulator: Emulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(emulator.url).port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: e\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    [call] = await emulator.wait_ended(1)
    assert (call.state, call.status) == ("aborted", None)
    assert await reader.read() == b""


async def test_clearing_forgets_the_calls_under_way(http: httpx.AsyncClient, emulator: Emulator) -> None:
    running = asyncio.create_task(chat(http, "emulated-slow-first-byte-200"))
    await asyncio.sleep(0.05)
    assert emulator.count()["open"] == 1
    emulator.clear()
    await running
    assert emulator.calls == []
    assert set(emulator.count().values()) == {0}


async def test_only_the_last_calls_and_no_bodies_are_kept_if_so_wanted() -> None:
    async with (
        Emulator(keep_calls=2, keep_bodies=False) as emulator,
        httpx.AsyncClient(base_url=emulator.url, verify=False) as http,
    ):
        for number in range(5):
            await chat(http, x_request_id=f"req_{number}")
        assert [call.request_id for call in emulator.calls] == ["req_3", "req_4"]
        assert {(call.raw_body, call.body) for call in emulator.calls} == {(b"", None)}
        assert emulator.count()["finished"] == 5


async def test_the_record_over_http(http: httpx.AsyncClient, emulator: Emulator) -> None:
    await chat(http, x_request_id="req_1")
    await chat(http, "emulated-error-500", x_request_id="req_2")
    calls = (await http.get("/emulator/calls")).json()["calls"]
    assert [(call["request_id"], call["status"], call["state"]) for call in calls] == [
        ("req_1", 200, "finished"),
        ("req_2", 500, "finished"),
    ]
    assert calls[0]["tokens"] == msgspec.to_builtins(Tokens(input=9, output=14))
    assert not {"body", "headers", "raw_body"} & set(calls[0])
    [whole] = (await http.get("/emulator/calls?request_id=req_2&bodies=true")).json()["calls"]
    assert whole["body"]["model"] == "emulated-error-500"
    assert base64.b64decode(whole["raw_body_base64"]) == emulator.calls[1].raw_body
    assert ["x-request-id", "req_2"] in whole["headers"]
    assert (await http.get("/emulator/calls/count")).json()["arrived"] == 2
    assert (await http.delete("/emulator/calls")).status_code == 204
    assert (await http.get("/emulator/calls")).json() == {"calls": []}
    assert (await http.get("/emulator/healthz")).status_code == 200
    assert (await http.post("/emulator/calls")).status_code == 404
    assert emulator.calls == []


async def test_the_file_has_every_call_and_outlives_the_emulator(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    for run in range(2):
        async with Emulator(call_file=file) as emulator, httpx.AsyncClient(base_url=emulator.url, verify=False) as http:
            await chat(http, x_request_id=f"req_{run}_0")
            emulator.clear()
            await chat(http, "emulated-error-503", x_request_id=f"req_{run}_1")
    with file.open("ab") as torn:
        torn.write(b'{"event":"arr')
    calls = read_call_file(file)
    assert [(call["request_id"], call["status"]) for call in calls] == [
        ("req_0_0", 200),
        ("req_0_1", 503),
        ("req_1_0", 200),
        ("req_1_1", 503),
    ]
    assert Tokens(**calls[0]["tokens"]) == Tokens(input=9, output=14)
    assert "Hello!" not in file.read_text()


async def test_stopping_breaks_calls_under_way_off_and_records_them(tmp_path: Path) -> None:
    async with Emulator(call_file=tmp_path / "calls.jsonl") as emulator:
        async with httpx.AsyncClient(base_url=emulator.url, verify=False) as http:
            calls = [asyncio.create_task(chat(http, name)) for name in ("emulated-silent", "emulated-stall-after-1")]
            await asyncio.sleep(0.1)
            await emulator.__aexit__(None, None, None)
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(answer, httpx.TransportError) for answer in answers)
    assert [call["state"] for call in read_call_file(tmp_path / "calls.jsonl")] == ["aborted", "aborted"]


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    command = [sys.executable, "-m", "common.testing.emulator", *arguments]
    emulator = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert emulator.stdout is not None
        async with asyncio.timeout(30):
            yield emulator, json.loads(await emulator.stdout.readline())
    finally:
        if emulator.returncode is None:
            emulator.kill()
        await emulator.wait()


async def test_as_a_process(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    async with process("--api-key", "sk-1", "--call-file", str(file), "--forget-bodies") as (emulator, said):
        async with httpx.AsyncClient(base_url=said["url"], headers={"authorization": "Bearer sk-1"}) as http:
            assert said["base_url"] == said["url"] + "/v1"
            assert (await chat(http, x_request_id="req_1")).status_code == 200
            assert (await chat(http, authorization="Bearer sk-2")).status_code == 401
            with pytest.raises(httpx.ReadError):
                await chat(http, "emulated-cut-after-1")
            count = (await http.get("/emulator/calls/count")).json()
            assert count == {"arrived": 3, "open": 0, "finished": 2, "aborted": 0, "cut": 1, "refused": 1}
        emulator.send_signal(signal.SIGTERM)
        assert await emulator.wait() == 0
    assert [call["status"] for call in read_call_file(file)] == [200, 401, 200]


async def test_killed_it_leaves_every_call_that_arrived_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    async with process("--call-file", str(file)) as (emulator, said), httpx.AsyncClient(base_url=said["url"]) as http:
        await chat(http, x_request_id="req_1")
        running = asyncio.create_task(chat(http, "emulated-silent", x_request_id="req_2"))
        while file.read_bytes().count(b"\n") < 3:  # req_2 has arrived
            await asyncio.sleep(0.01)
        emulator.kill()
        with pytest.raises(httpx.TransportError):
            await running
    assert [(call["request_id"], call["state"]) for call in read_call_file(file)] == [
        ("req_1", "finished"),
        ("req_2", "open"),
    ]
