"""One crisp outline for a drawn head, before a plain wall.

Where mixed donors' heads end in different places, a network draws fog. What is fog is told by how much of it
is wall. Where that is less than a third it becomes head, elsewhere wall: an outline between those of the
donors, which none of them has. Above the face it is one even curve, as no crown has bays, and fog on the
crown takes the colour of the hair (``_crown.py``). What the donor's head changes who lends strands stands in
``lenders_outline.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kssgan.surrogate._crown import even_crown
from kssgan.surrogate._mesh import CHIN, OVAL, sides
from kssgan.surrogate._one_piece import one_piece
from kssgan.surrogate._rays import Rays
from kssgan.surrogate._regions import reduced, step
from kssgan.surrogate._tones import COARSE, wall_tone
from kssgan.surrogate._walls import find_wall, share_of_wall
from kssgan.surrogate.shape import DARK
from kssgan.types import CROP_SIZE, BoolArray, FloatArray, U8Array

__all__ = ["Outline", "leaning", "one_outline", "reach", "with_grain"]

_HEAD = (0.6, 0.8)  # how much of a place is head: it becomes wall, it becomes head
_BELOW = 0.3  # of it, by which less is asked for below the ears: necks are as pale as walls
_STAIRS = 1.0  # blur that takes the stairs of a plane of half the size off an outline, pixels
_FOG = 0.3  # how much of a place is wall, from which it gets the colour of the head beside it
_SOFTER = 2.0  # than a portrait's are drawn outlines
_RIM, _RIM_SOFT = 4.0, 3.0  # how wide the blend of head and wall is, how softly it ends, pixels
_STAYS = 0.05  # pixels from which anything is moved
_NECK = 0.55  # of a face's width
_EARS = (0.3, 0.7)  # of a face's height, from its top: brows to nose
_JAW = (0.62, 0.85)  # of the same: below the ears, above the neck
_LONG = 24.0  # pixels beside a face from which hair is long
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
        crown: (256, 256, 3) what takes fog off the crown when it is added to the picture.
    """

    wall: FloatArray
    fog: FloatArray
    behind: FloatArray
    beside: FloatArray
    crown: FloatArray

    def cut(self, picture_01: FloatArray) -> FloatArray:
        """The picture with this outline, (256, 256, 3) float32 in [0, 1]."""
        clear = picture_01 + self.crown
        clear = clear + self.fog * (self.beside - clear)
        inside = _up_to_rim(clear.clip(0, 1).astype(np.float32), self.wall)
        found: FloatArray = inside + self.wall[..., None] * (self.behind - inside)
        return found.clip(0, 1)


def one_outline(picture_01: FloatArray, seen: FloatArray, points: FloatArray) -> Outline:
    """Find where a head ends that was drawn with several outlines.

    Args:
        picture_01: (256, 256, 3) float32 in [0, 1], drawn smoothly.
        seen: (128, 128) :func:`~kssgan.surrogate.sight.sight` of its face.
        points: (468, 2) where the face lies.
    """
    from kssgan.surrogate import _torch_warp

    small = reduced(picture_01, 2)
    wall = find_wall(small, seen)
    share, behind, beside = share_of_wall(small.transpose(2, 0, 1), wall, softer=_SOFTER)
    crown = even_crown(small, 1 - share, behind.transpose(1, 2, 0), Rays(points))
    neck, below = _neck(points)
    # What is like the wall inside the crown is hair already.
    clear = np.minimum(np.maximum(crown.head, neck), np.maximum(1 - share, crown.zone))
    head = one_piece(np.maximum(crown.head + np.float32(_BELOW) * below, neck), points)
    stack = np.concatenate([head[None], clear[None], behind, beside, crown.change])
    planes = _torch_warp.enlarge(stack, CROP_SIZE)
    low, high = (np.float32(end) for end in _HEAD)
    return Outline(
        1 - step((_torch_warp.blurred(planes[:1], _STAIRS)[0] - low) / (high - low)),
        np.clip((1 - planes[1]) / np.float32(_FOG), 0, 1)[..., None],
        *(planes[at : at + 3].transpose(1, 2, 0) for at in (2, 5, 8)),
    )


