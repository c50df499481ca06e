"""Summary and breakdown: exact, whichever of the two sources they come from."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from admin_api.ledger import service as ledger
from admin_api.ledger.partitions import drop_partitions, ensure_partitions
from admin_api.usage import repository, service
from admin_api.usage.domain import Range, Window
from admin_api.usage.filters import EVERYTHING, Filter, Group
from admin_api.usage.repository import Sums
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope, UsageRecorded
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

_START = datetime(2026, 10, 24, 20, 30, tzinfo=UTC)  # a few hours before Berlin's clocks go back
_MINUTE = timedelta(minutes=1)
OWNER = "usr_" + "1" * 32
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe")

_BESIDE = st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1)])


def _event(moment: datetime) -> st.SearchStrategy[UsageEnvelope]:
    return st.builds(
        usage_event,
        time=st.just(moment),
        tenant_id=st.sampled_from(["tnt_one", "tnt_two"]),
        key_id=st.sampled_from(["key_one", "key_two", "key_gone"]),
        alias=st.sampled_from(["demo", "org/large", "größer"]),
        status=st.sampled_from(["succeeded", "failed", "aborted", "interrupted"]),
        cost_nano_usd=st.integers(0, 10**18 - 1).map(str),
        input_tokens=st.integers(0, 2**53),
        provider=st.sampled_from(["openai", "azure"]),
        tags=st.dictionaries(st.sampled_from(["team", "größe"]), st.sampled_from(["a", "b=c"]), max_size=2),
    )


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[UsageEnvelope], Range]:
    """Events and a range that share their moments, or miss them by a microsecond: that is where mistakes are."""
    quarters = st.integers(0, 4 * 24 * 5).map(lambda n: _START + timedelta(minutes=15 * n))
    moments = draw(st.lists(quarters, min_size=2, max_size=8, unique=True))
    events = [
        draw(_event(draw(st.sampled_from(moments)) + draw(_BESIDE) + draw(st.sampled_from([0, 1, 17, -44])) * _MINUTE))
        for _ in range(draw(st.integers(0, 25)))
    ]
    start, end = sorted(draw(st.sampled_from(moments)) + draw(_BESIDE) for _ in range(2))
    end = max(end, start + timedelta(microseconds=1))
    return events, Range(Window(start, end), ZoneInfo(draw(st.sampled_from(_ZONES))))


def _sums(events: Sequence[UsageEnvelope]) -> Sums:
    return Sums(
        requests=len(events),
        failed_requests=sum(event.data.status in {"failed", "interrupted"} for event in events),
        input_tokens=sum(event.data.tokens.input for event in events),
        cached_input_tokens=sum(event.data.tokens.cached_input for event in events),
        output_tokens=sum(event.data.tokens.output for event in events),
        cost_nano_usd=sum(int(event.data.cost_nano_usd) for event in events),
    )


def _local_bucket(asked: Range) -> Callable[[datetime], object]:
    """What a moment has in common with all others of its bucket, said without boundaries: the clock on the wall."""

    def of(moment: datetime) -> object:
        local = moment.astimezone(asked.zone)
        return local.date() if asked.bucket == "day" else (local.date(), local.hour, local.utcoffset())

    return of


def _groups_of(data: UsageRecorded) -> dict[Group, list[str]]:
    """Where a call belongs; a call with two tags is in two of those. Only one of the two keys is somebody's."""
    return {
        "model": [data.alias],
        "tenant": [data.tenant_id],
        "key": [data.key_id],
        "provider": [data.provider],
        "tag": [f"{name}={value}" for name, value in data.tags.items()],
        "user": [OWNER if data.key_id == "key_one" else ""],
    }


def _of(tenant_id: str | None) -> Filter:
    return Filter(scope=EVERYTHING, tenant_ids=None if tenant_id is None else [tenant_id])


async def _replace_all(sessions: Sessions, events: Sequence[UsageEnvelope]) -> None:
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM ledger.usage_entries"))
        await session.execute(text("DELETE FROM ledger.usage_hourly"))
        await session.execute(text("DELETE FROM ledger.usage_hourly_tags"))
    await ledger.record_usage(sessions, events)


