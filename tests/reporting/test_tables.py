"""Tables for terminals and the page of an audit."""

from __future__ import annotations

from typing import Any

import pytest

from kssgan.reporting import audit_page, text_table
from kssgan.reporting._text import cell_width


def test_columns_line_up_with_wide_signs() -> None:
    lines = text_table(
        [("漢字", "x"), ("Zoë", "x"), ("plain name", "x")], header=("name", "mark")
    ).splitlines()
    assert len({cell_width(line[: line.rindex("x")]) for line in lines[2:]}) == 1


def test_numbers_stand_right_and_words_left() -> None:
    lines = text_table(
        [("a", 5, 0.25), ("bb", 12000, None)], header=("n", "count", "r")
    ).splitlines()
    assert lines[2:] == ["a        5  0.25", "bb  12,000     -"]


def test_terminal_controls_are_defused() -> None:
    table = text_table([("\x1b]0;evil\x07a\nb",)], header=("name",))
    assert "\x1b" not in table
    assert len(table.splitlines()) == 3


def test_empty_and_uneven_tables() -> None:
    assert text_table([], header=("a", "bb")) == "a  bb\n-  --"
    with pytest.raises(ValueError, match="row 1 has 1 cells"):
        text_table([(1, 2), (1,)], header=("a", "b"))


def test_booleans_are_words() -> None:
    assert text_table([(True,), (False,)], header=("ok",)).splitlines()[2:] == ["yes", "no"]


AUDIT: dict[str, Any] = {
    "holds": False,
    "statement": "One picture <stands> for 4 people.",
    "k_measured": 4,
    "naive": {"full": {"rank1": 0.125, "interval": [0.1, 0.15]}},
    "problems": [{"rule": 1, "text": "uneven copies"}, {"rule": 4, "where": "thumbnail"}],
    "skipped": [],
    "notes": ["first sentence", "second sentence"],
    "auc": None,
}


def test_audit_page_shows_verdict_first_and_every_figure() -> None:
    html = audit_page(AUDIT)
    assert html.index("does not hold") < html.index("k measured")
    for words in (
        "PRIVATE: keep secret",
        "&lt;stands&gt;",
        "0.125",
        "0.1, 0.15",
        "Naive / full",
        "uneven copies",
        "thumbnail",
        "not measured",
        "<td>first sentence</td>",
        "<td>second sentence</td>",
        "none",
    ):
        assert words in html
    assert "<script" not in html


def test_audit_page_needs_a_true_verdict() -> None:
    with pytest.raises(ValueError, match="no verdict"):
        audit_page({"k_measured": 5})
    assert "The promise holds." not in audit_page({"holds": "false"})
    assert "The promise holds." in audit_page({"holds": True})
