"""Rules of users."""

import unicodedata
from typing import Final

USER_PREFIX: Final = "usr"
MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 512
MAX_EMAIL_LENGTH: Final = 254


def normal_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up."""
    return unicodedata.normalize("NFC", email.strip()).casefold()
