"""Prices calls again by what the catalog now says that their routes cost at the time, and shows the difference. It changes nothing.

Each line of a call keeps its quantity and is given the price that was in force when the call began; the sum is rounded once, as
`common.money.nano_usd` does. So a price that was wrong and has been corrected for the past shows what it would have made. A call
that began while a change of prices was on its way to the edges may differ by that change. Calls of a route that never had prices
cannot be priced again, and are counted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.db.engine import Sessions
from common.money import UNITS_PER_PRICE
from common.prices import complete

_DAY: Final = timedelta(days=1)
_END_OF_TIME: Final = datetime(9000, 1, 1, tzinfo=UTC)
_HALF: Final = UNITS_PER_PRICE // 2

# A price of an image's size and quality is looked for with both, then by size, then of any image (`common.prices.price_for`).
_RERATE: Final = text(f"""
    WITH versions AS (
        SELECT * FROM unnest(
            CAST(:routes AS text[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:prices AS jsonb[])
        ) AS version(route_id, begins, ends, prices)
    ), calls AS (
        SELECT entry.tenant_id, entry.alias, entry.cost_nano_usd AS charged, version.prices IS NOT NULL AS is_known, lines.exact
        FROM ledger.usage_entries AS entry
        LEFT JOIN versions AS version
            ON version.route_id = entry.route_id AND entry.occurred_at >= version.begins AND entry.occurred_at < version.ends
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(CAST(line->>'quantity' AS numeric) * CAST(coalesce(
                version.prices->>(line->>'kind'),
                version.prices->>regexp_replace(line->>'kind', ':[^:]*$', ''),
                version.prices->>split_part(line->>'kind', ':', 1),
                '0'
            ) AS numeric)), 0) AS exact
            FROM jsonb_array_elements(entry.lines) AS line
        ) AS lines
        WHERE entry.occurred_at >= :start AND entry.occurred_at < :end
            AND (CAST(:tenant_id AS text) IS NULL OR entry.tenant_id = :tenant_id)
            AND (CAST(:alias AS text) IS NULL OR entry.alias = :alias)
    ), rated AS (
        SELECT tenant_id, alias, charged, is_known, div(exact, {UNITS_PER_PRICE}) + CASE
            WHEN mod(exact, {UNITS_PER_PRICE}) > {_HALF} THEN 1
            WHEN mod(exact, {UNITS_PER_PRICE}) = {_HALF} THEN mod(div(exact, {UNITS_PER_PRICE}), 2)
            ELSE 0
        END AS again
        FROM calls
    )
    SELECT
        tenant_id,
        alias,
        count(*) AS calls,
        count(*) FILTER (WHERE NOT is_known) AS unknown,
        count(*) FILTER (WHERE is_known AND again <> charged) AS different,
        sum(charged) AS charged,
        sum(CASE WHEN is_known THEN again ELSE charged END) AS again
    FROM rated GROUP BY tenant_id, alias
""")  # noqa: S608 - numbers of this module


class PriceVersion(Protocol):
    """What a route costs from a moment on, as the catalog has it."""

    @property
    def route_id(self) -> str: ...

    @property
    def effective_from(self) -> datetime: ...

    @property
    def prices(self) -> Mapping[str, int]:
        """Nano-USD per million units, by kind."""
        ...


@dataclass(frozen=True, slots=True)
class Rerated:
    """Of one tenant and model, in nano-USD. `unknown` calls could not be priced again and count as they were charged."""

    tenant_id: str
    alias: str
    calls: int
    unknown: int
    different: int
    charged: int
    again: int

    @property
    def difference(self) -> int:
        return self.again - self.charged


@dataclass(frozen=True, slots=True)
class _Columns:
    """The versions, each with the moment when the next one begins."""

    routes: list[str]
    begins: list[datetime]
    ends: list[datetime]
    prices: list[str]


async def rerate(
    sessions: Sessions,
    versions: Sequence[PriceVersion],
    *,
    start: datetime,
    end: datetime,
    tenant_id: str | None = None,
    alias: str | None = None,
) -> list[Rerated]:
    """By tenant and model, of the calls that began in the range. `versions` are in the order in which they take effect, for each
    route together; of two for the same moment the later one counts. Raises SQLAlchemy's errors."""
    columns = _columns(versions)
    found: dict[tuple[str, str], Rerated] = {}
    while start < end:
        following = min(end, start + _DAY)
        async with sessions.begin() as session:
            for each in await _of_range(session, columns, start, following, tenant_id, alias):
                place = (each.tenant_id, each.alias)
                found[place] = _added(found[place], each) if place in found else each
        start = following
    return [found[place] for place in sorted(found)]


async def _of_range(
    session: AsyncSession,
    columns: _Columns,
    start: datetime,
    end: datetime,
    tenant_id: str | None,
    alias: str | None,
) -> list[Rerated]:
    await session.execute(text("SET LOCAL statement_timeout = '30min'"))
    await session.execute(text("SET TRANSACTION READ ONLY"))
    rows = await session.execute(
        _RERATE,
        {
            "routes": columns.routes,
            "begins": columns.begins,
            "ends": columns.ends,
            "prices": columns.prices,
            "start": start,
            "end": end,
            "tenant_id": tenant_id,
            "alias": alias,
        },
    )
    return [
        Rerated(
            tenant_id=row.tenant_id,
            alias=row.alias,
            calls=row.calls,
            unknown=row.unknown,
            different=row.different,
            charged=int(row.charged),
            again=int(row.again),
        )
        for row in rows
    ]


def _columns(versions: Sequence[PriceVersion]) -> _Columns:
    columns = _Columns([], [], [], [])
    for route_id, group in groupby(versions, key=lambda version: version.route_id):
        of_route = list(group)
        for version, following in zip(of_route, [*of_route[1:], None], strict=True):
            columns.routes.append(route_id)
            columns.begins.append(version.effective_from)
            columns.ends.append(_END_OF_TIME if following is None else following.effective_from)
            # As texts: JSON's numbers lose digits in many readers, and this one need not be the exception.
            columns.prices.append(json.dumps({kind: str(price) for kind, price in complete(version.prices).items()}))
    return columns


def _added(first: Rerated, second: Rerated) -> Rerated:
    return Rerated(
        tenant_id=first.tenant_id,
        alias=first.alias,
        calls=first.calls + second.calls,
        unknown=first.unknown + second.unknown,
        different=first.different + second.different,
        charged=first.charged + second.charged,
        again=first.again + second.again,
    )
