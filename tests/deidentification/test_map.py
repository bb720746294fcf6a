"""Tables survive every name that a file may have."""

from __future__ import annotations

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.deidentification.map import (
    MapRow,
    encode_map,
    encode_refused,
    encode_table,
    parse_table,
)

NAMES = st.binary(max_size=12).map(lambda b: os.fsdecode(b.replace(b"\0", b"")))


def test_format() -> None:
    rows = [
        MapRow("a b.jpg", "Ann", "images/1.png", ""),
        MapRow('b"\n.jpg', "", "", "no face found"),
    ]
    assert encode_map(rows) == (
        b"original,subject,released,reason\n"
        b"a b.jpg,Ann,images/1.png,\n"
        b'"b""\n.jpg",,,no face found\n'
    )
    assert encode_refused(rows) == b'original,reason\n"b""\n.jpg",no face found\n'


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), max_size=5))
def test_any_name_comes_back_also_through_plain_csv(rows: list[tuple[str, ...]]) -> None:
    data = encode_map(MapRow(*row) for row in rows)
    assert [tuple(row.values()) for row in parse_table(data)] == rows
    text = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    assert [tuple(row) for row in csv.reader(text)][1:] == rows


def test_a_short_row_is_no_row() -> None:
    with pytest.raises(ValueError, match="shorter"):
        parse_table(b"a,b\n1\n")


def test_any_table() -> None:
    assert encode_table(("file", "age"), [("images/0.png", "old, very")]) == (
        b'file,age\nimages/0.png,"old, very"\n'
    )
