"""`python -m edge_proxy serve`. The only place that reads the environment."""

import argparse
import asyncio
import gc
import signal

import uvloop

from common.logging import configure_logging, get_logger
from common.settings import from_environment
from edge_proxy.app import serving
from edge_proxy.settings import EdgeSettings


def main() -> None:
    parser = argparse.ArgumentParser(prog="edge_proxy", description="The data plane of Open Model Gateway.")
    parser.add_argument("command", choices=["serve"], help="serve: answer calls until SIGTERM")
    parser.parse_args()
    settings = from_environment(EdgeSettings)
    configure_logging(level=settings.log_level, service="edge-proxy")
    # What was imported and wired stays for good; fewer, later collections save a tenth of the CPU per call.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: EdgeSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = get_logger(__name__)
    async with serving(settings):
        log.info("serving", host=settings.listen_host, port=settings.listen_port)
        await stop.wait()
        log.info("stopping")


if __name__ == "__main__":
    main()
