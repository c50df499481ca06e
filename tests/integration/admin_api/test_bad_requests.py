"""Whatever is sent, the answer is the error object with a 4xx: never a 5xx, never another shape."""

import json
from typing import Any

import pytest

DEEP = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "a", "name": "b"}', 201),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": 1e999}', 400),
        (b'{"name": NaN}', 400),
        (DEEP, 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b'{"name": "' + b"x" * 2_000_000 + b'"}', 413),
    ],
)
async def test_a_broken_body_is_refused(admin: Any, body: bytes, status: int) -> None:
    owner = await admin.owner()

    reply = await owner.post("/admin/tenants", content=body, headers={"content-type": "application/json"})

    assert reply.status_code == status, reply.text
    if status != 201:
        assert set(reply.json()["error"]) == {"message", "type", "code", "param"}


async def test_an_unannounced_large_body_is_refused(admin: Any) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b" " * 65536

    reply = await (await admin.owner()).post(
        "/admin/tenants", content=chunks(), headers={"content-type": "application/json"}
    )

    assert reply.status_code == 413
    assert "error" in reply.json()


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/plain"}, {"content-type": "multipart/form-data"}, {"content-length": "x"}]
)
async def test_odd_headers_are_refused(admin: Any, headers: dict[str, str]) -> None:
    reply = await (await admin.owner()).post("/admin/tenants", content=b'{"name": "x"}', headers=headers)

    assert 400 <= reply.status_code < 500
    assert "error" in reply.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/admin/nothing", 404),
        ("GET", "/", 404),
        ("PUT", "/admin/tenants", 405),
        ("GET", "/admin/auth/login", 405),
        ("GET", "/%00", 404),
        ("GET", "/admin/api-keys?tenant_id=%00", 400),
        ("GET", "/admin/api-keys?tenant_id=%ff", 200),
        ("GET", "/admin/tenants?limit=5&limit=x", 400),
    ],
)
async def test_odd_addresses_get_the_error_object(admin: Any, method: str, path: str, status: int) -> None:
    reply = await (await admin.owner()).request(method, path)

    assert reply.status_code == status
    if status >= 400:
        assert set(json.loads(reply.content)["error"]) == {"message", "type", "code", "param"}


async def test_a_value_that_was_refused_is_not_in_the_answer(admin: Any) -> None:
    reply = await (await admin.owner()).post(
        "/admin/users", json={"email": "a@b.c", "name": "x", "role": "admin", "password": "hunter2"}
    )

    assert reply.status_code == 400
    assert "hunter2" not in reply.text
