"""`python -m common.testing.emulator --port N`: the emulator as a process, until SIGTERM or SIGINT.

Prints one line of JSON when it serves: `{"url": …, "base_url": …}`.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from common.testing.emulator.server import Emulator


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m common.testing.emulator", description="Answers as the providers' APIs do, for tests."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--api-key", help="the only key accepted; any when not given")
    parser.add_argument("--allow-unknown", action="store_true", help="note fields the SDK does not know, do not refuse")
    parser.add_argument("--call-file", type=Path, help="append every call to this file, one JSON object per line")
    parser.add_argument("--keep-calls", type=int, help="forget all but the last N calls; the counts stay")
    parser.add_argument("--forget-bodies", action="store_true", help="do not keep the bodies of calls that have ended")
    arguments = parser.parse_args()
    emulator = Emulator(
        host=arguments.host,
        port=arguments.port,
        api_key=arguments.api_key,
        allow_unknown=arguments.allow_unknown,
        call_file=arguments.call_file,
        keep_calls=arguments.keep_calls,
        keep_bodies=not arguments.forget_bodies,
    )
    uvloop.run(_serve(emulator))


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with emulator:
        sys.stdout.write(json.dumps({"url": emulator.url, "base_url": emulator.base_url}) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
