"""Detection on a drawn face, whose points are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.faces import detect

EYES = 84.0


def worst(face: Any, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(face.points - wanted, axis=1).max())


@pytest.mark.parametrize("size", [200, 256, 512, 1400])
def test_points_at_any_size(
    detector: Any, draw: Any, drawn_points: np.ndarray, size: int
) -> None:
    faces = detector.detect(draw(size))
    assert len(faces) == 1
    scale = size / 512
    wanted = (drawn_points + 0.5) * scale - 0.5
    assert worst(faces[0], wanted) < 0.15 * EYES * scale
    assert abs(faces[0].eye_distance - EYES * scale) < 0.1 * EYES * scale
    assert faces[0].points.dtype == np.float32
    assert detect.SCORE <= faces[0].score <= 1
    x0, y0, x1, y1 = faces[0].box
    assert ((faces[0].points > (x0, y0)) & (faces[0].points < (x1, y1))).all()


@pytest.mark.parametrize("degrees", [-150, -90, -60, 30, 60, 90, 120, 180])
def test_roll(detector: Any, draw: Any, drawn_points: np.ndarray, degrees: int) -> None:
    turned = np.asarray(
        Image.fromarray(draw()).rotate(
            degrees, Image.Resampling.BICUBIC, fillcolor=(90, 110, 130)
        )
    )
    faces = detector.detect(turned)
    assert faces
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    wanted = (drawn_points - 255.5) @ matrix.T + 255.5
    assert worst(faces[0], wanted) < 0.25 * EYES


def test_pictures_that_can_only_be_upright_are_not_turned(
    detector: Any, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = np.ascontiguousarray(draw()[::-1, ::-1])
    assert detector.search(over)
    assert detector.search(draw(), quarters=False)
    looks: list[int] = []
    monkeypatch.setattr(
        detect.Detector,
        "_look",
        lambda self, image, side, quarter=0: looks.append(quarter) or (),
    )
    assert detector.search(over) == ()
    assert sorted(looks) == [0, 0, 0, 1, 2, 3]
    looks.clear()
    assert detector.search(over, quarters=False) == ()
    assert looks == [0, 0, 0]


def test_several_faces_largest_first(detector: Any, draw: Any) -> None:
    canvas = np.full((700, 1400, 3), 110, np.uint8)
    places = [(512, 0, 0), (300, 540, 40), (420, 900, 200), (120, 700, 500)]
    for size, x, y in places:
        canvas[y : y + size, x : x + size] = draw(size)
    faces = detector.detect(canvas)
    assert len(faces) == 4
    order = sorted(places, reverse=True)
    for face, (size, x, y) in zip(faces, order, strict=True):
        centre = face.points.mean(axis=0)
        assert x < centre[0] < x + size
        assert y < centre[1] < y + size


def test_small_face_in_a_large_photo(
    detector: Any, draw: Any, drawn_points: np.ndarray
) -> None:
    canvas = np.full((1500, 2200, 3), 120, np.uint8)
    small = draw(120)
    canvas[700:820, 1500:1620] = small
    faces = detector.detect(canvas)
    assert len(faces) == 1
    wanted = (drawn_points + 0.5) * (120 / 512) - 0.5 + (1500, 700)
    assert worst(faces[0], wanted) < 0.25 * EYES * 120 / 512


def test_face_that_fills_the_picture(detector: Any, draw: Any) -> None:
    faces = detector.detect(draw()[120:410, 150:362])
    assert len(faces) == 1
    assert abs(faces[0].eye_distance - EYES) < 0.15 * EYES


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (33, 31), (480, 640)])
def test_nothing_to_find(detector: Any, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(noise) == ()
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == ()


def test_same_answer_twice_and_input_untouched(detector: Any, draw: Any) -> None:
    image = draw()
    image.setflags(write=False)
    first, second = detector.detect(image), detector.detect(image.copy())
    assert first[0].box == second[0].box
    np.testing.assert_array_equal(first[0].points, second[0].points)


def test_overlap_by_hand() -> None:
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (20, 20, 30, 30), (0, 6, 10, 16)], float)
    # 2nd shares 90 of 110 with the first, 4th shares 40 of 160: below 0.3, so it stays.
    assert detect._suppress(boxes, np.array([0.8, 0.9, 0.7, 0.6])) == [1, 2, 3]


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_turning_back_by_hand(quarter: int) -> None:
    photo = np.zeros((5, 9), int)
    photo[1, 7] = 1  # y 1, x 7
    turned = np.rot90(photo, quarter)
    (y,), (x,) = np.nonzero(turned)
    point = np.array([[[x, y]]], float)
    box = np.array([[x - 0.5, y - 0.5, x + 0.5, y + 0.5]])
    back_box, back_point = detect._turn_back(box, point, turned.shape, quarter)
    assert back_point.tolist() == [[[7, 1]]]
    assert back_box.tolist() == [[6.5, 0.5, 7.5, 1.5]]


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector is less sure of a drawing than of any of 201 photos (at least 0.83)."""
    monkeypatch.setattr(detect, "SURE", 0.55)


@pytest.mark.usefixtures("drawings")
def test_quick_look_is_for_portraits(detector: Any, draw: Any) -> None:
    photo = draw(700)
    assert len(detector.portrait(photo)) == 1
    (found,), (quick,) = detector.detect(photo), detector.portrait(photo)
    np.testing.assert_array_equal(found.points, quick.points)
    leaning = np.asarray(Image.fromarray(photo).rotate(30, fillcolor=(90, 110, 130)))
    far = np.full((1200, 1200, 3), 110, np.uint8)
    far[300:900, 300:900] = draw(600)
    for other in (leaning, far):
        assert detector.portrait(other) == ()
        assert len(detector.detect(other)) == 1


@pytest.mark.usefixtures("drawings")
def test_quick_look_and_search_agree(detector: Any, draw: Any) -> None:
    (quick,), (long,) = detector.portrait(draw()), detector.search(draw())
    assert worst(quick, long.points) < 0.15 * EYES
    assert np.abs(np.subtract(quick.box, long.box)).max() < 0.3 * EYES


def test_doubtful_faces_are_looked_at_closer(
    detector: Any, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detect, "SURE", 0.99)
    assert detector.portrait(draw()) == ()
    assert len(detector.detect(draw())) == 1
