"""Settings every process shares. They are read once, by a service's `__main__`, and passed on.

What is set comes from the environment, from files of secrets, and from the YAML file that `OMG_CONFIG_FILE` names: see
`common.configuration`, and docs/reference/configuration.md for all of them.
"""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from common.configuration.given import Found, Problem, UnusableError, configured_document, gather
from common.configuration.keys import Key, settings_in

T = TypeVar("T", bound=BaseSettings)


class _Given(PydanticBaseSettingsSource):
    """What is set, in place of pydantic's own reading of the environment, which knows no file and no origin."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # everything is given at once

    def __call__(self) -> dict[str, Any]:
        return {name: each.value for name, each in given(self.settings_cls, os.environ).items()}


class _OmgSettings(BaseSettings):
    """Variables are `OMG_*`, unless a field's `Key` names another. The groups below share this, so they combine in any order."""

    model_config = SettingsConfigDict(env_prefix="OMG_", frozen=True, populate_by_name=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Given(settings_cls)


class ProcessSettings(_OmgSettings):
    """What any process needs: where it listens and how much it logs."""

    # In a container; `omg up` passes the loopback address.
    listen_host: Annotated[str, Key("server.listen_host", "Address to listen on.")] = "0.0.0.0"  # noqa: S104
    listen_port: Annotated[
        int, Field(ge=0, le=65535), Key("server.listen_port", "Port to listen on; 0 takes a free one.")
    ] = 8080
    log_level: Annotated[str, Key("observability.log_level", "`debug`, `info`, `warning` or `error`.")] = "info"
    enable_metrics: Annotated[bool, Key("observability.enable_metrics", "Whether `/metrics` answers.")] = True


class BusSettings(_OmgSettings):
    """Where NATS is, and how many replicas its streams and buckets keep."""

    nats_url: Annotated[
        SecretStr,
        Key("nats.url", "`nats://user:password@host:4222`, commas between several servers.", variable="NATS_URL"),
    ]
    nats_replicas: Annotated[
        int,
        Field(ge=1, le=5),
        Key("nats.replicas", "Copies of every stream and bucket; 3 on a cluster of NATS servers."),
    ] = 1


class DatabaseSettings(_OmgSettings):
    """Where this service's Postgres role finds its schema, as `postgresql://user:password@host:port/database`."""

    database_url: Annotated[
        SecretStr,
        Key(
            "database.url",
            "`postgresql://role:password@host:5432/database`, of this service's own role.",
            variable="DATABASE_URL",
        ),
    ]
    database_pool_size: Annotated[
        int, Field(ge=1, le=100), Key("database.pool_size", "Connections that this process keeps at most.")
    ] = 10
    run_migrations: Annotated[
        bool,
        Key(
            "database.run_migrations",
            "Bring the service's own schema up to date before serving, as its command `migrate` does. Safe with any number "
            "of replicas.",
        ),
    ] = False


def given(settings: type[BaseSettings], environment: Mapping[str, str]) -> dict[str, Found]:
    """What is set for a process, by field, with its origin. Raises `UnusableError`."""
    return gather(settings, environment, configured_document(environment))


def from_environment(settings: type[T]) -> T:
    """Read a process's settings. What is missing or wrong ends the process with code 2, naming variables and lines.

    The values stay out of the message: pydantic's own would print passwords into the log.
    """
    try:
        return settings()
    except UnusableError as error:
        problems = error.problems
    except ValidationError as error:
        problems = problems_of(settings, error, given(settings, os.environ))
    told = "".join(f"  {each}\n" for each in problems)
    sys.stderr.write("the environment is not usable:\n" + told)
    raise SystemExit(2)


def problems_of(settings: type[BaseSettings], error: ValidationError, found: Mapping[str, Found]) -> list[Problem]:
    """pydantic's findings, each with the place that its value came from; the variable, where there is none."""
    by_name = {each.name: each for each in settings_in(settings)}
    problems = []
    for each in error.errors(include_input=False, include_url=False):
        setting = by_name.get(str(each["loc"][0])) if each["loc"] else None
        if setting is None:
            problems.append(Problem("together", "", each["msg"]))
        elif setting.name not in found or found[setting.name].where.startswith(setting.variable):
            where = found[setting.name].where if setting.name in found else setting.variable
            problems.append(Problem(where, "", each["msg"]))
        else:
            problems.append(Problem(found[setting.name].where, setting.path, each["msg"]))
    return problems
