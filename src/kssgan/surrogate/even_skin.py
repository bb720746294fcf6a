"""Give forehead and neck of a drawn head the tone of its face.

The face is the group's, the head a mixture of donors', and a network draws what lies between them: foreheads
come out greyer, paler or redder than the face below, and necks darker than any shadow. What is natural there
was measured: foreheads are lighter than cheeks and less red, necks darker. A forehead's own shading stands in
``forehead.py``, what lies beside the eyes in ``temples.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kssgan.surrogate._mesh import CHEEKS, CHIN, EYE_CORNERS, OVAL, brow_line
from kssgan.surrogate._tones import COARSE, ellipse, near, reduced, tones
from kssgan.surrogate.forehead import shading
from kssgan.surrogate.shape import DARK
from kssgan.surrogate.sight import sight
from kssgan.surrogate.temples import cleared
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["with_even_skin"]

_ALIKE = (0.2, 0.5)  # from a place's own tone: the same skin, something else
_OTHER = 0.8  # from the face's brightness: hair, cloth or wall, no skin
_COLOUR = 0.03  # by which colours of skin may differ from what is usual there
_RIM = (0.6, 1.4)  # of an ellipse: from here it fades, up to here
_JAWS = (172, 397)
_STRIP = 6.0  # pixels above the brows that count as forehead, though G saw them


@dataclass(frozen=True)
class _Place:
    """An ellipse where skin is likely, and its tone over the cheeks' that is natural (logarithms).

    Attributes:
        middle: x and y, pixels of a 256 px picture.
        radii: across and down, pixels.
        bright: from and up to which brightness.
        colour: usual red, green and blue beside it.
    """

    middle: tuple[float, float]
    radii: tuple[float, float]
    bright: tuple[float, float]
    colour: tuple[float, float, float]


def with_even_skin(
    picture_01: FloatArray,
    points: FloatArray,
    *,
    seen: FloatArray | None = None,
    wall: FloatArray | None = None,
) -> FloatArray:
    """A drawn head whose skin has one tone.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1].
        points: (468, 2) where the face lies; below the brows it stays as it is, but for what is between them
            and for the temples.
        seen: (128, 128) :func:`sight` of the points, where it is known already.
        wall: (256, 256) how much of each pixel is wall, which stays: a pale wall has the tone of skin.

    Returns:
        (256, 256, 3) float32 in [0, 1].
    """
    from kssgan.surrogate import _torch_warp

    small = tones(reduced(picture_01))
    seen = sight(points) if seen is None else seen
    whole_face = _torch_warp.enlarge(seen[None], CROP_SIZE)[0][..., None]
    face = reduced(whole_face)[..., 0]
    at = (points[[i for cheek in CHEEKS for i in cheek]] + 0.5) / 4 - 0.5
    x, y = np.clip(np.rint(at), 0, COARSE - 1).astype(int).T
    cheeks = np.median(small[y, x], axis=0)
    total = np.zeros((COARSE, COARSE, 3), np.float32)
    weight = np.full((COARSE, COARSE, 1), 1e-3, np.float32)
    for place in _places(points):
        core, reach = (
            ellipse(
                place.middle,
                (scale * place.radii[0], scale * place.radii[1]),
                *_RIM,
                size=COARSE,
            )
            for scale in (0.6, 1.5)
        )
        free = (core > 0.5) & (face < 0.05)
        if not free.any():
            continue
        own = np.median(small[free], axis=0)
        away = own - cheeks
        bright = float(away.mean())
        if abs(bright) > _OTHER:
            continue
        colour = away - bright
        beside = colour - np.array(place.colour, np.float32)
        shift = (
            np.clip(bright, *place.bright)
            - bright
            + np.clip(beside, -_COLOUR, _COLOUR)
            - beside
        )
        there = (reach * near(small, own, *_ALIKE))[..., None]
        total += there * shift
        weight += there
    whole = np.minimum(weight, 1) * total / weight
    shaded = shading(small + whole, cheeks, points)
    on_wall = None if wall is None else reduced(wall[..., None])[..., 0]
    shaded = shaded + cleared(small + whole + shaded, cheeks, points, on_wall)
    both = np.concatenate([whole, shaded], 2)
    moved = _torch_warp.enlarge(both.transpose(2, 0, 1), CROP_SIZE).transpose(1, 2, 0)
    if wall is not None:
        moved = moved * (1 - wall[..., None])
    rows = np.arange(CROP_SIZE, dtype=np.float32)[:, None, None] + 0.5
    below = np.clip((rows - brow_line(points)) / _STRIP + 1, 0, 1)
    lit = (picture_01.clip(0, 1) + DARK) * np.exp(
        (1 - below * whole_face) * moved[..., :3] + moved[..., 3:]
    ) - DARK
    found: FloatArray = lit.clip(0, 1).astype(np.float32)
    return found


def _places(points: FloatArray) -> Iterator[_Place]:
    """Forehead and neck."""
    outline = points[list(OVAL)]
    brows = brow_line(points)
    middle = float(points[list(EYE_CORNERS), 0].mean())
    half = float(np.ptp(outline[:, 0])) / 2
    high = max(1.1 * (brows - float(outline[:, 1].min())), 8.0)
    # Of 481 portraits, a tenth below and a tenth above.
    yield _Place(
        (middle, brows - 0.45 * high),
        (0.75 * half, 0.6 * high),
        (0.04, 0.26),
        (-0.05, 0.013, 0.037),
    )
    chin = float(points[CHIN, 1])
    jaw = float(points[list(_JAWS), 0].mean())
    yield _Place((jaw, chin + 12), (0.6 * half, 12.0), (-0.5, -0.1), (-0.02, 0.005, 0.015))
