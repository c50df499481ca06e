"""Password hashing: argon2id, away from the event loop, a bounded number at a time.

Failure policy: more sign-ins at once than `_WAITING` can hold are told to come again (429), because each needs 19 MiB
for a moment and a queue without an end helps nobody.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.http.errors import TooManyRequestsError

T = TypeVar("T")

_THREADS: Final = 2
_WAITING: Final = 32

# The hash of a password nobody has, under the parameters in force: verified when there is no user, so that an unknown
# e-mail address takes as long as a wrong password.
DUMMY_HASH: Final = "$argon2id$v=19$m=19456,t=2,p=1$eepq6lPq8YN6LnQVlOTDHQ$ERhLTNSz0usZBNCrrSMxdB42tXhOXCnGo4+mPm08ZAg"


class Passwords:
    """argon2id with 19 MiB and two passes, as OWASP recommends: signing in is open to strangers, so an attempt must not cost
    us more than it has to, and the memory of all threads fits a small pod.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="argon2")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The text to store. Raises `TooManyRequestsError`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to the stored hash; just as slow, and false, when there is none.

        Raises `TooManyRequestsError`.
        """

        def check() -> bool:
            try:
                return self._hasher.verify(DUMMY_HASH if stored is None else stored, password) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(check)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than those in force."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise TooManyRequestsError("Too many people are signing in at this moment. Try again.", retry_after_s=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
