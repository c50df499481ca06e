"""Work beside a measurement, on an event loop and a thread of its own."""

import threading
from typing import Self

import uvloop


class Aside:
    """`work` runs from `with` until `stop`; it ends by itself soon after `is_stopping`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Raises what went wrong meanwhile."""
        self._stopping.set()
        self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _work(self) -> None:
        try:
            uvloop.run(self.work())
        except BaseException as error:  # noqa: BLE001 - for `stop` to raise
            self._failure = error

    async def work(self) -> None:
        raise NotImplementedError
