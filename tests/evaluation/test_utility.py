"""Figures of use, on pictures and photos that are made so that the answers are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kssgan.baselines import KSamePixel
from kssgan.errors import Reason, TooFewPeople
from kssgan.evaluation.drawing import Drawn, draw_groups
from kssgan.evaluation.judging import Judge, Looked
from kssgan.evaluation.kept import Kept
from kssgan.evaluation.photos import Photos
from kssgan.evaluation.sheet import figure_6
from kssgan.evaluation.utility import ceiling_figures, utility_figures
from kssgan.types import Groups, Refused, U8Array

PEOPLE = 8
SHAPE = np.random.default_rng(9).uniform(60, 200, (468, 2)).astype(np.float32)
EYES = float(np.linalg.norm(SHAPE[263] - SHAPE[33]))


def _grey(levels: list[int]) -> np.ndarray:
    """Pictures whose level tells a gender: what the features see of it is plain."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-3, 4, (len(levels), 256, 256, 3))
    return (np.array(levels)[:, None, None, None] + noise).astype(np.uint8)


def _gender(person: int) -> str:
    return "male" if person % 2 else "female"


@pytest.fixture(scope="module")
def photos() -> Photos:
    from kssgan.auditing.quality import features_and_places

    rows = [person for person in range(PEOPLE) for _ in range(2)]
    crops = _grey([90 if person % 2 else 160 for person in rows])
    return Photos(
        crops=crops,
        landmarks=np.repeat(SHAPE[None], len(rows), 0),
        points=np.zeros((len(rows), 5, 2), np.float32),
        embeddings=np.eye(PEOPLE, 16, dtype=np.float32)[rows],
        subject=np.array(rows, np.int64),
        look_alikes=np.zeros((0, 2), np.int64),
        **dict(zip(("features", "places"), features_and_places(list(crops)), strict=True)),
        sharp=np.ones((len(rows), 5)),
        attributes=[
            {"gender": _gender(p), "expression": "happy" if i % 2 else "neutral"}
            for i, p in enumerate(rows)
        ],
        contents=[f"{n:064x}" for n in range(len(rows))],
    )


def _release(levels: tuple[int, int]) -> tuple[Drawn, Looked]:
    """Four groups of two people of one gender each."""
    members = [np.array(m) for m in ((0, 2), (1, 3), (4, 6), (5, 7))]
    genders = [_gender(int(m[0])) for m in members]
    pictures = _grey([levels[gender == "male"] for gender in genders])
    shapes = np.repeat(SHAPE[None], 4, 0)
    found = shapes.copy()
    found[1] += np.float32([0.0, 0.05 * EYES])
    found[2] += np.float32([0.1 * EYES, 0.0])
    found[3] = np.nan
    labels = [{"gender": gender, "expression": "happy"} for gender in genders]
    read = [{"gender": gender, "expression": "happy"} for gender in genders]
    read[0]["expression"] = "neutral"
    read[3] = {}
    drawn = Drawn(pictures, members, 2, labels, shapes)
    detected = np.array([True, True, True, False])
    return drawn, Looked(detected, np.eye(4, 16, dtype=np.float32) / 2, read, found)


def test_every_figure_is_what_it_was_made_to_be(photos: Photos) -> None:
    found = utility_figures(photos, *_release((160, 90)), seed=0)
    assert found["detected"] == 0.75
    assert found["expression_agrees"] == 0.5  # one reads otherwise, one has no face
    assert found["gender_agrees"] == 0.75
    assert found["age_agrees"] is None
    assert found["landmarks_found"] == 0.75
    assert found["landmark_error"] == pytest.approx(0.05, abs=1e-5)
    assert found["variety"] == pytest.approx(0.5)  # half as long vectors at right angles
    assert found["gender_learnt"] == 1.0
    assert found["expression_learnt"] == 0.5  # one expression is all that is shown


