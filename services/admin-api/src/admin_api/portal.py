"""The built portal, served from memory: its files are few, and what is looked up in a table cannot be climbed out of.

Files under `assets/` carry a hash of their content in their name and are kept by browsers for ever; everything else is asked
for each time. An address that is no file and wants a page is one of the portal's own, so it gets `index.html`.
"""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response

from common.http.errors import NotFoundError

_FOREVER: Final = "public, max-age=31536000, immutable"
_ASK_EACH_TIME: Final = "no-cache"
# Python's own table differs between versions and machines.
_TYPES: Final = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_NOT_PAGES: Final = ("admin", "user", "docs", "scim", "openapi.json", "healthz", "readyz", "metrics", "assets", "v1")


class PortalError(Exception):
    """The folder holds no built portal; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    compressed: bytes | None
    headers: dict[str, str]


class Portal:
    """The files of a folder, read once."""

    def __init__(self, folder: Path) -> None:
        """Raises `PortalError` when there is no `index.html` in it."""
        self._files = {
            path.relative_to(folder).as_posix(): _read(path, path.relative_to(folder))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if "index.html" not in self._files:
            raise PortalError(f"{folder} holds no built portal: there is no index.html")

    def add_to(self, app: FastAPI) -> None:
        """Serve what no route before this one serves."""
        app.add_api_route("/{path:path}", self._serve, methods=["GET", "HEAD"], include_in_schema=False)

    async def _serve(self, request: Request, path: str) -> Response:
        file = self._find(path, wants_page="text/html" in request.headers.get("accept", ""))
        if file is None:
            raise NotFoundError("There is nothing at this address.")
        if request.headers.get("if-none-match") == file.headers["etag"]:
            return Response(status_code=304, headers=file.headers)
        if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.compressed, headers={**file.headers, "content-encoding": "gzip"})
        return Response(file.body, headers=file.headers)

    def _find(self, path: str, *, wants_page: bool) -> _File | None:
        if path in self._files:
            return self._files[path]
        is_page = wants_page and path.split("/", 1)[0] not in _NOT_PAGES
        return self._files["index.html"] if is_page or not path else None


def _read(path: Path, name: Path) -> _File:
    body = path.read_bytes()
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    is_text = kind.startswith(("text/", "application/json", "application/manifest", "image/svg"))
    return _File(
        body=body,
        compressed=gzip.compress(body, 6) if is_text and len(body) > 1000 else None,
        headers={
            "content-type": f"{kind}; charset=utf-8" if is_text else kind,
            "cache-control": _FOREVER if name.parts[0] == "assets" else _ASK_EACH_TIME,
            "etag": f'"{sha256(body).hexdigest()[:32]}"',
            "vary": "accept-encoding",
        },
    )
