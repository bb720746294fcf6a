"""Take the smoke off the temples of a drawn face.

Between the tail of a brow and the hair a network that mixes heads draws hair of one and skin of another: grey
smoke on nearly every face. On photographs a temple is skin whose tone leads from the forehead's side to the
cheek's.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import EYES, across, brow_line
from kssgan.surrogate._tones import COARSE, eased, planes_blurred
from kssgan.surrogate.forehead import own_tone, usual_shading
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["cleared"]

_KEPT, _DARKER = 0.15, 0.04  # share of a darker tone that stays, and no more than so much
_LIT, _LIGHTER = 0.6, 0.06  # the same of a lighter one
_TINT = np.float32(0.03)  # most of another colour that stays
_STAYS = (0.02, 0.08)  # difference from which a place is changed at all, and wholly
_HAIR = (0.45, 0.75)
"""How much darker, or of another colour, a place is skin up to, and is none from."""
_GLARE = 1.5  # how much more a difference to the lighter side counts for that
_ASIDE = (0.60, 0.65, 0.75, 0.825, 0.875, 0.925, 0.975)
_ROUNDED = (0.0, 0.05, 0.08, 0.11, 0.15, 0.19, 0.24)
"""How far aside, in halves of a face's width, a temple is how much darker than a forehead, as the head turns
away: of 277 portraits of men the lighter quarter, as hair darkens the others."""
_CHEEKS = 0.6  # how much less of it there is beside the cheeks, share
_BLEND, _BLENDED = 1.5, 0.15  # blur of the wall, places; share of it from which nothing is told
_INWARD, _OUTWARD = (0.60, 0.74), (0.93, 1.03)  # half widths, in which it begins and ends
_TOP = (-34.0, -20.0)  # pixels below the brows, in which it begins
_BOTTOM = (4.0, 22.0)  # pixels below the eyes, in which it ends
_FROM, _TO = 4.0, 16.0  # pixels above the brows and below the eyes where the tones are known
_CHEEK = ((0.68, 0.88), (12.0, 34.0))
"""Where a cheek's side is: half widths of a face, and pixels below the eyes."""
_LIKE = 0.4  # difference from the cheeks up to which it is skin there
_FEWEST = 5  # places that may tell it
_ELSE = np.float32(0.1)  # how much darker than the cheeks it is where too few do


def cleared(
    small: FloatArray, cheeks: FloatArray, points: FloatArray, wall: FloatArray | None = None
) -> FloatArray:
    """What takes smoke off the temples when it is added to a picture's logarithms.

    Args:
        small: (64, 64, 3) :func:`~kssgan.surrogate._tones.tones` of the picture.
        cheeks: (3,) those of its cheeks.
        points: (468, 2) where the face lies, pixels of a 256 px crop.
        wall: (64, 64) how much of each place is wall, where that is known: beside it tones are a blend.

    Returns:
        (64, 64, 3) float32 logarithms, 0 where no temple is, and everywhere under a fringe.
    """
    own = own_tone(small, cheeks, points)
    if own is None:
        return np.zeros_like(small)
    step = CROP_SIZE // COARSE
    at = np.arange(COARSE, dtype=np.float32) * step + (step - 1) / 2
    right = across(points, at)
    aside = np.abs(right)
    brows = brow_line(points)
    eyes = float(points[[i for outline in EYES for i in outline], 1].max())
    y = at[:, None]
    below = y - eyes
    down = np.clip((y - (brows - _FROM)) / (eyes + _TO - (brows - _FROM)), 0, 1)[..., None]
    forehead = own + usual_shading(aside)
    left_cheek, right_cheek = (
        _beside_cheek(small, cheeks, side, below) for side in (-right, right)
    )
    cheek = np.where(right[:, None] < 0, left_cheek, right_cheek)
    natural = forehead + down * (cheek - forehead)
    natural = natural - (1 - _CHEEKS * down**2) * np.interp(aside, _ASIDE, _ROUNDED)[:, None]
    away = small - natural
    light = away.mean(2, keepdims=True)
    kept = np.where(
        light < 0,
        _DARKER * np.tanh(_KEPT / _DARKER * light),
        _LIGHTER * np.tanh(_LIT / _LIGHTER * light),
    )
    tint = _TINT * np.tanh((away - light) / _TINT)
    differs = np.maximum(np.where(light < 0, -light, _GLARE * light), np.abs(away - light))
    skin = (1 - eased(differs.max(2), *_HAIR)) * eased(np.abs(light)[..., 0], *_STAYS)
    there = eased(y - brows, *_TOP) * (1 - eased(below, *_BOTTOM))
    if wall is not None:
        beside = planes_blurred(wall[..., None], _BLEND)[..., 0]
        there = there * np.clip(1 - beside / np.float32(_BLENDED), 0, 1)
    there = there * eased(aside, *_INWARD) * (1 - eased(aside, *_OUTWARD))
    found: FloatArray = ((there * skin)[..., None] * (kept + tint - away)).astype(np.float32)
    return found


def _beside_cheek(
    small: FloatArray, cheeks: FloatArray, side: FloatArray, below: FloatArray
) -> FloatArray:
    """(3,) tone of the skin beside one cheek."""
    (inner, outer), (top, bottom) = _CHEEK
    here = small[((side > inner) & (side < outer)) & ((below > top) & (below < bottom))]
    here = here[np.abs((here - cheeks).mean(1)) < _LIKE]
    found: FloatArray = np.median(here, axis=0) if len(here) >= _FEWEST else cheeks - _ELSE
    return found
