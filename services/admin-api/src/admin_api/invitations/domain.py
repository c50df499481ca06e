"""Rules of invitations. Pure."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

INVITATION_PREFIX: Final = "inv"

Purpose = Literal["membership", "platform", "password"]

LIFE: Final[Mapping[Purpose, timedelta]] = {
    "membership": timedelta(days=7),
    "platform": timedelta(days=7),
    "password": timedelta(hours=24),
}

_SHAPE: Final = re.compile(r"omgi_[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """A fresh one-time token of 256 random bits."""
    return "omgi_" + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def path_of(token: str) -> str:
    """Where in the portal the token is used. It stands behind the `#`, so that no server on the way writes it into a log."""
    return f"/invitation#{token}"
