"""The breaker against what it promises, by examples and by random histories."""

from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.routing.breaker import Breaker, BreakerOptions

OPTIONS = BreakerOptions()


def failed(breaker: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        breaker.failed(now)


def test_it_opens_at_the_fifth_failure_and_is_probed_by_one_call_at_a_time() -> None:
    breaker = Breaker(OPTIONS)
    failed(breaker, 4)
    assert breaker.allows(0)
    failed(breaker, 1)
    assert not breaker.allows(4.9)
    assert breaker.allows(5)
    breaker.sent(5)
    assert not breaker.allows(5.1)
    breaker.succeeded(6)
    assert (breaker.state, breaker.allows(6)) == ("half_open", True)
    breaker.sent(6)
    breaker.succeeded(7)
    assert breaker.state == "closed"


def test_each_failed_probe_doubles_the_wait_up_to_a_minute() -> None:
    breaker = Breaker(OPTIONS)
    failed(breaker, 5)
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.sent(now)
        breaker.failed(now)
    assert waits == [5, 10, 20, 40, 60, 60]


def test_failures_that_are_few_among_successes_or_long_ago_do_not_open_it() -> None:
    rare, old = Breaker(OPTIONS), Breaker(OPTIONS)
    for number in range(100):
        rare.failed(number / 10)
        for _ in range(2):
            rare.succeeded(number / 10)
        old.failed(number * 10.0)
    assert rare.allows(10)
    assert old.allows(1000)


def test_a_probe_that_never_comes_back_or_says_nothing_frees_its_place() -> None:
    breaker = Breaker(OPTIONS)
    failed(breaker, 5)
    breaker.sent(5)
    assert not breaker.allows(5 + OPTIONS.probe_patience - 1)
    assert breaker.allows(5 + OPTIONS.probe_patience)
    breaker.sent(100)
    breaker.let_go()
    assert breaker.allows(100)


@given(st.lists(st.tuples(st.sampled_from(["send", "succeed", "fail", "let go"]), st.floats(0, 20)), max_size=80))
def test_whatever_happens_it_is_never_stuck_and_never_lets_two_probes_through(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(OPTIONS), 0.0
    for event, pause in events:
        now += pause
        if event == "send":
            if breaker.allows(now):
                breaker.sent(now)
                if breaker.state != "closed":
                    assert not breaker.allows(now)
        else:
            {"succeed": breaker.succeeded, "fail": breaker.failed}.get(event, lambda _: breaker.let_go())(now)
    assert breaker.allows(now + OPTIONS.max_cool_down + OPTIONS.probe_patience)
