"""`python -m edge_proxy serve`. The only place that reads the environment."""

import argparse

from common.lifecycle import serve
from common.logging import configure_logging
from edge_proxy.app import EdgeApp
from edge_proxy.settings import EdgeSettings
from edge_proxy.wiring import run_edge


def main() -> None:
    parser = argparse.ArgumentParser(prog="edge_proxy", description="The data plane of Open Model Gateway.")
    parser.add_argument("command", choices=["serve"], help="serve: answer calls until SIGTERM")
    parser.parse_args()
    settings = EdgeSettings()
    configure_logging(level=settings.log_level, service="edge-proxy")
    serve(EdgeApp(lambda: run_edge(settings)), host=settings.listen_host, port=settings.listen_port)


if __name__ == "__main__":
    main()
