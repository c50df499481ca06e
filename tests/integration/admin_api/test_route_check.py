"""A route is tried out, at a provider that checks what it is asked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devstack.ports import LOOPBACK, free_port

CREDENTIAL = "sk-canary-of-the-provider"


@pytest.fixture
def provider() -> Iterator[str]:
    """Its address. It knows one model, one credential and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            right = self.headers.get("authorization") == f"Bearer {CREDENTIAL}"
            found = {"/v1/models": 200 if right else 401, "/moved/models": 302, "/broken/models": 500}
            status = found.get(self.path, 404)
            body = json.dumps({"object": "list", "data": [{"id": "small"}]}).encode() if status == 200 else b"{}"
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def check(
    admin: Any, alias: str, base_url: str, *, model: str = "small", credential: str | None = CREDENTIAL
) -> Any:
    owner = await admin.owner()
    route = {"provider": "openai-compatible", "model": model, "base_url": base_url, "prices": {}}
    if credential is not None:
        route["credential"] = credential
    made = await owner.put(f"/admin/model-catalog/{alias}", json={"routes": [route]})
    assert made.status_code in {200, 201}, made.text
    reply = await owner.post(f"/admin/routes/{made.json()['routes'][0]['id']}/check")
    assert reply.status_code == 200
    assert CREDENTIAL not in reply.text
    return reply.json()


async def test_a_route_that_is_right(admin: Any, provider: str) -> None:
    checked = await check(admin, "check/right", f"{provider}/v1")
    assert checked.pop("latency_ms") >= 0
    assert checked == {"ok": True, "reason": None, "status_code": 200, "knows_model": True}
    (entry, *_) = (await (await admin.owner()).get("/admin/audit/entries", params={"action": "route.checked"})).json()[
        "data"
    ]
    assert entry["after"] == {"alias": "check/right"}


@pytest.mark.parametrize(
    ("path", "fields", "ok", "reason"),
    [
        ("/v1", {"credential": "sk-wrong"}, False, "The provider refuses the credential."),
        ("/v1", {"credential": None}, False, "The provider refuses the credential."),
        ("/v1", {"model": "large"}, False, "The provider has no model named large."),
        ("/broken", {}, False, "The provider answers 500."),
        ("/moved", {}, False, "The provider answers 302."),
        ("/nothing", {}, True, None),
    ],
)
async def test_what_is_wrong_is_said(
    admin: Any, provider: str, path: str, fields: dict[str, Any], ok: bool, reason: str | None
) -> None:
    checked = await check(admin, "check/other", provider + path, **fields)
    assert (checked["ok"], checked["reason"]) == (ok, reason)


async def test_who_does_not_answer(admin: Any) -> None:
    checked = await check(admin, "check/away", f"http://{LOOPBACK}:{free_port()}/v1")
    assert checked["reason"] == "The provider does not answer: it cannot be reached: ConnectError."
    assert (await (await admin.owner()).post("/admin/routes/rte_nothing/check")).status_code == 404


async def test_an_address_that_has_become_private_is_not_called(start_admin: Any, nats_url: str, provider: str) -> None:
    """It was allowed when the route was made."""
    loose = await start_admin(nats_url=nats_url)
    await loose.in_force()
    owner = await loose.owner()
    route = {"provider": "openai-compatible", "model": "small", "base_url": f"{provider}/v1", "prices": {}}
    made = (await owner.put("/admin/model-catalog/inside", json={"routes": [route]})).json()
    strict = await start_admin(nats_url=nats_url, database_url=loose.database_url, allow_private_upstreams=False)
    reply = await (await strict.owner()).post(f"/admin/routes/{made['routes'][0]['id']}/check")
    assert reply.json()["reason"] == "The address is not called: the host 127.0.0.1 leads to a private address."
