"""`omg config`: every service is asked about its own settings, since none of them is imported here."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from devstack.errors import DevstackError
from devstack.services import SERVICES

_PACKAGES: Final = tuple(dict.fromkeys(service.package for service in SERVICES))
_TIMEOUT: Final = 60.0


class ConfigurationError(DevstackError):
    """A service could not be asked."""


async def check(file: Path | None) -> list[str]:
    """What is wrong, for any of the services; each problem once. Raises `ConfigurationError`."""
    answers = await _ask("check", "--file-only", file=file)
    return list(dict.fromkeys(problem for answer in answers for problem in answer))


async def show(file: Path | None) -> list[str]:
    """A line for each key, with its value and where that comes from. Raises `ConfigurationError`."""
    rows: dict[str, dict[str, Any]] = {}
    for answer in await _ask("show", file=file):
        if isinstance(answer, list):
            raise ConfigurationError("; ".join(answer))
        rows |= answer
    width = max(map(len, rows))
    return [f"{path:<{width}}  {row['value']}  ({row['source']})" for path, row in sorted(rows.items())]


async def _ask(*arguments: str, file: Path | None) -> list[Any]:
    return await asyncio.gather(*(_ask_service(package, arguments, file) for package in _PACKAGES))


async def _ask_service(package: str, arguments: tuple[str, ...], file: Path | None) -> Any:
    # The file first: argparse takes an optional argument beside `action` or not at all.
    words = (arguments[0], *([str(file)] if file is not None else []), *arguments[1:], "--json")
    environment = {name: value for name, value in os.environ.items() if name != "OMG_CONFIG_FILE"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", package, "config", *words,
        env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, error = await asyncio.wait_for(process.communicate(), _TIMEOUT)
        return json.loads(out)
    except (TimeoutError, ValueError):
        said = "no answer" if process.returncode is None else error.decode(errors="replace")[-500:]
        raise ConfigurationError(f"{package} could not be asked about its settings: {said}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
