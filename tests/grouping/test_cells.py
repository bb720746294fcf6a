"""Cells: k people behind every picture, one label per picture, counted in people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.errors import UsageError
from kssgan.grouping.cells import make_cells, vote

ONE = ("expression",)


def cells_of(rows, k, names=ONE):
    """``rows`` are (group, person, *labels)."""
    return make_cells(
        np.array([r[0] for r in rows], np.int64),
        np.array([r[1] for r in rows], np.int64),
        [tuple(r[2:]) for r in rows],
        names,
        k,
    )


def label_of(cells):
    return [cells.label[c] for c in cells.photo_cell.tolist()]


def test_labels_with_k_people_keep_their_cell():
    rows = [(0, p, e) for p in range(2) for e in ("sad", "happy")]
    cells = cells_of(rows, 2)
    assert cells.label == (("happy",), ("sad",))
    assert cells.photo_cell.tolist() == [1, 0, 1, 0]
    assert (cells.group.tolist(), cells.merged, cells.count) == ([0, 0], 0, 2)
    assert cells.photo_cell.dtype == cells.group.dtype == np.int64


def test_a_short_label_takes_the_most_common_one():
    rows = [(0, 0, "happy"), (0, 1, "happy"), (0, 1, "sad"), (0, 2, "angry"), (0, 0, "neutral")]
    cells = cells_of(rows, 2)
    assert label_of(cells) == [("happy",)] * 5
    assert cells.merged == 3


def test_people_are_counted_not_photos():
    # One person with five sad photos is one person.
    rows = [(0, 0, "sad")] * 5 + [(0, 1, "happy"), (0, 2, "happy")]
    cells = cells_of(rows, 2)
    assert cells.label == (("happy",),)
    # Two names of one human count once: person 0 twice is short.
    rows = [(0, 0, "sad"), (0, 0, "sad"), (0, 1, "happy"), (0, 2, "happy")]
    assert cells_of(rows, 2).label == (("happy",),)


def test_when_every_label_is_short_the_group_gets_one():
    rows = [(0, 0, "sad"), (0, 1, "happy"), (0, 2, "happy"), (0, 3, "angry"), (0, 4, "neutral")]
    cells = cells_of(rows, 5)
    assert label_of(cells) == [("happy",)] * 5
    assert cells.merged == 3


def test_equals_are_settled_by_name():
    rows = [(0, 0, "sad"), (0, 0, "sad"), (0, 1, "angry")]
    assert cells_of(rows, 2).label == (("angry",),)
    assert cells_of(rows[::-1], 2).label == (("angry",),)
    # Sets of words have no order that repeats from run to run: try many of equal standing.
    for first in "abcdefgh":
        rows = [(0, person, first + str(person)) for person in range(8)]
        assert cells_of(rows[::-1], 2).label == ((first + "0",),)


def test_unknown_labels_take_the_most_common_one():
    rows = [(0, 0, "sad"), (0, 1, "sad"), (0, 2, "happy"), (0, 3, None), (0, 0, None)]
    cells = cells_of(rows, 2)
    assert label_of(cells) == [("sad",)] * 5
    assert cells.merged == 1


def test_unknown_labels_do_not_vote():
    rows = [(0, 0, None), (0, 1, None), (0, 2, None), (0, 3, "sad")]
    cells = cells_of(rows, 2)
    assert label_of(cells) == [("sad",)] * 4
    assert cells.merged == 0


def test_a_group_that_knows_nothing_is_unknown_as_a_whole():
    rows = [(0, 0, None), (0, 1, None), (1, 2, "sad"), (1, 3, None)]
    cells = cells_of(rows, 2)
    assert cells.label == (("unknown",), ("sad",))
    assert cells.photo_cell.tolist() == [0, 0, 1, 1]


def test_without_attributes_one_cell_per_group():
    cells = cells_of([(1, 0), (0, 1), (1, 2), (3, 5)], 2, names=())
    assert cells.photo_cell.tolist() == [1, 0, 1, 2]
    assert cells.group.tolist() == [0, 1, 3]
    assert cells.label == ((), (), ())
    assert cells.merged == 0


def test_two_attributes_are_completed_one_by_one():
    names = ("expression", "gaze")
    rows = [
        (0, 0, "sad", "left"),
        (0, 1, "sad", None),
        (0, 2, None, "left"),
        (0, 3, "happy", None),
    ]
    cells = cells_of(rows, 3, names)
    assert cells.names == names
    assert cells.label == (("sad", "left"),)
    assert cells.merged == 1
    # An attribute that nobody has told is unknown in every cell, the other one still counts.
    rows = [(0, p, e, None) for p in range(2) for e in ("sad", "happy")]
    assert cells_of(rows, 2, names).label == (("happy", "unknown"), ("sad", "unknown"))


def test_a_group_below_k_has_one_cell():
    assert cells_of([(0, 0, "sad"), (0, 0, "happy")], 2).label == (("happy",),)


def test_no_photos():
    cells = cells_of([], 2)
    assert (cells.count, cells.photo_cell.shape, cells.group.shape) == (0, (0,), (0,))


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="give one each"):
        make_cells(np.zeros(2, int), np.zeros(3, int), [(), ()], (), 2)
    with pytest.raises(UsageError, match="one value for each of 1"):
        cells_of([(0, 0)], 2)
    with pytest.raises(UsageError, match="k=0"):
        cells_of([(0, 0, "sad")], 0)
    with pytest.raises(UsageError, match="voters came for 1 values"):
        vote(["a"], np.zeros(2, np.int64))


# --- the promise over random collections ------------------------------------------------------

photo = st.tuples(
    st.integers(0, 2),
    st.integers(0, 6),
    st.sampled_from(["happy", "sad", "angry", None]),
    st.sampled_from(["left", "right", None]),
)


@given(rows=st.lists(photo, min_size=1, max_size=30), k=st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_rules_1_and_2(rows, k):
    cells = cells_of(rows, k, ("expression", "gaze"))
    people: dict[int, set[int]] = {}
    for group, person, *_ in rows:
        people.setdefault(group, set()).add(person)
    behind: dict[int, set[int]] = {}
    for (group, person, *_), cell in zip(rows, cells.photo_cell.tolist(), strict=True):
        assert cells.group[cell] == group
        behind.setdefault(cell, set()).add(person)
    assert set(behind) == set(
        range(cells.count)
    )  # no cell without people, no photo without cell
    for cell, here in behind.items():
        assert len(here) >= min(k, len(people[int(cells.group[cell])]))
    # No two cells of a group share a label; a label invents no value.
    assert len(set(zip(cells.group.tolist(), cells.label, strict=True))) == cells.count
    for group, label in zip(cells.group.tolist(), cells.label, strict=True):
        for at, value in enumerate(label):
            known = {row[2 + at] for row in rows if row[0] == group} - {None}
            assert value in known or (value == "unknown" and not known)
    assert cells.merged >= 0


@given(rows=st.lists(photo, min_size=1, max_size=20), k=st.integers(1, 5), data=st.data())
@settings(max_examples=150, deadline=None)
def test_neither_order_nor_number_of_photos_matters(rows, k, data):
    names = ("expression", "gaze")
    before = cells_of(rows, k, names)
    at = data.draw(st.permutations(range(len(rows))))
    again = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=5))
    after = cells_of([rows[i] for i in [*at, *again]], k, names)
    assert (after.label, after.group.tolist(), after.merged) == (
        before.label,
        before.group.tolist(),
        before.merged,
    )
    want = [before.photo_cell[i] for i in [*at, *again]]
    assert after.photo_cell.tolist() == want


@given(rows=st.lists(photo, min_size=1, max_size=30), k=st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_a_known_label_with_k_people_is_kept(rows, k):
    cells = cells_of([row[:3] for row in rows], k)
    for row, got in zip(rows, label_of(cells), strict=True):
        carriers = {r[1] for r in rows if r[0] == row[0] and r[2] == row[2]}
        if row[2] is not None and len(carriers) >= k:
            assert got == (row[2],)


# --- votes ------------------------------------------------------------------------------------


def test_everybody_votes_once():
    values = ["male"] * 5 + ["female", "female"]
    assert vote(values, np.array([0, 0, 0, 0, 0, 1, 2])) == "female"
    assert vote(values) == "male"


def test_a_persons_own_value_is_the_most_frequent_one():
    values = ["young", "young", "middle", "middle", "middle", "young"]
    assert vote(values, np.array([0, 0, 0, 1, 1, 1])) == "middle"  # one each: the first by name
    assert vote(values, np.array([0, 0, 0, 0, 0, 1])) == "middle"
    assert vote(["young", "young", "middle"], np.array([4, 4, 4])) == "young"


def test_ties_are_settled_by_name_for_people_and_groups():
    assert vote(["male", "female"], np.array([0, 0])) == "female"
    assert vote(["male", "female"], np.array([0, 1])) == "female"
    assert vote(["b", "a", "b", "a", "b"], np.array([0, 0, 1, 2, 2])) == "a"


def test_unknown_does_not_vote():
    assert vote([None, None, None, "male"], np.array([0, 1, 2, 3])) == "male"
    assert vote([None, None, "male"], np.array([0, 0, 0])) == "male"
    assert vote([None, None], np.array([0, 1])) is None
    assert vote([]) is None


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", "c", None])), max_size=20
    ),
    data=st.data(),
)
@settings(deadline=None)
def test_vote_is_by_people_in_any_order(rows, data):
    def count(rows):
        own = []
        for person in {p for p, _ in rows}:
            mine = sorted(v for p, v in rows if p == person and v is not None)
            if mine:
                own.append(max(sorted(set(mine)), key=mine.count))
        return max(sorted(set(own)), key=own.count) if own else None

    mixed = data.draw(st.permutations(rows))
    got = vote([v for _, v in mixed], np.array([p for p, _ in mixed], np.int64))
    assert got == count(rows)
