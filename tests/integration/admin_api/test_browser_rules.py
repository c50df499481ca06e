"""What browsers are told, and that another site cannot use a signed-in browser."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "http://admin.test"},
        {"origin": "https://ADMIN.test", "sec-fetch-site": "same-origin"},
    ],
)
async def test_our_own_pages_and_programs_are_let_through(admin: Any, headers: dict[str, str]) -> None:
    tenant = await admin.tenant()

    reply = await (await admin.owner()).patch(f"/admin/tenants/{tenant['id']}", json={}, headers=headers)

    assert reply.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "anything"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "http://admin.test:8080"},
        {"origin": "http://admin.test.evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "admin.test"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_other_sites_are_refused(admin: Any, headers: dict[str, str], method: str) -> None:
    reply = await (await admin.owner()).request(method, "/admin/tenants", json={"name": "Forged"}, headers=headers)

    assert reply.status_code == 403
    assert reply.json()["error"]["code"] == "csrf"


async def test_another_site_cannot_even_sign_in(admin: Any) -> None:
    reply = await (await admin.client()).post(
        "/admin/auth/login", json={"email": "a@b", "password": "x"}, headers={"sec-fetch-site": "cross-site"}
    )

    assert reply.status_code == 403


@pytest.mark.parametrize("path", ["/admin/tenants", "/admin/nothing", "/docs", "/openapi.json", "/healthz"])
async def test_every_reply_carries_the_security_headers(admin: Any, path: str) -> None:
    reply = await (await admin.client()).get(path)

    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"


async def test_the_page_for_people_loads_nothing_from_elsewhere(admin: Any) -> None:
    client = await admin.client()
    page = await client.get("/docs")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("https://", "").replace("http://", "")
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        assert f"/docs/{name}" in page.text
        assert (await client.get(f"/docs/{name}")).headers["content-type"].startswith(kind)
    assert (await client.get("/docs/other.js")).status_code == 404
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Open Model Gateway Admin API"
