"""Does the ledger add up? Every hourly sum against a fresh sum over the entries, in one statement, thus one snapshot.

Meant for tests, for a person in doubt, and for whoever repairs: what it finds is what would have to be corrected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger.coarse import CLOSED_HOURS, COARSE
from admin_api.ledger.repository import DROPPED_BEFORE
from admin_api.ledger.sums import DIMENSIONS, HOUR, SUMS

_KEY: Final = ("hour", *DIMENSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row of `usage_hourly` that is not what its entries sum up to. `None`: there is no such row, or there are no entries."""

    key: Mapping[str, str | datetime]
    hourly: Mapping[str, int] | None
    entries: Mapping[str, int] | None


async def find_differences(session: AsyncSession, *, limit: int = 100) -> list[Difference]:
    """The first `limit` differences by key; an empty list is what a correct ledger gives. Reads every entry.

    Months that were dropped are left out: there is nothing to compare with.
    """
    compared = " OR ".join(f"hourly.{name} IS DISTINCT FROM fresh.{name}" for name in SUMS)
    statement = text(f"""
        SELECT {", ".join(_KEY)},
               {", ".join(f"hourly.{name} AS hourly_{name}, fresh.{name} AS fresh_{name}" for name in SUMS)}
        FROM ledger.usage_hourly AS hourly
        FULL JOIN (
            SELECT {HOUR} AS hour, {", ".join(DIMENSIONS)}, {", ".join(f"{sum_} AS {name}" for name, sum_ in SUMS.items())}
            FROM ledger.usage_entries GROUP BY {", ".join(str(n + 1) for n in range(len(_KEY)))}
        ) AS fresh USING ({", ".join(_KEY)})
        WHERE ({compared}) AND hour >= {DROPPED_BEFORE} ORDER BY {", ".join(_KEY)} LIMIT :limit
    """)  # noqa: S608 - names of columns, from the repository
    rows = (await session.execute(statement, {"limit": limit})).mappings()
    return [
        Difference(
            key={name: row[name] for name in _KEY},
            hourly=_sums({name: row[f"hourly_{name}"] for name in SUMS}),
            entries=_sums({name: row[f"fresh_{name}"] for name in SUMS}),
        )
        for row in rows
    ]


async def find_coarse_differences(session: AsyncSession) -> int:
    """How many rows of coarser sums are not what the hourly sums of their hours add up to, or are missing, or too many."""
    count = 0
    for each in COARSE:
        key = f"hour, {', '.join(each.dimensions)}"
        statement = f"""
            WITH fresh AS (
                SELECT {key}, {", ".join(f"sum({name}) AS {name}" for name in SUMS)} FROM ledger.usage_hourly
                JOIN {CLOSED_HOURS} USING (hour) GROUP BY {key}
            )
            SELECT count(*) FROM {each.table} AS known FULL JOIN fresh USING ({key})
            WHERE {" OR ".join(f"known.{name} IS DISTINCT FROM fresh.{name}" for name in SUMS)}
        """  # noqa: S608 - names of columns, from the repository
        count += await session.scalar(text(statement)) or 0
    return count


def _sums(values: Mapping[str, int | Decimal | None]) -> Mapping[str, int] | None:
    if values["requests"] is None:
        return None
    return {name: int(value or 0) for name, value in values.items()}
