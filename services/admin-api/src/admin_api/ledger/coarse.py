"""Coarser sums of hours that are over, for reports over weeks: which tables there are, and how an hour is opened again.

A closed hour has its rows here as well; one that a late call is entered into is opened again by the statement that enters it, and
reports then read its hourly sums. So whatever is here is right, and whatever is not here is read where it is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Coarse:
    """A table of sums by hour and `dimensions`, a part of those of `usage_hourly`."""

    table: str
    dimensions: tuple[str, ...]


COARSE: Final = (
    Coarse("ledger.usage_hourly_models", ("alias", "provider", "model")),
    Coarse("ledger.usage_hourly_tenants", ("tenant_id",)),
)
CLOSED_HOURS: Final = "ledger.closed_hours"


def coarse_for(columns: Collection[str]) -> Coarse | None:
    """The table that knows these columns of `usage_hourly`; null if none does."""
    return next((each for each in COARSE if set(columns) <= set(each.dimensions)), None)


def reopening(hours: str) -> str:
    """Parts of a WITH that open the hours again that the query `hours` gives, in their order: two that open the same wait for each
    other, and never deadlock."""
    removed = ", ".join(
        f"emptied_{number} AS (DELETE FROM {each.table} AS known USING opened WHERE known.hour = opened.hour)"  # noqa: S608 - ours
        for number, each in enumerate(COARSE)
    )
    return f"""
        held AS (
            SELECT hour FROM {CLOSED_HOURS} WHERE hour IN ({hours}) ORDER BY hour FOR UPDATE
        ), opened AS (
            DELETE FROM {CLOSED_HOURS} AS known USING held WHERE known.hour = held.hour RETURNING known.hour
        ), {removed}
    """  # noqa: S608 - ours
