"""Gathering what is set, and from where: the environment, else the file that `<VARIABLE>_FILE` names, else the YAML file.

The YAML file is the one that `OMG_CONFIG_FILE` names; without it nothing of YAML is imported, so that a start costs what it did.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic_settings import BaseSettings

from common.configuration.keys import Setting, settings_in

if TYPE_CHECKING:
    from common.configuration.document import Document

CONFIG_FILE: Final = "OMG_CONFIG_FILE"


@dataclass(frozen=True, slots=True)
class Problem:
    """`where` is a variable, or a line of a file; the message holds no secret."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class UnusableError(Exception):
    """What is set cannot be used. `problems` says all of it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Found:
    """A value as it was given, and where."""

    value: Any
    where: str


def gather(
    settings: type[BaseSettings], environment: Mapping[str, str], document: "Document | None" = None
) -> dict[str, Found]:
    """By field. `document` is what `OMG_CONFIG_FILE` names, when that is to be read. Raises `UnusableError`."""
    found, problems = collect(settings, environment, document)
    if problems:
        raise UnusableError(problems)
    return found


def collect(
    settings: type[BaseSettings],
    environment: Mapping[str, str],
    document: "Document | None",
    *,
    look_up: bool = True,
) -> tuple[dict[str, Found], list[Problem]]:
    """What can be read, by field, and what cannot. Without `look_up`, secrets that the document refers to are taken for given."""
    problems: list[Problem] = []
    found: dict[str, Found] = {}
    for setting in settings_in(settings):
        try:
            value = _from_environment(setting, environment) or _from_document(
                setting, document, environment if look_up else None
            )
        except _NoValueError as error:
            problems.append(Problem(error.where, error.key, str(error)))
        except UnusableError as error:
            problems += error.problems
        else:
            if value is not None:
                found[setting.name] = value
    return found, problems


def configured_document(environment: Mapping[str, str]) -> "Document | None":
    """What `OMG_CONFIG_FILE` names, checked for keys that do not exist. Raises `UnusableError`."""
    name = environment.get(CONFIG_FILE, "").strip()
    if not name:
        return None
    from common.configuration.document import DocumentError, read_document
    from common.configuration.known import unknown_keys

    try:
        document = read_document(Path(name))
    except DocumentError as error:
        raise UnusableError([Problem(CONFIG_FILE, "", str(error))]) from None
    problems = unknown_keys(document)
    if problems:
        raise UnusableError(problems)
    return document


def refused_secret(variable: str) -> str:
    """What is said of a secret in the YAML file."""
    return f"a secret is not read from this file; set {variable}, or {variable}_FILE to a file that holds it"


class _NoValueError(Exception):
    def __init__(self, where: str, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.key = key


def _from_environment(setting: Setting, environment: Mapping[str, str]) -> Found | None:
    text = environment.get(setting.variable)
    file = environment.get(setting.file_variable, "") if setting.secret else ""
    if file and text is not None:
        raise _NoValueError(setting.variable, f"{setting.file_variable} is set as well; set one of them")
    if file:
        try:
            return Found(Path(file).read_text(encoding="utf-8").rstrip("\r\n"), setting.file_variable)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise _NoValueError(setting.file_variable, f"{file} cannot be read: {reason}") from None
    if text is None:
        return None
    return Found(_split(text, setting) if setting.many else text, setting.variable)


def _split(text: str, setting: Setting) -> Any:
    """A list as JSON, or separated by commas."""
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except ValueError:
        raise _NoValueError(setting.variable, "this is no list in JSON; separate the elements by commas") from None


def _from_document(
    setting: Setting, document: "Document | None", environment: Mapping[str, str] | None
) -> Found | None:
    if document is None:
        return None
    given, value = document.find(setting.path)
    if not given:
        return None
    where = document.at(tuple(setting.path.split(".")))
    if setting.secret:
        raise _NoValueError(where, refused_secret(setting.variable), key=setting.path)
    if setting.inner_secrets:
        from common.configuration.references import References

        names = dict.fromkeys(setting.inner_secrets, "stand-in")
        references = References(document=document, environment=environment, secrets=names)
        value = references.resolved(value, tuple(setting.path.split(".")))
        if references.problems:
            raise UnusableError(references.problems)
    return Found(value, where)
