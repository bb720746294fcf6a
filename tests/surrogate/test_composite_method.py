"""Composites as a surrogate method: who lends a head, and what decides it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kssgan.errors import PromiseError
from kssgan.surrogate.composite_method import CompositeSurrogate
from kssgan.surrogate.donors import DONOR_SIZE, Donor
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.types import DetectedFace, FloatArray, PhotoFace, U8Array

NOBODY = DetectedFace((0.0, 0.0, 1.0, 1.0), 1.0, np.zeros((5, 2), np.float32))


def _donors(shape: FloatArray) -> list[Donor]:
    """Four heads of plain, different colours."""
    found = []
    for number in range(4):
        crop = np.full((DONOR_SIZE, DONOR_SIZE, 3), 90 + 30 * number, np.uint8)
        crop[:150] = (200, 40 * number, 30)
        points = ((shape + 0.5) * 2 - 0.5).astype(np.float32)
        found.append(Donor(crop, points, {"gender": ("female", "male")[number % 2]}))
    return found


@pytest.fixture
def method(shape: FloatArray) -> CompositeSurrogate:
    """Donors whose embeddings are the first four axes."""
    embeddings = np.eye(6, dtype=np.float32)[:4]
    return CompositeSurrogate(_donors(shape), embeddings, otherwise=shape)


def _people(shape: FloatArray, *, landmarks: bool = True) -> list[list[PhotoFace]]:
    rng = np.random.default_rng(1)
    people = []
    for number in range(5):
        faces = []
        for _ in range(1 + number % 3):
            crop = np.full((256, 256, 3), 80 + 20 * number, np.uint8)
            crop += rng.integers(0, 20, crop.shape, np.uint8)
            points = shape + rng.normal(0, 1, (1, 2)).astype(np.float32)
            faces.append(
                PhotoFace(
                    crop,
                    np.zeros(6, np.float32),
                    NOBODY,
                    landmarks=points if landmarks else None,
                )
            )
        people.append(faces)
    return people


def test_members_may_come_in_any_order(method: CompositeSurrogate, shape: FloatArray) -> None:
    people = _people(shape)
    mixed = [faces[::-1] for faces in people[::-1]]
    one = method.draw(method.surrogate(people), {"gender": "male"}, seed=3)
    two = method.draw(method.surrogate(mixed), {"gender": "male"}, seed=3)
    np.testing.assert_array_equal(one, two)
    fewer = method.draw(method.surrogate(people[:-1]), {"gender": "male"}, seed=3)
    assert (one != fewer).any()


def test_each_person_weighs_the_same_however_many_photos(
    method: CompositeSurrogate, shape: FloatArray
) -> None:
    people = _people(shape)
    doubled = [people[0] * 7, *people[1:]]
    np.testing.assert_array_equal(
        method.surrogate(people).image_01, method.surrogate(doubled).image_01
    )


def test_the_donors_are_of_the_groups_gender(
    method: CompositeSurrogate, shape: FloatArray
) -> None:
    surrogate = method.surrogate(_people(shape))
    for gender, numbers in (("female", {0, 2}), ("male", {1, 3})):
        for seed in range(6):
            found = method.compose(surrogate, {"gender": gender}, seed=seed)
            assert set(found.lenders) == numbers
            assert np.isnan(found.nearest), "nobody looked"
            again = method.draw(surrogate, {"gender": gender}, seed=seed)
            np.testing.assert_array_equal(found.picture_u8, again)


def _reading(method: CompositeSurrogate, shape: FloatArray, distances: list[float]) -> Any:
    """The method with a recogniser that says how far S_g, then each picture, is from the first donor."""
    seen: list[int] = []

    def read(picture: U8Array) -> FloatArray | None:
        assert picture.shape == (256, 256, 3)
        distance = distances[min(len(seen), len(distances) - 1)]
        seen.append(1)
        if np.isnan(distance):
            return None
        face = np.zeros(6, np.float32)
        face[0] = 1 - distance**2 / 2
        face[5] = np.sqrt(1 - face[0] ** 2)
        return face

    checked = CompositeSurrogate(
        method.donors,
        method.embeddings,
        otherwise=shape,
        read_face=read,
        apart=0.37,
        least=0.30,
    )
    return checked, seen


@pytest.mark.parametrize(
    ("distances", "pictures", "nearest"),
    [
        ([1.0, 0.5], 1, 0.5),  # the first is far enough
        ([1.0, 0.31, 0.25, 0.4, 0.9], 3, 0.4),  # the first that is
        ([1.0, 0.31, 0.35, float("nan"), 0.33], 4, 0.35),  # none is: the farthest
        ([float("nan"), 0.5], 1, 0.5),  # no face in S_g
    ],
)
def test_a_picture_that_shows_a_donor_is_drawn_again(
    method: CompositeSurrogate,
    shape: FloatArray,
    distances: list[float],
    pictures: int,
    nearest: float,
) -> None:
    checked, seen = _reading(method, shape, distances)
    found = checked.compose(checked.surrogate(_people(shape)), {}, seed=0)
    assert len(seen) == 1 + pictures
    assert found.nearest == pytest.approx(nearest, abs=1e-3)


@pytest.mark.parametrize("distance", [0.2, 0.299, float("nan")])
def test_a_group_that_would_show_a_donor_is_not_drawn(
    method: CompositeSurrogate, shape: FloatArray, distance: float
) -> None:
    checked, _ = _reading(method, shape, [1.0, distance])
    with pytest.raises(PromiseError, match="none of 4 donors"):
        checked.draw(checked.surrogate(_people(shape)), {}, seed=0)
    left = checked.without(np.eye(6, dtype=np.float32)[[1]], closer_than=0.42)
    with pytest.raises(PromiseError, match="none of 3 donors"):
        left.draw(left.surrogate(_people(shape)), {}, seed=0)


def test_who_looks_like_the_mean_is_tried_last(
    method: CompositeSurrogate, shape: FloatArray
) -> None:
    checked, _ = _reading(method, shape, [0.1, 0.9])
    for seed in range(4):
        found = checked.compose(checked.surrogate(_people(shape)), {}, seed=seed)
        assert 0 not in found.lenders


def test_a_donor_who_may_be_a_member_is_left_out(method: CompositeSurrogate) -> None:
    people = np.eye(6, dtype=np.float32)[[1, 5]]
    left = method.without(people, closer_than=0.42)
    assert [donor.attributes["gender"] for donor in left.donors] == ["female", "female", "male"]
    assert "1 looks like a person in PHOTOS" in left.words()
    assert len(method.without(people[1:], closer_than=0.42).donors) == 4


def test_without_any_donor_the_promise_cannot_be_met(method: CompositeSurrogate) -> None:
    with pytest.raises(PromiseError, match="portraits of other people"):
        method.without(np.eye(6, dtype=np.float32), closer_than=0.42)


def test_a_donor_without_an_embedding_is_a_mistake(shape: FloatArray) -> None:
    with pytest.raises(ValueError, match="one each"):
        CompositeSurrogate(_donors(shape), np.eye(3, dtype=np.float32), otherwise=shape)


def test_without_landmarks_faces_are_averaged_as_they_were_cut(shape: FloatArray) -> None:
    method = ShapeMeanSurrogate(otherwise=shape)
    people = _people(shape, landmarks=False)
    surrogate = method.surrogate(people)
    plain = np.mean([np.mean([f.crop for f in faces], 0) for faces in people], 0)
    np.testing.assert_allclose(surrogate.image_01 * 255, plain, atol=0.01)
    np.testing.assert_array_equal(surrogate.points, shape)
    assert np.abs(method.draw(surrogate, {}, seed=0) - plain).max() <= 0.51
