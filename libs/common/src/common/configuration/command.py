"""The sub-command `config` of every service: `python -m SERVICE config check|show`. What it does is in `check`."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from common.configuration.document import Document
    from common.configuration.given import Problem

Processes = Mapping[str, "type[BaseSettings]"]
BlockCheck = Callable[["Document"], "list[Problem]"]
"""What a service finds wrong with its blocks of the file."""


def add_config_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    processes: Callable[[], Processes],
    *,
    blocks: Callable[[], BlockCheck] | None = None,
) -> None:
    """Both arguments are called when it runs, so that a service's other commands import nothing of this."""
    parser = commands.add_parser("config", help="check the settings, or show them with where they come from")
    parser.add_argument("action", choices=["check", "show"])
    parser.add_argument("file", nargs="?", metavar="FILE", help="the YAML file, in place of OMG_CONFIG_FILE")
    parser.add_argument(
        "--file-only", action="store_true", help="do not ask for what only the environment of a process can give"
    )
    parser.add_argument("--json", action="store_true", help="for programs")

    def run(arguments: argparse.Namespace) -> None:
        from common.configuration import check

        sys.exit(check.run(arguments, processes(), blocks() if blocks is not None else lambda _document: []))

    parser.set_defaults(run=run)
