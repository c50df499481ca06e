"""The breaker against what it promises, by examples and by random histories."""

from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.routing.breaker import NO_PROBE, Breaker, BreakerOptions, Finding

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
    probe = breaker.sent(5)
    assert not breaker.allows(5.1)
    breaker.succeeded(6, probe)
    assert (breaker.state, breaker.allows(6)) == ("half_open", True)
    probe = breaker.sent(6)
    breaker.succeeded(7, probe)
    assert breaker.state == "closed"


def test_each_failed_probe_doubles_the_wait_up_to_a_minute() -> None:
    breaker = Breaker(OPTIONS)
    failed(breaker, 5)
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(breaker.open_until - now)
        now = breaker.open_until
        probe = breaker.sent(now)
        breaker.failed(now, probe)
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
    probe = breaker.sent(5)
    assert not breaker.allows(5 + OPTIONS.probe_patience - 1)
    assert breaker.allows(5 + OPTIONS.probe_patience)
    probe = breaker.sent(100)
    breaker.let_go(probe)
    assert breaker.allows(100)


def test_calls_that_were_sent_before_it_opened_neither_close_it_nor_open_it_again_nor_make_room() -> None:
    breaker = Breaker(OPTIONS)
    before = breaker.sent(0)
    failed(breaker, 5)
    breaker.sent(5)
    for _ in range(OPTIONS.probes):
        breaker.succeeded(6, before)
    breaker.failed(6, before)
    breaker.let_go(before)
    assert breaker.state == "half_open"
    assert not breaker.allows(6), "the probe is still on its way"


def test_it_tells_what_it_finds_out_and_nothing_that_it_was_told() -> None:
    told: list[tuple[Finding, float]] = []
    breaker = Breaker(OPTIONS, lambda finding, seconds: told.append((finding, seconds)))
    failed(breaker, 5, 100)
    probe = breaker.sent(105)
    breaker.failed(106, probe)
    for now in (116, 117):
        probe = breaker.sent(now)
        breaker.succeeded(now + 1, probe)
    assert told == [
        ("opened", 5),
        ("probing", 5),
        ("reopened", 10),
        ("probing", 10),
        ("probing", 10),
        ("closed", 18),
    ]
    told.clear()
    breaker.open_for(7, 200, cool_down=5)
    breaker.probed_elsewhere(7, 201)
    breaker.closed_elsewhere()
    assert breaker.state == "closed"
    assert told == []


def test_what_others_found_makes_it_wait_longer_and_never_shorter() -> None:
    breaker = Breaker(OPTIONS)
    breaker.probed_elsewhere(9, 0)
    assert breaker.allows(0), "a breaker that is closed does not care for probes elsewhere"
    breaker.open_for(20, 0)
    breaker.open_for(6, 1)
    assert breaker.open_until == 20
    breaker.probed_elsewhere(30, 2)
    assert not breaker.allows(31.9)
    assert breaker.allows(32)


def test_the_wait_goes_on_doubling_from_what_others_told() -> None:
    breaker = Breaker(OPTIONS)
    breaker.open_for(22, 0, cool_down=20)
    probe = breaker.sent(22)
    breaker.failed(23, probe)
    assert breaker.open_until == 23 + 40
    breaker.closed_elsewhere()
    failed(breaker, 5, 100)
    assert breaker.open_until == 105, "and begins anew once the route has worked"


def test_a_probe_that_is_late_does_not_close_what_another_replica_opened_again() -> None:
    breaker = Breaker(OPTIONS)
    failed(breaker, 5)
    probe = breaker.sent(5)
    breaker.open_for(10, 6)
    breaker.succeeded(7, probe)
    assert (breaker.state, breaker.allows(15.9), breaker.allows(16)) == ("open", False, True)


def test_an_answer_to_a_health_check_ends_the_cool_down_and_nothing_else() -> None:
    breaker = Breaker(OPTIONS)
    breaker.end_cool_down(0)
    assert breaker.state == "closed"
    failed(breaker, 5)
    breaker.end_cool_down(1)
    assert (breaker.state, breaker.allows(1)) == ("open", True)
    breaker.sent(1)
    breaker.end_cool_down(2)
    assert not breaker.allows(2), "there is a probe already"


ENDS = ["succeed", "fail", "let go", "succeed late"]
EVENTS = ["send", *ENDS, "opened elsewhere", "probed elsewhere", "closed elsewhere", "answers"]


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0, 20)), max_size=80))
def test_whatever_happens_it_is_never_stuck_and_never_lets_two_probes_through(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(OPTIONS), 0.0
    sent = [NO_PROBE]
    for event, pause in events:
        now += pause
        match event:
            case "send":
                if breaker.allows(now):
                    sent.append(breaker.sent(now))
                    if breaker.state != "closed":
                        assert not breaker.allows(now)
            case "opened elsewhere":
                breaker.open_for(pause, now, cool_down=pause)
            case "probed elsewhere":
                breaker.probed_elsewhere(pause, now)
            case "closed elsewhere":
                breaker.closed_elsewhere()
                assert breaker.allows(now)
            case "answers":
                breaker.end_cool_down(now)
            case "succeed":
                breaker.succeeded(now, sent[-1])
            case "fail":
                breaker.failed(now, sent[-1])
            case "succeed late":
                breaker.succeeded(now, sent[0])
            case _:
                breaker.let_go(sent[-1])
    assert breaker.allows(now + OPTIONS.max_cool_down + OPTIONS.probe_patience)
