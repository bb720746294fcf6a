"""Give a drawn face fine detail: a mean of many has none, and what a small network makes up looks etched.

The detail is that of public people, several of them averaged and the contrast restored that averaging takes
away, so it is nobody's. It is chosen by label and seed alone and laid over the drawn face's tones, which stay
the group's.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import (
    BROWS,
    EYE_CORNERS,
    EYES,
    MOUTH_CORNERS,
    NOSE_TIP,
    OUTER_LIPS,
    OVAL,
    across,
    brow_line,
    higher_brow,
)
from kssgan.surrogate._regions import reduced as halved
from kssgan.surrogate._tones import (
    BLUR,
    COARSE,
    eased,
    ellipse,
    mean_where,
    near,
    planes_blurred,
    reduced,
    tones,
    wall_and_skin,
)
from kssgan.surrogate.head_detail import around_face
from kssgan.surrogate.shape import DARK
from kssgan.surrogate.sight import sight
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["with_face_detail"]

_STRENGTH = np.float32(1.28)  # warped once more, detail is weaker
_EYES, _MOUTH = np.float32(0.95), np.float32(0.90)
"""The same around the eyes, and around nose and lips, where it would look etched."""
_AROUND_EYES, _AROUND_MOUTH = ((8.0, 10.0), 8.0), ((6.0, 4.0), 10.0)
"""How far these go: pixels above and below, pixels beside."""
_FADES = 8.0  # pixels in which the one becomes the other
_RIM = (np.float32(0.15), np.float32(0.4))
"""Most that detail may lighten and darken the rim of a face, where its people have hair and walls."""
_BESIDE = np.float32(0.14)  # the same beside the cheeks: no strand of its people's hair
_CHEEK, _AT_EYES = (0.60, 0.78), (-8.0, 8.0)
"""Half widths of a face, and pixels below the eyes, in which that begins."""
_ON_SKIN = (0.3, 0.6)  # difference from the cheeks: skin, hair
_LIGHTER = 0.4  # how much of a difference to the lighter side counts
_SIDE, _AT_LIPS = (0.70, 0.85), (-10.0, 10.0)
"""Hair hides a face at its sides alone, half widths, and above its lips, pixels below them."""
_MOST = np.float32(1.5)  # of a layer's logarithms
_FOREHEAD = np.float32(0.08)  # the same above the brows: pores, no strand of a fringe
_FURROWS = np.float32(0.8)  # how strong detail is there, of what it is elsewhere
_ABOVE, _FADE = 2.0, 6.0  # pixels above the brows at which a forehead begins, and in which
_HIGH = 1.25  # height of a forehead that may be reached over that of the mesh
_SOFT = 2.0  # blur of the forehead's rim, pixels
_SHADES, _BROAD = np.float32(0.18), 24.0  # contrast that means lack, over so many pixels
_COLOURS = np.array([0.87, 1.04, 1.09], np.float32)
"""Of a change of light on skin, how much red, green and blue change: pores and folds are redder than skin,
glints whiter. Six tenths of what photographs have."""


def with_face_detail(
    picture_01: FloatArray,
    points: FloatArray,
    tone: FloatArray,
    fine: FloatArray,
    fine_points: FloatArray,
    warp: Warp,
    *,
    seen: FloatArray | None = None,
    around: FloatArray | None = None,
) -> FloatArray:
    """A drawn picture whose face has fine detail.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1], what was drawn.
        points: (468, 2) where the face lies.
        tone: (3,) colour of its cheeks in [0, 1].
        fine: (256, 256) float32, natural logarithm of a grey face over its own blur.
        fine_points: (468, 2) where its face lies.
        warp: to ``points``.
        seen: :func:`~kssgan.surrogate.sight.sight` of ``points``, where it is already made.
        around: (256, 256) :func:`~kssgan.surrogate.head_detail.around_face` of them, where it is.

    Returns:
        (256, 256, 3) float32 in [0, 1].
    """
    from kssgan.surrogate import _torch_warp

    seen = sight(points) if seen is None else seen
    around = around_face(points, seen=seen) if around is None else around
    inner = _torch_warp.enlarge(seen[None], CROP_SIZE)[0]
    # Up to where the head's own detail begins: between the two a ring around the chin would have none.
    face = np.maximum(inner, 1 - around)
    where = np.maximum(face, _forehead(picture_01, points, tone))[..., None]
    field = warp.sources(fine_points, size=CROP_SIZE)
    detail = _strength(points) * _torch_warp.sample_logs(fine, field, _MOST)
    rows = np.arange(CROP_SIZE, dtype=np.float32)[:, None]
    above = np.clip((higher_brow(points) - _ABOVE - rows) / _FADE, 0, 1).astype(np.float32)
    detail = _limited(detail * (1 + above * (_FURROWS - 1)), _FOREHEAD, above)
    detail = _limited(detail, np.where(detail > 0, *_RIM), 1 - inner)
    detail = _limited(detail, _BESIDE, _beside_cheeks(points))
    logs = np.log(np.clip(picture_01, 0, 1) + DARK)
    light = logs.mean(2, keepdims=True)
    # The drawn colours stay as fine as they are, else lips and skin would be one.
    free = _free_of_hair(picture_01, points, tone)[..., None]
    soft, _ = mean_where(light, free, BLUR, least=1e-3)
    soft = soft + _SHADES * (soft - _broad(light, inner[..., None]))
    lent = np.exp(logs - light + soft + detail[..., None] * _COLOURS) - DARK
    found: FloatArray = picture_01 + where * free * (lent - picture_01)
    return found.clip(0, 1).astype(np.float32)


def _free_of_hair(picture_01: FloatArray, points: FloatArray, tone: FloatArray) -> FloatArray:
    """(256, 256) float32: 0 on hair beside a face, above its lips; 1 elsewhere, soft between."""
    from kssgan.surrogate import _torch_warp

    half = np.log(halved(picture_01, 2).clip(0, 1) + DARK)
    skin = near(half, np.log(tone + DARK), *_ON_SKIN, lighter=_LIGHTER)
    skin = _torch_warp.enlarge(skin[None], CROP_SIZE)[0]
    at = np.arange(CROP_SIZE, dtype=np.float32)
    inner = 1 - eased(np.abs(across(points, at)), *_SIDE)
    below = eased(at[:, None] - points[list(MOUTH_CORNERS), 1].mean(), *_AT_LIPS)
    found: FloatArray = np.maximum(np.maximum(inner, below), skin).astype(np.float32)
    return found


def _beside_cheeks(points: FloatArray) -> FloatArray:
    """(256, 256) float32: 1 at the sides of a face, from its eyes downwards; 0 elsewhere."""
    at = np.arange(CROP_SIZE, dtype=np.float32)
    eyes = points[list(EYE_CORNERS), 1].mean()
    found: FloatArray = eased(np.abs(across(points, at)), *_CHEEK) * eased(
        at[:, None] - eyes, *_AT_EYES
    )
    return found.astype(np.float32)


def _broad(light: FloatArray, face: FloatArray) -> FloatArray:
    """(256, 256, 1) light of a face without its shades; what lies around it is left out."""
    from kssgan.surrogate import _torch_warp

    # At a quarter of the size: nothing finer is left.
    small = reduced(np.dstack([light * face, face]))
    both = planes_blurred(small, _BROAD * COARSE / CROP_SIZE)
    broad = both[..., :1] / (both[..., 1:] + np.float32(1e-3))
    return _torch_warp.enlarge(broad.transpose(2, 0, 1), CROP_SIZE).transpose(1, 2, 0)


def _limited(
    detail: FloatArray, most: np.float32 | FloatArray, where: FloatArray
) -> FloatArray:
    """Detail that changes no tone by more than ``most``, as far as ``where`` says."""
    limited: FloatArray = detail + where * (most * np.tanh(detail / most) - detail)
    return limited


def _strength(points: FloatArray) -> FloatArray:
    """(256, 256) how strong detail is drawn: less around eyes and brows, and around nose and lips."""
    eyes = points[[i for outline in (*EYES, *BROWS) for i in outline]]
    mouth = points[[NOSE_TIP, *OUTER_LIPS]]
    strength = np.full((CROP_SIZE, CROP_SIZE), _STRENGTH, np.float32)
    strength += _box(eyes, *_AROUND_EYES) * (_EYES - strength)
    strength += _box(mouth, *_AROUND_MOUTH) * (_MOUTH - strength)
    return strength


def _box(points: FloatArray, over: tuple[float, float], beside: float) -> FloatArray:
    """(256, 256): 1 in a box around points, so many pixels larger over, under and beside them; soft edges."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    at = np.arange(CROP_SIZE, dtype=np.float32)

    def within(first: float, last: float) -> FloatArray:
        inside = np.minimum(at - first, last - at) / np.float32(_FADES) + np.float32(0.5)
        found: FloatArray = inside.clip(0, 1).astype(np.float32)
        return found

    rows = within(top - over[0], bottom + over[1])
    return rows[:, None] * within(left - beside, right + beside)


def _forehead(picture_01: FloatArray, points: FloatArray, tone: FloatArray) -> FloatArray:
    """(256, 256) float32: 1 on the skin above the brows, 0 elsewhere, soft between."""
    from kssgan.surrogate import _torch_warp

    small = tones(reduced(picture_01))
    _, skin = wall_and_skin(small, tone)
    skin = _torch_warp.enlarge(skin[None], CROP_SIZE)[0]
    brows = brow_line(points)
    top = points[list(OVAL), 1].min()
    middle = points[list(EYE_CORNERS), 0].mean()
    half = np.ptp(points[:, 0]) / 2
    high = max(_HIGH * (brows - top), 1.0)
    rows = np.arange(CROP_SIZE, dtype=np.float32)[:, None]
    inside = ellipse((middle, brows), (float(0.95 * half), high), 0.85, 1.1) * (
        rows < brows + _FADE
    )
    found: FloatArray = _torch_warp.blurred((inside * skin)[None].astype(np.float32), _SOFT)[0]
    return found.clip(0, 1)
