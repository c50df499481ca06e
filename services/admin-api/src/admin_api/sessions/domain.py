"""Rules of sessions: who a signed-in person is, and how long a session lives."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from admin_api.permissions import Permission, Role, permissions_of

SESSION_COOKIE: Final = "omg_session"
# A session that is used is not written to on every request: its idle time is exact to this much.
_TOUCH_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in person behind a request."""

    user_id: str
    role: Role
    session_id: str

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.role)


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A session ends `idle` after its last use, and `lifetime` after signing in whatever happens."""

    idle: timedelta
    lifetime: timedelta

    def is_alive(self, *, last_seen_at: datetime, expires_at: datetime, now: datetime) -> bool:
        return now < expires_at and now < last_seen_at + self.idle

    def needs_touch(self, *, last_seen_at: datetime, now: datetime) -> bool:
        """Whether the last use is old enough to be written down again."""
        return now >= last_seen_at + min(_TOUCH_AFTER, self.idle / 2)


def hash_token(token: str) -> str:
    """Under what a session token is stored; the token has 256 random bits, so a plain SHA-256 is one-way enough."""
    return sha256(token.encode()).hexdigest()
