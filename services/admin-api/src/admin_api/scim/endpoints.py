"""SCIM over HTTP. A door of its own: it opens with a SCIM token and with nothing else, and such a token opens nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from admin_api.audit.actor import Actor, acting, set_actor, system
from admin_api.dependencies import Wired, client_address
from admin_api.scim import groups, repository, users
from admin_api.scim.domain import (
    MOST_PER_PAGE,
    ScimError,
    group_change,
    group_patch,
    invalid,
    is_token,
    parse_filter,
    user_change,
    user_patch,
)
from admin_api.scim.resources import (
    group_resource,
    listed,
    resource_types,
    schemas,
    service_provider_config,
    user_resource,
)
from admin_api.sessions.domain import hash_token
from common.http.errors import ApiError
from common.http.request_id import current_request_id

_PREFIX: Final = "/scim/v2"
_LONGEST_BODY: Final = 2_000_000
_TOUCH_AFTER: Final = timedelta(minutes=1)
_bearer: Final = HTTPBearer(auto_error=False, scheme_name="scim_token", description="A token for provisioning.")

Start = Annotated[int, Query(alias="startIndex", le=10**6)]
Count = Annotated[int, Query(le=10**6)]
Filtered = Annotated[str | None, Query(alias="filter", max_length=600)]


async def directory(
    request: Request, services: Wired, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Whoever asks has a token; from now on, what is changed is changed by the directory. Raises `ScimError`."""
    token = "" if bearer is None else bearer.credentials
    async with services.sessions.begin() as session:
        found = await repository.find_token(session, hash_token(token)) if is_token(token) else None
        if found is None:
            raise ScimError(401, "This is not a valid token for provisioning.")
        now = services.clock()
        with acting(system("scim")):
            if found.last_used_at is None or now - found.last_used_at > _TOUCH_AFTER:
                found.last_used_at = now
                await session.flush()
    set_actor(Actor(kind="scim", id=found.id, address=client_address(request), request_id=current_request_id()))


router = APIRouter(prefix=_PREFIX, tags=["scim"], dependencies=[Depends(directory)])


class ScimResponse(Response):
    """JSON, as RFC 7644 calls it."""

    media_type = "application/scim+json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{_PREFIX}"


@router.get("/ServiceProviderConfig")
async def read_service_provider_config(request: Request) -> Response:
    """What this server can do."""
    return ScimResponse(service_provider_config(_base(request)))


@router.get("/ResourceTypes")
async def list_resource_types(request: Request) -> Response:
    """Users and groups."""
    found = resource_types(_base(request))
    return ScimResponse(listed(found, total=len(found), start=1))


@router.get("/Schemas")
async def list_schemas(request: Request) -> Response:
    """What is kept of users and groups."""
    found = schemas(_base(request))
    return ScimResponse(listed(found, total=len(found), start=1))


@router.get("/Users")
async def scim_list_users(
    request: Request, services: Wired, start: Start = 1, count: Count = 100, wanted: Filtered = None
) -> Response:
    """The directory's people; with a filter such as `userName eq "ada@example.com"`, those."""
    first, most = _page(start, count)
    async with services.sessions.begin() as session:
        total, found = await repository.users(session, parse_filter(wanted), start=first, count=most)
        shown = [
            user_resource(each, await repository.groups_of(session, each[1].id), base=_base(request)) for each in found
        ]
    return ScimResponse(listed(shown, total=total, start=first + 1))


@router.post("/Users", status_code=201)
async def scim_create_user(request: Request, services: Wired) -> Response:
    """Make a person, or take over the account that is there with their address."""
    change = user_change(await _content(request))
    async with _refusals():
        user_id = await users.create(services.sessions, change, clock=services.clock, propagation=services.propagation)
    return await _user(request, services, user_id, status=201)


@router.get("/Users/{user_id}")
async def scim_read_user(request: Request, services: Wired, user_id: str) -> Response:
    """One person."""
    return await _user(request, services, user_id)


@router.put("/Users/{user_id}")
async def scim_replace_user(request: Request, services: Wired, user_id: str) -> Response:
    """Make them what is sent; what is left out stays."""
    return await _change_user(request, services, user_id, user_change(await _content(request)))


