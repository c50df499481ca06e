"""`/emulator/…`: the record of calls over HTTP, for tests whose emulator is a process of its own.

| request | answer |
|---|---|
| `GET /emulator/calls` | `{"calls": […]}`, oldest first; `?request_id=…` only that one's, `?bodies=true` with headers and body |
| `GET /emulator/calls/count` | `{"arrived", "open", "finished", "aborted", "cut", "refused"}` |
| `DELETE /emulator/calls` | 204; the append-only file stays |
| `GET /emulator/healthz` | 200 |
"""

import base64
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from common.testing.emulator.calls import Call, Calls
from common.testing.emulator.exchange import Send


async def control(calls: Calls, scope: MutableMapping[str, Any], send: Send) -> None:
    """Answers one request; none of them is recorded."""
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    match scope["method"], scope["path"]:
        case "GET", "/emulator/calls":
            chosen = [call for call in calls.all() if query.get("request_id") in {None, call.request_id}]
            shape = _whole if query.get("bodies") == "true" else Call.brief
            await _reply(send, 200, {"calls": [shape(call) for call in chosen]})
        case "GET", "/emulator/calls/count":
            await _reply(send, 200, calls.count())
        case "DELETE", "/emulator/calls":
            calls.clear()
            await _reply(send, 204, None)
        case "GET", "/emulator/healthz":
            await _reply(send, 200, {"status": "ok"})
        case method, path:
            await _reply(send, 404, {"error": f"no {method} {path}"})


def _whole(call: Call) -> dict[str, Any]:
    return {
        **call.brief(),
        "headers": call.headers,
        "body": call.body,
        "raw_body_base64": base64.b64encode(call.raw_body).decode(),
    }


async def _reply(send: Send, status: int, content: Any) -> None:
    body = b"" if content is None else msgspec.json.encode(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 204:
        headers = []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
