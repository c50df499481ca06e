"""Facts about the installation over HTTP."""

from importlib.metadata import version
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from admin_api.dependencies import SignedIn, Wired

router = APIRouter(prefix="/admin/gateway", tags=["gateway"])

_VERSION: Final = version("omg-admin-api")


class Gateway(BaseModel):
    """`base_url` is where applications reach the gateway, without `/v1`."""

    base_url: str
    version: str


@router.get("")
async def read_gateway(_principal: SignedIn, services: Wired) -> Gateway:
    """Where the gateway is, for curl lines and SDK settings."""
    return Gateway(base_url=services.gateway_url, version=_VERSION)
