"""Every query for sums. They come from the hourly tables, for closed hours from a coarser one where that knows enough
(`ledger.coarse`); only hours that a boundary cuts are summed from the entries.

An hour whose entries were dropped cannot be cut: it counts whole where it begins, so that longer sums stay what they were.

Each question is one statement, so it sees one moment of the ledger. Names are the control plane's: another query (`names`).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger.coarse import CLOSED_HOURS, coarse_for
from admin_api.ledger.repository import DROPPED_BEFORE
from admin_api.usage.domain import Window, entry_windows, split_hours
from admin_api.usage.filters import Filter, Group

_GROUP_COLUMN: Final[dict[Group, str]] = {
    "model": "alias",
    "tenant": "tenant_id",
    "key": "key_id",
    "user": "key_id",  # and then by the key's owner
    "provider": "provider",
    "tag": "name || '=' || value",
}
_STATEMENT_TIMEOUT: Final = text("SET LOCAL statement_timeout = '10s'")
_BUCKET: Final = "width_bucket({moment}, CAST(:starts AS timestamptz[]))"

# Hours that are not closed, one look into the index for each: there are few. OFFSET keeps the planner from reading all instead.
_OPEN_HOURS: Final = f"""(
    SELECT sums.* FROM generate_series(
        date_trunc('hour', CAST(:start AS timestamptz), 'UTC'), CAST(:end AS timestamptz), interval '1 hour'
    ) AS series(hour)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.usage_hourly WHERE usage_hourly.hour = series.hour {{conditions}} OFFSET 0
    ) AS sums
    WHERE NOT EXISTS (SELECT FROM {CLOSED_HOURS} AS closed WHERE closed.hour = series.hour)
) AS open_hours"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Totals over some calls. A failed call is one that the provider or this gateway did not complete; an aborted one is not."""

    requests: int = 0
    failed_requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in _SUMS})


_SUMS: Final = tuple(Sums.__dataclass_fields__)
_TOTALS: Final = ", ".join(f"sum({name}) AS {name}" for name in _SUMS)


async def bound_statements(session: AsyncSession) -> None:
    """Let no statement of this transaction run longer than a person waits."""
    await session.execute(_STATEMENT_TIMEOUT)


async def sums_by_bucket(
    session: AsyncSession, window: Window, starts: Sequence[datetime], wanted: Filter
) -> list[Sums]:
    """The sums of each bucket of `window`, in the order of `starts`."""
    pieces, parameters = _pieces(window, starts, wanted, group=None)
    statement = f"WITH piece AS ({pieces}) SELECT bucket, {_TOTALS} FROM piece GROUP BY bucket"  # noqa: S608 - ours
    found = await session.execute(text(statement), parameters)
    by_number = {row.bucket: _sums(row) for row in found}
    return [by_number.get(number, Sums()) for number in range(1, len(starts) + 1)]


async def sums_by_bucket_and_group(
    session: AsyncSession,
    window: Window,
    starts: Sequence[datetime],
    wanted: Filter,
    group: Group,
    members: Collection[str] | None = None,
) -> dict[str, list[Sums]]:
    """By group, the sums of each bucket in the order of `starts`; of the groups `members`, or of all that have calls."""
    pieces, parameters = _pieces(window, starts, wanted, group=group)
    statement = f"""
        WITH piece AS ({_with_owners(pieces, group)}) SELECT bucket, grouped, {_TOTALS} FROM piece
        WHERE CAST(:members AS text[]) IS NULL OR grouped = ANY(CAST(:members AS text[]))
        GROUP BY bucket, grouped
    """  # noqa: S608 - ours
    found = await session.execute(text(statement), parameters | {"members": None if members is None else list(members)})
    series: dict[str, list[Sums]] = defaultdict(lambda: [Sums()] * len(starts))
    for row in found:
        series[row.grouped][row.bucket - 1] = _sums(row)
    return {member: series[member] for member in (series.keys() if members is None else members)}


