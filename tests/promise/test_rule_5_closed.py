"""Rule 5: what cannot be protected is refused, listed and never copied; every file is accounted for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given

import kssgan
from kssgan.errors import TooFewPeople

from ._checker import rule_3, rule_5
from ._collections import PLAIN, Collection, Person, Photo, asked, collections, paint, release
from ._settings import END_TO_END

MIXED = replace(
    PLAIN,
    people=(
        *PLAIN.people,
        Person(
            (Photo("no_face"), Photo("broken"), Photo("several_faces"), Photo("face_too_small"))
        ),
        Person((Photo("broken"), Photo(declared=False), Photo())),
    ),
    junk=3,
)


@END_TO_END
@given(collections())
@example(MIXED)
def test_whatever_comes(home: Callable[[], Any], collection: Collection) -> None:
    with home() as folder:
        case = release(collection, folder)
        if case is not None:
            assert rule_5(case) == []


@END_TO_END
@given(collections(subjects="folder", junk=0))
@example(MIXED)
def test_refused_photos_leave_no_trace_in_any_picture(
    home: Callable[[], Any], collection: Collection
) -> None:
    """Without the refused photos the pictures are the same, bit for bit."""
    with home() as folder:
        one = release(collection, folder)
        if one is None:
            return
        for row in one.rows:
            if row["reason"]:
                (one.photos / row["original"]).unlink()
        kept = replace(
            one.truth, human={n: h for n, h in one.truth.human.items() if n in one.truth.usable}
        )
        two = release(collection, folder, name="second", truth=kept)
        assert two is not None
        assert set(one.pictures) == set(two.pictures)
        assert not [row for row in two.rows if row["reason"]]


@pytest.mark.parametrize("subjects", ["folder", "file", "csv", "auto"])
def test_with_fewer_than_k_people_nothing_is_written(
    home: Callable[[], Any], subjects: str
) -> None:
    people = (Person(), Person((Photo(), Photo())), Person((Photo("no_face"),)))
    collection = Collection(people, subjects=subjects, k=3, junk=3)
    with home() as folder:
        paint(collection, folder / "photos")
        options = asked(collection, folder / "photos")
        with pytest.raises(TooFewPeople) as caught:
            kssgan.deidentify(
                folder / "photos",
                out=folder / "release",
                map_path=folder / "map.csv",
                cache=folder / "cache",
                **options,
            )
        assert (caught.value.need, caught.value.exit_status) == (3, 4)
        assert caught.value.have <= 2 or subjects == "file"
        assert {path.name for path in folder.iterdir()} == {"photos", "cache"}


def test_photos_without_a_subject_weigh_nothing(home: Callable[[], Any]) -> None:
    people = tuple(Person((Photo(), Photo(declared=False))) for _ in range(4))
    with home() as folder:
        case = release(Collection(people, k=4), folder)
        assert case is not None
        assert sum(row["reason"] == "no subject given" for row in case.rows) == 4
        assert rule_5(case) == []
        assert rule_3(case) == []
