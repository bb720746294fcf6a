"""One crisp outline for a drawn head, before a plain wall.

Where mixed donors' heads end in different places, a network draws fog. What is fog is told by how much of it
is wall. Where that is less than half it becomes head, elsewhere wall: an outline between those of the donors,
which none of them has. The strands that one of them lends are then moved so that they end where the drawn
head does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._mesh import CHIN, OVAL, brow_line
from kssgan.surrogate._regions import reduced, step
from kssgan.surrogate._tones import COARSE, wall_tone
from kssgan.surrogate._walls import find_wall, share_of_wall
from kssgan.surrogate.shape import DARK
from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["Outline", "fitted", "one_outline", "reach", "with_grain"]

_HEAD = (0.3, 0.7)  # how much of a place is head: it becomes wall, it becomes head
_FOG = 0.4  # how much of a place is wall, from which it gets the colour of the head beside it
_ROUNDS = 2  # a drawn wall has few shades
_SOFTER = 2.0  # than a portrait's are drawn outlines
_NECK = 0.55  # of a face's width
_BITE = 26  # pixels; wider bays are a part of an outline
_ANGLES = 120
_FARTHEST = 180  # pixels from the middle of a face within which an outline is looked for
_SMOOTH = 1.7  # blur of what an outline is moved by, in angles of 3 degrees
# Most that an outline is moved: beside the face, where stretched ears would be lumps, and over it; pixels.
_MOST_BESIDE, _MOST_OVER = 8.0, 28.0
_UPWARDS = (
    -0.5
)  # sine of the angles from which a line leads up from the face to nothing but hair
_DOUBT = 0.02  # where an outline is seen in few of the angles beside, it is moved less
_LEAST_LEFT = 0.4  # of the way from face to outline that strands keep
_BEYOND = 12.0  # pixels in which what lies beyond an outline is moved less and less
_EARS = (0.3, 0.7)  # of a face's height, from its top: brows to nose
_CORNERS = (slice(16), 6)  # rows and columns of a reduced portrait that show its wall
_OFF_WALL = 0.35  # how far a portrait's tone lies from its wall's (logarithm) where its head is
_GRAIN, _GRAIN_SOFT = np.float32(0.003), 0.6  # of a camera; deviation, and blur in pixels


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Where a drawn head ends.

    Attributes:
        wall: (256, 256) how much of each pixel is wall.
        fog: (256, 256, 1) how much of it was, where it is head now.
        behind: (256, 256, 3) the wall's colours in [0, 1], continued behind the head.
        beside: (256, 256, 3) the head's colours beside the wall.
    """

    wall: FloatArray
    fog: FloatArray
    behind: FloatArray
    beside: FloatArray

    def cut(self, picture_01: FloatArray) -> FloatArray:
        """The picture with this outline, (256, 256, 3) float32 in [0, 1]."""
        clear = picture_01 + self.fog * (self.beside - picture_01)
        found = clear + self.wall[..., None] * (self.behind - clear)
        return found.clip(0, 1).astype(np.float32)


def one_outline(picture_01: FloatArray, seen: FloatArray, points: FloatArray) -> Outline:
    """Find where a head ends that was drawn with several outlines.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1], drawn smoothly.
        seen: (128, 128) :func:`~kssgan.surrogate.sight.sight` of its face.
        points: (468, 2) where the face lies.
    """
    from kssgan.surrogate import _torch_warp

    small = reduced(picture_01, 2)
    wall = find_wall(small, seen, rounds=_ROUNDS)
    share, behind, beside = share_of_wall(small.transpose(2, 0, 1), wall, softer=_SOFTER)
    head = np.maximum(_without_bites(1 - share, points), _neck(points))
    planes = _torch_warp.enlarge(np.concatenate([head[None], behind, beside]), CROP_SIZE)
    head = planes[0]
    low, high = (np.float32(end) for end in _HEAD)
    return Outline(
        1 - step((head - low) / (high - low)),
        np.clip((1 - head) / np.float32(_FOG), 0, 1)[..., None],
        planes[1:4].transpose(1, 2, 0),
        planes[4:].transpose(1, 2, 0),
    )


def reach(coarse_u8: U8Array, points: FloatArray) -> float:
    """How far a portrait's head reaches beyond its face, from brows to nose: pixels, mean of both sides.

    Short hair leaves ears alone there, long hair more. A head ends where its wall begins, whose colour is
    that of the upper corners.

    Args:
        coarse_u8: (64, 64, 3) uint8, the portrait reduced four times.
        points: (468, 2) its mesh in pixels of a 256 px crop.
    """
    portrait = coarse_u8.astype(np.float32) / np.float32(255)
    away = np.log(portrait + DARK) - np.log(wall_tone(portrait, _CORNERS) + DARK)
    head = np.abs(away).max(2) > _OFF_WALL
    small = CROP_SIZE // COARSE
    (left, top), (right, bottom) = points.min(0) / small, points.max(0) / small
    first, last = (round(float(top + share * (bottom - top))) for share in _EARS)
    found = []
    for row in head[max(first, 0) : max(last, first + 1)]:
        sides = row[: round(float(left))][::-1], row[round(float(right)) :]
        # Up to the first pixel that is wall, or the border.
        found.append(np.mean([np.append(side, False).argmin() for side in sides]))
    return small * float(np.median(found)) if found else 0.0


