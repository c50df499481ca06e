"""`python -m alerts serve|migrate|config`: the only place of this service that reads the environment.

Each command imports what it runs: a migration needs no web framework, and the server no migrations.
"""

import argparse

from alerts.settings import MigrateSettings, ServeSettings
from common.configuration.command import add_config_command
from common.logging import configure_logging
from common.settings import from_environment


def main() -> None:
    """Read the command line and run one command to its end."""
    parser = argparse.ArgumentParser(prog="python -m alerts")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer HTTP until SIGTERM").set_defaults(run=_serve)
    commands.add_parser("migrate", help="bring the schema alerts up to date, and end").set_defaults(run=_migrate)
    add_config_command(commands, lambda: {"serve": ServeSettings, "migrate": MigrateSettings})
    arguments = parser.parse_args()
    arguments.run(arguments)


def _serve(_arguments: argparse.Namespace) -> None:
    from alerts.app import create_app
    from alerts.wiring import SERVICE, Wiring
    from common.lifecycle import serve

    settings = from_environment(ServeSettings)
    configure_logging(level=settings.log_level, service=SERVICE)
    if settings.run_migrations:
        _upgrade(settings.database_url.get_secret_value())
    serve(create_app(Wiring(settings)), host=settings.listen_host, port=settings.listen_port)


def _migrate(_arguments: argparse.Namespace) -> None:
    settings = from_environment(MigrateSettings)
    configure_logging(level=settings.log_level, service="alerts")
    _upgrade(settings.database_url.get_secret_value())


def _upgrade(url: str) -> None:
    from alerts.migrations import FOLDER
    from alerts.models import SCHEMA
    from common.db.migrate import upgrade

    upgrade(url=url, migrations=FOLDER, schemas=[SCHEMA])


if __name__ == "__main__":
    main()
