"""The folder that holds everything of one installation on this machine, and the lock that keeps a second `omg up` out of it."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.errors import DevstackError


class DataFolderError(DevstackError):
    """The folder cannot be used; the message is for a person."""


class DataFolder:
    """The layout. Using it as a context holds the lock; the kernel drops the lock with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.secrets = self.path / "secrets.json"
        self.ports = self.path / "ports.json"
        self.processes = self.path / "processes.json"
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.nats = self.path / "nats"
        self.small_model = self.path / "small-model"
        self.edge_state = self.path / "edge"
        self._lock_file = self.path / "lock"
        self._lock: int | None = None

    @property
    def exists(self) -> bool:
        """Whether `omg up` has ever used this folder."""
        return self._lock_file.exists()

    def log(self, process: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{process}.log"

    def __enter__(self) -> Self:
        """Create the folder and lock it. Raises `DataFolderError` when it is locked, or is a folder of somebody else's things."""
        if not self.exists and self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise DataFolderError(f"{self.path} exists and is not a data folder of omg; choose another with --data")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True)
            self._lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderError(f"cannot use {self.path} for data: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip() or "unknown"
            self._release()
            raise DataFolderError(
                f"omg is already running on {self.path} (process {holder}); stop it first, or use another --data"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def wipe(self) -> None:
        """Delete everything; the lock must be held. Postgres's data may lie elsewhere behind a link (see `servers.root`)."""
        assert self._lock is not None, "only while locked"
        for entry in self.postgres.iterdir() if self.postgres.is_dir() else ():
            if entry.is_symlink():
                target = entry.resolve()
                shutil.rmtree(target, ignore_errors=True)
                with suppress(OSError):
                    target.parent.rmdir()
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
