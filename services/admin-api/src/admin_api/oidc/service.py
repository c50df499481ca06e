"""Use cases of single sign-on: whom a provider vouches for is signed in, asked about again, and signed out.

Who somebody is, is decided by issuer and subject. An address links to an account that is there only when the provider has verified
it; nothing here touches a password.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit.actor import Actor, acting
from admin_api.audit.service import note
from admin_api.oidc import repository
from admin_api.oidc.discovery import Discovery
from admin_api.oidc.domain import Person, Provider, RefusedError, person_of
from admin_api.oidc.flow import Flow, Tokens, finish
from admin_api.oidc.models import IdentityRow, SsoSessionRow
from admin_api.oidc.tokens import logout_claims
from admin_api.sessions import repository as session_rows
from admin_api.sessions.domain import SessionPolicy, hash_token
from admin_api.sessions.service import start_session
from admin_api.users import repository as users
from admin_api.users.models import UserRow
from admin_api.users.service import insert as insert_user
from common.clock import Clock
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.http.request_id import current_request_id

_ADMIN: Final = "admin"
_LONGEST_SID: Final = 255


def refresh_purpose(session_id: str) -> str:
    """What a session's refresh token is sealed for."""
    return f"oidc-refresh:{session_id}"


async def sign_in(
    sessions: Sessions,
    provider: Provider,
    flow: Flow,
    *,
    discovery: Discovery,
    clock: Clock,
    policy: SessionPolicy,
    sealer: Sealer,
    code: str,
    issuer: str | None,
    address: str | None,
) -> str:
    """A new session's token. Raises `RefusedError`."""
    claims, tokens = await finish(provider, flow, discovery=discovery, code=code, issuer=issuer)
    person = person_of(claims, provider)
    with acting(Actor(kind="identity_provider", id=provider.id, address=address, request_id=current_request_id())):
        async with sessions.begin() as session:
            user = await _user_of(session, person, clock())
            token = await start_session(session, user, clock=clock, policy=policy, method=provider.id)
            await session.flush()
            await _remember(session, token, person, provider, claims, tokens, sealer=sealer, now=clock())
    return token


async def _user_of(session: AsyncSession, person: Person, now: datetime) -> UserRow:
    """The account of an identity: known, found by a verified address, or new."""
    await users.hold_owners(session)
    identity = await repository.find_identity(session, person.issuer, person.subject)
    user = None if identity is None else await users.find(session, identity.user_id, for_update=True)
    if user is None:
        if person.email is None:
            raise RefusedError("unverified_email", "no verified address to know them by")
        user = await users.find_by_email(session, person.email)
        if user is None:
            user = insert_user(session, email=person.email, name=person.name, role=None, password_hash=None, now=now)
            await session.flush()
        identity = IdentityRow(
            issuer=person.issuer, subject=person.subject, user_id=user.id, grants_admin=False, created_at=now
        )
        session.add(identity)
    assert identity is not None
    if user.disabled_at is not None:
        raise RefusedError("account_disabled", "the account is disabled")
    set_role(user, identity, is_admin=person.is_admin)
    return user


def set_role(user: UserRow, identity: IdentityRow, *, is_admin: bool) -> None:
    """An admin by the provider's word is one for as long as it says so. Owners, and roles that people gave, stay."""
    if is_admin and user.role in {None, "auditor"}:
        user.role, identity.grants_admin = _ADMIN, True
    elif not is_admin and identity.grants_admin:
        if user.role == _ADMIN:
            user.role = None
        identity.grants_admin = False


async def _remember(
    session: AsyncSession,
    token: str,
    person: Person,
    provider: Provider,
    claims: dict[str, Any],
    tokens: Tokens,
    *,
    sealer: Sealer,
    now: datetime,
) -> None:
    found = await session_rows.find_with_user(session, hash_token(token))
    assert found is not None
    row, sid = found[0], claims.get("sid")
    sealed = (
        None if tokens.refresh_token is None else sealer.seal(tokens.refresh_token, purpose=refresh_purpose(row.id))
    )
    session.add(
        SsoSessionRow(
            session_id=row.id,
            provider=provider.id,
            issuer=person.issuer,
            subject=person.subject,
            sid=sid[:_LONGEST_SID] if isinstance(sid, str) else None,
            refresh_token=sealed,
            started_at=now,
            checked_at=now,
        )
    )


async def back_channel_logout(
    sessions: Sessions, provider: Provider, token: str, *, discovery: Discovery, address: str | None
) -> int:
    """End the sessions that the provider's token means; how many. Raises `RefusedError`.

    A token that is sent again later ends nothing that began after it was made.
    """
    claims = await logout_claims(token, provider=provider, discovery=discovery)
    made_at = datetime.fromtimestamp(int(claims["iat"]), UTC).replace(microsecond=999_999)
    subject, sid = claims.get("sub"), claims.get("sid")
    with acting(Actor(kind="identity_provider", id=provider.id, address=address, request_id=current_request_id())):
        async with sessions.begin() as session:
            ended = await repository.end_sessions(
                session, issuer=provider.issuer, subject=subject, sid=sid, started_before=made_at
            )
            await note(
                session,
                "session.ended",
                resource_type="identity",
                resource_id=f"{provider.issuer} {subject or sid}",
                after={"sessions": ended},
            )
    return ended
