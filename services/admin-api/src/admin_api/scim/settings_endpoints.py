"""The settings of provisioning over HTTP: tokens for the directory, and what its groups give."""

from typing import Annotated, Final

from fastapi import APIRouter

from admin_api.access_tokens.domain import hint_of
from admin_api.dependencies import Wired, check_in_person, require
from admin_api.scim import repository
from admin_api.scim.domain import TOKEN_PREFIX, new_token
from admin_api.scim.groups import set_roles
from admin_api.scim.models import ScimTokenRow
from admin_api.scim.schemas import (
    GroupRolesWrite,
    ScimGroup,
    ScimGroupList,
    ScimToken,
    ScimTokenCreate,
    ScimTokenCreated,
    ScimTokenList,
)
from admin_api.sessions.domain import Principal, hash_token
from common.http.errors import NotFoundError
from common.ids import is_id, new_id

router = APIRouter(prefix="/admin/settings/scim", tags=["settings"])

_ALL: Final = 1000


@router.get("/tokens", dependencies=[require("users:read")])
async def list_scim_tokens(services: Wired) -> ScimTokenList:
    """The directory's tokens."""
    async with services.sessions.begin() as session:
        return ScimTokenList(data=[ScimToken.of(row) for row in await repository.tokens(session)])


@router.post("/tokens", status_code=201)
async def create_scim_token(
    services: Wired, principal: Annotated[Principal, require("users:write")], body: ScimTokenCreate
) -> ScimTokenCreated:
    """Make a token, which is shown this once. To rotate: make another, give it to the directory, delete the old one."""
    check_in_person(principal)
    token = new_token()
    row = ScimTokenRow(
        id=new_id(TOKEN_PREFIX),
        name=body.name,
        token_hash=hash_token(token),
        hint=hint_of(token),
        created_at=services.clock(),
        last_used_at=None,
    )
    async with services.sessions.begin() as session:
        session.add(row)
    return ScimTokenCreated(**ScimToken.of(row).model_dump(), token=token)


@router.delete("/tokens/{token_id}", status_code=204, dependencies=[require("users:write")])
async def delete_scim_token(services: Wired, token_id: str) -> None:
    """It opens nothing from now on."""
    async with services.sessions.begin() as session:
        row = await session.get(ScimTokenRow, token_id) if is_id(token_id, TOKEN_PREFIX) else None
        if row is None:
            raise NotFoundError("There is no such token.")
        await session.delete(row)


@router.get("/groups", dependencies=[require("users:read")])
async def list_scim_groups(services: Wired) -> ScimGroupList:
    """The directory's groups, and what each gives."""
    async with services.sessions.begin() as session:
        _, rows = await repository.groups(session, None, start=0, count=_ALL)
        roles = await repository.roles(session, [row.id for row in rows])
        return ScimGroupList(
            data=[ScimGroup.of(row, [each for each in roles if each.group_id == row.id]) for row in rows]
        )


@router.put("/groups/{group_id}/roles", dependencies=[require("users:write")])
async def put_scim_group_roles(services: Wired, group_id: str, body: GroupRolesWrite) -> ScimGroup:
    """Decide what a group gives: its people have it when this answers, and lose what is left out."""
    await set_roles(
        services.sessions,
        group_id,
        platform_role=body.platform_role,
        tenants={each.tenant_id: each.role for each in body.tenants},
        clock=services.clock,
        propagation=services.propagation,
    )
    async with services.sessions.begin() as session:
        row = await repository.find_group(session, group_id)
        assert row is not None
        return ScimGroup.of(row, list(await repository.roles(session, [group_id])))
