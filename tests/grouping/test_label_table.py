"""What is said of a table of labels, and labels that are set for all photos."""

from __future__ import annotations

import pytest

from kssgan.errors import UsageError
from kssgan.grouping.labels import (
    LabelScheme,
    LabelTable,
    replace_labels,
)

DRAWS = {"expression": ("neutral", "happy")}


@pytest.fixture
def some() -> LabelTable:
    values = [{"expression": "sad", "gender": "male"}, {"gender": "female"}, {}]
    return LabelTable(LabelScheme.of(values), values, matched=2, unmatched=1, source="csv")


def test_every_photo_gets_the_label(some):
    found = replace_labels(some, {"expression": "Smile"}, DRAWS)
    assert found.values == [
        {"expression": "happy", "gender": "male"},
        {"expression": "happy", "gender": "female"},
        {"expression": "happy"},
    ]
    assert found.scheme.slices == {"expression": slice(0, 1), "gender": slice(1, 3)}
    assert some.values[1] == {"gender": "female"}
    assert (found.matched, found.source) == (2, "csv")


def test_labels_can_be_set_where_none_were_known():
    found = replace_labels(LabelTable(LabelScheme(), [{}, {}]), {"expression": "happy"}, DRAWS)
    assert found.values == [{"expression": "happy"}] * 2
    assert found.scheme.names == ("expression",)


def test_nothing_to_set(some):
    assert replace_labels(some, {}, {}) is some


def test_what_is_not_drawn_cannot_be_set(some):
    with pytest.raises(UsageError) as caught:
        replace_labels(some, {"expression": "angry", "hat": "yes", "gender": "male"}, DRAWS)
    assert (
        "'expression' cannot be set to 'angry': this surrogate method draws neutral, happy"
        in (str(caught.value))
    )
    assert "'hat' cannot be set: this surrogate method draws expression" in str(caught.value)
    assert "'gender' cannot be set" in str(caught.value)
    with pytest.raises(UsageError, match="draws no attribute at all"):
        replace_labels(some, {"expression": "neutral"}, {})


def test_a_method_may_draw_what_no_table_knows(some):
    found = replace_labels(some, {"glasses": "yes"}, {"glasses": ("no", "yes")})
    assert all(value["glasses"] == "yes" for value in found.values)
    assert found.scheme.names == ("expression", "gender", "glasses")
