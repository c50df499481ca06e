"""Secrets in a document: named, not written. `password_env: ADMIN_PASSWORD` is the password in that variable, `password_file:
/run/secrets/password` the one in that file; so for `secret` and `credential`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from common.configuration.document import Document, Where
from common.configuration.given import Problem

# What stands for a secret that is not here, where only the document is looked at. Each is a possible one.
_STAND_INS: Final[Mapping[str, str]] = {
    "password": "a stand-in for a password",
    "secret": "sk-" + "0" * 48,
    "credential": "stand-in",
}
_FREE: Final = ("tags", "metadata")
"""Whoever names the keys below these is free to, and means no secret."""


_MONEY: Final = ("prices", "amount_usd")
"""Below these, a number is an amount: the text that it is in the Admin API, which takes no JSON numbers for money."""


@dataclass(slots=True, kw_only=True)
class References:
    """`literals`: whether a secret may be written in the document. Without an `environment`, every named secret is a stand-in."""

    document: Document
    environment: Mapping[str, str] | None
    literals: bool
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
            if name in _STAND_INS and kind in ("env", "file"):
                if name in found or name in value:
                    self._refuse((*where, key), f"{name} is given twice")
                found[name] = self._read(name, kind, below, (*where, key))
            elif key in _STAND_INS and isinstance(below, str) and not self.literals:
                self._refuse((*where, key), f"a secret is not written here: give {key}_env or {key}_file")
            elif key in _MONEY:
                found[key] = _texts(below)
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
        return _STAND_INS[name]

    def _refuse(self, where: Where, message: str) -> None:
        self.problems.append(Problem(self.document.at(where), ".".join(map(str, where)), message))


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
