"""Users over HTTP."""

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.users import service
from admin_api.users.schemas import User, UserCreate, UserPage, UserUpdate

router = APIRouter(prefix="/admin/users", tags=["users"])


@router.get("", dependencies=[require("users:read")])
async def list_users(services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> UserPage:
    """Users, newest first."""
    return UserPage.of(await service.list_users(services.sessions, limit=limit, cursor=cursor), User.of)


@router.post("", status_code=201, dependencies=[require("users:write")])
async def create_user(services: Wired, body: UserCreate) -> User:
    """Let somebody in."""
    row = await service.create_user(
        services.sessions,
        clock=services.clock,
        passwords=services.passwords,
        email=body.email,
        name=body.name,
        role=body.role,
        password=body.password,
    )
    return User.of(row)


@router.get("/{user_id}", dependencies=[require("users:read")])
async def read_user(services: Wired, user_id: str) -> User:
    """One user."""
    return User.of(await service.read_user(services.sessions, user_id))


@router.patch("/{user_id}", dependencies=[require("users:write")])
async def update_user(services: Wired, user_id: str, body: UserUpdate) -> User:
    """Change a user's name or role, or let them in or out. The last owner stays an owner."""
    row = await service.update_user(
        services.sessions,
        user_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.given("name", "role", "disabled"),
    )
    return User.of(row)