async def sums_by_group(
    session: AsyncSession, window: Window, group: Group, wanted: Filter, *, limit: int
) -> list[tuple[str, Sums]]:
    """The `limit` groups that cost most, the dearest first."""
    pieces, parameters = _pieces(window, [window.start], wanted, group=group)
    statement = f"""
        WITH piece AS ({_with_owners(pieces, group)}) SELECT grouped, {_TOTALS} FROM piece GROUP BY grouped
        ORDER BY sum(cost_nano_usd) DESC, sum(requests) DESC, grouped COLLATE "C" LIMIT :limit
    """  # noqa: S608 - ours
    found = await session.execute(text(statement), parameters | {"limit": limit})
    return [(row.grouped, _sums(row)) for row in found]


def _with_owners(pieces: str, group: Group) -> str:
    """By the owner of the key, as it is now; keys that are nobody's under the empty text."""
    if group != "user":
        return pieces
    sums = ", ".join(f"by_key.{name}" for name in _SUMS)
    return f"""
        SELECT by_key.bucket, coalesce(owned.owner_id, '') AS grouped, {sums}
        FROM (SELECT bucket, grouped, {_TOTALS} FROM ({pieces}) AS piece GROUP BY bucket, grouped) AS by_key
        LEFT JOIN control.api_keys AS owned ON owned.id = by_key.grouped
    """  # noqa: S608 - ours


def _pieces(
    window: Window, starts: Sequence[datetime], wanted: Filter, *, group: Group | None
) -> tuple[str, dict[str, Any]]:
    """A statement whose rows, added up by `bucket` and `grouped`, are the sums; no row lies on both sides of a boundary."""
    split = split_hours([*starts, window.end])
    parts = entry_windows(window, split)
    of_tags = group == "tag"
    conditions, given = wanted.conditions(of_tags=of_tags)
    column = "''" if group is None else _GROUP_COLUMN[group]
    coarse = None if of_tags else coarse_for(wanted.columns | ({column} if group is not None else set()))
    sources = ["ledger.usage_hourly_tags" if of_tags else "ledger.usage_hourly"]
    if coarse is not None:
        sources = [coarse.table, _OPEN_HOURS.format(conditions=conditions)]
    statement = " UNION ALL ".join(
        f"""
        SELECT {_BUCKET.format(moment="hour")} AS bucket, {column} AS grouped, requests,
               failed_requests + interrupted_requests AS failed_requests,
               input_tokens, cached_input_tokens, output_tokens, cost_nano_usd
        FROM {source}
        WHERE hour >= :start AND hour < :end AND (hour <> ALL(CAST(:split AS timestamptz[])) OR hour < {DROPPED_BEFORE})
              {conditions}
        """  # noqa: S608 - ours
        for source in sources
    )
    parameters: dict[str, Any] = given | {
        "start": window.start,
        "end": window.end,
        "split": split,
        "starts": list(starts),
    }
    if parts:
        # OFFSET keeps the lateral query apart: one index scan per part, where a plain join reads every partition.
        tags = "CROSS JOIN LATERAL jsonb_each_text(entry.tags) AS tag(name, value)" if of_tags else ""
        statement += f"""
            UNION ALL
            SELECT {_BUCKET.format(moment="occurred_at")}, {column}, 1,
                   CASE WHEN status IN ('failed', 'interrupted') THEN 1 ELSE 0 END,
                   input_tokens, cached_input_tokens, output_tokens, cost_nano_usd
            FROM unnest(CAST(:part_starts AS timestamptz[]), CAST(:part_ends AS timestamptz[])) AS part(part_start, part_end)
            CROSS JOIN LATERAL (
                SELECT * FROM ledger.usage_entries
                WHERE occurred_at >= greatest(part_start, {DROPPED_BEFORE}) AND occurred_at < part_end {conditions} OFFSET 0
            ) AS entry {tags}
        """  # noqa: S608 - ours
        parameters |= {"part_starts": [part.start for part in parts], "part_ends": [part.end for part in parts]}
    return statement, parameters


def _sums(row: Row[Any]) -> Sums:
    return Sums(**{name: int(getattr(row, name)) for name in _SUMS})
