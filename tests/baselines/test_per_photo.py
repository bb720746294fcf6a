"""Per-photo methods: what they change, what they leave, and that they keep no k."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kssgan.baselines import PER_PHOTO, BlackBox, Blur, Pixelation
from kssgan.baselines.per_photo import face_region
from kssgan.testing.contract import contract_people
from kssgan.types import SurrogateMethod


@pytest.mark.parametrize("name", PER_PHOTO)
def test_a_function_of_the_photo_that_changes_the_face_alone(name: str) -> None:
    method = PER_PHOTO[name]()
    face = contract_people()[0][0]
    picture = method.redraw(face)
    assert picture.shape == face.crop.shape
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, PER_PHOTO[name]().redraw(face))
    inside = face_region(face)
    assert np.array_equal(picture[~inside], face.crop[~inside])
    assert (picture[inside] != face.crop[inside]).any(1).mean() > 0.9
    assert not isinstance(method, SurrogateMethod)


def test_the_region_holds_every_landmark_and_has_a_place_without_them() -> None:
    face = contract_people()[0][0]
    x, y = np.rint(face.landmarks).astype(int).T
    corners = face_region(face)[y, x]
    assert corners.mean() > 0.97
    region = face_region(replace(face, landmarks=None))
    assert region[158, 128]
    assert not region[0, 0]


def test_pixelation_is_the_mean_of_each_square() -> None:
    face = contract_people()[1][0]
    picture = Pixelation(block=16).redraw(face)
    square = face.crop[144:160, 128:144].reshape(-1, 3).mean(0)
    assert np.abs(picture[150, 130] - square).max() <= 0.5


def test_blur_keeps_the_mean_and_black_keeps_nothing() -> None:
    face = contract_people()[1][0]
    inside = face_region(face)
    assert abs(float(Blur().redraw(face).mean()) - float(face.crop.mean())) < 2
    assert not BlackBox().redraw(face)[inside].any()
