"""The HTTP application of alerts: health, readiness and metrics. What it does, it does for events and questions on NATS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import common.http.app
from alerts.wiring import SERVICE, Wiring


def create_app(wiring: Wiring) -> FastAPI:
    """The connections open when the application starts, and close when it has stopped."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with wiring.running():
            yield

    return common.http.app.create_app(
        title=SERVICE,
        description="Notifications by e-mail and webhook",
        pings=wiring.required,
        reported=wiring.reported,
        metrics=wiring.metrics,
        lifespan=lifespan,
    )
