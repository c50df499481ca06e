"""The overview over HTTP."""

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.overview import service
from admin_api.overview.schemas import Health

router = APIRouter(prefix="/admin/health", tags=["gateway"])


@router.get("", dependencies=[require("settings:read")])
async def read_health(services: Wired) -> Health:
    """How the installation is: dependencies, streams and who works at them, and every replica of edge-proxy that answers."""
    return Health.of(await service.overview(sessions=services.sessions, bus=services.bus, pings=services.pings))
