"""Use cases of sessions: signing in and out. Who a request comes from is in `authenticate`."""

import secrets

from admin_api.errors import InvalidCredentialsError
from admin_api.sessions import repository
from admin_api.sessions.domain import SessionPolicy, hash_token
from admin_api.sessions.models import SessionRow
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle
from admin_api.users import repository as users
from admin_api.users.domain import normal_email
from admin_api.users.models import UserRow
from common.clock import Clock
from common.db.engine import Sessions
from common.ids import new_id
from common.logging import get_logger

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
) -> tuple[str, UserRow]:
    """A new session's token, and whose it is. `address` is the client's.

    Raises `InvalidCredentialsError`, the same and after the same time whether the address is unknown, the password wrong or the
    user disabled; `TooManyRequestsError` when throttled.
    """
    account = normal_email(email)
    await throttle.admit(account=account, address=address)
    async with sessions.begin() as session:
        found = await users.find_by_email(session, account)
    # No transaction is open while the hash is computed, so the user is looked at again afterwards.
    right = await passwords.verify(None if found is None else found.password_hash, password)
    if not right or found is None or found.disabled_at is not None:
        _log.warning("sign-in refused", user_id=None if found is None else found.id, address=address)
        raise InvalidCredentialsError
    fresh_hash = await passwords.hash(password) if passwords.is_outdated(found.password_hash) else None
    token, now = secrets.token_urlsafe(32), clock()
    async with sessions.begin() as session:
        user = await users.find(session, found.id, for_update=True)
        if user is None or user.disabled_at is not None or user.password_hash != found.password_hash:
            raise InvalidCredentialsError
        user.last_login_at = now
        if fresh_hash is not None:
            user.password_hash = fresh_hash
        session.add(
            SessionRow(
                id=new_id("ses"),
                token_hash=hash_token(token),
                user_id=user.id,
                created_at=now,
                last_seen_at=now,
                expires_at=now + policy.lifetime,
            )
        )
        await repository.delete_ended(session, expired_before=now, idle_before=now - policy.idle)
    await throttle.forgive(account=account, address=address)
    _log.info("signed in", user_id=user.id, address=address)
    return token, user


async def sign_out(sessions: Sessions, token: str) -> None:
    """End a session; nothing happens when there is none."""
    async with sessions.begin() as session:
        await repository.delete_by_token(session, hash_token(token))
