"""Secrets inside a document: named, not written. `password_env: ADMIN_PASSWORD` is the password in that variable, `password_file:
/run/secrets/password` the one in that file; so for every name of a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from common.configuration.document import Document, Where
from common.configuration.given import Problem

_FREE: Final = ("tags", "metadata")
"""Whoever names the keys below these is free to, and means no secret."""


@dataclass(slots=True, kw_only=True)
class References:
    """`secrets`: names of secrets, each with what stands for one that is not here. `literals`: whether one may be written in the
    document. Without an `environment`, every named secret is its stand-in."""

    document: Document
    environment: Mapping[str, str] | None
    secrets: Mapping[str, str]
    literals: bool = False
    problems: list[Problem] = field(default_factory=list)

    def resolved(self, value: Any, where: Where) -> Any:
        """`value` with the secrets themselves; what is wrong is added to `problems`."""
        if isinstance(value, list):
            return [self.resolved(each, (*where, index)) for index, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        found: dict[str, Any] = {}
        for key, below in value.items():
            name, _, kind = str(key).rpartition("_")
            if name in self.secrets and kind in ("env", "file"):
                if name in found or name in value:
                    self._refuse((*where, key), f"{name} is given twice")
                found[name] = self._read(name, kind, below, (*where, key))
            elif key in self.secrets and isinstance(below, str) and not self.literals:
                self._refuse((*where, key), f"a secret is not written here: give {key}_env or {key}_file")
            else:
                found[key] = below if key in _FREE else self.resolved(below, (*where, key))
        return found

    def _read(self, name: str, kind: str, source: Any, where: Where) -> str:
        if not isinstance(source, str) or not source:
            self._refuse(where, "this names a variable" if kind == "env" else "this names a file")
        elif self.environment is None:
            pass
        elif kind == "env":
            if self.environment.get(source):
                return self.environment[source]
            self._refuse(where, f"the variable {source} is not set")
        else:
            try:
                return Path(source).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError):
                self._refuse(where, f"the file {source} cannot be read")
        return self.secrets[name]

    def _refuse(self, where: Where, message: str) -> None:
        self.problems.append(Problem(self.document.at(where), ".".join(map(str, where)), message))
