"""Cursors survive the way out and back, and nothing else is taken for one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.errors import InvalidCursorError
from admin_api.paging import Page, Slice, decode_cursor, encode_cursor

printable = st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), max_size=40)


@given(st.lists(printable, min_size=1, max_size=3))
def test_a_cursor_holds_its_key(parts: list[str]) -> None:
    cursor = encode_cursor(*parts)

    assert decode_cursor(cursor, parts=len(parts)) == parts
    assert cursor.isascii()


@given(st.text(max_size=60))
def test_any_other_text_is_refused_or_is_a_list_of_texts(text: str) -> None:
    try:
        parts = decode_cursor(text)
    except InvalidCursorError:
        return
    assert len(parts) == 1
    assert parts[0].isprintable()


@pytest.mark.parametrize("content", [["a", "b"], [], [1], [None], {"a": 1}, "a", ["\u0000"], ["a\n"], [["a"]]])
def test_a_cursor_of_another_shape_is_refused(content: object) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(base64.urlsafe_b64encode(json.dumps(content).encode()).decode())


@pytest.mark.parametrize(
    ("found", "shown", "next_cursor"), [(0, 0, None), (2, 2, None), (3, 3, None), (4, 3, encode_cursor("2"))]
)
def test_one_row_more_than_asked_for_means_another_page(found: int, shown: int, next_cursor: str | None) -> None:
    rows = Slice.of(list(range(found)), 3, lambda row: encode_cursor(str(row)))

    page = Page[str].of(rows, str)

    assert page.data == [str(row) for row in range(shown)]
    assert (page.has_more, page.next_cursor) == (next_cursor is not None, next_cursor)
