"""What makes two calls the same one, and which keys are keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.idempotency.errors import InvalidIdempotencyKey
from edge_proxy.idempotency.scope import Scope, read_scope
from edge_proxy.idempotency.sealing import Secrets

SCOPE = Scope(tenant_id="tnt_1", key_id="key_1", path="/v1/chat/completions", key="k")


@pytest.mark.parametrize("key", [b"a", b"a b!~", b"x" * 255])
def test_printable_ascii_is_a_key(key: bytes) -> None:
    scope = read_scope(key, tenant_id="t", key_id="k", path="/p")

    assert scope == Scope("t", "k", "/p", key.decode())


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a\tb", b"a\n", "schlüssel".encode(), b"\x7f", b"\0"])
def test_anything_else_is_refused(key: bytes) -> None:
    with pytest.raises(InvalidIdempotencyKey) as refused:
        read_scope(key, tenant_id="t", key_id="k", path="/p")

    assert (refused.value.http_status, refused.value.code) == (400, "invalid_idempotency_key")


@given(st.tuples(*[st.text(max_size=8)] * 4), st.tuples(*[st.text(max_size=8)] * 4))
def test_two_scopes_share_a_name_only_if_they_are_equal(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    secrets = Secrets(b"s" * 32)

    assert (secrets.name(Scope(*one)) == secrets.name(Scope(*other))) == (one == other)


def test_moving_a_letter_from_one_field_to_the_next_is_another_scope() -> None:
    secrets = Secrets(b"s" * 32)

    assert secrets.name(Scope("ab", "c", "/p", "k")) != secrets.name(Scope("a", "bc", "/p", "k"))


def test_names_and_body_hashes_say_nothing_without_the_secret() -> None:
    one, other = Secrets(b"s" * 32), Secrets(b"t" * 32)

    assert one.name(SCOPE) != other.name(SCOPE)
    assert one.body_hash(b"body") != other.body_hash(b"body")
    assert one.body_hash(b"body") == Secrets(b"s" * 32).body_hash(b"body") != one.body_hash(b"Body")