_with_database = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_with_database
@given(case=_cases(), tenant_id=st.sampled_from([None, "tnt_one"]))
async def test_the_summary_is_the_sum_of_the_events(
    sessions: Sessions, case: tuple[list[UsageEnvelope], Range], tenant_id: str | None
) -> None:
    events, asked = case
    await _replace_all(sessions, events)
    inside = [
        event
        for event in events
        if asked.window.start <= event.time < asked.window.end and tenant_id in {None, event.data.tenant_id}
    ]
    bucket_of = _local_bucket(asked)
    expected = defaultdict(list)
    for event in inside:
        expected[bucket_of(event.time)].append(event)
    summary = await service.summarize(sessions, asked, _of(tenant_id))
    assert summary.totals == _sums(inside)
    found = {bucket_of(start): sums for start, sums in summary.points}
    assert len(found) == len(summary.points)
    assert {key: sums for key, sums in found.items() if sums.requests} == {
        key: _sums(members) for key, members in expected.items()
    }


@_with_database
@given(
    case=_cases(), group=st.sampled_from(["model", "tenant", "key", "provider", "tag", "user"]), limit=st.integers(1, 3)
)
async def test_the_breakdown_is_the_sum_of_the_events(
    sessions: Sessions, case: tuple[list[UsageEnvelope], Range], group: Group, limit: int
) -> None:
    events, asked = case
    await _replace_all(sessions, events)
    members = defaultdict(list)
    for event in events:
        if asked.window.start <= event.time < asked.window.end:
            data = event.data
            for name in _groups_of(data)[group]:
                members[name].append(event)
    expected = [(name, _sums(calls)) for name, calls in members.items()]
    expected.sort(key=lambda item: (-item[1].cost_nano_usd, -item[1].requests, item[0].encode()))
    found = await service.break_down(sessions, asked, group, _of(None), limit=limit)
    assert [(id_, sums) for id_, _, sums in found] == expected[:limit]


@_with_database
@given(case=_cases(), hours=st.integers(1, 48))
async def test_both_sources_agree_on_whole_hours(
    sessions: Sessions, case: tuple[list[UsageEnvelope], Range], hours: int
) -> None:
    """The same stretch in UTC comes from the hourly sums alone, in a zone half an hour off from the entries alone."""
    events, asked = case
    await _replace_all(sessions, events)
    start = asked.window.start.replace(minute=0, second=0, microsecond=0)
    window = Window(start, start + timedelta(hours=hours))
    stored = await service.summarize(sessions, Range(window, ZoneInfo("UTC")), _of(None))
    counted = await service.summarize(sessions, Range(window, ZoneInfo("Asia/Kolkata")), _of(None))
    assert stored.totals == counted.totals
    async with sessions.begin() as session:
        await session.execute(text("TRUNCATE ledger.usage_entries"))  # so it is certain where each looks
    assert (await service.summarize(sessions, Range(window, ZoneInfo("UTC")), _of(None))).totals == stored.totals
    assert (await service.summarize(sessions, Range(window, ZoneInfo("Asia/Kolkata")), _of(None))).totals == Sums()


async def test_the_summary_over_http(client: httpx.AsyncClient, sessions: Sessions) -> None:
    await ledger.record_usage(
        sessions,
        [
            usage_event(time=datetime(2026, 11, 23, 10, 5, tzinfo=UTC), tenant_id="tnt_one", cost_nano_usd="375"),
            usage_event(time=datetime(2026, 11, 23, 9, 59, tzinfo=UTC), tenant_id="tnt_two", status="failed"),
        ],
    )
    body = (await client.get("/admin/usage/summary", params={"period": "24h", "timezone": "Europe/Berlin"})).json()
    assert (body["bucket"], body["timezone"]) == ("hour", "Europe/Berlin")
    assert (body["start"], body["end"]) == ("2026-11-22T11:00:00Z", "2026-11-23T11:00:00Z")
    assert len(body["points"]) == 24
    assert body["points"][-1] == {
        "start": "2026-11-23T10:00:00Z",
        "requests": 1,
        "failed_requests": 0,
        "input_tokens": 120,
        "cached_input_tokens": 0,
        "output_tokens": 30,
        "cost_nano_usd": "375",
    }
    assert body["totals"]["requests"] == 2
    assert body["totals"]["failed_requests"] == 1
    one = await client.get("/admin/usage/summary", params={"period": "month", "tenant_id": "tnt_one"})
    assert one.json()["totals"]["requests"] == 1
    assert len(one.json()["points"]) == 30
    nobody = await client.get("/admin/usage/summary", params={"tenant_id": "tnt_none"})
    assert nobody.json()["totals"]["cost_nano_usd"] == "0"


async def test_start_and_end_are_taken_with_any_offset_also_with_a_bare_plus(client: httpx.AsyncClient) -> None:
    for query in (
        "start=2026-11-01T00:00:00%2B01:00&end=2026-11-02T00:00:00%2B01:00",
        "start=2026-11-01T00:00:00+01:00&end=2026-11-02T00:00:00+01:00",
        "start=2026-10-31T23:00:00Z&end=2026-11-01T23:00:00.000Z",
    ):
        body = (await client.get(f"/admin/usage/summary?{query}&timezone=Europe/Berlin")).json()
        assert (body["start"], body["end"]) == ("2026-10-31T23:00:00Z", "2026-11-01T23:00:00Z")
        assert len(body["points"]) == 24


