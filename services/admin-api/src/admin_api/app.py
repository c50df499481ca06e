"""The HTTP application of admin-api: the Admin API under `/admin`, its description, and the portal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import common.http.app
from admin_api.browser_rules import BrowserRules
from admin_api.docs import add_docs
from admin_api.routes import add_routes
from admin_api.wiring import Wiring

_TITLE = "Open Model Gateway Admin API"
_DESCRIPTION = "The control plane: tenants, people, API keys, the model catalog, and usage."


def create_app(wiring: Wiring) -> FastAPI:
    """The connections open when the application starts, and close when it has stopped."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with wiring.running():
            yield

    app = common.http.app.create_app(
        title=_TITLE,
        description=_DESCRIPTION,
        pings=wiring.required,
        reported=wiring.reported,
        metrics=wiring.metrics,
        lifespan=lifespan,
        docs=True,
    )
    app.state.services = wiring.services
    app.add_middleware(BrowserRules)
    add_routes(app)
    add_docs(app)
    if wiring.portal is not None:
        wiring.portal.add_to(app)
    return app


def describe_api() -> dict[str, Any]:
    """The OpenAPI document, without settings or connections."""
    app = common.http.app.create_app(title=_TITLE, description=_DESCRIPTION, pings={}, docs=True)
    add_routes(app)
    return app.openapi()
