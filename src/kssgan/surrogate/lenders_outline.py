"""A drawn head's outline and that of the donor who lends it strands of hair, brought together.

Beside the face a drawn head stays near the lender's: hair that the lender has not would stay fog. Then the
lender's strands are moved so that they end where the drawn head does.
"""

from __future__ import annotations

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
_LEAST_LEFT = 0.4  # of the way from face to outline that strands keep
_BEYOND = 12.0  # pixels in which what lies beyond an outline is moved less and less

# (ANGLES,) where along each line something ends, and whether it does.
_Ends: TypeAlias = tuple[FloatArray, npt.NDArray[np.bool_]]


def narrowed(outline: Outline, lender: Placed) -> Outline:
    """The outline, nowhere beside the face much wider than that of the donor who lends strands."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    from kssgan.surrogate import _torch_warp

    rays = Rays(lender.points)
    wall = reduced(outline.wall, CROP_SIZE // COARSE)
    face, (other, seen), (own, also) = _both_ends(
        lender.wall, wall, lender.around, lender.points, rays
    )
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


def fitted(
    field: FloatArray,
    theirs: FloatArray,
    wall: FloatArray,
    around: FloatArray,
    points: FloatArray,
) -> FloatArray:
    """A field that brings another head's outline to where this one's is; faces stay.

    Args:
        field: (256, 256, 2) where the other head is read for each pixel of this one, fractions.
        theirs: (64, 64) how much of the other head's picture, read so, is wall.
        wall: (64, 64) the same of this picture.
        around: (256, 256) 0 on the face, 1 elsewhere.
        points: (468, 2) where the face lies.
    """
    from scipy.ndimage import gaussian_filter1d, median_filter

    rays = Rays(points)
    face, (other, seen), (own, also) = _both_ends(theirs, wall, around, points, rays)
    known = seen & also
    away = np.where(known, other - own, 0.0)
    most = _most(rays, _MOST_BESIDE)
    away = median_filter(away, 3, mode="wrap").clip(-most, most)
    weight = gaussian_filter1d(known.astype(np.float64), _SMOOTH, mode="wrap")
    away = gaussian_filter1d(away * known, _SMOOTH, mode="wrap") / (weight + _DOUBT)
    own = gaussian_filter1d(np.where(known, own, 0.0), _SMOOTH, mode="wrap") / (weight + 1e-6)
    own = np.maximum(own, face + 4)
    away = np.maximum(away, -(1 - _LEAST_LEFT) * (own - face))
    return _moved(field, rays, away, own, face)


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


def _both_ends(
    theirs: FloatArray, wall: FloatArray, around: FloatArray, points: FloatArray, rays: Rays
) -> tuple[FloatArray, _Ends, _Ends]:
    """Where along each line the face ends, another head, and this one."""
    theirs = 1 - _without_bites(1 - theirs, points)
    face = np.argmax(rays.along(around) > 0.5, axis=1).astype(np.float32)
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
    field: FloatArray, rays: Rays, away: FloatArray, own: FloatArray, face: FloatArray
) -> FloatArray:
    from scipy.ndimage import map_coordinates

    # Every second pixel: nothing finer is moved.
    at = rays.places(CROP_SIZE // 2)
    move, end, start = at.at(away), at.at(own), at.at(face)
    inner = np.clip((at.far - start) / (end - start), 0, 1)
    outer = np.exp(-np.maximum(at.far - end, 0) / np.maximum(_BEYOND, 1.5 * np.abs(move)))
    move = move * inner * outer
    row, column = np.mgrid[:CROP_SIZE:2, :CROP_SIZE:2].astype(np.float64) + 0.5
    unit = np.maximum(at.far, 1e-6)
    places = [row + move * at.dy / unit, column + move * at.dx / unit]
    found = [map_coordinates(field[..., i], places, order=1, mode="nearest") for i in (0, 1)]
    result: FloatArray = np.stack(found, -1).astype(np.float32)
    return result
