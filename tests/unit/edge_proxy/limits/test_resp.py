"""Redis' protocol, in whatever pieces it comes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.limits.resp import NotRedis, Reply, ReplyError, ReplyReader, command

STREAM = b"+OK\r\n:42\r\n$5\r\nab\r\nc\r\n$0\r\n\r\n-NOSCRIPT No matching script\r\n:-1\r\n"


def shown(replies: list[Reply]) -> list[object]:
    return [str(reply) if isinstance(reply, ReplyError) else reply for reply in replies]


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_replies_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    reader = ReplyReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    replies: list[Reply] = []
    for start, end in pairwise(edges):
        replies += reader.feed(STREAM[start:end])
    assert shown(replies) == [b"OK", 42, b"ab\r\nc", b"", "NOSCRIPT No matching script", -1]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"$-1\r\n", b"$x\r\n", b"*1\r\n"])
def test_what_is_not_redis_is_said_to_be(data: bytes) -> None:
    with pytest.raises(NotRedis):
        ReplyReader().feed(data)


def test_an_error_names_its_code() -> None:
    (error,) = ReplyReader().feed(b"-READONLY You can't write\r\n")
    assert isinstance(error, ReplyError)
    assert error.code == "READONLY"


def test_a_command_counts_bytes_not_letters() -> None:
    assert command("AUTH", "pä") == b"*2\r\n$4\r\nAUTH\r\n$3\r\np\xc3\xa4\r\n"
