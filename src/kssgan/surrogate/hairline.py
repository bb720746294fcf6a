"""Part the hair around a drawn face from its skin.

A mixture of donors has hair that ends in three places, so that a network draws the one fading into the other
over a finger's breadth. On photographs a face ends at its hair within few pixels. What lies between is
told by how much of it is hair, and made more one of the two; colours of both stay.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import across, brow_line
from kssgan.surrogate._regions import reduced as halved
from kssgan.surrogate._tones import eased, mean_where, reduced, tones, wall_and_skin
from kssgan.surrogate.shape import DARK
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["parted"]

_SIZE = CROP_SIZE // 2
_STEEPER = 2.5  # how much more steeply hair ends
_AREA = 5.0  # blur of the skin and of the hair beside a place, pixels of the half size
_KNOWN = 0.1  # share of a place's surroundings that tells what skin or hair is there
_APART = (0.15, 0.6)  # squared difference of their tones: too alike to part, told apart
_LEAST = np.float32(1e-3)
_BESIDE = (0.70, 0.85)  # halves of a face's width, from which its side begins
_FROM, _TO = (-40.0, -20.0), (70.0, 100.0)
"""Pixels below the brows, in which the side begins and ends."""
_OVER = (30.0, 44.0)  # pixels above the brows, from which hair may end over a forehead


def parted(
    smooth_01: FloatArray, points: FloatArray, cheeks: FloatArray, wall: FloatArray
) -> FloatArray:
    """A drawn picture whose hair ends beside the face and over it as on a photograph.

    Args:
        smooth_01: (256, 256, 3) float32 in [0, 1], drawn smoothly.
        points: (468, 2) where the face lies.
        cheeks: (3,) their colour in [0, 1].
        wall: (256, 256) how much of each pixel is wall, which stays.

    Returns:
        (256, 256, 3) float32 in [0, 1].
    """
    from kssgan.surrogate import _torch_warp

    _, skin = wall_and_skin(tones(reduced(smooth_01)), cheeks)
    skin = 2 * _torch_warp.enlarge(skin[None], _SIZE)[0] - 1
    head = np.clip(1 - 2 * halved(wall[..., None], 2)[..., 0], 0, 1)
    logs = np.log(halved(smooth_01, 2) + DARK)
    skin_tone, is_skin = _around(logs, np.clip(skin, 0, 1) * head)
    hair_tone, is_hair = _around(logs, np.clip(-skin, 0, 1) * head)
    away = hair_tone - skin_tone
    apart = (away * away).sum(2, keepdims=True)
    share = ((logs - skin_tone) * away).sum(2, keepdims=True) / (apart + _LEAST)
    steeper = np.clip(_STEEPER * (share - np.float32(0.5)) + np.float32(0.5), 0, 1)
    there = (_at_hairline(points) * head)[..., None] * is_skin * is_hair * eased(apart, *_APART)
    move = (steeper - np.clip(share, 0, 1)) * away * there
    move = _torch_warp.enlarge(move.transpose(2, 0, 1), CROP_SIZE).transpose(1, 2, 0)
    found: FloatArray = (smooth_01 + DARK) * np.exp(move) - DARK
    return found.clip(0, 1).astype(np.float32)


def _around(logs: FloatArray, where: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(128, 128, 3) tone of what lies ``where`` around each place, and (128, 128, 1) whether any does."""
    tone, share = mean_where(logs, where[..., None], _AREA, least=1e-4)
    return tone, np.clip(share / np.float32(_KNOWN), 0, 1)


def _at_hairline(points: FloatArray) -> FloatArray:
    """(128, 128) float32: 1 beside a face, from its forehead to its lips, and over it; 0 elsewhere."""
    at = np.arange(_SIZE, dtype=np.float32) * 2 + np.float32(0.5)
    below = at[:, None] - brow_line(points)
    down = eased(below, *_FROM) * (1 - eased(below, *_TO))
    beside = down * eased(np.abs(across(points, at)), *_BESIDE)
    found: FloatArray = np.maximum(beside, eased(-below, *_OVER))
    return found.astype(np.float32)
