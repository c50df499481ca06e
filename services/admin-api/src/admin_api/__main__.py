"""`python -m admin_api serve|worker|migrate|bootstrap|ledger|rotate-encryption|config|openapi`: all that reads the environment.

Each command imports what it runs: a migration needs no web framework, and the worker no portal.
"""

import argparse
import os
import sys
from datetime import UTC, datetime

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
    _add_ledger_command(commands.add_parser("ledger", help="what a person does with the ledger"))
    commands.add_parser("rotate-encryption", help="seal everything again under the first encryption key").set_defaults(
        run=_rotate
    )
    add_config_command(commands, _processes, blocks=_check_blocks)
    commands.add_parser("openapi", help="print the description of the Admin API").set_defaults(run=_openapi)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _add_ledger_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="ledger_command", required=True)
    rebuild = commands.add_parser("rebuild", help="make the hourly sums again from the entries; the worker may go on")
    for name, which in (("--from", "first"), ("--to", "last, not included")):
        rebuild.add_argument(
            name, dest=name.strip("-"), type=_moment, metavar="TIME", help=f"the {which}: RFC 3339; by default all"
        )
    rebuild.set_defaults(run=_rebuild)
    rerate = commands.add_parser("rerate", help="show what calls would have cost by the prices as they are known now")
    for name, which in (("--from", "first"), ("--to", "last, not included")):
        rerate.add_argument(
            name, dest=name.strip("-"), type=_moment, metavar="TIME", required=True, help=f"the {which}: RFC 3339"
        )
    rerate.add_argument("--tenant", metavar="ID", help="only this tenant's")
    rerate.add_argument("--model", metavar="ALIAS", help="only calls of this model")
    rerate.add_argument("--json", action="store_true", help="as JSON, in nano-USD")
    rerate.set_defaults(run=_rerate)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


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


def _rebuild(arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.ledger.command import run_rebuild
        from admin_api.settings import LedgerSettings
        from common.db.errors import DatabaseUnavailableError
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(LedgerSettings)
    configure_logging(level=settings.log_level, service="admin-api-ledger")
    try:
        done = run_rebuild(settings, start=getattr(arguments, "from"), end=arguments.to)
    except DatabaseUnavailableError as error:
        sys.exit(f"ledger rebuild: {error}")
    sys.stdout.write(f"{done.days} days made again; {done.wrong} rows of sums were wrong\n")


def _rerate(arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.ledger.command import run_rerate
        from admin_api.ledger.report import as_json, table
        from admin_api.settings import LedgerSettings
        from common.db.errors import DatabaseUnavailableError
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(LedgerSettings)
    configure_logging(level=settings.log_level, service="admin-api-ledger")
    start, end = getattr(arguments, "from"), arguments.to
    try:
        found = run_rerate(settings, start=start, end=end, tenant_id=arguments.tenant, alias=arguments.model)
    except DatabaseUnavailableError as error:
        sys.exit(f"ledger rerate: {error}")
    sys.stdout.write((as_json if arguments.json else table)(found) + "\n")


def _rotate(_arguments: argparse.Namespace) -> None:
    with quick_imports():
        from admin_api.encryption.command import run
        from admin_api.settings import BootstrapSettings
        from common.db.errors import DatabaseUnavailableError
        from common.logging import configure_logging
        from common.settings import from_environment

    settings = from_environment(BootstrapSettings)
    configure_logging(level=settings.log_level, service="admin-api-rotation")
    try:
        done = run(settings)
    except DatabaseUnavailableError as error:
        sys.exit(f"rotate-encryption: {error}")
    for place, count in done.sealed.items():
        sys.stdout.write(f"{place}: {count} sealed again\n")
    if lost := [f"{place}: {key}" for place, keys in done.unopened.items() for key in keys]:
        sys.exit("these do not open, their key is not configured:\n" + "\n".join(lost))


def _openapi(_arguments: argparse.Namespace) -> None:
    import json

    from admin_api.app import describe_api

    json.dump(describe_api(), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
