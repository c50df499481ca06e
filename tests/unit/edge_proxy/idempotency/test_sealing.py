"""A piece opens as what it was sealed as, in its place, and nowhere else."""

import pytest

from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.sealing import Damaged, PieceSeal, Secrets, new_token

SECRETS = Secrets(b"s" * 32)
NAME = SECRETS.name(Scope("tnt_1", "key_1", "/v1/chat/completions", "k"))
TOKEN = new_token()


def test_a_piece_opens_under_its_number_and_kind() -> None:
    sealed = SECRETS.seal(NAME, TOKEN).seal(7, b"piece", b"the answer")

    assert b"answer" not in sealed
    assert SECRETS.seal(NAME, TOKEN).open(7, b"piece", sealed) == b"the answer"


@pytest.mark.parametrize(("number", "kind"), [(8, b"piece"), (7, b"head"), (7, b"end")])
def test_it_does_not_open_as_another(number: int, kind: bytes) -> None:
    sealed = SECRETS.seal(NAME, TOKEN).seal(7, b"piece", b"the answer")

    with pytest.raises(Damaged):
        SECRETS.seal(NAME, TOKEN).open(number, kind, sealed)


@pytest.mark.parametrize(
    "seal",
    [
        SECRETS.seal(NAME, new_token()),
        SECRETS.seal("another name", TOKEN),
        Secrets(b"t" * 32).seal(NAME, TOKEN),
    ],
    ids=["token", "scope", "secret"],
)
def test_it_does_not_open_for_another_first_scope_or_installation(seal: PieceSeal) -> None:
    sealed = SECRETS.seal(NAME, TOKEN).seal(1, b"piece", b"the answer")

    with pytest.raises(Damaged):
        seal.open(1, b"piece", sealed)


def test_a_changed_byte_is_noticed() -> None:
    sealed = bytearray(SECRETS.seal(NAME, TOKEN).seal(1, b"piece", b"the answer"))
    sealed[0] ^= 1

    with pytest.raises(Damaged):
        SECRETS.seal(NAME, TOKEN).open(1, b"piece", bytes(sealed))


def test_tokens_are_not_repeated() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000
