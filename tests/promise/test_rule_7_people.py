"""Rule 7: true humans are counted, whatever names they were given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from PIL import Image

import kssgan
from kssgan.errors import TooFewPeople
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser, paint_photo

from ._checker import rule_7
from ._collections import PLAIN, Collection, Person, Photo, collections, release
from ._settings import END_TO_END

TWINS = replace(
    PLAIN,
    people=(
        *PLAIN.people,
        Person(like="look-alike"),
        Person(),
        Person((Photo(), Photo()), like="copy"),
    ),
    k=4,
)


@END_TO_END
@given(collections())
@example(TWINS)
@example(replace(TWINS, subjects="file"))
@example(replace(TWINS, subjects="auto"))
def test_whatever_comes(home: Callable[[], Any], collection: Collection) -> None:
    with home() as folder:
        case = release(collection, folder)
        if case is not None:
            assert rule_7(case) == []


def _byte_copy(path: Path, original: Path) -> None:
    path.write_bytes(original.read_bytes())


def _scaled(path: Path, original: Path) -> None:
    with Image.open(original) as image:
        image.resize((200, 200), Image.Resampling.BICUBIC).save(path)


def _jpeg(path: Path, original: Path) -> None:
    with Image.open(original) as image:
        image.resize((256, 256), 0).save(path, "JPEG", quality=80)


def _relit(path: Path, original: Path) -> None:
    with Image.open(original) as image:
        image.point(lambda v: int(0.9 * v + 12)).save(path)


@pytest.mark.parametrize("again", [_byte_copy, _scaled, _jpeg, _relit])
@pytest.mark.parametrize("subjects", ["folder", "file", "csv", "auto"])
def test_one_picture_under_two_names_is_one_person(
    home: Callable[[], Any], subjects: str, again: Callable[[Path, Path], None]
) -> None:
    """Four people and a copy of one: enough for k = 4, not for k = 5, whatever is declared."""
    with home() as folder:
        for person in range(4):
            paint_photo(folder / "photos" / f"human{person}" / f"{person}.png", person)
        alias = folder / "photos" / "Alias" / ("9.jpg" if again is _jpeg else "9.png")
        alias.parent.mkdir()
        again(alias, folder / "photos" / "human2" / "2.png")
        how: Any = subjects
        if subjects == "csv":
            how = folder / "subjects.csv"
            names = [p.relative_to(folder / "photos") for p in (folder / "photos").rglob("*.*")]
            rows = [f"{name},{name.parts[0]}" for name in names]
            how.write_text("\n".join(["file,subject", *rows]) + "\n")
        options: dict[str, Any] = {"subjects": how, "cache": folder / "cache"}
        with pytest.raises(TooFewPeople):
            kssgan.deidentify(
                folder / "photos",
                out=folder / "five",
                k=5,
                method=MeanSurrogate(),
                analyser=PaintedAnalyser(),
                **options,
            )
        table = folder / "map.csv"
        made = kssgan.deidentify(
            folder / "photos",
            out=folder / "four",
            k=4,
            map_path=table,
            method=MeanSurrogate(),
            analyser=PaintedAnalyser(),
            **options,
        )
        assert len(list((folder / "four" / "images").iterdir())) == 4
        released = dict(line.split(",")[::2] for line in table.read_text().splitlines())
        assert released[f"Alias/{alias.name}"] == released["human2/2.png"]
        assert made.certificate["k_measured"] == 4
        if subjects != "auto":
            assert made.certificate["k_declared"] == 5


@pytest.mark.parametrize("away", [0.3, 0.9, 1.3])
def test_look_alikes_count_once_up_to_the_threshold(
    home: Callable[[], Any], away: float
) -> None:
    with home() as folder:
        for person in range(4):
            paint_photo(folder / "photos" / f"human{person}" / "1.png", person)
        paint_photo(folder / "photos" / "Twin" / "1.png", 99, like=0, away=away * LOOK_ALIKE)
        options: dict[str, Any] = {"subjects": "folder", "cache": folder / "cache", "k": 5}
        options |= {
            "method": MeanSurrogate(),
            "analyser": PaintedAnalyser(),
            "out": folder / "release",
        }
        if away > 1:
            made = kssgan.deidentify(folder / "photos", **options)
            assert made.certificate["lookalike_pairs"] == 0
        else:
            with pytest.raises(TooFewPeople, match="told apart"):
                kssgan.deidentify(folder / "photos", **options)
