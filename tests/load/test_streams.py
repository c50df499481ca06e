"""The bench of streams: a short run holds them all open, its client knows a whole stream, and its bars can be missed."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.load import streams
from tests.load.contests import BARE, NGINX
from tests.load.everything import EVERYTHING
from tests.load.stream_client import Seen, hold
from tests.load.stream_upstream import NO_STAMP, STAMP_DIGITS, WORDS, stamped_events
from tests.load.streams import STRAIGHT, STREAMS, Found, Round
from tests.load.test_bench import CHECKOUT, needs_programs

# Fewer and faster ones than the bench's, so as not to take as long.
SHORT = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from tests.load import streams
from tests.load.contests import Effort
from tests.load.rig import take_place

streams.STREAMS, streams._PAUSE_S = 300, 0.03
take_place()
found = streams.run(Path(sys.argv[1]), Effort(rounds=1, seconds=1, report=lambda _: None))
print("ROWS", json.dumps([asdict(each) for each in streams.rows(found)]))
"""


@needs_programs
def test_a_short_run_holds_all_streams_open_and_each_has_one_usage_event(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHORT, str(tmp_path)]

    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False)

    [line] = [line for line in run.stdout.splitlines() if line.startswith("ROWS ")] or [run.stdout + run.stderr]
    found = {each["name"]: each for each in json.loads(line.removeprefix("ROWS "))}
    assert {name: each["value"] for name, each in found.items() if each["bar"] == 0} == {
        "streams: incomplete, of 300": 0,
        "streams: calls without exactly one usage event, of 332": 0,
    }
    for name in (NGINX, BARE, EVERYTHING):
        assert found[f"streams: {name}: memory per stream"]["value"] > 0
        assert found[f"streams: {name}: CPU per piece"]["value"] > 0


HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def pieces(*, late_s: float = 0) -> list[bytes]:
    stamp = b"%0*d" % (STAMP_DIGITS, time.monotonic_ns() - int(late_s * 1_000_000_000))
    events = [event.replace(NO_STAMP, stamp) for event in stamped_events()]
    return [b"%x\r\n%b\r\n" % (len(event), event) for event in events]


async def seen_of(answer: Callable[[], list[bytes]]) -> Seen:
    """What the client makes of two answers of which each write comes on its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        for write in answer():
            writer.write(write)
            await asyncio.sleep(0.001)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await hold(f"http://127.0.0.1:{port}", body=b"{}", key="sk-", streams=2, pause_s=0.001)


async def test_a_whole_stream_and_how_late_its_words_came() -> None:
    seen = await seen_of(lambda: [HEAD, *pieces(late_s=60), b"0\r\n\r\n"])

    assert (seen.whole, seen.broken, seen.most_open, seen.open) == (2, 0, 2, 0)
    assert 0 < len(seen.late_ns) <= 2 * WORDS  # not those that came before both had been asked for
    assert all(60 <= late / 1_000_000_000 < 90 for late in seen.late_ns)


async def test_words_that_come_together_or_in_parts_are_seen() -> None:
    seen = await seen_of(lambda: [HEAD + b"".join(pieces()[:20]), *pieces()[20:], b"0\r\n\r\n"])
    assert (seen.whole, seen.broken) == (2, 0)

    seen = await seen_of(lambda: [(whole := HEAD + b"".join(pieces()) + b"0\r\n\r\n")[:500], whole[500:]])
    assert (seen.whole, seen.broken) == (2, 0)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: [HEAD, *pieces()],  # no last chunk
        lambda: [HEAD, *pieces()[:-1], b"0\r\n\r\n"],  # no [DONE]
        lambda: [HEAD, *pieces()[:5], *pieces()[6:], b"0\r\n\r\n"],  # a word too few
        lambda: [HEAD, *pieces()[:5], *pieces()[4:], b"0\r\n\r\n"],  # one twice
        lambda: [HEAD.replace(b"200 OK", b"503 No"), *pieces(), b"0\r\n\r\n"],
        list,
    ],
)
async def test_a_stream_that_is_not_whole_is_broken(answer: Callable[[], list[bytes]]) -> None:
    seen = await seen_of(answer)
    assert (seen.whole, seen.broken, seen.open) == (0, 2, 0)


def found(
    *, edge: Round | None = None, more: Round | None = None, events: int = STREAMS, calls: int = STREAMS
) -> Found:
    rounds = {
        STRAIGHT: [Round(0, 0, 1, 4, 0)],
        NGINX: [Round(20, 10, 1.5, 5, 0)],
        BARE: [Round(30, 20, 2, 6, 0)],
        EVERYTHING: [edge or Round(45, 64, 3, 9, 0), *([more] * 2 if more else [])],
    }
    return Found(rounds, STREAMS, usage_events=events, usage_calls=calls)


def missed(run: Found) -> list[str]:
    return [each.name.partition(": ")[2] for each in streams.rows(run) if each.holds is False]


def test_bars_hold_to_a_size_and_a_multiple_and_without_a_loss() -> None:
    assert missed(found()) == []
    assert missed(found(edge=Round(45.1, 64, 3, 9, 0))) == ["edge-proxy's CPU over the bare proxy's"]
    assert missed(found(edge=Round(45, 64.1, 3, 9, 0))) == [f"{EVERYTHING}: memory per stream"]
    assert missed(found(edge=Round(45, 64, 3, 9, 1))) == [f"incomplete, of {STREAMS}"]
    for events, calls in ((STREAMS - 1, STREAMS - 1), (STREAMS + 1, STREAMS), (STREAMS, STREAMS - 1)):
        [miss] = missed(found(events=events, calls=calls))
        assert "usage event" in miss


def test_one_round_of_more_memory_or_a_broken_stream_is_enough_for_a_miss() -> None:
    good = Round(45, 64, 3, 9, 0)
    assert missed(found(edge=Round(45, 80, 3, 9, 0), more=good)) == [f"{EVERYTHING}: memory per stream"]
    assert missed(found(edge=Round(45, 64, 3, 9, 1), more=good)) == [f"incomplete, of {3 * STREAMS}"]


def test_added_is_beside_the_straight_streams() -> None:
    values = {each.name: each.value for each in streams.rows(found())}
    assert values[f"streams: {EVERYTHING}: pieces late at p50, added"] == 2
    assert values[f"streams: {EVERYTHING}: pieces late at p99, added"] == 5
    assert values[f"streams: {NGINX}: pieces late at p99, added"] == 1
    assert len(streams.table(found())) == 2 + 4
