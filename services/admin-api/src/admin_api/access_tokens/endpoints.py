"""Personal access tokens over HTTP, each person's own."""

from fastapi import APIRouter

from admin_api.access_tokens import service
from admin_api.access_tokens.schemas import AccessToken, AccessTokenCreate, AccessTokenCreated, AccessTokenList
from admin_api.dependencies import InPerson, SignedIn, Wired

router = APIRouter(prefix="/user/access-tokens", tags=["profile"])


@router.get("")
async def list_my_access_tokens(principal: SignedIn, services: Wired) -> AccessTokenList:
    """One's tokens, newest first."""
    rows = await service.list_tokens(services.sessions, principal.user_id)
    return AccessTokenList(data=[AccessToken.of(row) for row in rows])


@router.post("", status_code=201)
async def create_my_access_token(principal: InPerson, services: Wired, body: AccessTokenCreate) -> AccessTokenCreated:
    """A token for one's programs: `Authorization: Bearer …`. It is shown this once."""
    row, token = await service.create_token(
        services.sessions,
        principal.user_id,
        name=body.name,
        permissions=body.permissions,
        expires_at=body.expires_at,
        clock=services.clock,
    )
    return AccessTokenCreated(**AccessToken.of(row).model_dump(), token=token)


@router.delete("/{token_id}", status_code=204)
async def revoke_my_access_token(principal: SignedIn, services: Wired, token_id: str) -> None:
    """Revoke a token for good, at once."""
    await service.revoke_token(services.sessions, principal.user_id, token_id, clock=services.clock)
