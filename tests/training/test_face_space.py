"""The face space is that of training people, without what their label says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate.lent import texture
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.warp import Warp
from kssgan.training import face_space as module
from kssgan.training.data import Photos
from kssgan.training.face_space import face_space, faces_and_shapes
from kssgan.training.prepared import Prepared


@pytest.fixture(scope="module")
def photos(prepared: Prepared) -> Photos:
    return Photos(prepared, torch.device("cpu"))


def test_few_people_have_no_space(photos: Photos) -> None:
    assert face_space(photos, "expression") is None


def test_directions_are_apart_and_tell_the_covariance(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEWEST", 4)
    space = face_space(photos, "expression")
    assert space is not None
    flat = space.pictures.reshape(len(space.pictures), -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-3)
    moves = space.shapes.reshape(len(space.shapes), -1)
    np.testing.assert_allclose(moves @ moves.T, np.eye(len(moves)), atol=1e-3)
    count = len(flat) + len(moves)
    assert "" in space.spread
    for factor in space.spread.values():
        assert factor.shape == (count, count)
        assert np.array_equal(factor, np.tril(factor))
    variance = (space.spread[""] ** 2).sum(1)
    assert variance[0] == variance[: len(flat)].max()
    again = face_space(photos, "expression")
    assert again is not None
    np.testing.assert_array_equal(space.pictures, again.pictures)


def test_expressions_have_a_texture_of_people_who_show_all(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEWEST", 4)
    space = face_space(photos, "expression")
    assert space is not None
    assert set(space.kinds) == {"neutral", "happy"}
    assert np.abs(space.kinds["happy"] - space.kinds["neutral"]).max() > 0.01
    assert space.way("sad") is None
    monkeypatch.setattr(module, "_FEWEST", 9)
    few = face_space(photos, "expression")
    assert few is None or few.kinds == {}


def test_a_mean_is_compared_with_what_faces_taught(photos: Photos) -> None:
    """What is read off S_g is read as it was learnt: neither hair nor a wall is a part of it."""
    rows = photos.train[:3]
    common = mean_shape()
    learnt, _ = faces_and_shapes(photos, rows, torch.from_numpy(common))
    for row, values in zip(rows.tolist(), learnt.numpy(), strict=True):
        crop = photos.crops(np.array([row]))[0].permute(1, 2, 0).numpy()
        own = ShapeMean(crop, photos.shapes(np.array([row]))[0].numpy(), 1)
        read = texture(own, common, Warp(common)).transpose(2, 0, 1)
        taught = values.reshape(3, 128, 128)
        np.testing.assert_array_equal(read.any(0), taught.any(0))
        # Hardly any texture, and the two find skin's tone each in its own way.
        assert np.abs(read - taught).mean() < 0.03


def test_means_of_gender_and_label_are_taken_away() -> None:
    rng = np.random.default_rng(0)
    genders, kinds = rng.integers(-1, 2, 60), rng.integers(-1, 2, 60)
    values = (
        torch.randn(60, 5) + torch.from_numpy(10.0 * genders + 3.0 * kinds).float()[:, None]
    )
    module._take_means_away(values, genders, kinds)
    for gender in (-1, 0, 1):
        for kind in (-1, 0, 1):
            own = (genders == gender) & (kinds == kind)
            assert values[torch.from_numpy(own)].mean(0).abs().max() < 1e-5
