"""The failover measurement: what it counts as a failure, and what it makes of that. Figures are not judged here."""

import json

import pytest
from tests.load import failover
from tests.load.failover import SCENARIOS, Answer, Finding, Scenario

HEALTHY = next(each for each in SCENARIOS if not each.stream)
HEALTHY_STREAMS = next(each for each in SCENARIOS if each.stream)
GUARDED = next(each for each in SCENARIOS if each.bar is not None and each.first != HEALTHY.first)
WHOLE = json.dumps({"choices": [{"finish_reason": "stop"}]}).encode()


def finding(*, failed: float = 0.0, silent: int = 0, p99: float = 10.0) -> Finding:
    return Finding(calls=1000, failed_percent=failed, silent=silent, tries=1.2, p50_ms=5.0, p99_ms=p99)


def missed(found: dict[Scenario, Finding]) -> list[str]:
    return [each.name for each in failover.rows(found) if each.holds is False]


@pytest.mark.parametrize(
    ("status", "body", "stream", "end"),
    [
        (200, WHOLE, False, "whole"),
        (200, WHOLE[:-3], False, "silent"),
        (502, WHOLE, False, "told"),
        (200, b'data: {"choices":[]}\n\ndata: [DONE]\n\n', True, "whole"),
        (200, b'data: {"choices":[]}\n\ndata: {"error":{}}\n\n', True, "told"),
        (200, b'data: {"choices":[]}\n\n', True, "silent"),
        (200, b"", True, "silent"),
        (503, b"", True, "told"),
    ],
)
def test_an_answer_is_whole_or_says_that_it_is_not_or_is_a_fault(
    status: int, body: bytes, stream: bool, end: str
) -> None:
    assert failover._end_of(status, body, stream=stream) == end


def test_figures_are_of_all_calls() -> None:
    answers = [Answer("whole", 1, float(ms)) for ms in range(1, 99)]
    found = failover._summary([*answers, Answer("told", 3, 500), Answer("silent", 2, 700)])
    assert (found.calls, found.failed_percent, found.silent) == (100, 2.0, 1)
    assert (found.p50_ms, found.p99_ms) == (50.5, 500)
    assert found.tries == pytest.approx(1.03)


def test_one_failure_in_a_thousand_is_the_most_and_a_broken_answer_must_not_look_whole() -> None:
    good = {HEALTHY: finding(), HEALTHY_STREAMS: finding(), GUARDED: finding(failed=0.1)}
    assert missed(good) == []
    assert missed({**good, GUARDED: finding(failed=0.2)}) == [f"failover: {GUARDED.name}: calls that failed"]
    [silent] = missed({**good, HEALTHY: finding(silent=1)})
    assert silent.startswith("failover: broken answers")


def test_where_both_routes_fail_or_a_stream_breaks_there_is_no_bar_on_failures() -> None:
    unguarded = [each for each in SCENARIOS if each.bar is None]
    assert all(each.second != HEALTHY.second or "cut-after-10" in each.first for each in unguarded)
    found = {HEALTHY: finding(), HEALTHY_STREAMS: finding(), **{each: finding(failed=50) for each in unguarded}}
    assert missed(found) == []


def test_added_time_is_beside_healthy_calls_of_the_same_kind() -> None:
    streams = next(each for each in SCENARIOS if each.stream and each is not HEALTHY_STREAMS)
    found = {HEALTHY: finding(), HEALTHY_STREAMS: finding(p99=40), GUARDED: finding(p99=17), streams: finding(p99=41)}
    values = {each.name: each.value for each in failover.rows(found)}
    assert values[f"failover: {GUARDED.name}: added to the 99th percentile"] == 7
    assert values[f"failover: {streams.name}: added to the 99th percentile"] == 1
    assert len(failover.table(found)) == 2 + len(found)
