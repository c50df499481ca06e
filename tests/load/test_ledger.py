"""The ledger's bench: a short run over fewer entries, whose reports count every one of them, and its bars can be missed."""

from pathlib import Path

from tests.load import ledger
from tests.load.contests import Effort
from tests.load.ledger import Found


def test_a_short_run_asks_for_reports_over_every_entry_and_enters_more(tmp_path: Path) -> None:
    said: list[str] = []

    # It raises when the reports do not count every entry.
    found = ledger.run(tmp_path, Effort(rounds=1, seconds=1, report=said.append), entries=100_000, ingested=2_000)

    assert found.entries == 100_000
    assert 0 < found.sums <= 100_000
    assert len(found.answers) == 5
    assert all(len(times) == 40 and min(times) > 0 for times in found.answers.values())
    assert {each.unit for each in ledger.rows(found)} == {"ms", "rows", "1/s", "times"}
    assert [each.value > 0 for each in ledger.rows(found)] == [True] * len(ledger.rows(found))


def run(*, p95: float = 50, worker: float = 500) -> list[str]:
    found = Found(10, 5, {"summary": [1.0] * 37 + [p95] * 3}, [worker, 1, 9_999], [1_000, 1_000, 1_000])
    return [each.name for each in ledger.rows(found) if each.holds is False]


def test_reports_may_take_50_ms_and_the_worker_twice_the_time_of_copy() -> None:
    assert run() == []
    assert run(p95=50.1) == ["ledger: of 10 entries: summary: p95"]
    assert run(worker=499) == ["ledger: of 10 entries: the worker's rate over COPY's (at least)"]
