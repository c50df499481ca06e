"""Use cases of sessions: signing in and out. Who a request comes from is in `authenticate`."""

import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit.actor import Actor, acting
from admin_api.audit.service import note
from admin_api.errors import InvalidCredentialsError
from admin_api.oidc.sign_on import LocalSignIn
from admin_api.sessions import repository
from admin_api.sessions.domain import SessionPolicy, hash_token
from admin_api.sessions.models import SessionRow
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle
from admin_api.tenants.personal import ensure_personal_tenant
from admin_api.users import repository as users
from admin_api.users.domain import normal_email
from admin_api.users.models import UserRow
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import ForbiddenError, NotFoundError
from common.http.request_id import current_request_id
from common.ids import new_id
from common.logging import get_logger

LOCAL: Final = "local"
"""How somebody signed in: with a password of ours."""

_SWITCHED_OFF: Final = "Passwords are switched off here: sign in with your company's identity provider."

_log = get_logger(__name__)


async def sign_in(
    sessions: Sessions,
    *,
    clock: Clock,
    policy: SessionPolicy,
    passwords: Passwords,
    throttle: LoginThrottle,
    email: str,
    password: str,
    address: str,
    allowed: LocalSignIn,
) -> tuple[str, UserRow]:
    """A new session's token, and whose it is. `address` is the client's.

    Raises `InvalidCredentialsError`, the same and after the same time whether the address is unknown, the password wrong or the
    user disabled; `TooManyRequestsError` when throttled; `ForbiddenError` where passwords are switched off.
    """
    if not allowed.admins and not allowed.users:
        raise ForbiddenError(_SWITCHED_OFF, code="local_sign_in_disabled")
    account = normal_email(email)
    await throttle.admit(account=account, address=address)
    async with sessions.begin() as session:
        found = await users.find_by_email(session, account)
    # No transaction is open while the hash is computed, so the user is looked at again afterwards.
    stored = None if found is None else found.password_hash
    right = await passwords.verify(stored, password)
    if not right or found is None or stored is None or found.disabled_at is not None:
        await _note_refusal(sessions, found, address)
        raise InvalidCredentialsError
    # Said only to who knows the password, so nobody learns from it which addresses have which role.
    if not (allowed.users if found.role is None else allowed.admins):
        await _note_refusal(sessions, found, address)
        raise ForbiddenError(_SWITCHED_OFF, code="local_sign_in_disabled")
    fresh_hash = await passwords.hash(password) if passwords.is_outdated(stored) else None
    with acting(_the_user(found, address)):
        async with sessions.begin() as session:
            user = await users.find(session, found.id, for_update=True)
            if user is None or user.disabled_at is not None or user.password_hash != stored:
                raise InvalidCredentialsError
            if fresh_hash is not None:
                user.password_hash = fresh_hash
            token = await start_session(session, user, clock=clock, policy=policy, method=LOCAL)
    await throttle.forgive(account=account, address=address)
    return token, user


def _the_user(user: UserRow, address: str) -> Actor:
    return Actor(kind="user", id=user.id, address=address, request_id=current_request_id())


async def _note_refusal(sessions: Sessions, user: UserRow | None, address: str) -> None:
    """In the log, and in the audit log when somebody tried to be one of our people. What was typed is in neither."""
    _log.warning("sign-in refused", user_id=None if user is None else user.id, address=address)
    if user is not None:
        with acting(Actor(kind="system", id="sign-in", address=address, request_id=current_request_id())):
            async with sessions.begin() as session:
                await note(session, "session.refused", resource_type="user", resource_id=user.id)


async def start_session(
    session: AsyncSession, user: UserRow, *, clock: Clock, policy: SessionPolicy, method: str
) -> str:
    """A new session in the caller's transaction; its token. The caller has made sure who it is, and that they are let in."""
    token, now = secrets.token_urlsafe(32), clock()
    user.last_login_at = now
    row = SessionRow(
        id=new_id("ses"),
        token_hash=hash_token(token),
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + policy.lifetime,
        method=method,
    )
    session.add(row)
    await ensure_personal_tenant(session, user, now=now)
    await repository.delete_ended(session, expired_before=now, idle_before=now - policy.idle)
    await note(session, "session.started", resource_type="user", resource_id=user.id, after={"method": method})
    _log.info("signed in", user_id=user.id, method=method)
    return token


async def sign_out(sessions: Sessions, token: str) -> None:
    """End a session; nothing happens when there is none."""
    async with sessions.begin() as session:
        await repository.delete_by_token(session, hash_token(token))


async def list_sessions(sessions: Sessions, user_id: str) -> Sequence[SessionRow]:
    """A person's sessions, the newest first."""
    async with sessions.begin() as session:
        return await repository.of_user(session, user_id)


async def end_session(sessions: Sessions, user_id: str, session_id: str) -> None:
    """End one of a person's sessions. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        if not await repository.delete_of_user_by_id(session, user_id, session_id):
            raise NotFoundError("There is no such session.")
        await note(session, "session.ended", resource_type="user", resource_id=user_id, after={"session": session_id})
