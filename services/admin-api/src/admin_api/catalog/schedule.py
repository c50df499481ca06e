"""Which of a route's versions of prices is in force at a moment, and which are yet to come."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from admin_api.catalog.models import PriceRow

PriceState = Literal["past", "in_force", "scheduled"]
NO_PRICES: Final = "none"
"""The version of a route that has no prices yet."""
MOST_SCHEDULED: Final = 20
"""Of a route, at a time."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """In the order of their effect; of two for one moment the one made later counts. `in_force` is null for a route that has no
    prices yet."""

    past: Sequence[PriceRow]
    in_force: PriceRow | None
    scheduled: Sequence[PriceRow]

    def __iter__(self) -> Iterator[tuple[PriceRow, PriceState]]:
        yield from ((row, "past") for row in self.past)
        if self.in_force is not None:
            yield self.in_force, "in_force"
        yield from ((row, "scheduled") for row in self.scheduled)


def schedule_of(versions: Iterable[PriceRow], now: datetime) -> Schedule:
    ordered = sorted(versions, key=lambda version: (version.effective_from, version.created_at))
    begun = [version for version in ordered if version.effective_from <= now]
    return Schedule(begun[:-1], begun[-1] if begun else None, ordered[len(begun) :])
