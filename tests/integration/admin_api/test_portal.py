"""The portal's files: its pages, its assets, what may be kept, and nothing outside its folder."""

import asyncio
import gzip
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OUTSIDE = (
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/..%2fsecret.txt",
    "//etc/passwd",
    "/./index.html/../../secret.txt",
)
SCRIPT = "console.log('portal');" * 100


@pytest.fixture
async def client(start_admin: Any, nats_url: str, tmp_path: Path) -> Any:
    folder = tmp_path / "portal"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><div id=root></div>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets/index-4f2a.js").write_text(SCRIPT)
    (folder / "assets/font-1b.woff2").write_bytes(b"\0font")
    (tmp_path / "secret.txt").write_text("not for the web")
    admin = await start_admin(nats_url=nats_url, portal_dir=folder)
    return await admin.client()


@pytest.mark.parametrize("path", ["/", "/index.html", "/models", "/models/gpt-4.1", "/tenants/tnt_1/keys?x=1"])
async def test_every_address_of_the_portal_is_its_one_page(client: Any, path: str) -> None:
    reply = await client.get(path, headers=PAGE)

    assert reply.status_code == 200
    assert reply.text == "<!doctype html><div id=root></div>"
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in reply.headers["content-security-policy"]


async def test_hashed_assets_are_kept_for_ever(client: Any) -> None:
    script = await client.get("/assets/index-4f2a.js")
    font = await client.get("/assets/font-1b.woff2")

    assert (script.status_code, script.text) == (200, SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert font.headers["content-type"] == "font/woff2"
    for reply in (script, font):
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_texts_are_compressed_for_who_can_read_it(client: Any) -> None:
    plain = await client.get("/assets/index-4f2a.js", headers={"accept-encoding": "identity"})
    async with client.stream("GET", "/assets/index-4f2a.js", headers={"accept-encoding": "gzip, br"}) as reply:
        raw = b"".join([chunk async for chunk in reply.aiter_raw()])

    assert "content-encoding" not in plain.headers
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw).decode() == SCRIPT


async def test_what_a_browser_has_already_is_not_sent_again(client: Any) -> None:
    etag = (await client.get("/icon.svg")).headers["etag"]

    reply = await client.get("/icon.svg", headers={"if-none-match": etag})

    assert (reply.status_code, reply.content) == (304, b"")


@pytest.mark.parametrize("path", ["/assets/gone.js", "/admin/nothing", "/v1/models", "/docs/x.js"])
@pytest.mark.parametrize("accept", ["*/*", PAGE["accept"]])
async def test_what_is_not_there_is_not_a_page(client: Any, path: str, accept: str) -> None:
    reply = await client.get(path, headers={"accept": accept})

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"


async def test_a_picture_that_is_not_there_is_not_a_page(client: Any) -> None:
    assert (await client.get("/favicon.ico", headers={"accept": "image/avif,image/*"})).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_files_can_only_be_read(client: Any, method: str) -> None:
    assert (await client.request(method, "/index.html")).status_code == 405
    assert (await client.head("/index.html")).status_code == 200


async def test_nothing_outside_the_folder_can_be_reached(start_admin: Any, nats_url: str, tmp_path: Path) -> None:
    """Spoken byte by byte: clients tidy such addresses up before they send them."""
    folder = tmp_path / "portal"
    folder.mkdir()
    (folder / "index.html").write_text("page")
    (tmp_path / "secret.txt").write_text("not for the web")
    admin = await start_admin(nats_url=nats_url, portal_dir=folder)
    for path in (
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/./index.html/../../secret.txt",
    ):
        body = await asgi_get(admin.app, path)
        assert b"not for the web" not in body
        assert b"root:" not in body


async def asgi_get(app: Any, path: str) -> bytes:
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"admin.test"), (b"accept", b"text/html")],
        "client": ("127.0.0.1", 1),
        "server": ("admin.test", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


async def test_a_folder_without_a_portal_is_said_at_the_start(start_admin: Any, nats_url: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no built portal"):
        await start_admin(nats_url=nats_url, portal_dir=tmp_path)
