"""A YAML file as plain values that remember their lines.

Scalars are read as YAML 1.2 does, and more plainly still: `true` and `false` are the only booleans, so `no` and `on` are texts;
whole numbers are decimal; anything else, a price such as 0.10 and a date among them, stays the text it is, so that no digit is
lost before the setting's own type looks at it.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml

MAX_BYTES: Final = 16 * 1024**2
MAX_NODES: Final = 500_000
_MAX_DIGITS: Final = 30
Where = tuple[str | int, ...]
"""A place in a document: names of keys, and positions in lists."""


class DocumentError(Exception):
    """The file cannot be read as a document; the message says where."""


@dataclass(frozen=True, slots=True)
class Document:
    """`lines` has every key and every element of a list, by its place."""

    name: str
    values: Mapping[str, Any]
    lines: Mapping[Where, int]

    def at(self, where: Where) -> str:
        """`gateway.yaml:12` for a place, or for what it is in where it is not written itself."""
        while where and where not in self.lines:
            where = where[:-1]
        return f"{self.name}:{self.lines[where]}" if where else self.name

    def find(self, path: str) -> tuple[bool, Any]:
        """Whether the dotted `path` is given, and its value. A section that is empty gives nothing."""
        value: Any = self.values
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return False, None
            value = value[part]
        return True, value


class _Loader(yaml.SafeLoader):
    """Builds texts, numbers, booleans, lists and sections, and nothing that a tag asks for."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class declares it
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        f"tag:yaml.org,2002:{kind}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"]
        for kind in ("null", "bool", "str", "seq", "map")
    }

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Decimal, and not longer than a number anybody means."""
        if len(node.value) > _MAX_DIGITS or not re.fullmatch(r"[-+]?[0-9]+", node.value):
            raise yaml.constructor.ConstructorError(None, None, "this is no whole number", node.start_mark)
        return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole_number)
_Loader.add_constructor(None, yaml.SafeLoader.yaml_constructors[None])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(null|~|)$"), ["n", "~", ""])


def read_document(path: Path) -> Document:
    """Raises `DocumentError`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError(f"{path}: larger than {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse_document(text, name=str(path))


def parse_document(text: str, *, name: str) -> Document:
    """JSON is YAML, too. Raises `DocumentError`."""
    try:
        values, lines = _load(_Loader(text), name)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        raise DocumentError(f"{name}{line}: this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError) as error:
        raise DocumentError(f"{name}: this is no YAML: {type(error).__name__}") from None
    if not isinstance(values, dict):
        if values is not None:
            raise DocumentError(f"{name}:1: a document consists of sections, each with its keys")
        values = {}
    return Document(name=name, values=values, lines=lines)


def _load(loader: _Loader, name: str) -> tuple[Any, dict[Where, int]]:
    try:
        node = loader.get_single_node()
        lines: dict[Where, int] = {}
        for where, mark in _marks(node, (), name):
            lines[where] = mark.line + 1
            if len(lines) > MAX_NODES:
                # References to references can stand for more than any memory holds.
                raise DocumentError(f"{name}: more than {MAX_NODES} keys and elements")
        return {} if node is None else loader.construct_document(node), lines
    finally:
        loader.dispose()


def _marks(node: yaml.Node | None, where: Where, name: str) -> Iterator[tuple[Where, yaml.Mark]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            text = key.value if isinstance(key, yaml.ScalarNode) else str(key.value)
            if key.tag == "tag:yaml.org,2002:merge" or text == "<<":
                raise DocumentError(f"{name}:{key.start_mark.line + 1}: merge keys (<<) are not read")
            if text in seen:
                raise DocumentError(f"{name}:{key.start_mark.line + 1}: {text} is given twice")
            seen.add(text)
            yield (*where, text), key.start_mark
            yield from _marks(value, (*where, text), name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*where, index), value.start_mark
            yield from _marks(value, (*where, index), name)
