"""Reading usage messages: what is an event, what is a reject, and that each is judged by itself."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.ledger.consumers import decode_usage
from common.testing.usage_events import usage_event, usage_message

_GOOD = usage_event(time=datetime(2026, 11, 23, 10, 30, tzinfo=UTC))


def _altered(path: str, value: Any) -> bytes:
    """The good event as JSON with one field replaced; `...` removes it."""
    document = msgspec.json.decode(msgspec.json.encode(_GOOD))
    target = document
    *parents, last = path.split(".")
    for parent in parents:
        target = target[int(parent)] if isinstance(target, list) else target[parent]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return msgspec.json.encode(document)


def test_good_events_are_read_in_order() -> None:
    events = [usage_event() for _ in range(5)]
    decoded = decode_usage(usage_message(events))
    assert [item.value for item in decoded.items] == events
    assert [item.part for item in decoded.items] == [0, 1, 2, 3, 4]
    assert not decoded.rejects


def test_fields_of_a_later_edge_are_passed_over() -> None:
    document = msgspec.json.decode(msgspec.json.encode(_GOOD))
    document["data"]["colour"] = {"of": "the future"}
    document["colour"] = 1
    decoded = decode_usage(msgspec.json.encode([document]))
    assert [item.value for item in decoded.items] == [_GOOD]


def test_time_is_turned_into_utc() -> None:
    decoded = decode_usage(b"[" + _altered("time", "2026-11-23T12:00:00+05:30") + b"]")
    assert decoded.items[0].value.time == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
    assert decoded.items[0].value.time.tzinfo is UTC


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"null",
        b"42",
        b'"text"',
        msgspec.json.encode(_GOOD),
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'[{"a":' * 100_000,
        b"\x00" * 1000,
        b"\xff\xfe\xfd" * 300_000,
        b"[1,2",
        b"[]trailing",
        # Not JSON either, although some parsers take it: nothing after it can be trusted, so the message is kept whole.
        b'[{"id": "\\ud800"}]',
    ],
    ids=range(14),
)
def test_a_message_that_is_no_array_is_one_reject(body: bytes) -> None:
    decoded = decode_usage(body)
    assert not decoded.items
    (reject,) = decoded.rejects
    assert reject.part is None
    assert reject.body == body
    assert reject.reason


_BAD_PARTS = {
    "null": b"null",
    "number": b"17",
    "string": b'"text"',
    "array": b"[[]]",
    "empty object": b"{}",
    "other event": _altered("type", "usage.recorded.v2"),
    "no type": _altered("type", ...),
    "no id": _altered("id", ...),
    "foreign id": _altered("id", "key_00000000000000000000000000000001"),
    "id with line end": _altered("id", _GOOD.id + "\n"),
    "id with NUL": _altered("id", _GOOD.id[:-1] + "\0"),
    "no data": _altered("data", ...),
    "data of another type": _altered("data", [1]),
    "time without offset": _altered("time", "2026-11-23T10:30:00"),
    "time before time": _altered("time", "0001-01-01T00:00:00+14:00"),
    "time after time": _altered("time", "9999-12-31T23:59:59-14:00"),
    "time as a number": _altered("time", 1_700_000_000),
    "negative tokens": _altered("data.tokens.input", -1),
    "fractional tokens": _altered("data.tokens.output", 1.5),
    "absurd tokens": _altered("data.tokens.input", 2**63),
    "absurd latency": _altered("data.latency_ms", 10**30),
    "negative cost": _altered("data.cost_nano_usd", "-5"),
    "cost as a number": _altered("data.cost_nano_usd", 5),
    "absurd cost": _altered("data.cost_nano_usd", "9" * 40),
    "NUL in a name": _altered("data.alias", "de\0mo"),
    "empty name": _altered("data.tenant_id", ""),
    "endless name": _altered("data.model", "x" * 257),
    "unknown status": _altered("data.status", "unheard of"),
    "odd http status": _altered("data.http_status", 70_000),
    "too many lines": _altered("data.lines", [{"kind": "input", "quantity": 1, "price": "1"}] * 33),
    "line without price": _altered("data.lines", [{"kind": "input", "quantity": 1}]),
    "NUL in a line": _altered("data.lines", [{"kind": "in\0put", "quantity": 1, "price": "1"}]),
    "deep nesting": _altered("data.stream", [[[[[[[[]]]]]]]]),
    "broken UTF-8": _altered("data.alias", "BROKEN").replace(b"BROKEN", b"\xff\xfe"),
}


@pytest.mark.parametrize("bad", _BAD_PARTS.values(), ids=_BAD_PARTS.keys())
def test_a_bad_part_is_rejected_alone_and_whole(bad: bytes) -> None:
    before, after = usage_event(), usage_event()
    body = b"[" + msgspec.json.encode(before) + b"," + bad + b"," + msgspec.json.encode(after) + b"]"
    decoded = decode_usage(body)
    assert [item.value for item in decoded.items] == [before, after]
    (reject,) = decoded.rejects
    assert reject.part == 1
    assert reject.body == bad
    assert reject.reason


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    decoded = decode_usage(body)
    assert not decoded.items


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_PATHS = [
    "id",
    "type",
    "source",
    "time",
    "data",
    "data.tenant_id",
    "data.tokens",
    "data.lines",
    "data.status",
    "data.cost_nano_usd",
]


@given(path=st.sampled_from(_PATHS), value=_JSON)
def test_any_value_in_any_field_gives_an_item_or_a_reject(path: str, value: Any) -> None:
    decoded = decode_usage(b"[" + _altered(path, value) + b"]")
    assert len(decoded.items) + len(decoded.rejects) == 1


def test_a_text_that_only_speaks_of_nul_is_a_text() -> None:
    event = usage_event(alias="what \\u0000 means", tags={"\\u0000": "x"})
    decoded = decode_usage(usage_message([event]))
    assert [item.value for item in decoded.items] == [event]
    assert not decoded.rejects


def test_nul_in_a_tags_name_is_found() -> None:
    decoded = decode_usage(usage_message([usage_event(tags={"a\0b": "x"})]))
    assert not decoded.items
