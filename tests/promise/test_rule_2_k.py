"""Rule 2: k people behind every picture; labels follow picture and group, counted in people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from ._checker import rule_2
from ._collections import PLAIN, Collection, Person, Photo, collections, release
from ._settings import END_TO_END


@END_TO_END
@given(collections())
@example(PLAIN)
def test_whatever_comes(home: Callable[[], Any], collection: Collection) -> None:
    with home() as folder:
        case = release(collection, folder)
        if case is not None:
            assert rule_2(case) == []


def _one_group(*people: Person, k: int = 3) -> Collection:
    return Collection(people, k=k, draws=True, within=())


def _shows(*expressions: str, gender: str = "") -> Person:
    return Person(tuple(Photo(expression=e) for e in expressions), gender=gender)


@pytest.mark.parametrize(
    ("people", "cells"),
    [
        # Four happy photos of one person are one person.
        ([("happy",) * 4, ("neutral",), ("neutral",), ("neutral",)], {"neutral": 4}),
        # "sad" is short by one and takes what most people show, though "happy" has more photos.
        (
            [
                ("neutral", "sad"),
                ("neutral", "sad"),
                ("neutral", "happy"),
                ("neutral",),
                ("happy",) * 5,
            ],
            {"neutral": 5},
        ),
        # Every label is short: the group gets one.
        ([("neutral",), ("neutral",), ("happy",), ("sad",)], {"neutral": 4}),
        # Two cells of k people each; who is in both has a file in both.
        ([("neutral", "happy")] * 3 + [("happy",)], {"neutral": 3, "happy": 4}),
    ],
)
def test_cells_by_hand(
    home: Callable[[], Any], people: list[tuple[str, ...]], cells: dict[str, int]
) -> None:
    with home() as folder:
        case = release(_one_group(*(_shows(*own) for own in people)), folder)
        assert case is not None
        assert rule_2(case) == []
        found = {
            case.manifest[names[0]]["expression"]: len(names)
            for names in case.pictures.values()
        }
        assert found == cells


def test_gender_is_voted_by_people_not_by_photos(home: Callable[[], Any]) -> None:
    people = [_shows("", gender="female")] * 3 + [_shows(*[""] * 6, gender="male")]
    with home() as folder:
        case = release(_one_group(*people, k=4), folder)
        assert case is not None
        assert {row["gender"] for row in case.manifest.values()} == {"female"}
        assert rule_2(case) == []


def test_groups_are_formed_inside_gender_and_age_where_k_people_share_them(
    home: Callable[[], Any],
) -> None:
    people = [
        Person(gender=("female", "male")[i % 2], age=("young", "senior")[i // 4])
        for i in range(8)
    ]
    with home() as folder:
        for k, groups in ((2, 4), (3, 2), (5, 1)):
            case = release(Collection(tuple(people), k=k), folder / str(k))
            assert case is not None
            assert len(case.groups) == groups
            for members, _ in case.groups:
                genders = {case.truth.labels[p]["gender"] for own in members for p in own}
                assert len(genders) == 1 or groups == 1


def test_no_other_column_of_the_tables_is_released(home: Callable[[], Any]) -> None:
    with home() as folder:
        case = release(PLAIN, folder)
        assert case is not None
        assert "sarcoidosis" in (Path(case.photos) / "labels.csv").read_text()
        everything = b"".join(p.read_bytes() for p in case.release.rglob("*") if p.is_file())
        assert b"sarcoidosis" not in everything
        assert b"diagnosis" not in everything
