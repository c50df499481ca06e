"""The configuration file over HTTP: what it declares, and reading it again."""

from fastapi import APIRouter

from admin_api.declared.schemas import Configuration, ModelReset
from admin_api.declared.service import list_declarations
from admin_api.dependencies import Wired, require

router = APIRouter(prefix="/admin/configuration", tags=["configuration"])


@router.get("", dependencies=[require("settings:read")])
async def read_configuration(services: Wired) -> Configuration:
    """What comes from the configuration file, and what is wrong with it."""
    file = services.configuration_file
    declarations = await list_declarations(services.sessions)
    return Configuration.of(None if file.path is None else str(file.path), file.last, declarations)


@router.post("/reload", dependencies=[require("settings:write")])
async def reload_configuration(services: Wired) -> Configuration:
    """Read the configuration file again, as SIGHUP does: its models follow it, but for those that were edited here since, and its
    bootstrap makes what is new in it. Entries that cannot be are in `problems`, and stop no other."""
    await services.propagation.wait(await services.configuration_file.read())
    return await read_configuration(services)


@router.post("/reset-model", dependencies=[require("catalog:write")])
async def reset_model(services: Wired, body: ModelReset) -> Configuration:
    """Make a model what the configuration file says again, whatever was edited here."""
    await services.propagation.wait(await services.configuration_file.reset(body.alias))
    return await read_configuration(services)
