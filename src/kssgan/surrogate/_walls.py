"""The wall behind a portrait: where it is seen, its tones, and how much of each pixel it fills.

Walls of portraits are smooth and touch the picture's border. What is like the wall beside it, in colour above
all where the wall has one, is wall; the fringe of hair around it is a blend of both, and its share of wall is
found by projecting each pixel on the line from the wall's colour to the hair's beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._regions import COARSE, reduced, soften, step
from kssgan.surrogate._skin import DARK
from kssgan.types import FloatArray

__all__ = ["Blend", "Outline", "Wall", "find_wall", "outline", "plain_tones", "share_of_wall"]

_SIZE = 512  # of a portrait
# Coarse rows and columns beside the head, where a wall is seen.
_SIDES = (slice(2, 40), 8)
# Median distance of their tones from the middle one up to which a wall is plain.
_PLAIN = 0.05
# Share of the picture, like the wall but not surely wall, up to which it does not matter; curls have more.
_DOUBTFUL = 0.012
_LEAST_SHARE = 0.1  # of the picture in which a wall must be seen
_LIKE = 0.12  # distance of tones up to which a place is like the wall beside it
_ROUNDS = 6  # each follows a wall's shades further
_LOWEST_ROW = 100  # coarse; lower at the sides lie clothes as often as wall
_LOWEST_HAIR = 88  # coarse row; lower lie necks and clothes as well
# Wall seen between strands: most coarse pixels, least distance from the face in them.
_ISLAND = (1200, 12)
# Spread of the light within 5 pixels of 512 from which a place is hair or clothes.
_ROUGH = 0.035
# How far strands are a blend with a grey, with a coloured wall: blur in pixels of 512.
_REACH = (12.0, 20.0)
_BLURS = ((24.0, 1e-3), (12.0, 1e-1), (6.0, 1.0))  # coarse pixels, and what each counts


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """What is known of the wall in one picture.

    Attributes:
        tones: (128, 128, 3) logarithm of the wall's colour, continued behind the head.
        sure: (128, 128) bool, where nothing but wall is seen.
        spread: median distance beside the head from the middle tone there.
        doubtful: share of the picture that is like the wall, but perhaps hair or clothes.
    """

    tones: FloatArray
    sure: npt.NDArray[np.bool_]
    spread: float
    doubtful: float

    @property
    def plain(self) -> bool:
        """Of one tone and told from all else: it can be exchanged."""
        return self.spread < _PLAIN and self.doubtful < _DOUBTFUL and self.seen

    @property
    def seen(self) -> bool:
        """Enough of it is seen to tell its tones."""
        return float(self.sure.mean()) > _LEAST_SHARE


def find_wall(
    small_01: FloatArray,
    oval: FloatArray,
    light: FloatArray | None = None,
) -> Wall:
    """Find the wall of a portrait.

    Args:
        small_01: (128, 128, 3) in [0, 1].
        oval: (128, 128) weights of the face.
        light: (512, 512) brightness of the same picture in [0, 1], by whose texture light hair is told from
            a light wall; None for a mean, which has none.
    """
    from scipy import ndimage

    logs = np.log(soften(small_01, 0.7) + DARK)
    beside = _beside(np.log(small_01 + DARK))
    tone = np.median(beside, axis=0).astype(np.float32)
    spread = float(np.median(_apart(beside, tone)))
    smooth = np.ones(oval.shape, bool) if light is None else _smooth(light)
    # Seldom asked for, and then once: distances take long.
    from_face = cache(lambda: ndimage.distance_transform_edt(oval < 0.3))
    tones = np.broadcast_to(tone, logs.shape)
    sure = np.zeros(oval.shape, bool)
    for turn in range(_ROUNDS):
        away = _apart(logs, tones)
        like = (away < _LIKE * (1.5 if turn == 0 else 1.0)) & (oval <= 0.5)
        # Strands and light on them are narrow; a wall is not.
        wide = ndimage.binary_opening(like & smooth, np.ones((3, 3)))
        like = ndimage.binary_dilation(wide, np.ones((3, 3)), iterations=2, mask=like)
        parts, count = ndimage.label(like)
        kept = np.zeros(count + 1, bool)
        kept[parts[0]] = True
        kept[parts[:_LOWEST_ROW, [0, -1]]] = True
        kept |= _islands(parts, count, kept, away, from_face)
        kept[0] = False
        before, sure = sure, kept[parts]
        if (before == sure).all():
            break
        tones = _continued(logs, sure, tone)
    return Wall(tones, sure, spread, _doubtful(logs, tones, sure, from_face))


def _islands(
    parts: npt.NDArray[np.int32],
    count: int,
    known: npt.NDArray[np.bool_],
    away: FloatArray,
    from_face: Callable[[], FloatArray],
) -> npt.NDArray[np.bool_]:
    """(count + 1,) which parts are wall seen between strands: small, very like it, far from the face."""
    from scipy import ndimage

    most, least = _ISLAND
    found = ~known & (np.bincount(parts.ravel(), minlength=count + 1) < most)
    found[0] = False
    numbers = np.flatnonzero(found)
    if numbers.size:
        found[numbers] = (np.asarray(ndimage.mean(away, parts, numbers)) < _LIKE / 2) & (
            np.asarray(ndimage.minimum(from_face(), parts, numbers)) > least
        )
    return found


def _doubtful(
    logs: FloatArray,
    tones: FloatArray,
    sure: npt.NDArray[np.bool_],
    from_face: Callable[[], FloatArray],
) -> float:
    """Share of the picture that is like the wall, but perhaps hair or clothes."""
    from scipy import ndimage

    _, least = _ISLAND
    like = (_apart(logs, tones) < _LIKE) & ~ndimage.binary_dilation(sure, iterations=2)
    return float((like & (from_face() > least * 2 / 3)).mean()) if like.any() else 0.0


class Blend(NamedTuple):
    """What each pixel is blended of; S is the side of the picture.

    Attributes:
        share: (S, S) how much of it is wall, in [0, 1].
        wall: (3, S, S) the wall's colours in [0, 1], continued behind the head.
        head: (3, S, S) those of the head beside the wall.
    """

    share: FloatArray
    wall: FloatArray
    head: FloatArray


def share_of_wall(picture_01: FloatArray, wall: Wall, *, softer: float = 1.0) -> Blend:
    """How much of each pixel is wall.

    Args:
        picture_01: (3, S, S) in [0, 1]; S is 128 or a multiple.
        wall: of the same picture.
        softer: by how much outlines are softer than in portraits of 512 pixels.

    Reference: the share is the projection of a colour on the line between foreground and background, as of
    Ruzon, Tomasi 2000, "Alpha estimation in natural images", with one colour for each.
    """
    from kssgan.surrogate import _torch_warp

    size = picture_01.shape[-1]
    unit = softer * size / _SIZE
    planes = np.dstack([np.exp(wall.tones) - DARK, wall.sure.astype(np.float32)])
    large = _torch_warp.enlarge(planes.transpose(2, 0, 1), size)
    colours, sure = large[:3], large[3]
    picture = picture_01.transpose(1, 2, 0)
    behind = colours.transpose(1, 2, 0)
    behind_logs = np.log(behind + DARK)
    away = _apart(np.log(picture + DARK), behind_logs)
    grey = _grey(behind_logs)
    reach = unit * float(np.interp(grey.mean(), (0, 1), _REACH[::-1]))
    near = step(soften(sure, reach) * 8)
    # The head's own colour beside the wall, from where no wall is blended in.
    own = ((away > 0.25) & (soften(sure, reach / 2) < 0.02)).astype(np.float32)[..., None]
    both = np.dstack([picture * own, own])
    both = soften(both, 12.0 * unit) + np.float32(1e-2) * soften(both, 24.0 * unit)
    beside = both[..., :3] / (both[..., 3:] + np.float32(1e-6))
    line = beside - behind
    along = ((picture - behind) * line).sum(-1) / ((line * line).sum(-1) + np.float32(1e-3))
    blended = np.clip((0.9 - along) / 0.9, 0, 1)
    # Between dark hair and a white wall lie pale ears as well, beside a blue one white collars, but not on
    # the line.
    beside_it = np.abs(picture - behind - along[..., None] * line).max(-1)
    blended *= 1 - step((beside_it - (0.12 - 0.09 * grey)) / (0.12 - 0.06 * grey))
    same = 1 - step((away - 0.05) / 0.12)
    share: FloatArray = (near * np.maximum(blended, same * sure)).astype(np.float32)
    return Blend(share, colours, beside.transpose(2, 0, 1).astype(np.float32))


def plain_tones(small_01: FloatArray, wall: Wall) -> FloatArray:
    """The wall's tones as an even shade from side to side and top to bottom, (128, 128, 3) logarithms.

    Shelves, flags and what is left of hair are no part of it.

    Args:
        small_01: (128, 128, 3) in [0, 1].
        wall: of the same picture.
    """
    y, x = np.mgrid[:COARSE, :COARSE] / COARSE - 0.5
    plane = np.stack([np.ones_like(x), x, y], -1)
    at, seen = plane[wall.sure], np.log(small_01 + DARK)[wall.sure].astype(np.float64)
    weights = np.ones(len(at))
    for _ in range(4):  # what lies beside the plane counts less
        scaled = (at * weights[:, None])[:, :, None]
        # Sums along one axis, whose order does not depend on threads.
        slopes = np.linalg.solve((scaled * at[:, None]).sum(0), (scaled * seen[:, None]).sum(0))
        weights = 1 / (1 + (np.abs(seen - at @ slopes).max(1) / 0.08) ** 2)
    low, high = np.percentile(seen, (5, 95), axis=0)
    result: FloatArray = np.clip(plane @ slopes, low, high).astype(np.float32)
    return result


class Outline(NamedTuple):
    """Head and shoulders before their wall, coarsely.

    Attributes:
        shown: (32, 32) how much of each place is no wall.
        hair: (32, 32) how much of it is hair.
        tones: (32, 32, 3) logarithm of the hair's colour.
    """

    shown: FloatArray
    hair: FloatArray
    tones: FloatArray


def outline(small_01: FloatArray, wall: Wall, oval: FloatArray) -> Outline:
    """Where head and shoulders are, and the tones of what hair there is.

    Args:
        small_01: (128, 128, 3) in [0, 1].
        wall: of the same picture.
        oval: (128, 128) weights of the face.
    """
    logs = np.log(small_01 + DARK)
    shown = np.maximum(step((_apart(logs, wall.tones) - 0.08) / 0.25), oval)
    hair = shown * (1 - oval)
    hair[_LOWEST_HAIR:] = 0
    both = reduced(np.dstack([logs * hair[..., None], hair]), 4)
    tones = both[..., :3] / (both[..., 3:] + np.float32(1e-3))
    return Outline(reduced(shown, 4), both[..., 3], tones)


def _beside(image: FloatArray) -> FloatArray:
    """(P, ...) values of a coarse picture beside the head."""
    rows, columns = _SIDES
    sides = np.concatenate([image[rows, :columns], image[rows, -columns:]], 1)
    return sides.reshape(-1, *image.shape[2:])


def _apart(logs: FloatArray, tones: FloatArray) -> FloatArray:
    """Distance of tones from a wall's. Where a wall has a colour, shadows on it count a quarter."""
    light, colour = _light_and_colour(logs - tones)
    weight = np.float32(0.25) + np.float32(0.75) * _grey(tones)
    result: FloatArray = np.hypot(1.5 * colour, weight * light).astype(np.float32)
    return result


