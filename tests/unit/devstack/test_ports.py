import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.ports import LOOPBACK, NoFreePortError, choose_ports, free_port, is_free


@contextmanager
def listener() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free() -> None:
    with listener() as port:
        assert not is_free(port)
    assert is_free(port)


def test_a_preferred_port_is_taken_when_free_and_passed_over_when_not() -> None:
    preferred = free_port()
    assert free_port(preferred=preferred) == preferred
    with listener() as busy:
        assert free_port(preferred=busy) != busy
    assert free_port(preferred=preferred, taken={preferred}) != preferred


def test_chosen_ports_are_remembered_and_distinct(tmp_path: Path) -> None:
    wanted = dict.fromkeys(("gateway", "portal", "nats"))
    first = choose_ports(tmp_path / "ports.json", wanted=wanted, fixed={})
    assert len(set(first.values())) == 3
    assert choose_ports(tmp_path / "ports.json", wanted=wanted, fixed={}) == first


def test_only_the_port_that_became_busy_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, wanted={"gateway": None, "portal": None}, fixed={})
    with socket.create_server((LOOPBACK, first["gateway"])):
        second = choose_ports(file, wanted={"gateway": None, "portal": None}, fixed={})
    assert second["gateway"] != first["gateway"]
    assert second["portal"] == first["portal"]
    assert choose_ports(file, wanted={"gateway": None, "portal": None}, fixed={}) == second


def test_a_remembered_port_is_not_given_to_another_name(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    remembered = choose_ports(file, wanted={"portal": None}, fixed={})["portal"]
    chosen = choose_ports(file, wanted={"gateway": remembered, "portal": None}, fixed={})
    assert chosen["portal"] == remembered
    assert chosen["gateway"] != remembered


def test_a_fixed_port_wins_and_a_busy_one_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    choose_ports(file, wanted={"gateway": None}, fixed={})
    fixed = free_port()
    assert choose_ports(file, wanted={"gateway": None}, fixed={"gateway": fixed})["gateway"] == fixed
    with listener() as busy, pytest.raises(NoFreePortError, match=rf"port {busy}, configured for gateway"):
        choose_ports(file, wanted={"gateway": None}, fixed={"gateway": busy})


@pytest.mark.parametrize("content", ["", "[]", "{broken", '{"gateway": "8090"}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    assert is_free(choose_ports(tmp_path / "ports.json", wanted={"gateway": None}, fixed={})["gateway"])
