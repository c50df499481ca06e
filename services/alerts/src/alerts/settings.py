"""What alerts can be told from outside. Read once, by `__main__`."""

from common.settings import BusSettings, DatabaseSettings, ProcessSettings


class ServeSettings(ProcessSettings, DatabaseSettings, BusSettings):
    """`serve`: where to listen, its Postgres role, and NATS."""


class MigrateSettings(ProcessSettings, DatabaseSettings):
    """`migrate`: its Postgres role only."""
