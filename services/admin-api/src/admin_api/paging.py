"""Lists: pages by keyset, newest first. A cursor is opaque to its reader; it holds the sort key of the last item shown."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Self, TypeVar

from fastapi import Query
from pydantic import BaseModel

from admin_api.errors import InvalidCursorError

T = TypeVar("T")
R = TypeVar("R")

Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]

DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """What a use case found for one page, and where the next one begins, if there is one."""

    rows: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[T], limit: int, cursor_of: Callable[[T], str]) -> "Slice[T]":
        """From a query for `limit + 1` rows."""
        shown = rows[:limit]
        return cls(shown, cursor_of(shown[-1]) if len(rows) > limit else None)


class Page(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last one."""

    data: list[T]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, found: Slice[R], shape: Callable[[R], T]) -> Self:
        return cls(
            data=[shape(row) for row in found.rows],
            has_more=found.next_cursor is not None,
            next_cursor=found.next_cursor,
        )


def encode_cursor(*parts: str) -> str:
    """The cursor for an item's sort key."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def moment_of(part: str) -> datetime:
    """A cursor's part that is a moment, with its offset. Raises `InvalidCursorError`."""
    try:
        moment = datetime.fromisoformat(part)
    except ValueError:
        raise InvalidCursorError from None
    if moment.tzinfo is None or not 1970 < moment.year < 9000:
        raise InvalidCursorError
    return moment


def decode_cursor(cursor: str, *, parts: int = 1) -> list[str]:
    """The sort key in a cursor. Raises `InvalidCursorError` for anything `encode_cursor` did not make."""
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise InvalidCursorError from None
    if not isinstance(found, list) or len(found) != parts:
        raise InvalidCursorError
    # What has no place in a key (NUL) or in text at all (lone surrogates) would be refused by Postgres.
    if not all(isinstance(part, str) and part.isprintable() for part in found):
        raise InvalidCursorError
    return found
