"""The peers, installed on first use from the registries this machine is configured for, and kept for later runs.

Every package is pinned by hash. For LiteLLM that is more than tidiness: releases of it have been replaced by malicious ones, so
"the newest" is never taken. Its lock comes from `litellm[proxy,proxy-runtime]==LITELLM_VERSION`, both extras as in its own image.
Without the second it tries at every call to import what is not there; from modules that are not compiled either, a call then
costs it almost twice as much (seen: 17 ms instead of 10).

    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements-litellm.lock -
"""

import asyncio
import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devstack.portal import find_node
from devstack.processes.command import run_command

LITELLM_VERSION: Final = "1.106.2"
PORTKEY_VERSION: Final = "1.15.2"

_HERE: Final = Path(__file__).parent
LITELLM_LOCK: Final = _HERE / "requirements-litellm.lock"
PORTKEY_LOCK: Final = _HERE / "portkey" / "package-lock.json"
_PORTKEY_SERVER: Final = Path("node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
_STAMP: Final = "installed"
_TIMEOUT_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Portkey:
    """Its server, and the node that runs it."""

    node: Path
    server: Path


def place_of(bench_folder: Path) -> Path:
    """Where peers are kept: beside the folder of the bench, which is emptied for each run."""
    return bench_folder.parent / "installed-peers"


def are_installed(place: Path) -> bool:
    """Whether a run would download nothing."""
    return _is_current(place / "litellm", LITELLM_LOCK) and _is_current(place / "portkey", PORTKEY_LOCK)


def install_litellm(place: Path) -> Path:
    """Its command, in an environment of its own. Raises `DevstackError`; the message holds the end of the log."""
    folder = place / "litellm"
    if not _is_current(folder, LITELLM_LOCK):
        asyncio.run(_install_litellm(_emptied(folder), place / "litellm.log"))
        _mark(folder, LITELLM_LOCK)
    return folder / "bin" / "litellm"


def install_portkey(place: Path) -> Portkey:
    """Its server for node. Raises `DevstackError`; the message holds the end of the log."""
    folder = place / "portkey"
    log = place / "portkey.log"
    node_folder, npm = asyncio.run(find_node(log))
    if not _is_current(folder, PORTKEY_LOCK):
        asyncio.run(_install_portkey(_emptied(folder), node_folder, npm, log))
        _mark(folder, PORTKEY_LOCK)
    return Portkey(node_folder / "node", folder / _PORTKEY_SERVER)


async def _install_litellm(folder: Path, log: Path) -> None:
    # pip, for it knows the reader's index, and compiles modules whatever PYTHONDONTWRITEBYTECODE says.
    make = (sys.executable, "-m", "venv", str(folder))
    flags = ("--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(LITELLM_LOCK))
    fill = (str(folder / "bin" / "python"), "-m", "pip", "install", *flags)
    for command in (make, fill):
        await run_command(command, title="installing LiteLLM", environment=os.environ, log=log, timeout=_TIMEOUT_S)


async def _install_portkey(folder: Path, node_folder: Path, npm: tuple[str, ...], log: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PORTKEY_LOCK.with_name(name), folder)
    path = os.pathsep.join((str(node_folder), os.environ.get("PATH", os.defpath)))
    await run_command(
        (*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        title="installing Portkey",
        environment={**os.environ, "PATH": path},
        log=log,
        folder=folder,
        timeout=_TIMEOUT_S,
    )


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _is_current(folder: Path, lock: Path) -> bool:
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == _digest(lock)


def _mark(folder: Path, lock: Path) -> None:
    (folder / _STAMP).write_text(_digest(lock))


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
