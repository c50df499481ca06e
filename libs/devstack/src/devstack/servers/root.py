"""As whom Postgres runs: it refuses to be root. Everything that follows from that is here; the other servers do not care.

- Not root: as ourselves.
- Root, where user namespaces are allowed: in one, as an ordinary user there who is still root to the file system. Nothing
  changes its owner, and data under a 0700 home works.
- Root elsewhere (many containers): as `nobody`, who owns the data. What that user cannot reach is moved to where it can: data to
  /var/lib/omg-devstack, with a link in its old place, and a copy of the programs beside it.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from devstack.processes import child

_PUBLIC_FOLDER: Final = Path("/var/lib/omg-devstack")


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a server process. `uid` is `None` when that user sees files as we do."""

    guard_argument: str
    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Make `path`, and all below it, belong to this user; nothing happens when it already does."""
        uid = os.geteuid() if self.uid is None else self.uid
        gid = os.getegid() if self.gid is None else self.gid
        if path.stat().st_uid == uid:
            return
        os.chown(path, uid, gid)
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(parent, name), uid, gid, follow_symlinks=False)

    def reachable_folder(self, folder: Path) -> Path:
        """Where the data is kept: `folder`, unless this user could not get there."""
        if self.uid is None or folder.is_symlink() or _world_can_reach(folder.parent):
            return folder.resolve()
        home = _PUBLIC_FOLDER / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        home.mkdir(parents=True, exist_ok=True)
        target = home / folder.name
        if folder.exists():
            shutil.move(folder, target)
        folder.symlink_to(target)
        return target

    def reachable_program(self, folder: Path) -> Path:
        """The folder of Postgres's programs: `folder`, or a copy of its installation that this user can read."""
        if self.uid is None or _world_can_reach(folder):
            return folder
        installation = folder.parent
        stamp = f"{installation} {(folder / 'postgres').stat().st_mtime_ns}"
        copy = _PUBLIC_FOLDER / f"postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
        if not copy.exists():
            fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
            shutil.copytree(installation, fresh, symlinks=True)
            fresh.chmod(0o755)
            fresh.rename(copy)
        return copy / folder.name

    def run(self, command: tuple[str, ...], *, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a short command as this user, to its end."""
        return child.run_guarded(command, identity=self.guard_argument, environment=environment)


@cache
def unprivileged_identity() -> Identity:
    """As whom a program that refuses to be root is run here."""
    if os.geteuid() != 0:
        return Identity("same")
    if sys.platform == "linux":
        probe = child.run_guarded(("/bin/true",), identity="namespace", environment={})
        if probe.returncode == 0:
            return Identity("namespace")
    return nobody()


def nobody() -> Identity:
    """The user `nobody`, for root where user namespaces are not allowed."""
    user = pwd.getpwnam("nobody")
    return Identity(f"{user.pw_uid}:{user.pw_gid}", user.pw_uid, user.pw_gid)


def _world_can_reach(folder: Path) -> bool:
    """Whether any user may enter `folder` and every folder above it."""
    resolved = folder.resolve()
    return all(path.stat().st_mode & 0o001 for path in (resolved, *resolved.parents) if path.exists())
