"""Rules of the audit log: what of a row is worth an entry, and how it is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

AUDIT_PREFIX: Final = "aud"
MASK: Final = "•••"


class Action(StrEnum):
    """What happened to a row. Everything else has a name of its own, such as `signed_in`."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an audited table. A secret's value is never written down, only that there is one and that it changed."""

    name: str
    secret: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Of a row: the fields before and after; `None` where there was, or is, nothing."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def shown(column: Column, value: Any) -> Any:
    """A column's value as JSON can hold it."""
    if value is None:
        return None
    if column.secret:
        return MASK
    return plain(value)


def plain(value: Any) -> Any:
    """A value of a row, as JSON can hold it. Numbers with decimals become text, as everywhere."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return str(value)
