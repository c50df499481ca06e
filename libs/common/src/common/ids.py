"""Public ids: a prefix that names the kind, then 48 bits of milliseconds and 80 random bits in hexadecimal.

They sort by creation time as plain text, so they serve as keyset cursors and cluster in B-trees.
"""

import os
import re
import time
from collections.abc import Iterator
from typing import Final

_PATTERN: Final = re.compile(r"[a-z]{2,8}[_-][0-9a-f]{32}")


_RANDOM_BYTES: Final = 10
_POOL_BYTES: Final = 4000


def new_id(prefix: str) -> str:
    """A fresh id such as `key_019a…`."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{_random()}"


def _pooled_random() -> Iterator[str]:
    """Random parts, drawn from the system some hundred at a time: a system call per id is felt on the data plane."""
    while True:
        pool = os.urandom(_POOL_BYTES).hex()
        for start in range(0, len(pool), 2 * _RANDOM_BYTES):
            yield pool[start : start + 2 * _RANDOM_BYTES]


_random: Final = _pooled_random().__next__


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` is well-formed for `prefix`; it may still name nothing."""
    return text.startswith(prefix) and _PATTERN.fullmatch(text) is not None
