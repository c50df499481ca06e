"""The command `omg`. What a command does is in a module of its own; here are its options and how errors are shown."""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from devstack.data_folder import DataFolder
from devstack.errors import DevstackError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The whole Open Model Gateway on one machine.")

DataOption = Annotated[Path, typer.Option("--data", envvar="OMG_DATA_DIR", help="Folder for data, secrets and logs.")]
GatewayPort = Annotated[
    int | None,
    typer.Option(
        "--gateway-port",
        envvar="OMG_GATEWAY_PORT",
        min=1,
        max=65535,
        help="Port of the API [default: 8090 or a free one]",
    ),
]
PortalPort = Annotated[
    int | None,
    typer.Option(
        "--portal-port",
        envvar="OMG_PORTAL_PORT",
        min=1,
        max=65535,
        help="Port of the portal [default: 8091 or a free one]",
    ),
]
_DATA = Path(".omg")


class ConfigAction(StrEnum):
    """What `omg config` does."""

    CHECK = "check"
    SHOW = "show"


class _Terminal(Console):
    """Rich's console, but a reader that went away (`omg up | head`) does not end the program."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def up(data: DataOption = _DATA, gateway_port: GatewayPort = None, portal_port: PortalPort = None) -> None:
    """Start everything, print how to call it, and run until Ctrl-C.

    DATABASE_URL, REDIS_URL and NATS_URL name servers to use instead of the embedded ones. The key of a provider in the
    environment (OPENAI_API_KEY, MISTRAL_API_KEY, …) gives its models.
    """
    from devstack.up import Options, run

    options = Options(data=data, environment=os.environ, gateway_port=gateway_port, portal_port=portal_port)
    asyncio.run(run(options, _Terminal()))


@app.command()
def reset(
    data: DataOption = _DATA, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete the data folder: all data, secrets and logs of this installation."""
    from devstack.processes.supervisor import end_leftovers

    folder = DataFolder(data)
    if not folder.exists:
        print(f"nothing to delete: {folder.path} is not a data folder of omg")
        return
    with folder:
        if not yes:
            typer.confirm(f"Delete everything in {folder.path}?", abort=True)
        end_leftovers(folder.processes)
        folder.wipe()
    print(f"deleted {folder.path}")


@app.command()
def demo_data(
    data: DataOption = _DATA,
    days: Annotated[int, typer.Option(min=1, max=28, help="How far back the calls go.")] = 14,
    admin_password: Annotated[
        str | None, typer.Option(envvar="OMG_ADMIN_PASSWORD", help="When it was changed in the portal.")
    ] = None,
) -> None:
    """Fill the dashboard of the running stack with made-up calls. Doing so again changes nothing."""
    from devstack.demo_data import send_demo_data

    asyncio.run(
        send_demo_data(DataFolder(data), days=days, environment=os.environ, admin_password=admin_password, say=print)
    )


@app.command()
def config(
    action: Annotated[ConfigAction, typer.Argument(help="check, or show with where each value comes from")],
    file: Annotated[
        Path | None, typer.Argument(envvar="OMG_CONFIG_FILE", help="The YAML file.", show_default=False)
    ] = None,
) -> None:
    """Check a YAML file for all services, or show what they make of it. What `omg up` gives by itself is not asked for."""
    from devstack.configuration import check, show

    if action is ConfigAction.CHECK:
        problems = asyncio.run(check(file))
        if problems:
            sys.stderr.write("".join(f"{each}\n" for each in problems))
            raise typer.Exit(1)
        print("the configuration is usable")
    else:
        for line in asyncio.run(show(file)):
            print(line)


@app.command()
def portal(
    with_check: Annotated[
        bool, typer.Option("--check", help="First run its types, lint, format and unit tests.")
    ] = False,
) -> None:
    """Build the portal, with node from the machine or, when it has none, from a wheel."""
    from devstack.portal import PortalError, build, check, find_portal_sources

    sources = find_portal_sources()
    if sources is None:
        raise PortalError("there is no folder portal/ beside this installation")
    if with_check:
        asyncio.run(check(sources))
    print(f"built {asyncio.run(build(sources, log=None))}")


def main() -> None:
    """The entry point: a `DevstackError` is a message and exit code 1, anything else a bug with its traceback."""
    try:
        app()
    except DevstackError as error:
        Console(stderr=True).print(f"omg: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
