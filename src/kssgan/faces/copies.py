"""Whether two head crops come from one picture (saved again, scaled, mirrored) or from two photos."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from kssgan.types import U8Array

__all__ = ["same_picture"]

_SIDE = 48
_CORRELATION = 0.97


def same_picture(crop_a: U8Array, crop_b: U8Array) -> bool:
    """Tell copies of one picture from two photos of one person.

    Args:
        crop_a: (256, 256, 3) uint8 head crop.
        crop_b: another.
    """
    a, b = _fingerprint(crop_a), _fingerprint(crop_b)
    return max(float((a * b).sum()), float((a * b[:, ::-1]).sum())) >= _CORRELATION


def _fingerprint(crop: U8Array) -> npt.NDArray[np.float64]:
    grey = Image.fromarray(crop).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(grey).astype(np.float64)
    values -= values.mean()
    values /= max(float(np.linalg.norm(values)), 1e-9)
    return values
