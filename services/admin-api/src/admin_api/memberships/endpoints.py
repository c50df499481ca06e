"""Memberships over HTTP, behind both doors: for the platform's people under `/admin`, for a tenant's own under `/user`."""

from typing import Annotated, Final

from fastapi import APIRouter, Response

from admin_api.dependencies import Wired, in_tenant, require
from admin_api.memberships import service
from admin_api.memberships.schemas import Member, MemberPage, MemberWrite
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.sessions.domain import Principal

router = APIRouter(tags=["members"])

_ADMIN: Final = "/admin/tenants/{tenant_id}/members"
_USER: Final = "/user/tenants/{tenant_id}/members"
_OfTenant = Annotated[Principal, in_tenant("members:write")]


@router.get(_ADMIN, dependencies=[require("members:read")])
async def list_members(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> MemberPage:
    """Who belongs to a tenant."""
    return MemberPage.of(
        await service.list_members(services.sessions, tenant_id, limit=limit, cursor=cursor), Member.of
    )


@router.put(_ADMIN + "/{user_id}", responses={201: {"model": Member}}, dependencies=[require("members:write")])
async def put_member(services: Wired, response: Response, tenant_id: str, user_id: str, body: MemberWrite) -> Member:
    """Make a person a member, or give them another role. The last owner stays one."""
    member, created = await service.put_member(
        services.sessions, tenant_id, user_id, role=body.role, by=None, clock=services.clock
    )
    if created:
        response.status_code = 201
    return Member.of(member)


@router.delete(_ADMIN + "/{user_id}", status_code=204, dependencies=[require("members:write")])
async def remove_member(services: Wired, tenant_id: str, user_id: str) -> None:
    """Take a person out of a tenant; their own keys to it are revoked. The last owner stays."""
    await service.remove_member(
        services.sessions, tenant_id, user_id, by=None, clock=services.clock, propagation=services.propagation
    )


@router.get(_USER, dependencies=[in_tenant("members:read")])
async def list_my_tenants_members(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> MemberPage:
    """Who belongs to one's tenant."""
    return MemberPage.of(
        await service.list_members(services.sessions, tenant_id, limit=limit, cursor=cursor), Member.of
    )


@router.put(_USER + "/{user_id}")
async def change_my_tenants_member(
    principal: _OfTenant, services: Wired, tenant_id: str, user_id: str, body: MemberWrite
) -> Member:
    """Give a member of one's tenant another role, up to one's own. Who is no member yet has to be invited."""
    member, _ = await service.put_member(
        services.sessions,
        tenant_id,
        user_id,
        role=body.role,
        by=principal.tenant_roles[tenant_id],
        clock=services.clock,
        must_be_member=True,
    )
    return Member.of(member)


@router.delete(_USER + "/{user_id}", status_code=204)
async def remove_my_tenants_member(principal: _OfTenant, services: Wired, tenant_id: str, user_id: str) -> None:
    """Take a person out of one's tenant, unless they are above oneself; their own keys to it are revoked. The last owner stays."""
    await service.remove_member(
        services.sessions,
        tenant_id,
        user_id,
        by=principal.tenant_roles[tenant_id],
        clock=services.clock,
        propagation=services.propagation,
    )