def test_labels_that_do_not_fit_the_pictures_teach_the_wrong_thing(photos: Photos) -> None:
    right, _ = _release((160, 90))
    wrong, seen = _release((90, 160))
    figures = utility_figures(photos, wrong, seen, seed=0)
    assert figures["gender_learnt"] == 0.0
    flat = replace(right, pictures=_grey([125] * 4))
    assert utility_figures(photos, flat, seen, seed=0)["gender_learnt"] == pytest.approx(
        0.5, abs=0.5
    )
    assert figures["kid"] is not None
    assert figures["fid"] > 0
    assert figures["fid_photos"] >= 0


def test_pictures_are_compared_with_as_many_photos_of_each_label(photos: Photos) -> None:
    wrong, seen = _release((90, 160))
    figures = utility_figures(photos, wrong, seen, seed=0)
    assert figures["gender_learnt"] == 0.0
    assert figures["gender_learnt_photos"] == 1.0
    assert figures["expression_learnt_photos"] == 0.5  # photos of one expression teach no more
    assert figures["expression_even"] is figures["expression_even_photos"] is None


def test_pictures_of_every_expression_teach_what_one_cannot(photos: Photos) -> None:
    """Here an expression is a level of grey, so that it can be seen."""
    attributes = [
        {**a, "expression": "happy" if a["gender"] == "male" else "neutral"}
        for a in photos.attributes
    ]
    drawn, seen = _release((160, 160))
    levels = (("neutral", 160), ("happy", 90)) * 2
    even = {
        row: (_grey([level])[0], {"expression": expression})
        for row, (expression, level) in enumerate(levels)
    }
    figures = utility_figures(
        replace(photos, attributes=attributes), replace(drawn, even=even), seen, seed=0
    )
    assert figures["expression_learnt"] == 0.5
    assert figures["expression_even"] == figures["expression_even_photos"] == 1.0


class _Levels:
    """Draws the seed's last digit, brighter for a smile."""

    name = "levels"
    draws: Mapping[str, Sequence[str]] = {"expression": ("neutral", "happy")}

    def surrogate(self, members: object) -> None: ...

    def draw(self, surrogate: None, label: Mapping[str, str], *, seed: int) -> U8Array:
        return np.full((256, 256, 3), seed % 10 + 100 * (label["expression"] == "happy"), "u1")


