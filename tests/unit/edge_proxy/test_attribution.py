"""Whom a call is for: as it is, hashed, or not at all."""

import json

from edge_proxy.recording.attribution import Attribution, AttributionMode
from edge_proxy.wire.chat import ChatRequest, decode_chat_request

REQUEST: ChatRequest = decode_chat_request(
    json.dumps({"model": "m", "messages": [], "user": "anna", "metadata": {"team": "blue", "cost": "anna"}}).encode()
)


def attribution(mode: AttributionMode, secret: bytes = b"s" * 32) -> Attribution:
    return Attribution(mode, secret=secret)


def test_plain_is_as_it_came() -> None:
    plain = attribution("plain")
    assert plain.user(REQUEST) == "anna"
    assert plain.metadata(REQUEST) == {"team": "blue", "cost": "anna"}


def test_off_is_nothing() -> None:
    off = attribution("off")
    assert (off.user(REQUEST), off.metadata(REQUEST)) == (None, {})


def test_hashed_tells_apart_and_says_nothing_without_the_secret() -> None:
    hashed, other = attribution("hashed"), attribution("hashed", b"t" * 32)
    user, metadata = hashed.user(REQUEST), hashed.metadata(REQUEST)
    assert user is not None
    assert len(user) == 32
    assert set(metadata) == {"team", "cost"}
    assert metadata["cost"] == user != metadata["team"]
    assert other.user(REQUEST) != user
    assert "anna" not in repr((user, metadata))
