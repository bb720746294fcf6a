"""Make the wall behind a drawn head plain: mixed walls come out with fog, glows and second outlines."""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._tones import (
    COARSE,
    eased,
    planes_blurred,
    reduced,
    tones,
    wall_tone,
)
from kssgan.surrogate.sight import sight
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["with_plain_wall"]

_ON_WALL = (0.12, 0.36)  # difference from the wall's tone (logarithms): wall, no wall
_SURE = 0.9  # how much of a wall a place is whose tone the wall is made of
_SHARE = (0.5, 1.0)  # how much of a wall a place is: left as drawn, made plain
_SOFT = 8.0  # blur of the wall, pixels: shades from side to side stay
_GRAIN, _GRAIN_SOFT = np.float32(0.0025), 0.6  # of a camera; deviation, and blur in pixels


def with_plain_wall(
    picture_01: FloatArray, points: FloatArray, seed: int, *, seen: FloatArray | None = None
) -> FloatArray:
    """A drawn picture before a plain wall in the tones that its own wall has.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1].
        points: (468, 2) where the face lies, which is no wall whatever its tone.
        seed: of the grain.
        seen: :func:`~kssgan.surrogate.sight.sight` of ``points``, where it is already made.

    Returns:
        (256, 256, 3) float32 in [0, 1].
    """
    from kssgan.surrogate import _torch_warp

    small = reduced(picture_01)
    toned = tones(small)
    # By the channel that differs most: dark skin may be as bright as a grey wall.
    away = np.abs(toned - wall_tone(toned)).max(2)
    is_wall = 1 - eased(away, *_ON_WALL)
    seen = sight(points) if seen is None else seen
    wall, face = (_torch_warp.enlarge(part[None], CROP_SIZE)[0] for part in (is_wall, seen))
    is_face = reduced(face[..., None])[..., 0]
    # At a quarter of the size: nothing finer is left of a wall.
    sure = ((is_wall > _SURE) & (is_face == 0))[..., None].astype(np.float32) + np.float32(1e-4)
    sigma = _SOFT * COARSE / CROP_SIZE
    plain = planes_blurred(small * sure, sigma) / planes_blurred(sure, sigma)
    plain = _torch_warp.enlarge(plain.transpose(2, 0, 1), CROP_SIZE).transpose(1, 2, 0)
    chance = np.random.default_rng([seed, CROP_SIZE]).normal(size=(1, CROP_SIZE, CROP_SIZE))
    grain = _torch_warp.blurred(chance.astype(np.float32), _GRAIN_SOFT)[0][..., None]
    plain = plain + _GRAIN / np.float32(grain.std()) * grain
    where = (eased(wall, *_SHARE) * (1 - face))[..., None]
    found: FloatArray = picture_01 + where * (plain - picture_01)
    return found.clip(0, 1).astype(np.float32)
