"""Schemes of labels and their one-hot encoding, and the words that a category goes by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.errors import UsageError
from kssgan.grouping.attributes import age_band, understand
from kssgan.grouping.labels import (
    KNOWN,
    Attribute,
    LabelScheme,
)

FULL = LabelScheme(tuple(KNOWN.values()))


def test_known_attributes_are_the_contract():
    assert [(a.name, a.scope, a.categories) for a in KNOWN.values()] == [
        (
            "expression",
            "photo",
            (
                "neutral",
                "happy",
                "sad",
                "angry",
                "fearful",
                "disgusted",
                "surprised",
                "contemptuous",
            ),
        ),
        ("gender", "subject", ("female", "male")),
        ("age", "subject", ("child", "young", "middle", "senior")),
    ]


def test_encoding_is_the_one_hot_vectors_in_order():
    encoded = FULL.encode({"age": "middle", "expression": "happy"})
    assert encoded.dtype == np.float32
    assert FULL.width == encoded.size == 8 + 2 + 4
    assert np.flatnonzero(encoded).tolist() == [1, 8 + 2 + 2]
    assert FULL.slices == {
        "expression": slice(0, 8),
        "gender": slice(8, 10),
        "age": slice(10, 14),
    }


values = st.fixed_dictionaries(
    {}, optional={a.name: st.sampled_from(a.categories) for a in KNOWN.values()}
)


@given(values)
def test_decoding_undoes_encoding(value):
    assert FULL.decode(FULL.encode(value)) == value
    assert FULL.encode(value).sum() == len(value)


def test_unknown_is_zeros():
    assert not FULL.encode({}).any()
    assert not FULL.encode({"gender": "unknown"}).any()
    assert FULL.decode(np.zeros(14)) == {}


def test_decode_takes_scores():
    scores = np.zeros(14)
    scores[8:10] = 0.4, 0.6
    scores[10:14] = -1
    assert FULL.decode(scores) == {"gender": "male"}


def test_wrong_labels_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        FULL.encode({"gender": "x", "hat": "yes", "age": "34"})
    message = str(caught.value)
    assert "no attribute 'hat'" in message
    assert "gender has no category 'x'; there are female, male" in message
    assert "age has no category '34'" in message


@pytest.mark.parametrize("encoded", [np.zeros(13), np.zeros((1, 14)), np.full(14, np.nan)])
def test_decode_refuses_what_is_no_encoding(encoded):
    with pytest.raises(UsageError, match="14 numbers were wanted"):
        FULL.decode(encoded)


def test_schemes_and_attributes_are_checked():
    with pytest.raises(UsageError, match="twice: gender"):
        LabelScheme((KNOWN["gender"], KNOWN["gender"]))
    with pytest.raises(UsageError, match="category twice"):
        Attribute("x", ("a", "a"), "photo")
    with pytest.raises(UsageError, match="without categories"):
        Attribute("x", (), "photo")
    with pytest.raises(UsageError, match="without a name"):
        Attribute("", ("a",), "photo")
    with pytest.raises(UsageError, match="scope 'group'"):
        Attribute("x", ("a",), "group")  # type: ignore[arg-type]


def test_empty_scheme():
    assert LabelScheme().width == 0
    assert LabelScheme().encode({}).shape == (0,)
    assert LabelScheme().decode(np.zeros(0)) == {}


@pytest.mark.parametrize(
    ("name", "word", "category"),
    [
        ("expression", "Smile", "happy"),
        ("expression", "smiling", "happy"),
        ("expression", "HAPPINESS", "happy"),
        ("expression", "anger", "angry"),
        ("expression", "surprise", "surprised"),
        ("expression", "fear", "fearful"),
        ("expression", "contempt", "contemptuous"),
        ("expression", "disgust", "disgusted"),
        ("expression", "sadness", "sad"),
        ("expression", "hungry", None),
        ("gender", "F", "female"),
        ("gender", " m ", "male"),
        ("gender", "Woman", "female"),
        ("gender", "man", "male"),
        ("gender", "1", None),
        ("age", "17", "child"),
        ("age", "17.99", "child"),
        ("age", "18", "young"),
        ("age", "34,5", "young"),
        ("age", "35", "middle"),
        ("age", "59", "middle"),
        ("age", "60", "senior"),
        ("age", "130", "senior"),
        ("age", "131", None),
        ("age", "1980", None),
        ("age", "-1", None),
        ("age", "nan", None),
        ("age", "inf", None),
        ("age", "1_0", None),
        ("age", "18-34", "young"),
        ("age", "35\u201359", "middle"),
        ("age", "60+", "senior"),
        ("age", "<18", "child"),
        ("age", "Middle_Aged", "middle"),
        ("age", "Kid", "child"),
    ],
)
def test_words(name, word, category):
    assert understand(name, word) == category


def test_categories_understand_themselves():
    for attribute in KNOWN.values():
        for category in attribute.categories:
            assert understand(attribute.name, category) == category


@given(st.floats(allow_nan=True))
def test_every_age_has_one_band(years):
    bands = [
        b
        for b, low, high in [
            ("child", 0, 18),
            ("young", 18, 35),
            ("middle", 35, 60),
            ("senior", 60, 130.000001),
        ]
        if low <= years < high
    ]
    assert [age_band(years)] == (bands or [None])
