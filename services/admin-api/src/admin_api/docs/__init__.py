"""The page at `/docs`: the Admin API for people, read from `/openapi.json`, with a way to try each call.

It is a page of our own, three small files, because the usual ones load their scripts from other hosts: an installation
without a way out, and a content security policy worth its name, rule that out.
"""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI, Response

from common.http.errors import NotFoundError

_FILES: Final = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


def add_docs(app: FastAPI) -> None:
    """Serve the page and its two files."""
    contents = {name: files(__name__).joinpath(name).read_bytes() for name in _FILES}

    async def page() -> Response:
        return Response(contents["page.html"], media_type=_FILES["page.html"])

    async def file(name: str) -> Response:
        if name not in contents:
            raise NotFoundError("There is nothing at this address.")
        return Response(contents[name], media_type=_FILES[name])

    app.add_api_route("/docs", page, include_in_schema=False)
    app.add_api_route("/docs/{name}", file, include_in_schema=False)
