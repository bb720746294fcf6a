"""A drawn head's outline and hairline and those of the donor who lends it strands, brought together.

Beside the face a drawn head stays near the lender's: hair that the lender has not would stay fog. Then the
lender's strands are moved so that they begin at the drawn hairline and end where the drawn head does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._mesh import brow_line
from kssgan.surrogate._rays import FARTHEST, Rays
from kssgan.surrogate._regions import reduced, step
from kssgan.surrogate._tones import COARSE
from kssgan.types import CROP_SIZE, FloatArray

if TYPE_CHECKING:
    from kssgan.surrogate.head_detail import Placed
    from kssgan.surrogate.outline import Outline

__all__ = ["fitted", "narrowed"]

_BITE = 26  # pixels; wider bays are a part of an outline
_SMOOTH = 1.7  # blur of what an outline is moved by, in angles of 3 degrees
# Most that an outline is moved: beside the face, where stretched ears would be lumps, and over it; pixels.
_MOST_BESIDE, _MOST_OVER = 8.0, 28.0
# Sine of the angles from which a line leads up from the face to nothing but hair.
_UPWARDS = -0.5
_WIDER = 5.0  # pixels by which a drawn head may be wider than the lender's beside the face
_AT_LEAST = 10.0  # pixels between a face and its head's outline where a head is made narrower
_BESIDE = (-0.8, -0.5)  # sine of the angles from which, and up to which, a head may become so
_NARROWER = (1.5, 3.0)  # pixels from which it is made so, and over which it then ends
_DOUBT = 0.02  # where an outline is seen in few of the angles beside, it is moved less
_LEAST_LEFT = 0.4  # of the way from the face to a hairline or an outline that strands keep
_BEYOND = 12.0  # pixels in which what lies beyond an outline is moved less and less
_LEAST_HAIR = 6.0  # pixels of hair over a forehead from which its hairline is known
_MOST_LINE = 16.0  # most that a hairline is moved, pixels
_APART = 2.0  # least that a face, a hairline and an outline lie apart, pixels

# (ANGLES,) where along each line something ends, and whether it does.
_Ends: TypeAlias = tuple[FloatArray, npt.NDArray[np.bool_]]


def narrowed(outline: Outline, lender: Placed) -> Outline:
    """The outline, nowhere beside the face much wider than that of the donor who lends strands."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    from kssgan.surrogate import _torch_warp

    rays = Rays(lender.points)
    wall = reduced(outline.wall, CROP_SIZE // COARSE)
    face, (other, seen), (own, also) = _both_ends(lender, wall, rays)
    known = seen & also
    wider = np.where(known, own - other - _most(rays, _WIDER), 0).clip(0)
    wider = np.minimum(median_filter(wider, 5, mode="wrap"), (own - face - _AT_LEAST).clip(0))
    low, high = _BESIDE
    wider *= known * step((rays.sine - low) / (high - low))
    if not wider.any():
        return outline
    wider = gaussian_filter1d(wider, _SMOOTH, mode="wrap")
    at = rays.places(CROP_SIZE // 2)
    least, soft = _NARROWER
    beyond = at.far - at.at(np.where(also, own, FARTHEST) - wider)
    more = step(at.at(wider) / least) * step(beyond / soft + 0.5)
    more = _torch_warp.enlarge(more[None], CROP_SIZE)[0]
    return replace(outline, wall=np.maximum(outline.wall, more))


def fitted(lender: Placed, wall: FloatArray, skin: FloatArray) -> FloatArray:
    """Where a layer is read so that its outline and hairline lie where those of a drawn head do; faces stay.

    Args:
        lender: the layer, brought to where the drawn face is.
        wall: (64, 64) how much of the drawn picture is wall.
        skin: (64, 64) the same of skin.

    Returns:
        (256, 256, 2) fractions, for each pixel of the drawn picture.
    """
    from scipy.ndimage import median_filter

    rays = Rays(lender.points)
    face, (other, seen), (own, also) = _both_ends(lender, wall, rays)
    known = seen & also
    hairlines = [
        _hairline(plane, rays, face, end) for plane, end in ((lender.skin, other), (skin, own))
    ]
    away = np.where(known, other - own, 0.0)
    most = _most(rays, _MOST_BESIDE)
    away = median_filter(away, 3, mode="wrap").clip(-most, most)
    away = _smoothed(away, known, _DOUBT)
    own = _smoothed(own, known, 1e-6)
    own = np.maximum(own, face + 4)
    away = _not_folded(away, own - face)
    line, moved = _lines(hairlines, known, face, own)
    return _moved(lender.field, rays, (face, line, own), (moved, away))


def _hairline(skin: FloatArray, rays: Rays, face: FloatArray, end: FloatArray) -> _Ends:
    """Where along each line that leads up a forehead's skin ends, and whether hair follows."""
    shown = rays.along(skin) > 0.5
    shown &= (rays.far >= face[:, None]) & (rays.far < end[:, None])
    line = np.float32(FARTHEST) - np.argmax(shown[:, ::-1], axis=1)
    known = shown.any(1) & (end - line >= _LEAST_HAIR) & (rays.sine < _UPWARDS)
    return line.astype(np.float32), known


def _lines(
    hairlines: Sequence[_Ends],
    known: npt.NDArray[np.bool_],
    face: FloatArray,
    own: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Where along each line this head's hairline lies, and by how much farther out another's does; pixels.

    Where either is not known (a fringe, a bald crown, beside the face) it lies on the face, and stays.
    """
    from scipy.ndimage import median_filter

    (other, seen), (line, also) = hairlines
    both = known & seen & also
    moved = median_filter(np.where(both, other - line, 0.0), 5, mode="wrap")
    moved = _smoothed(moved.clip(-_MOST_LINE, _MOST_LINE), both, _DOUBT)
    line = _smoothed(line, both, 1e-6).clip(face + _APART, own - _APART)
    return line, _not_folded(moved, line - face)


def _smoothed(values: FloatArray, known: npt.NDArray[np.bool_], doubt: float) -> FloatArray:
    """Values (ANGLES,) blurred over those that are known; towards 0 where few are, the more the doubt."""
    from scipy.ndimage import gaussian_filter1d

    share = gaussian_filter1d(known.astype(np.float64), _SMOOTH, mode="wrap")
    found: FloatArray = gaussian_filter1d(np.where(known, values, 0.0), _SMOOTH, mode="wrap")
    found /= share + doubt
    return found


def _not_folded(move: FloatArray, way: FloatArray) -> FloatArray:
    """A move inwards that leaves strands some of their way from the face, both in pixels."""
    found: FloatArray = np.maximum(move, -(1 - _LEAST_LEFT) * way)
    return found


def _without_bites(head: FloatArray, points: FloatArray) -> FloatArray:
    """Light on hair may be as bright as the wall; above the eyes no outline has narrow bays.

    ``head`` is (S, S), how much of each place is head; ``points`` lie in pixels of 256.
    """
    from scipy.ndimage import grey_closing

    bite = _BITE * len(head) // CROP_SIZE | 1
    brows = max(0, int(brow_line(points) * len(head) / CROP_SIZE))
    upper = np.pad(head[:brows], ((bite, 0), (0, 0)))
    closed = grey_closing(upper, size=(bite, bite))[bite:]
    found: FloatArray = np.concatenate([np.maximum(head[:brows], closed), head[brows:]])
    return found


def _both_ends(lender: Placed, wall: FloatArray, rays: Rays) -> tuple[FloatArray, _Ends, _Ends]:
    """Where along each line the face ends, the lender's head, and this one."""
    theirs = 1 - _without_bites(1 - lender.wall, lender.points)
    face = np.argmax(rays.along(lender.around) > 0.5, axis=1).astype(np.float32)
    beyond_face = rays.inside & (rays.far > face[:, None] + 2)
    upwards = rays.sine < _UPWARDS
    other, own = (_end(rays.along(plane), beyond_face, upwards) for plane in (theirs, wall))
    return face, other, own


def _most(rays: Rays, beside: float) -> FloatArray:
    """(ANGLES,) how far two outlines may lie apart beside a face, and more over it; pixels."""
    over: FloatArray = np.clip(-2 * rays.sine, 0, 1)
    return beside + (_MOST_OVER - _MOST_BESIDE) * over


def _end(wall: FloatArray, where: npt.NDArray[np.bool_], last: npt.NDArray[np.bool_]) -> _Ends:
    """Where along each line (rows of (A, R)) wall begins, and whether it does.

    On lines of ``last`` (A,) it begins where the head ends for good: over a head is nothing but wall, and
    what is like it farther in is light on hair.
    """
    head = (wall <= 0.5) & where
    ended = np.cumsum(head[:, ::-1], axis=1)[:, ::-1] == 0
    begun = np.where(last[:, None], ended, wall > 0.5) & where
    first = np.maximum(np.argmax(begun, axis=1), 1)
    lines = np.arange(len(wall))
    inner, outer = wall[lines, first - 1], wall[lines, first]
    # Between two pixels, where the first of them is not wall yet.
    part = np.clip((outer - 0.5) / np.maximum(outer - inner, 1e-6), 0, 1)
    ends: FloatArray = first - np.where(inner < 0.5, part, 0)
    seen: npt.NDArray[np.bool_] = np.any(begun, axis=1)
    return ends, seen


def _moved(
    field: FloatArray,
    rays: Rays,
    knots: tuple[FloatArray, FloatArray, FloatArray],
    moves: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """A field that is read farther out along each line.

    By nothing up to the first knot, where the face ends, by ``moves`` at the second and the third, in
    proportion between, and by less and less beyond.
    """
    from scipy.ndimage import map_coordinates

    # Every second pixel: nothing finer is moved.
    at = rays.places(CROP_SIZE // 2)
    face, line, end = (at.at(knot) for knot in knots)
    first, last = (at.at(move) for move in moves)
    below = np.clip((at.far - face) / (line - face), 0, 1)
    above = np.clip((at.far - line) / (end - line), 0, 1)
    outer = np.exp(-np.maximum(at.far - end, 0) / np.maximum(_BEYOND, 1.5 * np.abs(last)))
    move = (first * below + (last - first) * above) * outer
    row, column = np.mgrid[:CROP_SIZE:2, :CROP_SIZE:2].astype(np.float64) + 0.5
    unit = np.maximum(at.far, 1e-6)
    places = [row + move * at.dy / unit, column + move * at.dx / unit]
    found = [map_coordinates(field[..., i], places, order=1, mode="nearest") for i in (0, 1)]
    result: FloatArray = np.stack(found, -1).astype(np.float32)
    return result
