"""What is frozen, who is who, who waits: the logic of rule 6 alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.errors import LedgerRefused
from kssgan.grouping.ledger import (
    NEWCOMER,
    OTHER_NAME,
    UNSURE,
    check_parameters,
    match_templates,
    recognise,
    share_out,
)

BEFORE = {
    "k": 5,
    "seed": 0,
    "subjects": "folder",
    "surrogate": "generator",
    "auto_labels": ["age"],
    "set_labels": {},
    "attributes": ["age"],
    "analyser": "a",
}


@pytest.mark.parametrize(
    "change",
    [
        {"k": 4},
        {"k": 6},
        {"seed": 1},
        {"subjects": "csv"},
        {"surrogate": "mean"},
        {"auto_labels": []},
        {"set_labels": {"expression": "neutral"}},
        {"attributes": ["age", "gender"]},
        {"analyser": "b"},
    ],
)
def test_other_parameters_are_refused_with_the_reason(change: dict[str, object]) -> None:
    check_parameters(BEFORE, BEFORE)
    check_parameters({}, {**BEFORE, **change})
    with pytest.raises(LedgerRefused) as caught:
        check_parameters(BEFORE, {**BEFORE, **change})
    (name,) = change
    assert f"{name} " in str(caught.value)
    assert "intersected" in str(caught.value)
    assert caught.value.exit_status == 4


def test_all_differences_are_told_at_once() -> None:
    with pytest.raises(LedgerRefused, match=r"k 4 came.*seed 1 came"):
        check_parameters(BEFORE, {**BEFORE, "k": 4, "seed": 1})


@pytest.mark.parametrize(
    ("names", "photos", "found"),
    [
        ([None, None], [None, None], NEWCOMER),
        ([3, 3], [None, None], 3),
        ([3, None], [None, None], 3),  # a new name that shares a picture with a known one
        ([3, 3], [3, None], 3),
        ([3, 4], [None, None], UNSURE),
        ([3, 3], [4, None], UNSURE),
        ([None, None], [3, None], OTHER_NAME),
    ],
)
def test_declared_people(names: list[int | None], photos: list[int | None], found: int) -> None:
    assert recognise([0, 0], names, photos).tolist() == [found, found]


@pytest.mark.parametrize(
    ("photos", "face", "found"),
    [
        ([None, None], NEWCOMER, [NEWCOMER, NEWCOMER]),
        ([None, None], 5, [5, 5]),
        ([None, None], UNSURE, [UNSURE, UNSURE]),
        ([3, None], NEWCOMER, [3, 3]),
        ([3, None], 5, [3, 3]),  # the file itself is surer than a face
        ([3, 4], NEWCOMER, [3, 4]),  # each file has its own person
    ],
)
def test_found_people(photos: list[int | None], face: int, found: list[int]) -> None:
    assert recognise([0, 0], None, photos, [face]).tolist() == found


def test_a_new_photo_between_two_known_people_is_nobodys() -> None:
    assert recognise([0, 0, 0], None, [3, 4, None], [3]).tolist() == [3, 4, UNSURE]


def test_templates() -> None:
    templates = np.eye(4, dtype=np.float32)[:2]

    def at(distance: float) -> np.ndarray:
        """A unit vector that far from the first template, and far from the second."""
        angle = 2 * np.arcsin(distance / 2)
        return np.array([np.cos(angle), 0, np.sin(angle), 0], np.float32)

    faces = np.stack([at(0), at(0.29), at(0.35), at(0.45)])
    found = match_templates(faces, templates, [7, 8], same_person=0.3, look_alike=0.4)
    assert found.tolist() == [7, 7, UNSURE, NEWCOMER]
    twins = np.stack([at(0), at(0.1)])
    found = match_templates(faces[:1], twins, [7, 8], same_person=0.3, look_alike=0.4)
    assert found.tolist() == [UNSURE]
    # Two faces of one person are no doubt.
    found = match_templates(faces, twins, [7, 7], same_person=0.3, look_alike=0.4)
    assert found.tolist() == [7, 7, 7, UNSURE]
    nobody = np.zeros((0, 0), np.float32)
    found = match_templates(faces, nobody, [], same_person=0.3, look_alike=0.4)
    assert set(found.tolist()) == {NEWCOMER}


PEOPLE = st.integers(0, 4)
CELLS = st.dictionaries(
    st.integers(0, 3),
    st.tuples(st.sampled_from("abc"), st.frozensets(PEOPLE, min_size=1)),
    min_size=1,
)


@given(CELLS, st.lists(st.tuples(PEOPLE, st.sampled_from("abcd")), min_size=1, max_size=15))
def test_whatever_comes_a_picture_has_the_same_holders_or_is_not_shown(
    cells: dict[int, tuple[str, frozenset[int]]], photos: list[tuple[int, str]]
) -> None:
    people = [person for person, _ in photos]
    given_ = share_out(cells, people, [label for _, label in photos])
    if given_ is None:
        return
    for number in set(given_):
        holders = {p for p, cell in zip(people, given_, strict=True) if cell == number}
        assert holders == cells[number][1]


def test_labels_come_first_and_all_pictures_are_kept_where_photos_allow() -> None:
    both = frozenset({1, 2})
    cells = {0: ("happy", both), 1: ("neutral", both)}
    assert share_out(cells, [1, 1, 2, 2], ["neutral", "happy", "happy", "neutral"]) == [
        1,
        0,
        0,
        1,
    ]
    # Two photos of one label still fill two pictures; a label that nobody had before fills one first.
    assert sorted(share_out(cells, [1, 1, 2, 2], ["sad", "happy"] * 2) or []) == [0, 0, 1, 1]
    # One photo of somebody: the picture that not everybody can have is left out.
    assert share_out(cells, [1, 2, 2], ["happy", "happy", "neutral"]) in ([0] * 3, [1] * 3)


def test_somebody_without_a_picture_keeps_the_group_back() -> None:
    cells = {0: ("happy", frozenset({1, 2})), 1: ("neutral", frozenset({2, 3}))}
    # Only one photo of 2, who had both pictures: neither can be shown to all who had it.
    assert share_out(cells, [1, 2, 3], ["happy", "happy", "neutral"]) is None
