"""What is taken off a donor's portrait: hair and clothes, nothing of the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kssgan.faces.landmarks import mean_shape
from kssgan.models.head_detail import UNIT, HeadDetail
from kssgan.surrogate._mesh import OVAL
from kssgan.surrogate.head_detail import around_face
from kssgan.surrogate.outline import leaning, reach
from kssgan.training.data import Photos
from kssgan.training.head_detail import _held, _turned, head_detail
from kssgan.training.prepared import Prepared

CPU = torch.device("cpu")


def test_a_face_leaves_no_trace(prepared: Prepared) -> None:
    """Eyes, nose and mouth may be anything at all: the layers are the same to the last bit."""
    photos, changed = Photos(prepared, CPU), Photos(prepared, CPU)
    donors = np.arange(3)
    rows = photos.donors[donors]
    assert changed._crops is not None
    for row in rows.tolist():
        face = around_face(prepared.landmarks[row]) == 0
        assert face.sum() > 4000
        # Between the cheeks, which give the skin its tone.
        band = torch.from_numpy(face & (np.abs(np.arange(256) - 128) < 12))
        noise = torch.from_numpy(np.random.default_rng(row).integers(0, 256, (3, 256, 256)))
        changed._crops[row] = torch.where(band, noise.to(torch.uint8), changed._crops[row])
    assert not torch.equal(photos.crops(rows), changed.crops(rows))
    plain, other = head_detail(photos, donors), head_detail(changed, donors)
    assert np.array_equal(plain.fine, other.fine)
    assert np.array_equal(plain.coarse, other.coarse)
    for number, row in enumerate(rows.tolist()):
        inside = around_face(prepared.landmarks[row]) == 0
        assert not plain.fine[number][inside].any()
        assert plain.fine[number].any()


def test_detail_is_the_logarithm_over_a_blur(prepared: Prepared) -> None:
    photos = Photos(prepared, CPU)
    found = head_detail(photos, np.array([0]))
    row = int(photos.donors[0])
    top = prepared.crop(row)[:20].astype(np.float64) @ [0.299, 0.587, 0.114] / 255
    grain = np.log(top + 0.03) - np.log(top.mean() + 0.03)
    away = found.logs(0)[4:16, 4:-4] - grain[4:16, 4:-4]
    assert np.abs(away).mean() < 0.25 * np.abs(grain).mean()
    assert found.logs(0).max() <= 127 * UNIT + 1e-6


def test_no_strands_stand_out() -> None:
    """By hand: contrasts of 10, 20 and 60 at the top of a layer; 0.85 of their median is 17."""
    fine = np.zeros((3, 256, 256), np.int8)
    for layer, size in zip(fine, (10, 20, 60), strict=True):
        layer[:40, ::2], layer[:40, 1::2] = size, -size
    held = _held(fine)
    assert np.array_equal(held[0], fine[0])
    for layer in held[1:]:
        assert np.array_equal(layer, np.sign(fine[1]) * 17)
    fine[0] = 0  # a donor without detail has no contrast: the median is that of 0, 20 and 60
    assert np.array_equal(_held(fine)[1:], held[1:])


def test_harsh_light_is_held(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = Photos(prepared, CPU)
    donors = np.arange(3)
    row = int(photos.donors[0])
    assert photos._crops is not None
    crop = photos._crops[row].to(torch.float64)
    photos._crops[row] = (128 + (crop - crop.mean()) * 3).clamp(0, 255).to(torch.uint8)
    held = head_detail(photos, donors).fine
    monkeypatch.setattr("kssgan.training.head_detail._held", lambda fine: fine)
    assert np.array_equal(held, _held(head_detail(photos, donors).fine))
    free = head_detail(photos, donors).fine
    assert np.abs(held[0]).mean() < 0.8 * np.abs(free[0]).mean()


def test_layers_of_another_shape_are_refused(prepared: Prepared) -> None:
    found = head_detail(Photos(prepared, CPU), np.arange(2))
    back = HeadDetail.of(found.tensors())
    assert back is not None
    assert np.array_equal(back.fine, found.fine)
    assert np.array_equal(back.coarse, found.coarse)
    assert np.abs(back.points - found.points).max() < 0.1
    assert np.abs(back.apart - found.apart).max() < 0.01
    with pytest.raises(ValueError, match="coarse of shape"):
        HeadDetail(found.fine, found.coarse[:1], found.points, found.apart)
    tensors = found.tensors()
    with pytest.raises(ValueError, match="details of"):
        HeadDetail.of(tensors | {"detail.fine": tensors["detail.fine"].float()})
    with pytest.raises(KeyError):
        HeadDetail.of({"detail.fine": tensors["detail.fine"]})
    assert HeadDetail.of({}) is None


def test_heads_are_as_far_apart_as_they_look(prepared: Prepared) -> None:
    """The same portrait twice is no distance; a face says nothing about heads."""
    photos = Photos(prepared, CPU)
    apart = head_detail(photos, np.array([0, 0, 1, 2])).apart
    assert np.allclose(apart, apart.T, atol=1e-6)
    assert apart[0, 1] == 0
    assert apart[0, 2] > 0.02
    rows = photos.donors[:3]
    assert photos._crops is not None
    for row in rows.tolist():
        face = torch.from_numpy(around_face(prepared.landmarks[row]) == 0)
        between = face & (torch.arange(256) - 128).abs().lt(12)
        photos._crops[row] = torch.where(between, 255 - photos._crops[row], photos._crops[row])
    assert np.array_equal(head_detail(photos, np.array([0, 0, 1, 2])).apart, apart)


def _portrait(left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """A coarse grey head before a white wall, ending so many pixels beside the mesh; the mesh."""
    points = np.stack([np.linspace(80, 176, 468), np.linspace(64, 224, 468)], 1)
    coarse = np.full((64, 64, 3), 240, np.uint8)
    coarse[12:, 20 - left // 4 : 44 + right // 4] = 60
    return coarse, points.astype(np.float32)


def test_heads_turned_to_one_side_are_kept_from_others() -> None:
    """By hand: one ear of 12 pixels to the left, to the right, both; and long hair, which hides them."""
    heads = [_portrait(*ends) for ends in ((12, 0), (0, 12), (12, 12), (48, 24))]
    assert [leaning(*head) for head in heads] == [12, -12, 0, 24]
    # From 24 pixels on hair is long, however long.
    assert [reach(*head)[0] for head in heads] == [6, 6, 12, 24]
    found = _turned(*(np.stack(part) for part in zip(*heads, strict=True)))
    assert found[0, 1] == found[1, 0] == pytest.approx(0.012 * 20)
    assert found[0, 2] == found[1, 2] == pytest.approx(0.012 * 8)
    assert not found[3].any()
    assert not np.diag(found).any()
    nearly = [
        _portrait(12, 8),
        _portrait(12, 12),
    ]  # a pixel of a coarse picture is no difference
    assert not _turned(*(np.stack(part) for part in zip(*nearly, strict=True))).any()


@pytest.mark.parametrize(
    ("left", "right", "expected"), [(0, 0, 0), (8, 16, 12), (0, 24, 12), (40, 48, 24)]
)
def test_hair_beside_a_jaw_is_measured_from_the_jaw(
    left: int, right: int, expected: float
) -> None:
    """A face that narrows downwards, hair as far from it in every row: by hand the mean of both sides.

    Hair of shoulder length and longer is alike: 24.
    """
    points = mean_shape()
    outline = points[list(OVAL)]
    coarse = np.full((64, 64, 3), 240, np.uint8)
    for row in range(64):
        y = 4 * (row + 0.5)
        ends = [
            float(np.interp(y, *side[np.argsort(side[:, 1])].T[::-1]))
            for side in (outline[outline[:, 0] < 128], outline[outline[:, 0] >= 128])
        ]
        if outline[:, 1].min() < y:
            first, last = round(ends[0] / 4) - left // 4, round(ends[1] / 4) + right // 4
            coarse[row, max(first, 0) : last] = 60
    assert reach(coarse, points)[1] == pytest.approx(expected)


def test_the_head_in_the_middle_of_a_mixture_lends(prepared: Prepared) -> None:
    """By hand: 1 lies between 0 and 2, unless one of them is nearly all of the mixture."""
    photos = Photos(prepared, CPU)
    apart = np.array([[0, 1, 3], [1, 0, 1], [3, 1, 0]], np.float32)
    heads, alike = (
        replace(head_detail(photos, np.arange(3)), apart=apart),
        np.ones(3, np.float32),
    )
    assert heads.lender([(0, 0.3), (1, 0.3), (2, 0.4)], alike) == 1
    assert heads.lender([(2, 0.4), (1, 0.3), (0, 0.3)], alike) == 1
    assert heads.lender([(0, 0.1), (1, 0.1), (2, 0.8)], alike) == 2
    assert heads.lender([(0, 0.5), (2, 0.5)], alike) == 0


def test_a_narrow_head_lends_nothing_to_a_wide_mixture(prepared: Prepared) -> None:
    """Dark heads before a light wall that reach 4, 20 and 28 pixels beyond the face: the last is long."""
    heads = head_detail(Photos(prepared, CPU), np.arange(3))
    coarse = np.full((3, 64, 64, 3), 200, np.uint8)
    for number, beyond in enumerate((1, 5, 7)):
        left, right = heads.points[number, :, 0].min() / 4, heads.points[number, :, 0].max() / 4
        coarse[number, 10:, round(float(left)) - beyond : round(float(right)) + beyond] = 40
    apart = np.array([[0, 1, 1], [1, 0, 3], [1, 3, 0]], np.float32)  # 0 is in the middle
    heads = replace(heads, apart=apart)
    far = np.array([reach(*head)[0] for head in zip(coarse, heads.points, strict=True)])
    assert far.tolist() == [4, 20, 24]
    assert heads.lender([(0, 0.4), (1, 0.3), (2, 0.3)], far) == 1
    assert heads.lender([(0, 0.9), (1, 0.1)], far) == 0  # the mixture is hardly wider
    assert heads.lender([(0, 0.4), (1, 0.3), (2, 0.3)], far[[0, 0, 0]]) == 0