@pytest.mark.parametrize("most", [0, 3, 9])
def test_every_expression_is_drawn_as_often_and_the_released_one_once(
    photos: Photos, most: int
) -> None:
    groups = Groups(np.arange(PEOPLE) // 2, np.arange(PEOPLE), k=2)
    method = _Levels()
    plain = draw_groups(method, photos, groups, 0)
    found = draw_groups(method, photos, groups, 0, even=most)
    assert not plain.even
    assert np.array_equal(found.pictures, plain.pictures)
    assert len(found.even) == min(most, 4)
    shown = Counter(label["expression"] for _, label in found.even.values())
    assert not shown or max(shown.values()) - shown.get("happy", 0) <= 1
    for row, (picture, label) in found.even.items():
        seed = int(found.pictures[row][0, 0, 0]) % 100
        assert picture.max() == seed + 100 * (label["expression"] == "happy")
        assert label["gender"] == found.labels[row]["gender"]
    assert not found.of([0]).even
    assert not draw_groups(KSamePixel(), photos, groups, 0, even=most).even


def test_nobody_is_tested_by_what_learnt_from_them(photos: Photos) -> None:
    """What one group alone is called can only be learnt from that group."""
    drawn, seen = _release((160, 90))
    odd = np.flatnonzero(np.isin(photos.subject, [1, 3]))
    attributes = list(photos.attributes)
    for row in odd:
        attributes[row] = {"gender": "other"}
    labels = [dict(label) for label in drawn.labels]
    labels[1]["gender"] = "other"
    figures = utility_figures(
        replace(photos, attributes=attributes),
        replace(drawn, labels=labels),
        seen,
        seed=0,
    )
    assert figures["gender_learnt"] == pytest.approx(1 / 3)  # neither of the dark groups


class _Echo:
    """A judge that sees what it is told, and misreads every fourth picture."""

    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def look(self, pictures_u8: np.ndarray, *, views: object = None) -> Looked:
        rows = [
            next(r for r, crop in enumerate(self.photos.crops) if np.array_equal(crop, picture))
            for picture in pictures_u8
        ]
        read = [dict(self.photos.attributes[row]) for row in rows]
        for wrong in read[::4]:
            wrong["gender"] = "unread"
        seen = np.ones(len(rows), bool)
        return Looked(
            seen, self.photos.embeddings[rows], read, self.photos.landmarks[rows] + 0.0
        )


def test_the_photos_are_the_ceiling(photos: Photos) -> None:
    found = ceiling_figures(photos, _Echo(photos))  # type: ignore[arg-type]
    assert found["gender_agrees"] == 0.75
    assert found["expression_agrees"] == found["detected"] == found["variety"] == 1.0
    assert found["landmark_error"] == 0.0
    assert found["gender_learnt"] == 1.0
    assert 0 <= found["expression_learnt"] <= 0.8  # it cannot be seen on these photos


def test_what_is_kept_comes_back_and_is_drawn_once(tmp_path) -> None:
    drawn, seen = _release((160, 90))
    seen = replace(seen, views={"mine": np.eye(4, dtype=np.float32)})
    calls = []

    def draw() -> tuple[Drawn, Looked]:
        calls.append(1)
        return drawn, seen

    kept = Kept(tmp_path)
    kept.get("a", draw)
    again, looked = Kept(tmp_path).get("a", draw)
    assert calls == [1]
    assert np.array_equal(again.pictures, drawn.pictures)
    assert [m.tolist() for m in again.members] == [m.tolist() for m in drawn.members]
    assert (again.least, again.labels) == (drawn.least, list(drawn.labels))
    assert np.array_equal(looked.landmarks, seen.landmarks, equal_nan=True)
    assert np.array_equal(looked.embeddings, seen.embeddings)
    assert np.array_equal(looked.views["mine"], np.eye(4))
    assert looked.attributes == list(seen.attributes)
    assert looked.detected.tolist() == seen.detected.tolist()
    kept.get("b", draw)
    assert len(calls) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept-a.npz", "kept-b.npz"]


class _Refusing(KSamePixel):
    """Has nobody for this gallery."""

    def draw(self, surrogate: object, label: object, *, seed: int) -> U8Array:
        raise TooFewPeople(0, 3, what="proxies outside the gallery")


def test_a_method_that_cannot_serve_a_gallery_has_no_row(photos: Photos) -> None:
    plain = {"a": KSamePixel()}
    alone = figure_6(plain, photos, k=3, seed=0)
    assert alone.shape == (2 * 256, PEOPLE * 256, 3)
    both = figure_6({"net": _Refusing(), **plain}, photos, k=3, seed=0)
    assert np.array_equal(alone, both)
    with pytest.raises(TooFewPeople, match="0 proxies outside the gallery"):
        figure_6({"net": _Refusing()}, photos, k=3, seed=0)


def test_pictures_without_any_face_have_embeddings_of_the_usual_length(tmp_path: Path) -> None:
    """As of black boxes: figures of every view can be taken, and say that nothing is found."""

    class Blind:
        version = "blind"

        def analyse(self, photos: Iterable[Path]) -> Iterator[Refused]:
            return (Refused(Reason.NO_FACE) for _ in photos)

    views = {"own": lambda crops: np.ones((len(crops), 5), np.float32)}
    seen = Judge(Blind(), tmp_path, 16, views).look(_grey([90, 160]))
    assert not seen.detected.any()
    assert seen.embeddings.shape == (2, 16)
    assert seen.views["own"].shape == (2, 5)
    assert not seen.views["own"].any()
