"""Public ids: a prefix that names the kind, then 48 bits of milliseconds and 80 random bits in hexadecimal.

They sort by creation time as plain text, so they serve as keyset cursors and cluster in B-trees.
"""

import os
import re
import time
from typing import Final

_PATTERN: Final = re.compile(r"[a-z]{2,8}[_-][0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """A fresh id such as `key_019a…`."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` is well-formed for `prefix`; it may still name nothing."""
    return text.startswith(prefix) and _PATTERN.fullmatch(text) is not None
