"""`python -m admin_api serve|worker|migrate|bootstrap|config|openapi`: the only place of this service that reads the environment.

Each command imports what it runs: a migration needs no web framework, and the worker no portal.
"""

import argparse
import os
import sys

from common.configuration.command import BlockCheck, Processes, add_config_command
from common.imports import quick_imports


def main() -> None:
    """Read the command line and run one command to its end."""
    parser = argparse.ArgumentParser(prog="python -m admin_api")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer HTTP until SIGTERM").set_defaults(run=_serve)
    commands.add_parser("worker", help="write the ledger from usage events until SIGTERM").set_defaults(run=_worker)
    commands.add_parser("migrate", help="bring the schemas control and ledger up to date, and end").set_defaults(
        run=_migrate
    )
    bootstrap = commands.add_parser("bootstrap", help="make what a document asks for and is not there yet")
    bootstrap.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="the document, as YAML or JSON; - is standard input; by default the block in the file OMG_CONFIG_FILE names",
    )
    bootstrap.add_argument("--replace", action="store_true", help="make everything what the document says")
    bootstrap.set_defaults(run=_bootstrap)
    add_config_command(commands, _processes, blocks=_check_blocks)
    commands.add_parser("openapi", help="print the description of the Admin API").set_defaults(run=_openapi)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _processes() -> Processes:
    from admin_api.settings import BootstrapSettings, MigrateSettings, ServeSettings, WorkerSettings

    return {
        "serve": ServeSettings,
        "worker": WorkerSettings,
        "bootstrap": BootstrapSettings,
        "migrate": MigrateSettings,
    }


def _check_blocks() -> BlockCheck:
    from admin_api.bootstrap import reading as bootstrap
    from admin_api.declared import reading as declared

    return lambda document: bootstrap.find_problems(document) + declared.find_problems(document)


def _serve(_arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.app import create_app
        from admin_api.settings import ServeSettings
        from admin_api.wiring import SERVICE, Wiring
        from common.lifecycle import serve
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(ServeSettings)
    configure_logging(level=settings.log_level, service=SERVICE)
    if settings.run_migrations:
        _upgrade(settings.database_url.get_secret_value())
    serve(create_app(Wiring(settings, environment=os.environ)), host=settings.listen_host, port=settings.listen_port)


def _worker(_arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.ledger.worker import run
        from admin_api.settings import WorkerSettings
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(WorkerSettings)
    configure_logging(level=settings.log_level, service="admin-api-worker")
    if settings.run_migrations:
        _upgrade(settings.database_url.get_secret_value())
    run(settings)


def _migrate(_arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.settings import MigrateSettings
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(MigrateSettings)
    configure_logging(level=settings.log_level, service="admin-api-migrate")
    _upgrade(settings.database_url.get_secret_value())


def _upgrade(url: str) -> None:
    with quick_imports():
        from admin_api.migrations import MIGRATIONS, SCHEMAS
        from common.db.migrate import upgrade

    upgrade(url=url, migrations=MIGRATIONS, schemas=SCHEMAS)


def _bootstrap(arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.bootstrap.command import BootstrapError, run
        from admin_api.settings import BootstrapSettings
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(BootstrapSettings)
    configure_logging(level=settings.log_level, service="admin-api-bootstrap")
    try:
        run(settings, arguments.file, replace=arguments.replace)
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")


def _openapi(_arguments: argparse.Namespace) -> None:
    import json

    from admin_api.app import describe_api

    json.dump(describe_api(), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
