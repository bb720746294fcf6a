"""Rule 1: one file per person and cell, equal to the last byte, however many photos there are."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import example, given

from ._checker import rule_1
from ._collections import PLAIN, Collection, Person, Photo, collections, release
from ._settings import END_TO_END

Home = Callable[[], AbstractContextManager[Path]]


@END_TO_END
@given(collections())
@example(PLAIN)
def test_whatever_comes(home: Home, collection: Collection) -> None:
    with home() as folder:
        case = release(collection, folder)
        if case is not None:
            assert rule_1(case) == []


@pytest.mark.parametrize("photos", [(3, 1, 1, 1, 1), (1, 1, 9, 1, 1), (4, 4, 4, 4, 4)])
def test_photo_counts_change_no_count_of_files(home: Home, photos: tuple[int, ...]) -> None:
    """The trap: photo counts 3, 1, 1, 1, 1 would give one person 3/7 of a picture, more than 1/5."""
    people = tuple(Person((Photo(),) * n) for n in photos)
    with home() as folder:
        case = release(Collection(people, k=5), folder)
        assert case is not None
        assert rule_1(case) == []
        assert [len(names) for names in case.pictures.values()] == [5]
        said = json.loads((case.release / "certificate.json").read_text())
        assert said["max_share"] == pytest.approx(1 / 5)


def test_a_recipient_counts_k_without_any_map(home: Home) -> None:
    with home() as folder:
        case = release(PLAIN, folder)
        assert case is not None
        paths = (case.release / "images").iterdir()
        times = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        said = json.loads((case.release / "certificate.json").read_text())
        assert min(times.values()) == said["k_measured"] >= 3
