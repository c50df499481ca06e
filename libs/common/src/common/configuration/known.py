"""Every key that the YAML file can have, of all processes: each knows its own settings, and must tell the others' from mistakes.

`schema.json` beside this module is made from the settings classes (`python -m tests.architecture.configuration`); editors can use
it, too.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

from common.configuration.document import Document, Where
from common.configuration.given import Problem, refused_secret


@lru_cache(maxsize=1)
def schema() -> Mapping[str, Any]:
    """The JSON Schema of the file."""
    content = files("common.configuration").joinpath("schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(content)
    return found


def unknown_keys(document: Document) -> list[Problem]:
    """One problem for each key that no process has, with the one that was perhaps meant; and for each secret in the file."""
    return list(_look(document, document.values, (), schema()))


def _look(document: Document, value: Any, where: Where, known: Mapping[str, Any]) -> Iterator[Problem]:
    names = known.get("properties")
    if names is None or known.get("x-block"):
        return
    if value is None:
        return
    path = ".".join(map(str, where))
    if not isinstance(value, Mapping):
        yield Problem(document.at(where), path, "this is a section: its keys belong below it, indented")
        return
    for name, below in value.items():
        place = (*where, str(name))
        key = ".".join(map(str, place))
        if name not in names:
            yield Problem(document.at(place), key, f"there is no such key{_suggestion(str(name), place)}")
        elif names[name].get("writeOnly"):
            yield Problem(document.at(place), key, refused_secret(names[name]["x-variable"]))
        else:
            yield from _look(document, below, place, names[name])


def _suggestion(name: str, place: Where) -> str:
    paths = list(all_paths())
    path = ".".join(map(str, place))
    # The same name in another section, else what is spelled alike.
    elsewhere = [each for each in paths if each.rpartition(".")[2] == name]
    close = elsewhere or get_close_matches(path, paths, n=1, cutoff=0.75)
    if not close:
        close = [each for each in paths if get_close_matches(name, [each.rpartition(".")[2]], cutoff=0.8)]
    return f"; is it {close[0]}?" if close else ""


def all_paths() -> Iterator[str]:
    """Every section and key, dotted."""
    yield from _paths(schema(), ())


def _paths(known: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[str]:
    if known.get("x-block"):
        return
    for name, below in known.get("properties", {}).items():
        yield ".".join((*where, name))
        yield from _paths(below, (*where, name))


def all_variables() -> set[str]:
    """Of every process."""
    return set(_variables(schema()))


def _variables(known: Mapping[str, Any]) -> Iterator[str]:
    if "x-variable" in known:
        yield known["x-variable"]
        if known.get("writeOnly"):
            yield f"{known['x-variable']}_FILE"
    for below in known.get("properties", {}).values():
        yield from _variables(below)
