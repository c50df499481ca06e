"""The list of calls: newest first, page by page, filtered, with names."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from admin_api.ledger import service as ledger
from admin_api.ledger.partitions import ensure_partitions
from common.db.engine import Sessions
from common.events.usage import PricedLine, UsageEnvelope
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def _read_all(client: httpx.AsyncClient, *, limit: int, **filters: str) -> list[str]:
    """The ids on all pages."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        body = (await client.get("/admin/usage/calls", params={"limit": str(limit)} | filters | cursor)).json()
        assert len(body["data"]) <= limit
        ids += [call["id"] for call in body["data"]]
        assert body["has_more"] == (body["next_cursor"] is not None)
        if body["next_cursor"] is None:
            return ids
        cursor = {"cursor": body["next_cursor"]}


def _events(count: int) -> list[UsageEnvelope]:
    """Over three months, with many calls of the same moment."""
    choose = random.Random(5)
    return [
        usage_event(
            time=_NOON + timedelta(days=choose.randrange(-40, 40), microseconds=choose.randrange(2)),
            tenant_id=choose.choice(["tnt_one", "tnt_two"]),
            key_id=choose.choice(["key_one", "key_two"]),
            alias=choose.choice(["demo", "org/large"]),
        )
        for _ in range(count)
    ]


async def test_a_call_says_everything(client: httpx.AsyncClient, sessions: Sessions) -> None:
    event = usage_event(
        time=_NOON,
        tenant_id="tnt_one",
        key_id="key_one",
        input_tokens=5,
        cached_input_tokens=2,
        output_tokens=0,
        lines=[PricedLine(kind="input", quantity=5, price="75000000")],
        cost_nano_usd="375",
        stream=True,
        first_token_ms=None,
        attempts=2,
        end_user="anna",
        metadata={"team": "blue"},
        tags={"cost centre": "7"},
    )
    await ledger.record_usage(sessions, [event])
    body = (await client.get("/admin/usage/calls")).json()
    assert body == {
        "data": [
            {
                "id": event.id,
                "occurred_at": "2026-11-23T12:00:00Z",
                "tenant_id": "tnt_one",
                "tenant_name": "One",
                "key_id": "key_one",
                "key_name": "Key one",
                "alias": "demo",
                "provider": "openai-compatible",
                "model": "smollm2-135m",
                "route_id": event.data.route_id,
                "operation": "chat.completions",
                "stream": True,
                "status": "succeeded",
                "http_status": 200,
                "error_code": None,
                "input_tokens": 5,
                "cached_input_tokens": 2,
                "output_tokens": 0,
                "reasoning_tokens": 0,
                "estimated": False,
                "cost_nano_usd": "375",
                "lines": [{"kind": "input", "quantity": 5, "price": "0.075"}],
                "price_version": event.data.price_version,
                "latency_ms": 420,
                "first_token_ms": None,
                "attempts": 2,
                "end_user": "anna",
                "metadata": {"team": "blue"},
                "tags": {"cost centre": "7"},
            }
        ],
        "has_more": False,
        "next_cursor": None,
    }


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_hold_every_call_once_newest_first(
    client: httpx.AsyncClient, sessions: Sessions, limit: int
) -> None:
    await ensure_partitions(sessions, now=_NOON)
    events = _events(60)
    await ledger.record_usage(sessions, events)
    expected = [event.id for event in sorted(events, key=lambda event: (event.time, event.id), reverse=True)]
    assert await _read_all(client, limit=limit) == expected


@pytest.mark.parametrize("filters", [{"tenant_id": "tnt_one"}, {"key_id": "key_two"}, {"alias": "org/large"}])
async def test_filters_work_alone_and_together(
    client: httpx.AsyncClient, sessions: Sessions, filters: dict[str, str]
) -> None:
    events = _events(60)
    await ledger.record_usage(sessions, events)
    for wanted in (filters, filters | {"tenant_id": "tnt_two", "alias": "demo"} | filters):
        expected = {
            event.id for event in events if all(getattr(event.data, name) == value for name, value in wanted.items())
        }
        assert set(await _read_all(client, limit=9, **wanted)) == expected
    assert await _read_all(client, limit=9, tenant_id="tnt_none") == []


async def test_calls_that_arrive_meanwhile_shift_no_page(client: httpx.AsyncClient, sessions: Sessions) -> None:
    first = [usage_event(time=_NOON - timedelta(seconds=n)) for n in range(6)]
    await ledger.record_usage(sessions, first)
    page = (await client.get("/admin/usage/calls", params={"limit": 3})).json()
    await ledger.record_usage(sessions, [usage_event(time=_NOON + timedelta(seconds=1))])
    rest = (await client.get("/admin/usage/calls", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert [call["id"] for call in page["data"] + rest["data"]] == [event.id for event in first]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        _cursor(),
        _cursor("2026-11-23T12:00:00+00:00"),
        _cursor("2026-11-23T12:00:00+00:00", 5),
        _cursor("2026-11-23T12:00:00", "req_1"),
        _cursor("0001-01-01T00:00:00+14:00", "req_1"),
        _cursor("2026-11-23T12:00:00+00:00", "req_\0"),
        _cursor("2026-11-23T12:00:00+00:00", "req_\ud800"),
        _cursor("yesterday", "req_1"),
        "A" * 501,
    ],
)
async def test_a_cursor_of_somebody_elses_making_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/admin/usage/calls", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "cursor"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "tenant_id=%00", "key_id=%00", "alias=a%00b"])
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/admin/usage/calls?{query}")).status_code == 400


@pytest.mark.parametrize("column", ["tenant_id", "key_id", "alias", None])
async def test_a_page_is_read_from_an_index(sessions: Sessions, column: str | None) -> None:
    """However many calls there are, a page costs a page: no plan sorts or reads a whole partition."""
    await ensure_partitions(sessions, now=_NOON)
    await ledger.record_usage(sessions, _events(3000))
    condition = f"WHERE {column} = 'demo'" if column else ""
    async with sessions.begin() as session:
        await session.execute(text("ANALYZE ledger.usage_entries"))
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.scalars(
            text(
                f"EXPLAIN SELECT * FROM ledger.usage_entries {condition}"
                " ORDER BY occurred_at DESC, call_id DESC LIMIT 21"
            )
        )
        lines = "\n".join(plan)
    assert "Merge Append" in lines
    assert "Sort  (" not in lines
    assert lines.count("Index Scan Backward") >= 4
