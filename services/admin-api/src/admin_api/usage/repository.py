"""Every query of the read side. Sums come from the hourly table; only hours that a boundary cuts are summed from the entries.

Each question is one statement, so it sees one moment of the ledger. Tenants' and keys' names are the control plane's: a second
query, never a join across schemas.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.ledger.models import UsageEntryRow
from admin_api.tenants.models import TenantRow
from admin_api.usage.domain import Window, entry_windows, split_hours

Group = Literal["model", "tenant", "key"]

_GROUP_COLUMN: Final[dict[Group, str]] = {"model": "alias", "tenant": "tenant_id", "key": "key_id"}
_STATEMENT_TIMEOUT: Final = text("SET LOCAL statement_timeout = '10s'")


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
    session: AsyncSession, window: Window, starts: Sequence[datetime], *, tenant_id: str | None
) -> list[Sums]:
    """The sums of each bucket of `window`, in the order of `starts`."""
    statement, parameters = _pieces(
        window, starts, tenant_id=tenant_id, group="width_bucket({moment}, CAST(:starts AS timestamptz[]))"
    )
    statement = f"WITH piece AS ({statement}) SELECT grouped, {_TOTALS} FROM piece GROUP BY grouped"  # noqa: S608 - ours
    found = await session.execute(text(statement), parameters | {"starts": list(starts)})
    by_number = {row.grouped: _sums(row) for row in found}
    return [by_number.get(number, Sums()) for number in range(1, len(starts) + 1)]


async def sums_by_group(
    session: AsyncSession, window: Window, group: Group, *, tenant_id: str | None, limit: int
) -> list[tuple[str, Sums]]:
    """The `limit` groups that cost most, the dearest first."""
    statement, parameters = _pieces(window, [window.start], tenant_id=tenant_id, group=_GROUP_COLUMN[group])
    statement = f"""
        WITH piece AS ({statement}) SELECT grouped, {_TOTALS} FROM piece GROUP BY grouped
        ORDER BY sum(cost_nano_usd) DESC, sum(requests) DESC, grouped COLLATE "C" LIMIT :limit
    """  # noqa: S608 - ours
    found = await session.execute(text(statement), parameters | {"limit": limit})
    return [(row.grouped, _sums(row)) for row in found]


def _pieces(
    window: Window, starts: Sequence[datetime], *, tenant_id: str | None, group: str
) -> tuple[str, dict[str, Any]]:
    """A statement whose rows, added up by `grouped`, are the sums over `window`; no row lies on both sides of a boundary."""
    split = split_hours([*starts, window.end])
    parts = entry_windows(window, split)
    tenant = "AND tenant_id = :tenant_id" if tenant_id is not None else ""
    statement = f"""
        SELECT {group.format(moment="hour")} AS grouped, requests, failed_requests + interrupted_requests AS failed_requests,
               input_tokens, cached_input_tokens, output_tokens, cost_nano_usd
        FROM ledger.usage_hourly
        WHERE hour >= :start AND hour < :end AND hour <> ALL(CAST(:split AS timestamptz[])) {tenant}
    """  # noqa: S608 - ours
    parameters: dict[str, Any] = {"start": window.start, "end": window.end, "split": split}
    if tenant_id is not None:
        parameters["tenant_id"] = tenant_id
    if parts:
        # OFFSET keeps the lateral query apart: one index scan per part, where a plain join reads every partition.
        statement += f"""
            UNION ALL
            SELECT {group.format(moment="occurred_at")}, 1, CASE WHEN status IN ('failed', 'interrupted') THEN 1 ELSE 0 END,
                   input_tokens, cached_input_tokens, output_tokens, cost_nano_usd
            FROM unnest(CAST(:part_starts AS timestamptz[]), CAST(:part_ends AS timestamptz[])) AS part(part_start, part_end)
            CROSS JOIN LATERAL (
                SELECT * FROM ledger.usage_entries WHERE occurred_at >= part_start AND occurred_at < part_end {tenant} OFFSET 0
            ) AS entry
        """  # noqa: S608 - ours
        parameters |= {"part_starts": [part.start for part in parts], "part_ends": [part.end for part in parts]}
    return statement, parameters


def _sums(row: Row[Any]) -> Sums:
    return Sums(**{name: int(getattr(row, name)) for name in _SUMS})


async def newest_calls(
    session: AsyncSession,
    *,
    limit: int,
    before: tuple[datetime, str] | None,
    tenant_id: str | None,
    key_id: str | None,
    alias: str | None,
) -> list[UsageEntryRow]:
    """Calls before `before`, a start and an id, newest first."""
    newest_first = (UsageEntryRow.occurred_at.desc(), UsageEntryRow.call_id.desc())
    statement = select(UsageEntryRow).order_by(*newest_first).limit(limit)
    for column, value in (
        (UsageEntryRow.tenant_id, tenant_id),
        (UsageEntryRow.key_id, key_id),
        (UsageEntryRow.alias, alias),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        # The plain comparison says nothing new, but only by it later partitions are left out.
        statement = statement.where(
            UsageEntryRow.occurred_at <= before[0],
            tuple_(UsageEntryRow.occurred_at, UsageEntryRow.call_id) < tuple_(*before),
        )
    return list(await session.scalars(statement))


async def tenant_names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Names by id; an id that the control plane does not know is absent."""
    found = await session.execute(select(TenantRow.id, TenantRow.name).where(TenantRow.id.in_(ids)))
    return {row.id: row.name for row in found}


async def key_names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Names by id; an id that the control plane does not know is absent."""
    found = await session.execute(select(ApiKeyRow.id, ApiKeyRow.name).where(ApiKeyRow.id.in_(ids)))
    return {row.id: row.name for row in found}
