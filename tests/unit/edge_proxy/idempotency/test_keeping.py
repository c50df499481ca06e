"""Which answers are kept, and which of their headers."""

import pytest

from edge_proxy.idempotency.errors import ReplyLost, ReplyTooLarge
from edge_proxy.idempotency.keeping import is_kept, kept_headers


@pytest.mark.parametrize("status", [200, 201, 400, 404, 413, 422])
def test_what_would_be_the_same_again_is_kept(status: int) -> None:
    assert is_kept(status)


@pytest.mark.parametrize("status", [401, 402, 403, 408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_go_better_the_next_time_is_not(status: int) -> None:
    assert not is_kept(status)


def test_headers_about_the_moment_are_left_out() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"5"),
        (b"x-request-id", b"req_1"),
        (b"x-ratelimit-remaining-requests", b"7"),
        (b"x-omg-route", b"rt_1"),
        (b"set-cookie", b"a=b"),
        (b"connection", b"close"),
    ]

    assert kept_headers(headers) == [(b"content-type", b"application/json"), (b"x-omg-route", b"rt_1")]


@pytest.mark.parametrize("error", [ReplyTooLarge(1024), ReplyLost()])
def test_an_answer_that_is_not_there_is_not_asked_for_again(error: ReplyTooLarge | ReplyLost) -> None:
    assert error.http_status == 409
    assert (b"x-should-retry", b"false") in error.headers
