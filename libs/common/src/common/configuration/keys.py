"""The settings of a class: each has a key in the YAML file, a variable of the environment, and a line in the reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

_LISTS: Final = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Key:
    """In a field's `Annotated`: its dotted path in the YAML file, what it is for, and its variable if that is not `OMG_<FIELD>`."""

    path: str
    about: str
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a settings class. A `secret` is taken from the environment or a file of its own only. `inner_secrets` are names
    of fields of what it is made of: in the YAML file they are referred to (`common.configuration.references`)."""

    name: str
    path: str
    variable: str
    about: str
    secret: bool
    many: bool
    inner_secrets: frozenset[str]
    field: FieldInfo

    @property
    def file_variable(self) -> str:
        """Names the file that holds a secret."""
        return f"{self.variable}_FILE"


def settings_in(settings: type[BaseSettings]) -> list[Setting]:
    """In the order of the class; a field without a `Key` has its name under `other`."""
    return [_setting(name, field) for name, field in settings.model_fields.items()]


def _setting(name: str, field: FieldInfo) -> Setting:
    key = next((each for each in field.metadata if isinstance(each, Key)), None)
    parts = set(_parts(field.annotation))
    return Setting(
        name=name,
        path=f"other.{name}" if key is None else key.path,
        variable=(key.variable if key is not None else _named(field)) or f"OMG_{name.upper()}",
        about=(field.description or "") if key is None else key.about,
        secret=SecretStr in parts,
        many=any(get_origin(each) in _LISTS or each in _LISTS for each in parts),
        inner_secrets=frozenset(
            inner
            for each in parts
            if isinstance(each, type) and issubclass(each, BaseModel)
            for inner, field in each.model_fields.items()
            if SecretStr in set(_parts(field.annotation))
        ),
        field=field,
    )


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _parts(each)


def _named(field: FieldInfo) -> str | None:
    choices = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
    return next((each for each in choices if isinstance(each, str) and each.isupper()), None)
