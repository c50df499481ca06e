"""How a process lives: tasks with an owner, and an ASGI server that stops gracefully on SIGTERM.

A `TaskOwner` is the supervisor of house rule 6: the one place besides the ASGI edge and the consumer loop that catches
`Exception`. A long-running task that fails is logged, counted and started again after a pause; it never dies unseen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from prometheus_client import Counter

from common.logging import get_logger

STOP_TIMEOUT_S: Final = 8
_RESTART_PAUSE_S: Final = 1.0
_CANCEL_AGAIN_S: Final = 0.2

_log = get_logger(__name__)
_task_failures = Counter("omg_task_failures_total", "Background tasks that failed and were restarted.", ["task"])


class TaskOwner:
    """Owns a process's background tasks; leaving the context cancels them and waits for their end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Repeated, because a library may swallow a cancellation (nats-py does, while it flushes).
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_CANCEL_AGAIN_S)

    def keep_running(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` until the owner closes; whenever it fails it is logged, counted and started again."""

        async def supervise() -> None:
            while True:
                try:
                    await work()
                    return
                except Exception as error:  # noqa: BLE001 - the task supervisor
                    _task_failures.labels(task=name).inc()
                    _log.error("background task failed", task=name, error=repr(error), exc_info=error)
                    await asyncio.sleep(_RESTART_PAUSE_S)

        self._adopt(name, supervise())

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` once; a failure is logged and counted."""

        async def supervise() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - the task supervisor
                _task_failures.labels(task=name).inc()
                _log.error("background task failed", task=name, error=repr(error), exc_info=error)

        self._adopt(name, supervise())

    def _adopt(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def serve(app: Any, *, host: str, port: int, proxy_headers: bool = True, backlog: int = 2048) -> None:
    """Run an ASGI app under uvicorn (uvloop, httptools) until SIGTERM or SIGINT, then let calls end for `STOP_TIMEOUT_S`.

    Access logs are off: each service writes its own line per unit of work. `proxy_headers` off saves a layer per request where
    nobody asks for the client's address.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=proxy_headers,
        server_header=False,
        date_header=False,
        log_config=None,
        backlog=backlog,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
