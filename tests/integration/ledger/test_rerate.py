"""Calls that are priced again: exactly as the edge would have, by what the catalog says that their routes cost at the time."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from admin_api.ledger import service
from admin_api.ledger.report import as_json, table
from admin_api.ledger.rerate import Rerated, rerate
from common.db.engine import Sessions
from common.events.usage import PricedLine
from common.money import nano_usd
from common.prices import price_for
from common.testing.usage_events import usage_event

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_START, _END = _NOON - timedelta(days=2), _NOON + timedelta(days=2)
_KINDS = ("input", "cached_input", "output", "reasoning", "image:1024x1024:high", "image:512x512", "second")


@dataclass(frozen=True)
class Version:
    route_id: str
    effective_from: datetime
    prices: Mapping[str, int]


async def test_it_is_priced_to_the_nano_dollar_as_the_edge_does(sessions: Sessions) -> None:
    choose = random.Random(3)
    prices = {"input": 75_000_001, "output": 500_000, "image:1024x1024": 10**15 + 1, "image": 3, "second": 10**18}
    events, expected = [], 0
    for _ in range(300):
        quantities = {kind: choose.randrange(1, 10**4) for kind in choose.sample(_KINDS, choose.randrange(1, 4))}
        if choose.random() < 0.3:
            quantities = {"output": choose.randrange(40)}  # halves, which are rounded to the even one
        lines = [PricedLine(kind=kind, quantity=count, price="1") for kind, count in quantities.items()]
        events.append(usage_event(time=_NOON, lines=lines, cost_nano_usd="1"))
        expected += nano_usd(sum(count * price_for(kind, prices) for kind, count in quantities.items()))
    await service.record_usage(sessions, events)

    route_id = events[0].data.route_id
    (found,) = await rerate(sessions, [Version(route_id, _START, prices)], start=_START, end=_END)

    assert (found.calls, found.charged, found.again) == (300, 300, expected)
    assert found.unknown == 0


async def test_each_call_has_the_prices_of_its_time(sessions: Sessions) -> None:
    lines = [PricedLine(kind="input", quantity=1_000_000, price="5")]
    for hours in (-3, -1, 0, 1):
        event = usage_event(time=_NOON + timedelta(hours=hours), lines=lines, cost_nano_usd="5")
        await service.record_usage(sessions, [event])
    route_id = event.data.route_id
    versions = [
        Version(route_id, _NOON - timedelta(hours=2), {"input": 5}),
        Version(route_id, _NOON, {"input": 900}),
        Version(route_id, _NOON, {"input": 7}),
        Version("rte_another", _START, {"input": 1}),
    ]

    (found,) = await rerate(sessions, versions, start=_START, end=_END)

    assert found == Rerated(
        tenant_id=event.data.tenant_id, alias="demo", calls=4, unknown=1, different=2, charged=20, again=5 + 5 + 7 + 7
    )
    assert found.difference == 4


async def test_only_what_is_asked_for(sessions: Sessions) -> None:
    events = [
        usage_event(time=_NOON, tenant_id="tnt_a", alias="small"),
        usage_event(time=_NOON, tenant_id="tnt_a", alias="large"),
        usage_event(time=_NOON, tenant_id="tnt_b", alias="small"),
        usage_event(time=_END, tenant_id="tnt_b", alias="small"),
    ]
    await service.record_usage(sessions, events)

    async def found(**only: str) -> list[tuple[str, str, int]]:
        return [
            (each.tenant_id, each.alias, each.calls)
            for each in await rerate(sessions, [], start=_START, end=_END, **only)
        ]

    assert await found() == [("tnt_a", "large", 1), ("tnt_a", "small", 1), ("tnt_b", "small", 1)]
    assert await found(tenant_id="tnt_a") == [("tnt_a", "large", 1), ("tnt_a", "small", 1)]
    assert await found(alias="small") == [("tnt_a", "small", 1), ("tnt_b", "small", 1)]


def test_the_report_has_totals_and_no_rounded_amount() -> None:
    found = [
        Rerated("tnt_a", "small", calls=3, unknown=1, different=2, charged=1_500_000_001, again=1_500_000_003),
        Rerated("tnt_b", "m", calls=10, unknown=0, different=1, charged=2, again=1),
    ]
    assert table(found).splitlines() == [
        "tenant  model  calls      charged        again    difference  different calls  calls without prices",
        "tnt_a   small      3  1.500000001  1.500000003  +0.000000002                2                     1",
        "tnt_b   m         10  0.000000002  0.000000001  -0.000000001                1                     0",
        "total             13  1.500000003  1.500000004  +0.000000001                3                     1",
    ]
    assert json.loads(as_json(found))[0]["difference_nano_usd"] == "2"
