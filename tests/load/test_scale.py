"""The bench of many keys and aliases: a short run with fewer of them, all records arrive, and its bars can be missed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load import scale
from tests.load.bulk import put_many
from tests.load.edge import connect
from tests.load.measure import Outcome, Round
from tests.load.rig import RigError
from tests.load.scale import FEW, MANY_ALIASES, MANY_KEYS, Found, Load, Size
from tests.load.test_bench import CHECKOUT, needs_programs
from tests.load.wrk import LoadResult

from common.events import subjects
from devstack.servers import NatsServer

SOME: list[Size] = [FEW, Size(3_000, 10), MANY_ALIASES]

SHORT = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from tests.load import scale
from tests.load.contests import Effort
from tests.load.rig import take_place
from tests.load.test_scale import SOME

take_place()
found = scale.run(Path(sys.argv[1]), Effort(rounds=1, seconds=1, report=lambda _: None), sizes=SOME)
print("ROWS", json.dumps([asdict(each) for each in scale.rows(found)]))
"""


@needs_programs
def test_a_short_run_loads_every_edge_and_calls_many_keys_and_aliases(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHORT, str(tmp_path)]

    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False)

    [line] = [line for line in run.stdout.splitlines() if line.startswith("ROWS ")] or [run.stdout + run.stderr]
    found = {each["name"]: each["value"] for each in json.loads(line.removeprefix("ROWS "))}
    for size in SOME:
        assert found[f"scale: {size}: CPU per call"] > 0
        assert found[f"scale: {size}: memory once loaded"] > 0
    # All of what is few was called, and most calls of what is many were the first of their kind.
    assert [len(each) for each in keys_and_aliases(tmp_path / "edge-0")] == [100, 10]
    keys, _ = keys_and_aliases(tmp_path / "edge-1")
    assert 500 < len(keys) <= 3_000
    _, aliases = keys_and_aliases(tmp_path / "edge-2")
    assert 500 < len(aliases) <= 1_000


def keys_and_aliases(folder: Path) -> tuple[set[str], set[str]]:
    """Those that an edge's log tells of."""
    events = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    calls = [event["usage"]["data"] for event in events if event["event"] == "call"]
    return {each["key_id"] for each in calls}, {each["alias"] for each in calls}


@pytest.fixture
def nats_url(tmp_path: Path) -> Iterator[str]:
    with NatsServer(tmp_path / "nats", sync_interval="10m") as nats:
        yield nats.url


@pytest.mark.parametrize("count", [0, 1, 1_000, 2_345])
async def test_records_put_in_bulk_are_all_there_and_read_as_if_put_one_by_one(nats_url: str, count: int) -> None:
    bus = await connect(nats_url)
    try:
        records = [(f"key-{number}", b"%d" % number) for number in range(count)]
        await put_many(bus, subjects.KEYS_BUCKET, records)

        bucket = await bus.jetstream().key_value(subjects.KEYS_BUCKET)
        assert (await bucket.status()).values == count
        for key, record in records[:: max(1, count // 10)]:
            assert (await bucket.get(key)).value == record
    finally:
        await bus.close()


async def test_a_record_that_did_not_arrive_is_noticed(nats_url: str) -> None:
    bus = await connect(nats_url)
    try:
        with pytest.raises(RigError, match="holds 1 records, not 2"):
            await put_many(bus, subjects.KEYS_BUCKET, [("the-same", b"1"), ("the-same", b"2")])
    finally:
        await bus.close()


def outcome(cpu_us: float) -> Outcome:
    load = LoadResult(replies=100, duration_us=1_000_000, bad_status=0, broken=0, p50_us=1, p99_us=2)
    return Outcome([Round(each, each, load) for each in (cpu_us, cpu_us - 1, cpu_us * 9)], 300)


def found(**cpu_us: float) -> Found:
    sizes = {"few": FEW, "keys": MANY_KEYS, "aliases": MANY_ALIASES}
    outcomes = {sizes[name]: outcome(cpu) for name, cpu in cpu_us.items()}
    not_loaded = [size for size in sizes.values() if size not in outcomes]
    return Found(outcomes, {size: Load(1.5, 80) for size in outcomes}, not_loaded)


def missed(run: Found) -> list[str]:
    return [each.name for each in scale.rows(run) if each.holds is False]


def test_a_call_may_cost_a_tenth_more_with_a_million_keys_or_a_thousand_aliases() -> None:
    assert missed(found(few=100, keys=110, aliases=90)) == []
    assert missed(found(few=100, keys=110.1, aliases=110)) == [f"scale: {MANY_KEYS}: added to CPU per call"]
    assert missed(found(few=100, keys=100, aliases=111)) == [f"scale: {MANY_ALIASES}: added to CPU per call"]


def test_an_edge_that_did_not_load_is_a_miss_and_has_no_figures() -> None:
    run = found(few=100, aliases=100)

    [miss] = missed(run)
    assert "did not load" in miss
    assert [each.name for each in scale.rows(run) if str(MANY_KEYS) in each.name] == [miss]
    assert "not loaded" in scale.table(run)[-1]
    assert len(scale.table(run)) == 2 + 3
