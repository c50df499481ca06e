"""The stream decoder: what the client sees, and what the ledger learns, for every way bytes can be cut."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.usage import Tokens
from edge_proxy.providers.openai.chat_stream import ChatStream


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def content(text: str, **more: object) -> bytes:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    return event(id="c", choices=choices, **more)


FINISH = event(id="c", choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None)
USAGE_OBJECT = {
    "prompt_tokens": 7,
    "completion_tokens": 3,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
USAGE = event(id="c", choices=[], usage=USAGE_OBJECT)
DONE = b"data: [DONE]\n\n"
STREAM = content("héllo", usage=None) + content(' "usage":null ', usage=None) + FINISH + USAGE + DONE
TOKENS = Tokens(input=7, cached_input=2, output=3, reasoning=1)


def run(decoder: ChatStream, chunks: list[bytes]) -> bytes:
    return b"".join(decoder.feed(chunk) for chunk in chunks) + decoder.finish()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_usage_nobody_asked_for_is_removed_wherever_the_bytes_are_cut(places: list[int], newline: bytes) -> None:
    stream = STREAM.replace(b"\n", newline)
    decoder = ChatStream(show_usage=False)
    seen = run(decoder, cut(stream, places))
    expected = content("héllo") + content(' "usage":null ') + FINISH.replace(b',"usage":null', b"") + DONE
    assert seen == expected.replace(b"\n", newline)
    assert decoder.tokens == TOKENS
    assert decoder.complete
    assert decoder.error is None


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=12))
def test_usage_the_client_asked_for_passes_untouched(places: list[int]) -> None:
    decoder = ChatStream(show_usage=True)
    assert run(decoder, cut(STREAM, places)) == STREAM
    assert decoder.tokens == TOKENS


def test_whole_events_leave_at_once() -> None:
    decoder = ChatStream(show_usage=False)
    assert decoder.feed(content("a")) == content("a")
    assert decoder.feed(content("b") + b"data: {") == content("b")


def test_usage_beside_content_is_cut_out_of_the_chunk() -> None:
    chunk = event(choices=[{"index": 0, "delta": {"content": "x"}}], usage={"prompt_tokens": 1, "completion_tokens": 1})
    decoder = ChatStream(show_usage=False)
    assert json.loads(decoder.feed(chunk)[6:]) == {"choices": [{"index": 0, "delta": {"content": "x"}}]}
    assert decoder.tokens == Tokens(input=1, output=1)


def test_an_error_event_is_taken_out_and_kept() -> None:
    decoder = ChatStream(show_usage=True)
    seen = run(decoder, [content("a"), event(error={"message": "secret upstream text", "code": "x"})])
    assert b"secret" not in seen
    assert decoder.error is not None
    assert decoder.error.code == "provider_stream_error"


@pytest.mark.parametrize("tail", [b"", b'data: {"id"', b"data: [DO"])
def test_a_stream_without_its_end_is_not_complete(tail: bytes) -> None:
    decoder = ChatStream(show_usage=False)
    run(decoder, [content("a"), tail])
    assert not decoder.complete


def test_an_end_mark_without_its_blank_line_counts() -> None:
    decoder = ChatStream(show_usage=False)
    assert run(decoder, [content("a"), b"data: [DONE]"]) == content("a") + DONE
    assert decoder.complete


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": -1}, {"prompt_tokens": "7"}, 3, {"prompt_tokens": 2**60}])
def test_a_usage_object_that_reports_nothing_is_no_report(usage: object) -> None:
    decoder = ChatStream(show_usage=True)
    stream = event(choices=[], usage=usage) + DONE
    assert run(decoder, [stream]) == stream
    assert decoder.tokens is None


def test_an_event_without_end_is_refused_before_memory_is() -> None:
    decoder = ChatStream(show_usage=True)
    for _ in range(10):
        decoder.feed(b"data: " + b"x" * 1024 * 1024)
    assert decoder.error is not None


@given(st.binary(max_size=300))
def test_no_bytes_make_the_decoder_fail(data: bytes) -> None:
    run(ChatStream(show_usage=False), [data, b'data: {"usage":' + data + b"\n\n"])
