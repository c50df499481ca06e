"""What is left to be done at Redis when a call is over: the end of an answer that Redis was away for, the release of a key.

Tasks of the store, bounded in number, ended with it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

_MAX: Final = 64  # each may hold as much as is kept of an answer


class Unfinished:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """False: there are too many, it is not done."""
        if len(self._tasks) >= _MAX:
            return False
        task = asyncio.create_task(work(), name="idempotency-unfinished")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Whatever is not done by now is dropped."""
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
