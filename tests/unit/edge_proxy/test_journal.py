"""The journal on a real disk: what is kept, what is deleted, and what a killed process leaves."""

from pathlib import Path

import msgspec
import pytest

from common.clock import utc_now
from common.events.usage import Tokens
from common.ids import new_id
from edge_proxy.recording.journal import Journal, JournalError, JournalInUseError
from edge_proxy.recording.notes import Begun, read_events, read_interrupted

MEGABYTE = 1024 * 1024


def begun(call_id: str) -> bytes:
    return msgspec.json.encode(
        Begun(
            id=call_id,
            time=utc_now(),
            tenant_id="t",
            key_id="k",
            alias="a",
            route_id="r",
            provider="p",
            model="m",
            operation="chat",
            stream=False,
            prices={"input": 1},
            price_version="v",
            estimate=Tokens(input=3),
        )
    )


def event(call_id: str) -> bytes:
    return msgspec.json.encode({"id": call_id})


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def test_a_settled_and_acknowledged_call_leaves_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, max_bytes=MEGABYTE) as journal:
        began = journal.begin(begun(call := new_id("req")))
        ended = journal.end(event(call))
        journal.release(began)
        journal.release(ended)
    assert files(tmp_path) == []


def test_a_call_in_flight_and_an_unacknowledged_event_survive(tmp_path: Path) -> None:
    open_call, waiting = new_id("req"), new_id("req")
    with Journal(tmp_path, max_bytes=MEGABYTE) as journal:
        journal.begin(begun(open_call))
        journal.begin(begun(waiting))
        journal.end(event(waiting))
    left = files(tmp_path)
    assert [call.id for call in read_interrupted(left)] == [open_call]
    assert [line for path in left for line in read_events(path)] == [event(waiting)]


def test_the_end_keeps_its_own_segment_when_the_begin_lies_in_an_older_one(tmp_path: Path) -> None:
    call = new_id("req")
    with Journal(tmp_path, max_bytes=MEGABYTE, segment_bytes=len(begun(call)) + 10) as journal:
        journal.begin(begun(call))
        journal.end(event(call))
        journal.rotate()
        journal.collect()
        assert len(journal.leftovers) == 2
    assert read_interrupted(files(tmp_path)) == []


def test_a_torn_line_is_skipped_and_the_rest_is_read(tmp_path: Path) -> None:
    call, settled = new_id("req"), new_id("req")
    with Journal(tmp_path, max_bytes=MEGABYTE) as journal:
        journal.begin(begun(settled))
        journal.begin(begun(call))
        journal.end(event(settled))
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes() + b"Enot json\nX?\n\xff\xfe\nB[1]\nE" + event(call)[:10])
    assert [found.id for found in read_interrupted([path])] == [call]
    assert list(read_events(path)) == [event(settled)]


def test_a_full_journal_refuses_calls_but_never_events(tmp_path: Path) -> None:
    call = new_id("req")
    with Journal(tmp_path, max_bytes=10) as journal:
        journal.begin(begun(call))
        with pytest.raises(JournalError):
            journal.begin(begun(new_id("req")))
        journal.end(event(call))
    assert read_interrupted(files(tmp_path)) == []


def test_a_folder_that_takes_no_more_refuses_calls_until_it_does_again(tmp_path: Path) -> None:
    first, second, third = (new_id("req") for _ in range(3))
    folder, away = tmp_path / "journal", tmp_path / "away"
    with Journal(folder, max_bytes=MEGABYTE, segment_bytes=len(begun(first)) + 10) as journal:
        journal.begin(begun(first))
        folder.rename(away)
        with pytest.raises(JournalError):
            journal.begin(begun(second))
        journal.end(begun(first))  # stays in memory
        away.rename(folder)
        journal.begin(begun(third))
    assert [found.id for found in read_interrupted(files(folder))] == [first, third]


def test_a_line_longer_than_a_segment_is_kept_whole(tmp_path: Path) -> None:
    call = new_id("req")
    with Journal(tmp_path, max_bytes=MEGABYTE, segment_bytes=8) as journal:
        journal.begin(begun(call))
        journal.end(event(call))
    assert read_interrupted(files(tmp_path)) == []
    assert [line for path in files(tmp_path) for line in read_events(path)] == [event(call)]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path, max_bytes=MEGABYTE), pytest.raises(JournalInUseError), Journal(tmp_path, max_bytes=MEGABYTE):
        pass


def test_segments_of_a_former_process_are_kept_until_released(tmp_path: Path) -> None:
    with Journal(tmp_path, max_bytes=MEGABYTE) as journal:
        journal.begin(begun(new_id("req")))
    with Journal(tmp_path, max_bytes=MEGABYTE) as journal:
        journal.collect()
        (segment,) = journal.leftovers
        journal.release(segment)
        journal.collect()
    assert files(tmp_path) == []
