"""Give an open mouth the teeth of a smile: a mean of many smiles is grey between the lips.

Some of the people smile with closed lips and teeth lie elsewhere on everybody, so what is left of them in a
mean is darker than on photographs, and as warm as skin. How light and how cool it is between the lips was
measured on public portraits; the shape of the mouth stays the group's.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import INNER_LIPS, LOWER_EDGE, UPPER_EDGE
from kssgan.surrogate._tones import eased, planes_blurred
from kssgan.surrogate.shape import DARK, at_cheeks
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["with_teeth"]

# Of 216 smiles of people trained on, medians of logarithms over the cheeks' tone: the sum of what it is
# across (shares of half the opening's width) and down (shares of the opening).
_ACROSS = ((0.0, 0.2, 0.4, 0.6, 0.75, 0.9), (0.0, 0.0, -0.08, -0.2, -0.5, -1.2))
_DOWN = ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (-0.42, -0.03, 0.15, 0.14, -0.03, -0.08))
_COLOUR = np.array([-0.14, 0.03, 0.11], np.float32)  # of teeth over the cheeks'

_OPEN = (0.06, 0.11)  # height over width of an opening that shows no teeth, and that does
_STRENGTH = 0.75
_CHANGE = (-0.2, 0.8)  # by which a place may become lighter
_SOFT, _RIM = 1.5, 0.7  # what is finer than this stays; how soft the change is made, pixels
_TOOTH = (
    (0.1, 0.3),
    (0.7, 0.95),
)  # where down the opening teeth begin and end: no lips are whitened
_INSIDE = (
    (0.0, 0.2),
    (0.8, 1.0),
    (0.7, 0.95),
)  # where it begins, ends, and ends at the corners
_WINDOW = 12  # pixels around the mouth that are looked at


def with_teeth(picture_01: FloatArray, points: FloatArray) -> FloatArray:
    """A drawn face whose mouth, where it is open, is as light as those of people who smile.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1].
        points: (468, 2) where the face lies.

    Returns:
        (256, 256, 3) float32 in [0, 1]; the same where the lips are closed.
    """
    upper, lower = points[list(UPPER_EDGE)], points[list(LOWER_EDGE)]
    middle, whole = (upper[0] + upper[-1]) / 2, upper[-1] - upper[0]
    half = max(float(np.linalg.norm(whole)) / 2, 1e-3)
    along = whole / (2 * half)
    down = np.array([-along[1], along[0]], np.float32)
    top_edge, bottom_edge = (
        ((edge - middle) @ along / half, (edge - middle) @ down) for edge in (upper, lower)
    )
    gap = float((bottom_edge[1] - top_edge[1])[len(upper) // 2]) / (2 * half)
    shown = float(np.interp(gap, _OPEN, (0, 1)))
    if not shown:
        return picture_01
    mouth = points[list(INNER_LIPS)]
    first = (mouth.min(0) - _WINDOW).clip(0, CROP_SIZE).astype(int)
    last = (mouth.max(0) + _WINDOW).clip(0, CROP_SIZE).astype(int)
    if not (first < last).all():
        return picture_01
    columns, rows = (slice(*ends) for ends in zip(first, last, strict=True))
    y, x = np.mgrid[rows, columns].astype(np.float32)
    away = np.stack([x, y], -1) - middle
    across, far = away @ along / half, away @ down
    top, bottom = (np.interp(across, *edge) for edge in (top_edge, bottom_edge))
    deep = (far - top) / np.maximum(bottom - top, 1e-3)
    across = np.abs(across)
    cheeks = np.median(np.log(at_cheeks(picture_01, points).clip(0, 1) + DARK), axis=0)
    logs = np.log(picture_01[rows, columns].clip(0, 1) + DARK)
    tooth = eased(deep, *_TOOTH[0]) * (1 - eased(deep, *_TOOTH[1]))
    light = np.interp(across, *_ACROSS) + np.interp(deep, *_DOWN)
    wanted = cheeks + light[..., None] + tooth[..., None] * _COLOUR
    change = (wanted - planes_blurred(logs, _SOFT)).clip(*_CHANGE)
    begins, ends, corners = _INSIDE
    inside = eased(deep, *begins) * (1 - eased(deep, *ends)) * (1 - eased(across, *corners))
    moved = (_STRENGTH * shown * inside[..., None] * change).astype(np.float32)
    found = picture_01.copy()
    found[rows, columns] = np.exp(logs + planes_blurred(moved, _RIM)) - DARK
    return found.clip(0, 1)
