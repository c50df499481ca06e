"""How an answer is given, read from the model's name: `emulated` and any of the options, each with a hyphen before it.

The table for readers is in the package's docstring; tests hold the two together. What an option does to the content is up to the
operation, what it does to the wire is in `delivery`.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final

import msgspec

from common.events.usage import Tokens

_FIRST: Final = "emulated"
_ERROR_AFTER: Final = 2


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one name. `*_after`: counted in events of a stream; times in seconds."""

    # The wire
    first_byte_delay: float = 0.0
    event_delay: float = 0.0
    silent: bool = False
    stall_after: int | None = None
    cut_after: int | None = None
    close_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    error_status: int | None = None
    retry_after: int | None = 1
    out_of_quota: bool = False
    html: bool = False
    malformed: bool = False
    split_bytes: bool = False
    crlf: bool = False
    comments: bool = False
    percent: int = 100
    # The content
    echo: bool = False
    refuse: bool = False
    pieces: int | None = None
    huge: int | None = None
    unknown_fields: bool = False
    # The report of usage
    tokens: Tokens | None = None
    no_usage: bool = False
    usage_null_omitted: bool = False
    usage_with_finish: bool = False


def _flag(name: str) -> Callable[..., dict[str, Any]]:
    return lambda: {name: True}


def _number(name: str) -> Callable[..., dict[str, Any]]:
    return lambda value: {name: int(value)}


def _milliseconds(name: str) -> Callable[..., dict[str, Any]]:
    return lambda value: {name: int(value) / 1000}


def _tokens(*counts: str) -> dict[str, Any]:
    prompt, cached, completion, reasoning = map(int, counts)
    return {"tokens": Tokens(input=prompt, cached_input=cached, output=completion, reasoning=reasoning)}


OPTIONS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "slow-first-byte-N": _milliseconds("first_byte_delay"),
    "delay-N": _milliseconds("event_delay"),
    "silent": _flag("silent"),
    "stall-after-N": _number("stall_after"),
    "cut-after-N": _number("cut_after"),
    "close-after-N": _number("close_after"),
    "end-after-N": _number("end_after"),
    "error-mid-stream": lambda: {"error_after": _ERROR_AFTER},
    "error-after-N": _number("error_after"),
    "error-N": _number("error_status"),
    "retry-after-N": _number("retry_after"),
    "no-retry-after": lambda: {"retry_after": None},
    "out-of-quota": lambda: {"error_status": 429, "out_of_quota": True},
    "html-N": lambda status: {"error_status": int(status), "html": True},
    "malformed": _flag("malformed"),
    "split-bytes": _flag("split_bytes"),
    "crlf": _flag("crlf"),
    "comments": _flag("comments"),
    "percent-N": _number("percent"),
    "echo": _flag("echo"),
    "refuse": _flag("refuse"),
    "chunks-N": _number("pieces"),
    "huge-N": _number("huge"),
    "unknown-fields": _flag("unknown_fields"),
    "tokens-N-N-N-N": _tokens,
    "no-usage": _flag("no_usage"),
    "usage-null-omitted": _flag("usage_null_omitted"),
    "usage-with-finish": _flag("usage_with_finish"),
}
_PATTERNS: Final = [
    (re.compile(f"-{option.replace('N', '([0-9]{1,9})')}(?=-|$)"), read) for option, read in OPTIONS.items()
]


_USUAL: Final = Behaviour()
_WIRE: Final = Behaviour.__struct_fields__[: Behaviour.__struct_fields__.index("percent")]


class UnknownModel(ValueError):
    """The name is not `emulated` with options of the table."""


@lru_cache(maxsize=1024)
def read_behaviour(model: str) -> Behaviour:
    """Raises `UnknownModel`: a misspelt option must not look like the normal behaviour."""
    if not model.startswith(_FIRST):
        raise UnknownModel(model)
    rest = model[len(_FIRST) :]
    fields: dict[str, Any] = {}
    while rest:
        matches = ((pattern.match(rest), read) for pattern, read in _PATTERNS)
        found = next(((match, read) for match, read in matches if match), None)
        if found is None:
            raise UnknownModel(model)
        fields |= found[1](*found[0].groups())
        rest = rest[found[0].end() :]
    behaviour = Behaviour(**fields)
    if behaviour.error_status is not None and not 400 <= behaviour.error_status <= 599:
        raise UnknownModel(model)
    if not 0 <= behaviour.percent <= 100:
        raise UnknownModel(model)
    return behaviour


def draw_behaviour(model: str, chance: Random) -> Behaviour:
    """The behaviour for one call: of those that `percent` spares, only the content is as the name says. Raises `UnknownModel`."""
    behaviour = read_behaviour(model)
    if chance.random() * 100 < behaviour.percent:
        return behaviour
    return msgspec.structs.replace(behaviour, **{name: getattr(_USUAL, name) for name in _WIRE})
