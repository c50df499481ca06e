"""The benchmark beside other gateways: what it makes of its figures, and that a peer cannot be left out in silence."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.load import peers
from tests.load.contests import NGINX
from tests.load.everything import EVERYTHING
from tests.load.measure import Outcome, Round
from tests.load.peers import LITELLM, PORTKEY, Found
from tests.load.peers.installation import (
    LITELLM_LOCK,
    LITELLM_VERSION,
    PORTKEY_LOCK,
    PORTKEY_VERSION,
    are_installed,
)
from tests.load.peers.portkey import PortkeyCalls
from tests.load.wrk import LoadResult

CHECKOUT = Path(__file__).parents[2]


def outcome(cpu_us: float) -> Outcome:
    load = LoadResult(replies=100, duration_us=1_000_000, bad_status=0, broken=0, p50_us=1, p99_us=2)
    return Outcome([Round(each, each, load) for each in (cpu_us, cpu_us - 1, cpu_us * 9)], 300)


def found(cpu_us: Mapping[str, float], *, missing: Mapping[str, str] | None = None, usage_calls: int = 300) -> Found:
    outcomes = {name: outcome(each) for name, each in cpu_us.items()}
    return Found(outcomes, missing or {}, edge_calls=300, usage_calls=usage_calls)


def missed(run: Found) -> list[str]:
    return [each.name for each in peers.rows(run) if each.holds is False]


AT_THE_BARS = {NGINX: 20.0, EVERYTHING: 100.0, PORTKEY: 500.0, LITELLM: 8000.0}


def test_bars_hold_from_a_multiple_of_edge_proxy_on() -> None:
    assert missed(found(AT_THE_BARS)) == []
    assert missed(found({**AT_THE_BARS, PORTKEY: 499})) == ["peers: Portkey's CPU over edge-proxy's (at least)"]
    assert missed(found({**AT_THE_BARS, LITELLM: 7999})) == ["peers: LiteLLM's CPU over edge-proxy's (at least)"]


def test_everybody_has_a_row_and_a_line_with_the_version() -> None:
    run = found(AT_THE_BARS)

    values = {each.name: each.value for each in peers.rows(run)}
    assert [values[f"peers: {name}: CPU per call"] for name in AT_THE_BARS] == [*AT_THE_BARS.values()]
    assert [values[f"peers: {name}: calls per second on one core"] for name in AT_THE_BARS] == [100] * 4
    lines = peers.table(run)
    assert len(lines) == 2 + 4
    assert f"LiteLLM {LITELLM_VERSION}" in lines[-1]
    assert " 80.0 " in lines[-1]


@pytest.mark.parametrize("name", [PORTKEY, LITELLM])
def test_a_peer_that_could_not_be_installed_is_a_miss_and_has_no_figures(name: str) -> None:
    run = found({each: cpu for each, cpu in AT_THE_BARS.items() if each != name}, missing={name: "no network"})

    assert missed(run) == [f"peers: {name} could not be installed"]
    assert [each.name for each in peers.rows(run) if name in each.name] == missed(run)
    assert "could not be installed" in peers.table(run)[-1]


@pytest.mark.parametrize("usage_calls", [299, 301])
def test_a_call_without_a_usage_event_is_a_miss(usage_calls: int) -> None:
    [miss] = missed(found(AT_THE_BARS, usage_calls=usage_calls))
    assert "usage events" in miss


def test_the_locks_hold_the_versions_that_are_named() -> None:
    assert f"\nlitellm=={LITELLM_VERSION} \\\n" in LITELLM_LOCK.read_text()
    gateway = json.loads(PORTKEY_LOCK.read_text())["packages"]["node_modules/@portkey-ai/gateway"]
    assert gateway["version"] == PORTKEY_VERSION


def test_an_empty_folder_has_no_peers(tmp_path: Path) -> None:
    assert not are_installed(tmp_path)


def test_portkeys_script_says_where_calls_go(tmp_path: Path) -> None:
    calls = PortkeyCalls(body=b"{}", upstream="127.0.0.1:1")
    script = calls.write_script(tmp_path / "call.lua").read_text()
    assert 'wrk.headers["x-portkey-custom-host"] = "http://127.0.0.1:1/v1"\n' in script
    assert 'wrk.headers["x-portkey-provider"] = "openai"\n' in script