def reach(coarse_u8: U8Array, points: FloatArray) -> tuple[float, float]:
    """How far a portrait's head reaches beyond its face, beside the ears and beside the jaw.

    Short hair leaves ears alone above and nothing below, long hair 24 pixels: how long does not matter. A
    head ends where its wall begins, whose colour is that of the upper corners.

    Args:
        coarse_u8: (64, 64, 3) uint8, the portrait reduced four times.
        points: (468, 2) its mesh in pixels of a 256 px crop.

    Returns:
        Pixels from where the face is widest, from brows to nose, and from its outline in each row, between
        ears and neck; each the median of the rows, mean of both sides, at most 24.
    """
    head = _head(coarse_u8)
    rows = _beside(head, points, _EARS), _beside(head, points, _JAW, curved=True)
    ears, jaw = (min(float(np.median(beside.mean(1))), _LONG) for beside in rows)
    return ears, jaw


def leaning(coarse_u8: U8Array, points: FloatArray) -> float:
    """How much farther a portrait's head reaches beyond its face to the left than to the right, pixels.

    A head that is turned hides one of its ears. Arguments as of :func:`reach`.
    """
    beside = _beside(_head(coarse_u8), points, _EARS)
    return float(np.median(np.diff(beside[:, ::-1], axis=1)))


def _head(coarse_u8: U8Array) -> BoolArray:
    """(64, 64) where a reduced portrait shows no wall."""
    portrait = coarse_u8.astype(np.float32) / np.float32(255)
    away = np.log(portrait + DARK) - np.log(wall_tone(portrait, _CORNERS) + DARK)
    found: BoolArray = np.abs(away).max(2) > _OFF_WALL
    return found


def _beside(
    head: BoolArray, points: FloatArray, between: tuple[float, float], *, curved: bool = False
) -> FloatArray:
    """(R, 2) pixels from the face's left and right to the wall, in rows ``between`` shares of its height.

    A face ends where it is widest, or, ``curved``, where its outline lies in a row that it reaches.
    """
    small = CROP_SIZE // COARSE
    (left, top), (right, bottom) = points.min(0) / small, points.max(0) / small
    first, last = (round(float(top + share * (bottom - top))) for share in between)
    rows = np.arange(max(first, 0), min(max(last, first + 1), len(head)))
    middles = rows.astype(np.float32) + np.float32(0.5)
    ends = np.tile(np.array([left, right], np.float32), (len(rows), 1))
    if curved:
        outline = sides(points / np.float32(small), middles)
        ends = np.where(np.isnan(outline), ends, outline)
    found = []
    for row, (start, end) in zip(head[rows], ends, strict=True):
        beside = row[: round(float(start))][::-1], row[round(float(end)) :]
        # Up to the first pixel that is wall, or the border.
        found.append([small * float(np.append(side, False).argmin()) for side in beside])
    return np.array(found or [[0.0, 0.0]], np.float32)


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


def _up_to_rim(head_01: FloatArray, wall: FloatArray) -> FloatArray:
    """A head whose colours reach up to its outline, where a drawing of half the size has a blend.

    Each place of the rim shows what lies some pixels inside of it.
    """
    from scipy.ndimage import map_coordinates

    from kssgan.surrogate import _torch_warp

    near = _torch_warp.blurred(wall[None], _RIM_SOFT)[0]
    down, across = np.gradient(_torch_warp.blurred(near[None], _RIM_SOFT / 2)[0])
    far = np.float32(_RIM) * np.clip(2 * near, 0, 1) * (1 - wall)
    rim = far > _STAYS
    step_in = far[rim] / (np.hypot(down[rim], across[rim]) + np.float32(1e-3))
    row, column = np.nonzero(rim)
    places = [row - step_in * down[rim], column - step_in * across[rim]]
    found = head_01.copy()
    for channel in range(3):
        found[rim, channel] = map_coordinates(
            head_01[..., channel], places, order=1, mode="nearest"
        )
    return found


def _neck(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(128, 128) 1 where a neck is, whatever its tone, as a pale one is like a wall; and 1 below the ears."""
    at = (points + np.float32(0.5)) / 2
    outline, chin = at[list(OVAL)], at[CHIN]
    y, x = np.mgrid[: CROP_SIZE // 2, : CROP_SIZE // 2].astype(np.float32) + np.float32(0.5)
    half = np.float32(_NECK * np.ptp(outline[:, 0]) / 2)
    # From inside the face downwards, soft at its sides.
    inside = np.clip((half - abs(x - outline[:, 0].mean())) / 3 + np.float32(0.5), 0, 1)
    neck: FloatArray = (inside * (y > chin[1] - 4)).astype(np.float32)
    return neck, step((y - outline[:, 1].mean() - 16) / 16)
