"""The YAML file of this process: read when it starts, on SIGHUP, and when the Admin API is asked to.

Failure policy: a file that cannot be read, or an entry that cannot be, changes nothing of what is in force; it is logged, shown by
`GET /admin/configuration`, and counted in `omg_configuration_file_problems`. While Postgres is away, the start tries again.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

from admin_api.audit.actor import acting, system
from admin_api.bootstrap.reading import read_block
from admin_api.bootstrap.service import bootstrap
from admin_api.declared.domain import Broken, Wanted
from admin_api.declared.reading import BLOCK, read_models
from admin_api.declared.service import Applied, apply
from admin_api.sessions.passwords import Passwords
from common.clock import Clock
from common.configuration.document import Document
from common.configuration.given import CONFIG_FILE, UnusableError, configured_document
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.http.errors import ApiError, ConflictError, InvalidRequestError
from common.logging import get_logger

_PAUSE_S: Final = 2.0

_log = get_logger(__name__)
_problems = Gauge("omg_configuration_file_problems", "What is wrong in the YAML file, as it was last read.")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the last reading by this process found. `problems` have places in the file, and no secrets."""

    at: datetime
    problems: Sequence[str]


class ConfigurationFile:
    """`run` in the background. `environment` has the file's name, and the secrets that it refers to."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        sessions: Sessions,
        clock: Clock,
        passwords: Passwords,
        sealer: Sealer,
        hash_secret: bytes,
        allow_private: bool,
    ) -> None:
        self._environment = environment
        self._sessions = sessions
        self._clock = clock
        self._passwords = passwords
        self._sealer = sealer
        self._hash_secret = hash_secret
        self._allow_private = allow_private
        self._turn = asyncio.Lock()
        self._asked = asyncio.Event()
        name = environment.get(CONFIG_FILE, "").strip()
        self.path = Path(name) if name else None
        self.last: Reading | None = None

    async def run(self) -> None:
        """Read at the start, and whenever asked to."""
        if self.path is None:
            return
        with acting(system("configuration file")):
            while True:
                self._asked.clear()
                try:
                    await self.read()
                except DatabaseUnavailableError as error:
                    _log.warning("the configuration file is applied later", reason=repr(error))
                    await asyncio.sleep(_PAUSE_S)
                    continue
                except ApiError as error:
                    _log.error("the configuration file was not applied", reason=error.message)
                await self._asked.wait()

    @asynccontextmanager
    async def on_hangup(self) -> AsyncIterator[None]:
        """Inside, SIGHUP has the file read again; without a file it does nothing. It ends no process."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def read(self) -> list[int]:
        """Apply the file; the outbox rows that tell the edge. What is wrong with single entries is in `last`.

        Raises `ConflictError` without a file, `InvalidRequestError` when it cannot be used at all, `DatabaseUnavailableError`.
        """
        async with self._turn:
            document = await self._document()
            problems = await self._bootstrap(document)
            models = self._models(document)
            ids: list[int] = []
            if models is not None:
                problems += [each.problem for each in models if isinstance(each, Broken)]
                applied = await self._apply(models)
                ids = applied.ids
                problems += [
                    f"{BLOCK}: {alias}: {problem}"
                    for alias, problem in applied.problems.items()
                    if problem not in problems
                ]
            self._note(problems)
            _log.info("configuration file applied", file=str(self.path), problems=problems)
            return ids

    async def reset(self, alias: str) -> list[int]:
        """Make one model what the file says again. Raises as `read` does, and `NotFoundError`."""
        async with self._turn:
            models = self._models(await self._document()) or []
            applied = await self._apply(models, reset=alias)
            if alias in applied.problems:
                raise InvalidRequestError(applied.problems[alias], code="broken_model", param="alias")
            return applied.ids

    async def _document(self) -> Document:
        if self.path is None:
            raise ConflictError("This installation has no configuration file.", code="no_configuration_file")
        try:
            document = await asyncio.to_thread(configured_document, self._environment)
        except UnusableError as error:
            problems = [str(each) for each in error.problems]
            self._note(problems)
            message = "The configuration file cannot be used: " + "; ".join(problems)
            raise InvalidRequestError(message, code="unusable_configuration") from None
        assert document is not None
        return document

    async def _bootstrap(self, document: Document) -> list[str]:
        try:
            content = await asyncio.to_thread(read_block, document, environment=self._environment)
            await bootstrap(
                self._sessions,
                content,
                clock=self._clock,
                passwords=self._passwords,
                sealer=self._sealer,
                hash_secret=self._hash_secret,
                allow_private=self._allow_private,
            )
        except UnusableError as error:
            return [str(each) for each in error.problems]
        except ApiError as error:
            return [f"bootstrap: {error.message}"]
        return []

    def _models(self, document: Document) -> Sequence[Wanted | Broken] | None:
        return read_models(document, environment=self._environment, hash_secret=self._hash_secret)

    async def _apply(self, models: Sequence[Wanted | Broken], *, reset: str | None = None) -> Applied:
        return await apply(
            self._sessions,
            models,
            clock=self._clock,
            sealer=self._sealer,
            allow_private=self._allow_private,
            reset=reset,
        )

    def _note(self, problems: Sequence[str]) -> None:
        self.last = Reading(self._clock(), tuple(problems))
        _problems.set(len(problems))
