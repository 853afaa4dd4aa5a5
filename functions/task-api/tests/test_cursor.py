"""Cursors come back as they went out, or not at all."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_api.cursor import decode_cursor, encode_cursor
from task_api.errors import InvalidParameter
from task_api.repository.listing import After


def _cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_cursor_comes_back_as_it_went_out() -> None:
    after = After('Bûy "milk"', 2**63 - 1)
    assert decode_cursor(encode_cursor("-title", after), "-title") == after


def test_a_cursor_belongs_to_its_order() -> None:
    cursor = encode_cursor("title", After("a", 1))
    with pytest.raises(InvalidParameter, match=r"^cursor: belongs to sort='title'"):
        decode_cursor(cursor, "-title")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "ü",
        "AAAA",
        _cursor({}),
        _cursor([]),
        _cursor(["title", "a"]),
        _cursor(["title", "a", 1, "more"]),
        _cursor(["title", "a", "1"]),
        _cursor(["title", "a", 0]),
        _cursor(["title", "a", 2**63]),
        _cursor(["title", "nul\0", 1]),
        _cursor(["title", None, 1]),
        "W" * 5000,
    ],
)
def test_what_this_service_did_not_write_is_named(cursor: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        decode_cursor(cursor, "title")
    assert raised.value.errors == [
        {"in": "query", "name": "cursor", "message": "is not a next_cursor of this service"}
    ]


@given(st.text())
def test_no_text_does_more_than_be_refused(cursor: str) -> None:
    with pytest.raises(InvalidParameter):
        decode_cursor(cursor, "no such order")
