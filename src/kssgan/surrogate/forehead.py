"""Give a drawn forehead the shading that foreheads have.

A network that sees a face from the brows down makes up what lies between them and the hair: smoke over the
brows, a glow between them, bands. On photographs foreheads hardly differ: lightest in the middle, the same
from the brows up to the hair, darker and redder towards the temples, by nearly as much on everybody.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import across, brow_line
from kssgan.surrogate._tones import COARSE, eased
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["own_tone", "shading", "usual_shading"]

# Of 433 portraits of people trained on, medians of logarithms over the forehead's own tone.
_ACROSS = (0.0, 0.2, 0.4, 0.6, 0.8)  # of half a face's width, from its middle
_SHADES = (
    (0.003, -0.003, -0.039, -0.103, -0.138),
    (0.006, -0.005, -0.060, -0.151, -0.169),
    (0.008, -0.007, -0.077, -0.193, -0.198),
)
"""Red, green and blue there."""
_BELOW = (-3.0, 0.0, 4.0, 8.0)  # pixels below the brows' upper edge
_BRIDGE = (0.0, -0.02, -0.06, -0.085)  # how much darker it is there between the brows

_CORE = (
    0.45,
    6.0,
    30.0,
)  # half width, and pixels above the brows, of what tells a forehead's own tone
_LIKE = 0.2  # difference from that tone up to which a place has a say in it
_SHADOW = 0.08  # the same on the dark side: smoke and strands have none
_ROUNDS = 3  # in which that tone is found
_FEWEST = 20  # places that may tell it
_OTHER = 0.8  # from the face's brightness: hair, no skin

_KEPT = np.float32(0.4)  # share of what a place differs from the usual shading that stays
_MOST = ((0.2, 0.6), (0.05, 0.1))  # and no more than so much, in the middle and at the temples
_TINT = np.float32(0.02)  # the same of colours

_SKIN = (
    (8.0, 20.0),
    (0.25, 0.15),
)  # difference up to which a place is skin: near the brows, near the hair
_HAIR = 1.8  # times that difference, from which it is not
_SIDE = (0.75, 0.95)  # of half a face's width, in which it ends
_TOP = (24.0, 40.0)  # pixels above the brows, in which it ends
_BROWS = 5.0  # pixels above the brows in which it begins
_BETWEEN = (
    (-10.0, -3.0),
    (0.08, 0.2),
)  # how far it reaches down between them, pixels and half widths


def shading(small: FloatArray, cheeks: FloatArray, points: FloatArray) -> FloatArray:
    """What gives a forehead usual shading when it is added to a picture's logarithms.

    Args:
        small: (64, 64, 3) :func:`~kssgan.surrogate._tones.tones` of the picture.
        cheeks: (3,) those of its cheeks.
        points: (468, 2) where the face lies, pixels of a 256 px crop.

    Returns:
        (64, 64, 3) float32 logarithms, 0 where no forehead is, as under a fringe.
    """
    own = own_tone(small, cheeks, points)
    if own is None:
        return np.zeros_like(small)
    aside, above = _places(points)
    away = small - usual_shading(aside) - np.interp(-above, _BELOW, _BRIDGE)[..., None] - own
    light = away.mean(2, keepdims=True)
    most = np.interp(aside, *_MOST).astype(np.float32)[..., None]
    kept = most * np.tanh(_KEPT * light / most) + _TINT * np.tanh((away - light) / _TINT)
    like = np.interp(above, *_SKIN)
    skin = 1 - eased(np.abs(away).mean(2) / like, 1.0, _HAIR)
    # What lies above hair is no forehead.
    free = np.minimum.accumulate(np.where(above < 0, 1, skin)[::-1], axis=0)[::-1]
    down, between = _BETWEEN
    begins = np.maximum(
        eased(above, 0.0, _BROWS), eased(above, *down) * (1 - eased(aside, *between))
    )
    there = (
        np.minimum(skin, free) * begins * (1 - eased(aside, *_SIDE)) * (1 - eased(above, *_TOP))
    )
    found: FloatArray = (there[..., None] * (kept - away)).astype(np.float32)
    return found


def usual_shading(aside: FloatArray) -> FloatArray:
    """(..., 3) how foreheads are shaded, logarithms over their own tone, so far (0..) from their middle."""
    return np.stack([np.interp(aside, _ACROSS, shade) for shade in _SHADES], -1)


def own_tone(small: FloatArray, cheeks: FloatArray, points: FloatArray) -> FloatArray | None:
    """(3,) logarithm of a forehead's tone without its shading, None under a fringe; see :func:`shading`."""
    aside, above = _places(points)
    half, low, high = _CORE
    plain = small - usual_shading(aside)
    own = _tone_of_most(plain[(aside < half) & (above > low) & (above < high)])
    return None if own is None or abs(float((own - cheeks).mean())) > _OTHER else own


def _places(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(64, 64) how far each place lies from a face's middle, half widths, and above its brows, pixels."""
    step = CROP_SIZE // COARSE
    y, x = np.mgrid[:COARSE, :COARSE].astype(np.float32) * step + (step - 1) / 2
    return np.abs(across(points, x)), brow_line(points) - y


def _tone_of_most(places: FloatArray) -> FloatArray | None:
    """(3,) tone that most of (N, 3) have, None where nothing is there."""
    if not len(places):
        return None
    own: FloatArray = np.median(places, axis=0)
    for _ in range(_ROUNDS):
        away = places - own
        like = (np.abs(away).mean(1) < _LIKE) & (away.mean(1) > -_SHADOW)
        if like.sum() < _FEWEST:
            break
        own = np.median(places[like], axis=0)
    return own
