"""The fine detail that donors lend to drawn heads, taken off their portraits."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from kssgan.models.head_detail import UNIT, HeadDetail
from kssgan.surrogate._mesh import CHEEKS
from kssgan.surrogate._tones import BLUR, COARSE, reduced, tones
from kssgan.surrogate._torch_warp import blurred
from kssgan.surrogate.head_detail import around_face
from kssgan.surrogate.outline import leaning, reach
from kssgan.surrogate.shape import DARK
from kssgan.training.data import Photos
from kssgan.training.warps import Spline
from kssgan.types import CROP_SIZE, FloatArray, IntArray, U8Array

__all__ = ["head_detail"]

_Strands = np.ndarray[tuple[int, int, int], np.dtype[np.int8]]

_CONTRAST = 0.85  # most that a layer may have, of the median
_TURNED = 0.012  # how much farther apart heads look for a pixel by which one leans to a side
_ALIKE = 4.0  # but for so many: a pixel of a coarse head
_SHORT = 20.0  # pixels beyond the face up to which hair is short and shows ears
_WARPS = 16  # heads warped together
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def head_detail(photos: Photos, donors: IntArray) -> HeadDetail:
    """Detail of some donors' heads without their faces.

    Args:
        photos: the collection.
        donors: (D,) numbers among ``photos.donors``.
    """
    rows = photos.donors[donors]
    fine = np.zeros((len(rows), CROP_SIZE, CROP_SIZE), np.int8)
    coarse = np.zeros((len(rows), COARSE, COARSE, 3), np.uint8)
    points = photos.shapes(rows).cpu().numpy()
    for number, row in enumerate(rows):
        picture = photos.crops(np.array([row]))[0].permute(1, 2, 0).cpu().numpy()
        around = around_face(points[number])
        cheeks = points[number][[i for cheek in CHEEKS for i in cheek]]
        x, y = np.clip(np.rint(cheeks), 0, CROP_SIZE - 1).astype(np.int64).T
        tone = np.median(picture[y, x], axis=0)
        # The face goes first: no blur may carry anything of it outwards.
        picture = tone + (picture - tone) * around[..., None]
        grey = picture @ _GREY
        soft = blurred(grey[None], BLUR)[0]
        away = (np.log(grey + DARK) - np.log(soft + DARK)) * around / UNIT
        fine[number] = np.clip(np.rint(away), -127, 127).astype(np.int8)
        small = reduced(picture)
        coarse[number] = np.clip(np.rint(small * 255), 0, 255).astype(np.uint8)
    points = points.astype(np.float32)
    apart = _apart(coarse, points) + _turned(coarse, points)
    return HeadDetail(_held(fine), coarse, points, apart)


def _held(fine: _Strands) -> _Strands:
    """(D, 256, 256) int8: no donor's detail has more contrast than most donors' has.

    Harsh light and sharpened photos lend strands that stand out of a drawn head. A layer's contrast is its
    standard deviation where it is not 0: plain backgrounds say nothing.
    """
    contrast = np.array([layer[layer != 0].std() if layer.any() else 0 for layer in fine])
    most = _CONTRAST * np.median(contrast)
    held = fine.copy()
    for number in np.flatnonzero(contrast > most):
        held[number] = np.rint(fine[number] * (most / contrast[number]))
    return held


def _apart(coarse: U8Array, points: FloatArray) -> FloatArray:
    """(D, D) how differently heads look in their common shape, their faces left out."""
    common = points.mean(0)
    free = reduced(around_face(common)[..., None])[..., 0]
    planes = torch.from_numpy(coarse.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    spline, heads = Spline(torch.from_numpy(common)), []
    for start in range(0, len(planes), _WARPS):
        part = slice(start, start + _WARPS)
        large = F.interpolate(planes[part], (CROP_SIZE, CROP_SIZE), mode="bilinear")
        warped = spline(large, torch.from_numpy(points[part])).clamp(0, 1)
        heads += [tones(reduced(head.permute(1, 2, 0).numpy())) for head in warped]
    seen = np.stack(heads)
    found = [(np.abs(seen - head).mean(3) * free).sum((1, 2)) / free.sum() for head in seen]
    return np.stack(found).astype(np.float32)


def _turned(coarse: U8Array, points: FloatArray) -> FloatArray:
    """(D, D) what keeps heads apart that are turned to different sides, each hiding one ear.

    Their outlines differ by few pixels, but where one has an ear the other has a wall: mixtures have both,
    a second outline beside a temple. Long hair hides both ears.
    """
    heads = list(zip(coarse, points, strict=True))
    short = np.array([reach(*head)[0] < _SHORT for head in heads])
    lean = np.array([leaning(*head) for head in heads], np.float32)
    away = np.maximum(np.abs(lean[:, None] - lean) - _ALIKE, 0)
    found: FloatArray = np.float32(_TURNED) * away * (short[:, None] & short)
    return found
