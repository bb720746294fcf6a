"""Lend a drawn head the strands of real hair: fine detail that a small network draws as noise.

A drawn head is a mixture of three donors, so its hair is smooth. Where its tones agree with those of one of
the three, that donor's fine detail is laid over it, warped to its shape; elsewhere the head stays as it was
drawn. Nothing of it touches the face. Who lends is a matter of the mixture (``HeadDetail.lender``), not of a
picture: a smile moves the head a little, and must not bring somebody else's strands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kssgan.surrogate._mesh import CHIN, brow_line
from kssgan.surrogate._regions import reduced as halved
from kssgan.surrogate._tones import (
    BLUR,
    COARSE,
    eased,
    mean_where,
    planes_blurred,
    reduced,
    tones,
    wall_and_skin,
)
from kssgan.surrogate.lenders_outline import fitted
from kssgan.surrogate.outline import Outline
from kssgan.surrogate.shape import DARK
from kssgan.surrogate.sight import sight
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["Layer", "Placed", "around_face", "below_brows", "placed", "with_head_detail"]

_STRENGTH = np.float32(1.6)  # a warped portrait and a partial agreement weaken detail
_BROWS = (20.0, 84.0)  # pixels below the brows between which a layout becomes the lender's
_MOST = np.float32(1.3)  # of a layer's logarithms
_AGREE, _DIFFER = 0.35, 0.9  # mean difference of tones (logarithms): all detail, none
_HAIR = np.float32(1.2)  # most that detail may usually change a tone, logarithm
_SKIN = np.float32(0.06)  # the same on skin: pores as on photographs, but no strand of a fringe
# Grey hair: how much less red it is than cheeks (logarithm of red over blue), none and all of it; pixels over
# the brows in which it is looked for more and more.
_GREY, _ABOVE = (0.15, 0.4), (0.0, 16.0)
_WALL = np.float32(0.02)  # the same on a wall: grain, but no glow and no loose hair
_AREA = 4.0  # "usually" is over so many pixels
_REFINED = np.float32(0.5)  # share of the refined head where nothing is lent
_COLOURS = np.array([0.90, 1.03, 1.07], np.float32)
"""Of a change of light in hair, how much red, green and blue change (medians of 62 portraits)."""
_SOFT = 0.7  # how soft the drawn head is made under lent detail, pixels
_EDGE, _EDGE_REACH = 0.5, 1.5  # the same at its outline, and how far from it; pixels
_CRISP, _CRISP_WIDE = (
    np.float32(0.2),
    6.0,
)  # contrast that mixing heads takes away, over so many pixels
_LOOSE, _LOOSE_REACH = np.float32(4), 5.0  # loose hair: nearer to the head, pixels
_SHOULDERS = (-24.0, -8.0)  # pixels below the chin between which cloth begins
_SEAM, _SEAM_REACH = np.float32(2.5), 3.0  # how wide a seam before the wall may be, pixels
_KNOWN = np.float32(20)  # share of what lies inside it from which that is known, its inverse
_READ = 2.0  # pixels beyond a layer's border in which it ends
_BEYOND, _BEYOND_SOFT = 4, 3.0  # how far a face is kept clear, and how softly, pixels


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What one donor can lend.

    Attributes:
        fine: (256, 256) float32, logarithm of the grey portrait over its own blur, 0 on the face.
        coarse: (64, 64, 3) uint8, the portrait reduced four times, its face in the colour of its cheeks.
        points: (468, 2) float32, the donor's mesh in pixels of a 256 px crop.
    """

    fine: FloatArray
    coarse: U8Array
    points: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A layer, where a drawn face is.

    Attributes:
        layer: what is lent.
        points: (468, 2) where the drawn face lies.
        cheeks: (3,) their colour in [0, 1].
        around: (256, 256) :func:`around_face` of it.
        field: (256, 256, 2) where the layer is read for each pixel, fractions.
        wall: (64, 64) how much of the layer's portrait, read so, is wall.
        skin: (64, 64) the same of skin.
    """

    layer: Layer
    points: FloatArray
    cheeks: FloatArray
    around: FloatArray
    field: FloatArray
    wall: FloatArray
    skin: FloatArray


def placed(
    layer: Layer,
    points: FloatArray,
    cheeks: FloatArray,
    warp: Warp,
    *,
    seen: FloatArray | None = None,
) -> Placed:
    """Bring a layer to where a drawn face is.

    Args:
        layer: one of the donors of the head.
        points: (468, 2) where the face lies.
        cheeks: (3,) their colour in [0, 1].
        warp: to ``points``.
        seen: :func:`~kssgan.surrogate.sight.sight` of ``points``, where it is already made.
    """
    field = warp.sources(layer.points, size=CROP_SIZE)
    wall, skin = wall_and_skin(_lent_tones(layer, field), cheeks)
    return Placed(layer, points, cheeks, around_face(points, seen=seen), field, wall, skin)


def below_brows(points: FloatArray, grid: int) -> FloatArray:
    """How far the head is drawn after one donor alone: the one who lends strands.

    Above the brows outlines of three donors make one that nobody has. Below them they would make fog of
    collars and hair beside a neck, of which there is no middle.

    Args:
        points: (468, 2) where the face lies.
        grid: rows of a code's map.

    Returns:
        (grid,) float32 for each row from the top: 0 above the brows, 1 from the eyes downwards.
    """
    rows = (np.arange(grid, dtype=np.float32) + np.float32(0.5)) * (CROP_SIZE / grid)
    first, last = (brow_line(points) + away for away in _BROWS)
    share: FloatArray = np.clip((rows - first) / (last - first), 0, 1).astype(np.float32)
    return share


def around_face(points: FloatArray, *, seen: FloatArray | None = None) -> FloatArray:
    """(256, 256) float32: 0 on what G sees of S_g, and a little beyond, 1 elsewhere, soft between.

    Args:
        points: (468, 2) where the face lies.
        seen: :func:`~kssgan.surrogate.sight.sight` of ``points``, where it is already made.
    """
    from kssgan.surrogate import _torch_warp

    seen = sight(points) if seen is None else seen
    face = _torch_warp.enlarge(seen[None], CROP_SIZE)
    wide = _torch_warp.blurred(_torch_warp.widened(face, _BEYOND), _BEYOND_SOFT)[0]
    # The sum of a blur is not exactly 1; on the face the result is exactly 0.
    found: FloatArray = np.clip((1 - wide) * np.float32(1.02) - np.float32(0.01), 0, 1)
    return found


def with_head_detail(
    refined_01: FloatArray, smooth_01: FloatArray, lender: Placed, outline: Outline
) -> FloatArray:
    """A drawn picture with a donor's fine detail around the face.

    Args:
        refined_01: (256, 256, 3) float32 in [0, 1], what G drew.
        smooth_01: the same before it was refined, doubled.
        lender: one of the donors of the head.
        outline: where the drawn head ends; the donor's strands end there as well.

    Returns:
        (256, 256, 3) float32 in [0, 1].
    """
    from kssgan.surrogate import _torch_warp

    layer, around = lender.layer, lender.around
    small_01 = reduced(smooth_01)
    small = tones(small_01)
    on_wall, skin = wall_and_skin(small, lender.cheeks)
    own_on_wall = reduced(outline.wall[..., None])[..., 0]
    skin *= 1 - _grey_hair(small_01, own_on_wall, lender)
    field = fitted(lender, own_on_wall, skin)
    theirs = _lent_tones(layer, field)
    agreed = 1 - eased(np.abs(theirs - small).mean(2), _AGREE, _DIFFER)
    fine = _STRENGTH * _torch_warp.sample_logs(layer.fine, field, _MOST)
    limit = _HAIR + on_wall * (_WALL - _HAIR) + skin * (_SKIN - _HAIR)
    agreed, limit = _torch_warp.enlarge(np.stack([agreed, limit]), CROP_SIZE)
    agreed = agreed * _within(field)
    fine = _ended(_held(fine, limit), outline, lender.points)
    under_it = planes_blurred(smooth_01, _SOFT)
    under_it = under_it + _at_outline(outline) * (planes_blurred(smooth_01, _EDGE) - under_it)
    gain = np.exp((agreed * fine)[..., None] * _COLOURS)
    lent = (np.clip(under_it, 0, 1) + DARK) * gain - DARK
    drawn = _REFINED * refined_01 + (1 - _REFINED) * lent
    head = lent + (1 - agreed[..., None]) * (drawn - lent)
    crisp = _CRISP * (1 - outline.wall[..., None])
    head = head + crisp * (head - _widely_blurred(head, _CRISP_WIDE))
    head = _without_glow(head, smooth_01, outline)
    found: FloatArray = refined_01 + around[..., None] * (head - refined_01)
    return found.clip(0, 1).astype(np.float32)


def _grey_hair(small_01: FloatArray, wall: FloatArray, lender: Placed) -> FloatArray:
    """(64, 64) where a head above the brows is less red than cheeks: grey hair may be as light as skin.

    Nothing of the ``wall`` (64, 64) is blended in, which may be blue.
    """
    head = np.clip(1 - 2 * wall, 0, 1)[..., None]
    logs = np.log(mean_where(small_01, head, BLUR * COARSE / CROP_SIZE, least=1e-3)[0] + DARK)
    red, blue = np.log(lender.cheeks + DARK)[[0, 2]]
    rows = np.arange(COARSE, dtype=np.float32)[:, None] + np.float32(0.5)
    above = brow_line(lender.points) - rows * np.float32(CROP_SIZE / COARSE)
    less_red = red - blue - (logs[..., 0] - logs[..., 2])
    found: FloatArray = eased(above, *_ABOVE) * eased(less_red, *_GREY)
    return found


def _within(field: FloatArray) -> FloatArray:
    """(256, 256) 1 where a layer is read inside of its picture, 0 beyond, where strands would be mirrored."""
    from kssgan.surrogate import _torch_warp

    beyond = np.maximum(-field, field - 1).max(2) * np.float32(CROP_SIZE)
    found: FloatArray = 1 - eased(_torch_warp.enlarge(beyond[None], CROP_SIZE)[0], 0.0, _READ)
    return found


def _held(fine: FloatArray, limit: FloatArray) -> FloatArray:
    """(256, 256) detail whose usual size, around each place, is below a limit, and whose form is kept.

    Cut off at the limit, strands on what has the tone of skin (a forehead, but light hair too) would be
    patches with sharp edges.
    """
    size = np.sqrt(_widely_blurred((fine * fine)[..., None], _AREA)[..., 0])
    held = fine * (limit / np.hypot(limit, size))
    found: FloatArray = (2 * limit * np.tanh(held / (2 * limit))).astype(np.float32)
    return found


def _at_outline(outline: Outline) -> FloatArray:
    """(256, 256, 1): 1 where the head ends, 0 a few pixels from there."""
    from kssgan.surrogate import _torch_warp

    wall = _torch_warp.blurred(outline.wall[None], _EDGE_REACH)[0]
    # A half on the outline itself; 1 from a fifth to four fifths.
    found: FloatArray = np.clip(6 * wall * (1 - wall), 0, 1)[..., None]
    return found


def _widely_blurred(image: FloatArray, sigma: float) -> FloatArray:
    """(256, 256, C) blurred so widely that it may be done at half the size, for an eighth of the work."""
    from kssgan.surrogate import _torch_warp

    small = halved(image, 2).transpose(2, 0, 1)
    return _torch_warp.enlarge(_torch_warp.blurred(small, sigma / 2), CROP_SIZE).transpose(
        1, 2, 0
    )


def _ended(fine: FloatArray, outline: Outline, points: FloatArray) -> FloatArray:
    """Strands that end where the head does, but for a few pixels of loose hair, and no glow on the wall."""
    near = _widely_blurred(1 - outline.wall[..., None], _LOOSE_REACH)[..., 0]
    fine = fine * np.clip(_LOOSE * near, 0, 1)
    # Cloth has no loose hair.
    rows = np.arange(CROP_SIZE, dtype=np.float32)[:, None] + np.float32(0.5)
    cloth = eased(rows - points[CHIN, 1], *_SHOULDERS)
    fine = fine * (1 - cloth * outline.wall)
    # Before a wall that is lighter than hair, loose hair is dark; what is light there is glow.
    lighter = (outline.behind - outline.beside).sum(2)
    result: FloatArray = np.where(fine * lighter > 0, (1 - outline.wall) * fine, fine)
    return result


def _without_glow(head: FloatArray, smooth_01: FloatArray, outline: Outline) -> FloatArray:
    """No rim that is lighter than both the wall and what lies inside it.

    G draws a light seam between dark cloth and a wall, and lent detail makes it white.
    """
    rim = np.clip(_SEAM * _widely_blurred(outline.wall[..., None], _SEAM_REACH), 0, 1)
    both = _widely_blurred(np.dstack([smooth_01 * (1 - rim), 1 - rim]), _CRISP_WIDE)
    inside = both[..., :3] / (both[..., 3:] + np.float32(1e-3))
    known = np.clip(_KNOWN * both[..., 3:], 0, 1)
    most = np.maximum(outline.behind, known * inside)
    found: FloatArray = head - rim * np.maximum(head - most, 0)
    return found


def _lent_tones(layer: Layer, field: FloatArray) -> FloatArray:
    """(64, 64, 3) tones of the donor's head along a field."""
    from kssgan.surrogate import _torch_warp

    theirs = _torch_warp.sample(layer.coarse[None], field[None], COARSE)[0]
    return tones(theirs.transpose(1, 2, 0) / np.float32(255))
