"""A command run to its end, with its output in a log file: migrations, the bootstrap, builds."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes.child import describe_exit, guarded, last_lines


class CommandError(DevstackError):
    """A command failed; the message holds the end of its log."""


async def run_command(
    command: tuple[str, ...],
    *,
    title: str,
    environment: Mapping[str, str],
    log: Path | None,
    folder: Path | None = None,
    stdin: str = "",
    timeout: float = 120.0,
) -> None:
    """Run `command` and wait for its end; it and all it started are killed when we are cancelled, or after `timeout` seconds.

    Without a `log` the output goes where ours goes. `command` starts with an absolute path; `stdin` is where secrets go, for
    everybody can read a command line. Raises `CommandError`, with `title` in its message.
    """
    with ExitStack() as stack:
        output = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = stack.enter_context(log.open("ab"))
        process = await asyncio.create_subprocess_exec(
            *guarded(command, identity="same", death_signal=signal.SIGKILL),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(timeout):
            await process.communicate(stdin.encode())
    except TimeoutError:
        raise CommandError(_with_log(f"{title} did not end within {timeout:g} s", log)) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        assert process.returncode is not None
        raise CommandError(_with_log(f"{title} failed ({describe_exit(process.returncode)})", log))


def _with_log(problem: str, log: Path | None) -> str:
    return problem if log is None else "\n".join([f"{problem}; log: {log}", *last_lines(log, 12)])