def with_grain(picture_01: FloatArray, outline: Outline, seed: int) -> FloatArray:
    """A picture whose wall has a camera's grain, (256, 256, 3) float32 in [0, 1].

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1], whose wall is plain.
        outline: where it is.
        seed: of the grain.
    """
    from kssgan.surrogate import _torch_warp

    chance = np.random.default_rng([seed, CROP_SIZE]).normal(size=(1, CROP_SIZE, CROP_SIZE))
    grain = _torch_warp.blurred(chance.astype(np.float32), _GRAIN_SOFT)[0]
    grain *= outline.wall * (_GRAIN / np.float32(grain.std()))
    found: FloatArray = (picture_01 + grain[..., None]).clip(0, 1)
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


def _neck(points: FloatArray) -> FloatArray:
    """(128, 128) 1 where a neck is, whatever its tone: a pale one is like a grey wall."""
    at = (points + np.float32(0.5)) / 2
    outline, chin = at[list(OVAL)], at[CHIN]
    y, x = np.mgrid[: CROP_SIZE // 2, : CROP_SIZE // 2].astype(np.float32) + np.float32(0.5)
    half = np.float32(_NECK * np.ptp(outline[:, 0]) / 2)
    # From inside the face downwards, soft at its sides.
    inside = np.clip((half - abs(x - outline[:, 0].mean())) / 3 + np.float32(0.5), 0, 1)
    found: FloatArray = (inside * (y > chin[1] - 4)).astype(np.float32)
    return found


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
    from scipy.ndimage import gaussian_filter1d, map_coordinates, median_filter

    theirs = 1 - _without_bites(1 - theirs, points)
    middle = points[list(OVAL)].mean(0)
    turn = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    far = np.arange(_FARTHEST, dtype=np.float64)
    x = middle[0] + np.cos(turn)[:, None] * far
    y = middle[1] + np.sin(turn)[:, None] * far
    inside = (x >= 0) & (x < CROP_SIZE) & (y >= 0) & (y < CROP_SIZE)

    def along(plane: FloatArray) -> FloatArray:
        by = CROP_SIZE / len(plane)
        at = [(y + 0.5) / by - 0.5, (x + 0.5) / by - 0.5]
        found: FloatArray = map_coordinates(plane, at, order=1, mode="nearest")
        return found

    face = np.argmax(along(around) > 0.5, axis=1).astype(np.float64)
    beyond_face = inside & (far > face[:, None] + 2)
    upwards = np.sin(turn) < _UPWARDS
    (other, seen), (own, also) = (
        _end(along(plane), beyond_face, upwards) for plane in (theirs, wall)
    )
    known = seen & also
    away = np.where(known, other - own, 0.0)
    most = _MOST_BESIDE + (_MOST_OVER - _MOST_BESIDE) * np.clip(-2 * np.sin(turn), 0, 1)
    away = median_filter(away, 3, mode="wrap").clip(-most, most)
    weight = gaussian_filter1d(known.astype(np.float64), _SMOOTH, mode="wrap")
    away = gaussian_filter1d(away * known, _SMOOTH, mode="wrap") / (weight + _DOUBT)
    own = gaussian_filter1d(np.where(known, own, 0.0), _SMOOTH, mode="wrap") / (weight + 1e-6)
    own = np.maximum(own, face + 4)
    away = np.maximum(away, -(1 - _LEAST_LEFT) * (own - face))
    return _moved(field, middle, away, own, face)


def _end(
    wall: FloatArray, where: npt.NDArray[np.bool_], last: npt.NDArray[np.bool_]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
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
    field: FloatArray, middle: FloatArray, away: FloatArray, own: FloatArray, face: FloatArray
) -> FloatArray:
    from scipy.ndimage import map_coordinates

    # Every second pixel: nothing finer is moved.
    row, column = np.mgrid[:CROP_SIZE:2, :CROP_SIZE:2].astype(np.float64) + 0.5
    dx, dy = column - middle[0], row - middle[1]
    far = np.hypot(dx, dy)
    turn = np.arctan2(dy, dx) * (_ANGLES / (2 * np.pi))

    def at(values: FloatArray) -> FloatArray:
        found: FloatArray = map_coordinates(values, [turn % _ANGLES], order=1, mode="grid-wrap")
        return found

    move, end, start = at(away), at(own), at(face)
    inner = np.clip((far - start) / (end - start), 0, 1)
    outer = np.exp(-np.maximum(far - end, 0) / np.maximum(_BEYOND, 1.5 * np.abs(move)))
    move = move * inner * outer
    unit = np.maximum(far, 1e-6)
    places = [row + move * dy / unit, column + move * dx / unit]
    found = [map_coordinates(field[..., i], places, order=1, mode="nearest") for i in (0, 1)]
    result: FloatArray = np.stack(found, -1).astype(np.float32)
    return result
