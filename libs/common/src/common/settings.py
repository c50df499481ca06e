"""Settings every process shares. They are read from the environment once, by a service's `__main__`, and passed on."""

import sys
from typing import Annotated, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

T = TypeVar("T", bound=BaseSettings)


class _OmgSettings(BaseSettings):
    """Variables are `OMG_*`, unless a field names its own. The groups below share this, so they combine in any order."""

    model_config = SettingsConfigDict(env_prefix="OMG_", frozen=True, populate_by_name=True, extra="ignore")


class ProcessSettings(_OmgSettings):
    """What any process needs: where it listens and how much it logs."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - in a container; `omg up` passes the loopback address
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    log_level: str = "info"


class BusSettings(_OmgSettings):
    """Where NATS is, and how many replicas its streams and buckets keep."""

    nats_url: SecretStr = Field(validation_alias=AliasChoices("NATS_URL", "nats_url"))
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = 1


class DatabaseSettings(_OmgSettings):
    """Where this service's Postgres role finds its schema, as `postgresql://user:password@host:port/database`."""

    database_url: SecretStr = Field(validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 10


def from_environment(settings: type[T]) -> T:
    """Read a process's settings. What is missing or wrong ends the process with code 2 and the variables' names.

    The values stay out of the message: pydantic's own would print passwords into the log.
    """
    try:
        return settings()
    except ValidationError as error:
        problems = [f"  {_variable(settings, each['loc'])}: {each['msg']}\n" for each in error.errors()]
        sys.stderr.write("the environment is not usable:\n" + "".join(problems))
        raise SystemExit(2) from None


def _variable(settings: type[BaseSettings], location: tuple[int | str, ...]) -> str:
    """The variable behind pydantic's location: a field's name, a variable that the field names, or nothing for the whole."""
    name = str(location[0]) if location else "together"
    return f"{settings.model_config.get('env_prefix')}{name}".upper() if name in settings.model_fields else name
