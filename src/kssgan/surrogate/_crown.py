"""The crown of a drawn head: one even curve, and hair up to it.

Donors whose heads end at different heights, mixed, leave a rim with bays, and a grey patch where hair is a
blend with the wall. The outline above the face becomes one even curve; what is a blend of hair and wall under
it becomes hair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._rays import FARTHEST, Places, Rays
from kssgan.surrogate._regions import COARSE, soften, step
from kssgan.types import FloatArray

__all__ = ["Crown", "even_crown"]

# In angles of 3 degrees: bays up to so wide are closed, lumps up to so wide cut off, the rest is smoothed.
_BAY, _LUMP, _SMOOTH = 11, 5, 0.8
_NOTCH = 7  # pixels of 128
_UNEVEN = (2.0, 5.0)  # pixels by which an outline is uneven: it stays, it becomes even
_SOFT = 6.0  # pixels of 256 over which the outline goes from head to wall
_ABOVE = (0.1, -0.3)  # sine of the angles from which, and up to which, the outline becomes even
# Where hair lies: pixels of 256 beyond the face, and sines of the angles, both over which it comes in.
_BEYOND, _OVER = (4.0, 12.0), (-0.2, -0.5)
_RIM = 4.0  # pixels of 256 over which it ends at the outline
_DARKER = 45  # percent of a crown's pixels that show its hair best
_LEAST = 50  # pixels of 128 that a crown must have
_LIGHT = 0.15  # how much of a place may look like wall and be light on hair
_SKIN = (0.015, 0.055)  # how far a colour lies on the red side of a blend of hair and wall


@dataclass(frozen=True, slots=True, eq=False)
class Crown:
    """What even_crown found; planes are (128, 128).

    Attributes:
        head: how much of each place is head.
        zone: where its hair lies, in [0, 1].
        change: (3, 128, 128) what takes fog off the hair when it is added to the picture.
    """

    head: FloatArray
    zone: FloatArray
    change: FloatArray


def even_crown(small_01: FloatArray, head: FloatArray, behind: FloatArray, rays: Rays) -> Crown:
    """Make the outline above a face even and its crown free of fog.

    Args:
        small_01: (128, 128, 3) in [0, 1], drawn smoothly.
        head: (128, 128) how much of each place is head.
        behind: (128, 128, 3) the wall's colours in [0, 1], continued behind the head.
        rays: of the face.
    """
    from scipy.ndimage import grey_closing

    at = rays.places(COARSE)
    even_ends, changed = _even_ends(rays.along(head) > 0.5)
    ends = at.at(even_ends)
    above = step(_between(at.sine, _ABOVE))
    # No crown has holes either, or notches in its rim.
    inside = np.clip((ends - at.far) / _SOFT - 0.5, 0, 1)
    # Beyond the border is nothing: between it and a head is no notch.
    larger = np.pad(np.maximum(head, above * inside), _NOTCH)
    closed = grey_closing(larger, (_NOTCH, _NOTCH))[_NOTCH:-_NOTCH, _NOTCH:-_NOTCH]
    whole = head + above * (closed - head)
    curve = np.clip((ends - at.far) / _SOFT + 0.5, 0, 1)
    even = (whole + above * at.at(changed) * (curve - whole)).astype(np.float32)
    zone = _zone(at, ends, rays)
    return Crown(even, zone, _cleared(small_01, behind, zone))


def _even_ends(head: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Where a head, (ANGLES, FARTHEST), ends for good along each line, without bays and lumps.

    Returns:
        (ANGLES,) pixels, and (ANGLES,) in [0, 1] how much of a bay or lump was there.
    """
    from scipy.ndimage import gaussian_filter1d, grey_closing, grey_opening, maximum_filter1d

    # Beyond the picture goes on what its border shows.
    ends = (FARTHEST - 1 - np.argmax(head[:, ::-1], axis=1)).astype(np.float32)
    first = np.where(head.all(1), ends, np.argmin(head, axis=1))
    closed = grey_closing(ends, _BAY, mode="wrap")
    even = grey_opening(closed, _LUMP, mode="wrap")
    uneven = np.maximum(np.abs(even - ends), np.abs(even - first))
    changed = maximum_filter1d(step(_between(uneven, _UNEVEN)), 3, mode="wrap")
    return (
        gaussian_filter1d(even, _SMOOTH, mode="wrap"),
        gaussian_filter1d(changed, _SMOOTH, mode="wrap"),
    )


def _zone(at: Places, ends: FloatArray, rays: Rays) -> FloatArray:
    """(128, 128) where hair of the crown lies: beyond the face, over it, up to the outline."""
    beyond = step(_between(at.far - at.at(rays.face), _BEYOND))
    over = step(_between(at.sine, _OVER))
    found: FloatArray = beyond * over * step((ends - at.far) / _RIM + 0.5)
    return found


def _cleared(small_01: FloatArray, behind: FloatArray, zone: FloatArray) -> FloatArray:
    """(3, 128, 128) what takes the wall out of hair.

    The share of wall is found as by :func:`~kssgan.surrogate._walls.share_of_wall`, with the one colour of
    the hair. A colour on the red side of all blends of the two is skin.
    """
    inside = zone > np.float32(0.5)
    if inside.sum() < _LEAST:
        return np.zeros((3, *zone.shape), np.float32)
    light = small_01.mean(2)
    hair = np.median(
        small_01[inside & (light <= np.percentile(light[inside], _DARKER))], axis=0
    )
    line = hair - behind
    away = small_01 - behind
    along = (away * line).sum(2) / ((line * line).sum(2) + np.float32(1e-3))
    rest = away - along[..., None] * line
    off = rest[..., 0] - rest[..., 2]
    wall = np.clip((1 - along - _LIGHT) / (1 - _LIGHT), 0, 1)
    wall = soften(wall * (1 - step(_between(off, _SKIN))) * zone, 1.0)
    change: FloatArray = (wall[..., None] * line).transpose(2, 0, 1).astype(np.float32)
    return change


def _between(x: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """0 at the first of two values, 1 at the second."""
    found: FloatArray = (x - np.float32(ends[0])) / np.float32(ends[1] - ends[0])
    return found
