"""Rules of personal access tokens."""

import re
import secrets
from datetime import timedelta
from typing import Final

ID_PREFIX: Final = "pat"
MAX_PER_USER: Final = 50
DEFAULT_LIFE: Final = timedelta(days=90)
LONGEST_LIFE: Final = timedelta(days=366)
TOUCH_AFTER: Final = timedelta(minutes=1)
"""The last use of a token is exact to this much."""

_SHAPE: Final = re.compile(r"omgp_[A-Za-z0-9_-]{43}")


def new_access_token() -> str:
    """A fresh token of 256 random bits, to be shown once. Its beginning lets scanners find it where it should not be."""
    return "omgp_" + secrets.token_urlsafe(32)


def is_access_token(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def hint_of(token: str) -> str:
    """What may be displayed of a token after its creation."""
    return f"{token[:8]}…{token[-4:]}"
