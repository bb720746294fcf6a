"""Rule 4: random names, one date, one encoder, and no name of yours anywhere in the release."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from PIL import Image
from scipy.stats import chisquare, kendalltau

from kssgan.testing.fakes import paint_photo

from ._checker import rule_4, rule_4_twice
from ._collections import PLAIN, Case, Collection, Person, collections, release
from ._settings import END_TO_END


@END_TO_END
@given(collections())
@example(PLAIN)
def test_whatever_comes(home: Callable[[], Any], collection: Collection) -> None:
    with home() as folder:
        one = release(collection, folder)
        if one is None:
            return
        assert rule_4(one) == []
        # The same seeds in every generator that a program could have drawn its names from.
        two = _again(one, collection, folder, "second")
        assert rule_4(two) == []
        assert rule_4_twice(one, two) == []


def _again(one: Case, collection: Collection, folder: Any, name: str) -> Case:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the very generator that must not matter
    found = release(collection, folder, name=name, truth=one.truth)
    assert found is not None
    return found


def test_names_look_random_and_tell_no_order(home: Callable[[], Any]) -> None:
    """Thirty runs on the same nine people; the bounds fail once in a thousand million suites."""
    collection = Collection(tuple(Person() for _ in range(9)), k=3)
    digits: Counter[str] = Counter()
    names, places = [], []
    with home() as folder:
        first = release(collection, folder)
        assert first is not None
        for number in range(30):
            case = _again(first, collection, folder, f"r{number}")
            by_file = {row["released"]: row["original"] for row in case.rows}
            photos = sorted(by_file.values())
            order = [photos.index(by_file[name]) for name in sorted(case.data)]
            names += list(case.data)
            places += [(number * 9 + i, number * 9 + place) for i, place in enumerate(order)]
            inodes = [(case.release / n).stat().st_ino for n in sorted(case.data)]
            assert len(set(inodes)) == 9
    assert len(set(names)) == 270
    for name in names:
        digits.update(name.removeprefix("images/").removesuffix(".png"))
    assert len(digits) == 16
    assert chisquare(list(digits.values())).pvalue > 1e-9
    within = [
        kendalltau(*zip(*places[i : i + 9], strict=True)).statistic for i in range(0, 270, 9)
    ]
    # Kendall's tau of nine has the variance 2(2n + 5) / 9n(n - 1).
    spread = (2 * (2 * 9 + 5) / (9 * 9 * 8) / 30) ** 0.5
    assert abs(np.mean(within)) < 6.5 * spread


@pytest.mark.parametrize("kind", ["exif", "icc", "text", "xattr"])
def test_nothing_of_an_original_file_travels_along(home: Callable[[], Any], kind: str) -> None:
    """Originals full of metadata: their words are nowhere in the release."""
    collection = Collection(tuple(Person() for _ in range(4)), k=4)
    with home() as folder:
        case = release(collection, folder, name="plain")
        assert case is not None
        exif = Image.Exif()
        exif[0x010E], exif[0x0132] = "Wintermantel at home", "2019:03:04 05:06:07"
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("Author", "Wintermantel")
        save: dict[str, Any] = {
            "exif": {"exif": exif.tobytes()},
            "icc": {"icc_profile": b"Wintermantel" * 20},
            "text": {"pnginfo": info},
            "xattr": {},
        }[kind]
        for photo, human in case.truth.human.items():
            path = paint_photo(case.photos / photo, human, **save)
            if kind == "xattr":
                try:
                    os.setxattr(path, "user.author", b"Wintermantel")
                except (OSError, AttributeError):
                    pytest.skip("no extended attributes on this disk")
        case = release(collection, folder, name="marked", truth=case.truth)
        assert case is not None
        assert rule_4(case) == []
        for path in case.release.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert b"Wintermantel" not in data
                assert b"2019:03" not in data
            if kind == "xattr":
                assert not [n for n in os.listxattr(path) if n.startswith("user.")]
