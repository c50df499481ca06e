from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from common.events.usage import UsageEnvelope
from common.ids import is_id
from devstack.demo_calls import APPLICATIONS, demo_calls

START = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)
KEYS = [f"key_{number}" for number in range(len(APPLICATIONS))]


@pytest.fixture(scope="module")
def calls() -> list[UsageEnvelope]:
    return list(demo_calls(tenant_id="tnt_1", key_ids=KEYS, start=START, end=START + timedelta(days=14)))


def test_they_pass_the_checks_of_the_ledger(calls: list[UsageEnvelope]) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(calls), type=list[UsageEnvelope])
    assert decoded == calls
    assert all(is_id(call.id, "req") for call in calls)
    assert len({call.id for call in calls}) == len(calls)


def test_they_lie_in_the_range_in_order_and_are_many(calls: list[UsageEnvelope]) -> None:
    times = [call.time for call in calls]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < START + timedelta(days=14)
    assert 3_000 < len(calls) < 8_000


def test_overlapping_ranges_hold_the_same_calls_where_they_overlap(calls: list[UsageEnvelope]) -> None:
    first, last = START + timedelta(days=1, minutes=7), START + timedelta(days=2)
    again = list(demo_calls(tenant_id="tnt_1", key_ids=KEYS, start=first, end=last))
    assert again == [call for call in calls if first <= call.time < last]
    other = list(demo_calls(tenant_id="tnt_2", key_ids=KEYS, start=first, end=last))
    assert not {call.id for call in other} & {call.id for call in calls}


def test_the_cost_is_the_exact_sum_of_the_lines(calls: list[UsageEnvelope]) -> None:
    for call in calls:
        total = sum(line.quantity * int(line.price) for line in call.data.lines)
        assert abs(int(call.data.cost_nano_usd) * 1_000_000 - total) <= 500_000
        assert sum(line.quantity for line in call.data.lines) == call.data.tokens.input + call.data.tokens.output
        assert call.data.tokens.cached_input <= call.data.tokens.input


def test_there_is_something_of_everything(calls: list[UsageEnvelope]) -> None:
    assert {call.data.status for call in calls} == {"succeeded", "failed", "aborted"}
    assert {call.data.key_id for call in calls} == set(KEYS)
    assert len({call.data.alias for call in calls}) >= 4
    by_day = Counter(call.time.weekday() for call in calls)
    assert max(by_day[5], by_day[6]) < min(by_day[day] for day in range(5))