async def test_the_breakdown_over_http_has_labels(client: httpx.AsyncClient, sessions: Sessions) -> None:
    events = [
        usage_event(
            time=datetime(2026, 11, 23, 10, tzinfo=UTC), tenant_id=f"tnt_{name}", key_id=f"key_{name}", alias=name
        )
        for name, count in {"one": 1, "two": 3, "gone": 2}.items()
        for _ in range(count)
    ]
    await ledger.record_usage(sessions, events)
    labels = {}
    for group in ("tenant", "key", "model"):
        body = (await client.get("/admin/usage/breakdown", params={"group": group, "period": "7d"})).json()
        assert body["group"] == group
        assert [item["requests"] for item in body["items"]] == [3, 2, 1]
        labels[group] = [item["label"] for item in body["items"]]
    assert labels == {
        "tenant": ["Two", "tnt_gone", "One"],
        "key": ["Key two", "key_gone", "Key one"],
        "model": ["two", "gone", "one"],
    }
    top = await client.get("/admin/usage/breakdown", params={"group": "key", "limit": 1, "tenant_id": "tnt_one"})
    assert [item["id"] for item in top.json()["items"]] == ["key_one"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("period=1y", "period"),
        ("timezone=Mars/Olympus", "timezone"),
        ("timezone=", "timezone"),
        ("timezone=UTC%00", "timezone"),
        ("timezone=../../etc/passwd", "timezone"),
        ("start=2026-11-01T00:00:00Z", "end"),
        ("end=2026-11-01T00:00:00Z", "start"),
        ("start=2026-11-02T00:00:00Z&end=2026-11-01T00:00:00Z", "end"),
        ("start=2026-11-01T00:00:00Z&end=2026-11-01T00:00:00Z", "end"),
        ("start=2026-01-01T00:00:00Z&end=2026-11-01T00:00:00Z", "end"),
        ("start=2026-11-01T00:00:00&end=2026-11-02T00:00:00", "start"),
        ("start=yesterday&end=2026-11-02T00:00:00Z", "start"),
        ("start=0001-01-01T00:00:00%2B14:00&end=2026-11-02T00:00:00Z", "start"),
        ("start=2026-11-01T00:00:00Z&end=9999-12-31T23:59:59-14:00", "end"),
        ("start=1e400&end=2026-11-02T00:00:00Z", "start"),
        ("tenant_id=%00", "tenant_id"),
        (f"tenant_id={'x' * 257}", "tenant_id"),
    ],
)
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, query: str, param: str) -> None:
    for path in ("summary?", "breakdown?group=model&"):
        answer = await client.get(f"/admin/usage/{path}{query}")
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert error["message"]


@pytest.mark.parametrize(
    "query", ["group=colour", "", "group=model&limit=0", "group=model&limit=101", "group=key&limit=x"]
)
async def test_a_breakdown_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/admin/usage/breakdown?{query}")).status_code == 400


async def test_no_question_takes_longer_than_a_person_waits(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        assert await session.scalar(text("SHOW statement_timeout")) == "10s"


@pytest.mark.parametrize("zone", _ZONES)
async def test_sums_of_months_that_were_dropped_stay_what_they_were(sessions: Sessions, zone: str) -> None:
    """Also in zones whose days begin within an hour, though its entries are gone, and with one that arrives late."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    start = datetime(2026, 7, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hours = [start + timedelta(minutes=7, hours=n) for n in range(96)]
    await ledger.record_usage(sessions, [usage_event(time=moment, cost_nano_usd="5") for moment in hours])
    asked = Range(Window(start, start + timedelta(days=10)), ZoneInfo(zone))
    await ensure_partitions(sessions, now=now)

    before = await service.summarize(sessions, asked, _of(None))
    assert "usage_entries_2026_07" in await drop_partitions(sessions, now=now, keep=2)
    await ledger.record_usage(sessions, [usage_event(time=hours[50], cost_nano_usd="3")])
    after = await service.summarize(sessions, asked, _of(None))

    assert (before.totals.requests, before.totals.cost_nano_usd) == (96, 480)
    whole = start.minute == 0
    # The hour that the range begins within has lost its second half to the time before: nothing is counted twice.
    assert after.totals.requests == (97 if whole else 96)
    assert after.totals.cost_nano_usd == (483 if whole else 478)