def _grey(tones: FloatArray) -> FloatArray:
    """1 where tones have no colour, 0 where it is as strong as on a blue wall."""
    _, coloured = _light_and_colour(tones)
    return 1 - step((coloured - 0.15) / 0.3)


def _light_and_colour(logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean of the channels of (..., 3), and how far the farthest of them lies from it."""
    # Channel by channel: reductions of an axis of three take several times as long.
    red, green, blue = (logs[..., i] for i in range(3))
    light: FloatArray = (red + green + blue) / np.float32(3)
    colour: FloatArray = np.maximum(
        abs(red - light), np.maximum(abs(green - light), abs(blue - light))
    )
    return light, colour


def _smooth(light: FloatArray) -> npt.NDArray[np.bool_]:
    """(128, 128) where a picture has no more texture than a wall."""
    from scipy.ndimage import uniform_filter

    logs = np.log(light.astype(np.float64) + float(DARK))
    middle = uniform_filter(logs, 5)
    spread = np.sqrt(np.maximum(uniform_filter(logs * logs, 5) - middle**2, 0))
    rough = reduced(spread.astype(np.float32), light.shape[0] // COARSE)
    usual = np.median(_beside(rough))
    smooth: npt.NDArray[np.bool_] = rough < max(_ROUGH, 3 * float(usual))
    return smooth


def _continued(logs: FloatArray, sure: npt.NDArray[np.bool_], tone: FloatArray) -> FloatArray:
    """Tones of the wall beside each place, and of the wall around where none is near."""
    weights = sure.astype(np.float32)[..., None]
    both = np.dstack([logs * weights, weights])
    # A little of the middle tone, for where no wall is in reach of any blur.
    around = np.float32(1e-4) * np.array([*tone, 1], np.float32)
    total = around + sum(np.float32(counts) * soften(both, blur) for blur, counts in _BLURS)
    result: FloatArray = (total[..., :3] / total[..., 3:]).astype(np.float32)
    return result
