"""The FastAPI app every control-plane service starts from: errors in one shape, health, metrics, bounded bodies.

A service adds its routers and a lifespan. `/healthz` says the loop turns; `/readyz` asks the registered pings; `/metrics` is
Prometheus text, meant for the cluster's inside.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.db.errors import DatabaseUnavailableError
from common.http.errors import ApiError, InvalidRequestError, NotFoundError, UnavailableError
from common.http.health import Ping, readiness
from common.http.request_id import RequestId
from common.logging import get_logger
from common.validation import place_of

MAX_BODY_BYTES: Final = 1024 * 1024

_log = get_logger(__name__)


def create_app(
    *,
    title: str,
    description: str,
    pings: Mapping[str, Ping],
    reported: Mapping[str, Ping] | None = None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    docs: bool = False,
    metrics: bool = True,
) -> FastAPI:
    """`/readyz` is 200 when all `pings` answer, and also tells how the `reported` do. Both may be filled later, by the lifespan.

    `docs` publishes `/openapi.json`. A page for people is the service's own: FastAPI's loads its scripts from other hosts.
    Without `metrics`, `/metrics` is not there.
    """
    app = FastAPI(
        title=title,
        description=description,
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        openapi_url="/openapi.json" if docs else None,
        redoc_url=None,
        # Operations are called what their functions are called, so that generated clients read well.
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(_BodyLimit, limit=MAX_BODY_BYTES)
    app.add_middleware(RequestId)
    app.add_exception_handler(ApiError, _render_api_error)
    app.add_exception_handler(RequestValidationError, _render_validation_error)
    app.add_exception_handler(HTTPException, _render_http_exception)
    app.add_exception_handler(DatabaseUnavailableError, _render_database_unavailable)
    app.add_exception_handler(Exception, _render_unexpected)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        ready, checks = await readiness(pings, reported or {})
        return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def read_metrics() -> Response:
        if not metrics:
            raise NotFoundError("Metrics are switched off.")
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _render(error: ApiError) -> JSONResponse:
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers)


async def _render_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return _render(error)


async def _render_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _render(InvalidRequestError("The body is not valid JSON.", code="invalid_json"))
    where = ".".join(str(part) for part in place_of(first) if part not in {"body", "query", "path"})
    return _render(
        InvalidRequestError(f"{where or 'request'}: {first['msg']}", code="invalid_value", param=where or None)
    )


async def _render_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    rendered: ApiError = InvalidRequestError(str(error.detail))
    if error.status_code == 404:
        rendered = NotFoundError("There is nothing at this address.")
    return JSONResponse(rendered.body(), status_code=error.status_code, headers=error.headers)


async def _render_database_unavailable(_request: Request, _error: Exception) -> JSONResponse:
    return _render(UnavailableError("The database cannot be reached at the moment. Try again in a few seconds."))


async def _render_unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("request failed", method=request.method, path=request.url.path, error=repr(error), exc_info=error)
    return _render(ApiError("Something went wrong on our side. It has been logged.", code="internal_error"))


class _BodyLimit:
    """Refuses bodies above `limit` bytes with 413, announced or not, before anything is parsed."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit:
            await self._refuse(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise HTTPException(status_code=413, detail=f"The body is larger than {self._limit} bytes.")
            return message

        await self._app(scope, limited, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = InvalidRequestError(f"The body is larger than {self._limit} bytes.", code="request_too_large")
        await JSONResponse(error.body(), status_code=413)(scope, receive, send)