@router.patch("/Users/{user_id}")
async def scim_patch_user(request: Request, services: Wired, user_id: str) -> Response:
    """Change some of it. `active` false ends their sessions, and takes their own keys out of force, before this answers."""
    return await _change_user(request, services, user_id, user_patch(await _content(request)))


@router.delete("/Users/{user_id}", status_code=204)
async def scim_delete_user(services: Wired, user_id: str) -> Response:
    """They are disabled, and nobody of the directory's any more."""
    async with _refusals():
        await users.remove(services.sessions, user_id, clock=services.clock, propagation=services.propagation)
    return Response(status_code=204)


@router.get("/Groups")
async def scim_list_groups(
    request: Request,
    services: Wired,
    start: Start = 1,
    count: Count = 100,
    wanted: Filtered = None,
    excluded: Annotated[str, Query(alias="excludedAttributes", max_length=200)] = "",
) -> Response:
    """The directory's groups, with their members unless these are excluded."""
    first, most = _page(start, count)
    async with services.sessions.begin() as session:
        total, found = await repository.groups(session, parse_filter(wanted), start=first, count=most)
        shown = []
        for row in found:
            members = None if "members" in excluded else await repository.members(session, row.id)
            shown.append(group_resource(row, members, base=_base(request)))
    return ScimResponse(listed(shown, total=total, start=first + 1))


@router.post("/Groups", status_code=201)
async def scim_create_group(request: Request, services: Wired) -> Response:
    """Make a group. What it gives, people decide (`/admin/settings/scim/groups`)."""
    change = group_change(await _content(request))
    async with _refusals():
        group_id = await groups.create(
            services.sessions, change, clock=services.clock, propagation=services.propagation
        )
    return await _group(request, services, group_id, status=201)


@router.get("/Groups/{group_id}")
async def scim_read_group(request: Request, services: Wired, group_id: str) -> Response:
    """One group with its members."""
    return await _group(request, services, group_id)


@router.put("/Groups/{group_id}")
async def scim_replace_group(request: Request, services: Wired, group_id: str) -> Response:
    """Make it what is sent."""
    return await _change_group(request, services, group_id, group_change(await _content(request)))


@router.patch("/Groups/{group_id}")
async def scim_patch_group(request: Request, services: Wired, group_id: str) -> Response:
    """Change its name, or who is in it."""
    return await _change_group(request, services, group_id, group_patch(await _content(request)))


@router.delete("/Groups/{group_id}", status_code=204)
async def scim_delete_group(services: Wired, group_id: str) -> Response:
    """What it gave goes with it."""
    async with _refusals():
        await groups.remove(services.sessions, group_id, clock=services.clock, propagation=services.propagation)
    return Response(status_code=204)


async def _change_user(request: Request, services: Wired, user_id: str, change: Any) -> Response:
    async with _refusals():
        await users.update(services.sessions, user_id, change, clock=services.clock, propagation=services.propagation)
    return await _user(request, services, user_id)


async def _change_group(request: Request, services: Wired, group_id: str, change: Any) -> Response:
    async with _refusals():
        await groups.update(services.sessions, group_id, change, clock=services.clock, propagation=services.propagation)
    return await _group(request, services, group_id)


async def _user(request: Request, services: Wired, user_id: str, *, status: int = 200) -> Response:
    async with services.sessions.begin() as session:
        found = await users.read(session, user_id)
        resource = user_resource(found, await repository.groups_of(session, user_id), base=_base(request))
    return ScimResponse(resource, status_code=status, headers={"location": resource["meta"]["location"]})


async def _group(request: Request, services: Wired, group_id: str, *, status: int = 200) -> Response:
    async with services.sessions.begin() as session:
        row = await groups.existing(session, group_id)
        resource = group_resource(row, await repository.members(session, group_id), base=_base(request))
    return ScimResponse(resource, status_code=status, headers={"location": resource["meta"]["location"]})


async def _content(request: Request) -> Any:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            raise ScimError(413, "This is too long.")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("the body is no JSON", "invalidSyntax") from None


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """What the rest of the control plane refuses, in SCIM's shape."""
    try:
        yield
    except ScimError:
        raise
    except ApiError as error:
        raise ScimError(error.status, error.message) from error


def _page(start: int, count: int) -> tuple[int, int]:
    """Zero-based. What is too small counts as the smallest, as the standard wants it."""
    return max(start, 1) - 1, min(max(count, 0), MOST_PER_PAGE)
