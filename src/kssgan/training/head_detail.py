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
from kssgan.surrogate.shape import DARK
from kssgan.training.data import Photos
from kssgan.training.warps import Spline
from kssgan.types import CROP_SIZE, FloatArray, IntArray, U8Array

__all__ = ["head_detail"]

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
    return HeadDetail(fine, coarse, points, _apart(coarse, points))


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
