"""Hourly sums of the ledger's entries: what is summed, by what, and how a batch of calls is added to them.

The same sums are described twice, as SQL over entries for those who make or compare them anew (`rebuild`, `audit`), and here in
Python for those who enter calls: the events are in hand, and reading their entries back would cost Postgres a fourth more.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import add
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger.coarse import reopening
from common.events.usage import UsageEnvelope

DIMENSIONS: Final = ("tenant_id", "key_id", "alias", "provider", "model")
"""With the hour, the key of `usage_hourly`."""
TAG_DIMENSIONS: Final = ("tenant_id", "key_id", "name", "value")
"""With the hour, the key of `usage_hourly_tags`."""

SUMS: Final[Mapping[str, str]] = {
    "requests": "count(*)",
    "failed_requests": "count(*) FILTER (WHERE status = 'failed')",
    "aborted_requests": "count(*) FILTER (WHERE status = 'aborted')",
    "interrupted_requests": "count(*) FILTER (WHERE status = 'interrupted')",
    "estimated_requests": "count(*) FILTER (WHERE estimated)",
    "input_tokens": "sum(input_tokens)",
    "cached_input_tokens": "sum(cached_input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "cost_nano_usd": "sum(cost_nano_usd)",
}
"""Each sum of `usage_hourly`, as an aggregate over entries."""

HOUR: Final = "date_trunc('hour', occurred_at, 'UTC')"

_Key = tuple[datetime | str, ...]
_INFINITY: Final = datetime.max.replace(tzinfo=UTC)
"""What the driver takes for infinity, whose hour is infinity."""
_NOTHING: Final = (0,) * len(SUMS)
_ADDING: Final = ", ".join(f"{name} = known.{name} + excluded.{name}" for name in SUMS)


def _upsert(table: str, prefix: str, dimensions: Sequence[str]) -> str:
    names, key = ", ".join(("hour", *dimensions, *SUMS)), ", ".join(("hour", *dimensions))
    arrays = [f"CAST(:{prefix}_hour AS timestamptz[])"]
    arrays += [f"CAST(:{prefix}_{name} AS text[])" for name in dimensions]
    # As texts: a sum may be larger than a bigint, and the driver takes long over decimals.
    arrays += [f"CAST(CAST(:{prefix}_{name} AS text[]) AS numeric[])" for name in SUMS]
    return f"""
        INSERT INTO {table} AS known ({names})
        SELECT * FROM unnest({", ".join(arrays)}) AS incoming({names}) ORDER BY {key}
        ON CONFLICT ({key}) DO UPDATE SET {_ADDING}
    """  # noqa: S608 - names of tables and columns, from this module


_ADD: Final = text(f"""
    WITH added AS ({_upsert("ledger.usage_hourly", "sum", DIMENSIONS)}),
    tagged AS ({_upsert("ledger.usage_hourly_tags", "tag", TAG_DIMENSIONS)}),
    used AS (
        INSERT INTO ledger.key_activity AS known (key_id, last_used_at)
        SELECT * FROM unnest(CAST(:used_keys AS text[]), CAST(:used_at AS timestamptz[])) AS incoming(key_id, at) ORDER BY key_id
        ON CONFLICT (key_id) DO UPDATE SET last_used_at = greatest(known.last_used_at, excluded.last_used_at)
    ), {reopening("SELECT unnest(CAST(:hours AS timestamptz[]))")}
    SELECT
""")  # noqa: S608 - names of columns, from this module


async def add_up(session: AsyncSession, calls: Iterable[UsageEnvelope]) -> None:
    """Add calls that were just entered to the sums of their hours, and note when keys were used. Closed hours open (`coarse`)."""
    sums: dict[_Key, tuple[int, ...]] = defaultdict(lambda: _NOTHING)
    tags: dict[_Key, tuple[int, ...]] = defaultdict(lambda: _NOTHING)
    used: dict[str, datetime] = {}
    for call in calls:
        data, hour, counts = call.data, _hour(call.time), _counts(call)
        key = (hour, data.tenant_id, data.key_id, data.alias, data.provider, data.model)
        sums[key] = tuple(map(add, sums[key], counts))
        for name, value in data.tags.items():
            tag = (hour, data.tenant_id, data.key_id, name, value)
            tags[tag] = tuple(map(add, tags[tag], counts))
        used[data.key_id] = max(call.time, used.get(data.key_id, call.time))
    if not sums:
        return
    parameters = _columns("sum", DIMENSIONS, sums) | _columns("tag", TAG_DIMENSIONS, tags)
    parameters |= {"used_keys": list(used), "used_at": list(used.values()), "hours": list({key[0] for key in sums})}
    await session.execute(_ADD, parameters)


def _hour(moment: datetime) -> datetime:
    if moment == _INFINITY:
        return moment
    return moment.replace(minute=0, second=0, microsecond=0)


def _counts(call: UsageEnvelope) -> tuple[int, ...]:
    """What one call adds, in the order of `SUMS`."""
    data, tokens = call.data, call.data.tokens
    return (
        1,
        data.status == "failed",
        data.status == "aborted",
        data.status == "interrupted",
        data.estimated,
        tokens.input,
        tokens.cached_input,
        tokens.output,
        tokens.reasoning,
        int(data.cost_nano_usd),
    )


def _columns(prefix: str, dimensions: Sequence[str], sums: Mapping[_Key, tuple[int, ...]]) -> dict[str, list[Any]]:
    """Groups of sums by column."""
    names = ("hour", *dimensions, *SUMS)
    groups = [(*key, *map(str, counts)) for key, counts in sums.items()]
    columns = zip(*groups, strict=True) if groups else ((),) * len(names)
    return {f"{prefix}_{name}": list(column) for name, column in zip(names, columns, strict=True)}
