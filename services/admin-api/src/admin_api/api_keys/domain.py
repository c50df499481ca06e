"""Rules of API keys."""

from datetime import datetime
from typing import Final, Literal

KEY_PREFIX: Final = "key"
KeyStatus = Literal["active", "revoked", "expired"]


def status_of(*, revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyStatus:
    """What a key is worth at `now`: revoked counts before expired."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "active"
