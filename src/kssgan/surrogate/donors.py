"""Public portraits that lend their head to composites: what a donor is, which are fit, and which is taken.

A donor is never a member of a group and never a user's photo. Which donor a group gets depends on the group's
mean, its released attributes and a seed, on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kssgan.surrogate import _donor_looks as looks
from kssgan.surrogate._mesh import (
    BEARD,
    BESIDE_EYES,
    BROWS,
    CHEEKS,
    EYE_CORNERS,
    EYES,
    FOREHEAD,
    INNER_LIPS,
    LIP_GAP,
    MOUTH_CORNERS,
    NOSE,
    OUTER_LIPS,
    OVAL,
    check_points,
)
from kssgan.surrogate._regions import COARSE, reduced, regions, soften
from kssgan.surrogate._skin import DARK
from kssgan.surrogate._walls import Outline, find_wall, outline
from kssgan.surrogate.shape import ShapeMean
from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["DONOR_SIZE", "Donor", "DonorFault", "choose", "fit", "lopsided", "ranked", "screen"]

DONOR_SIZE = 2 * CROP_SIZE
"""Side of a donor's crop in pixels: twice the released picture, cut like a head crop."""

_Array = npt.NDArray[np.float64]


class DonorFault(StrEnum):
    """Why a portrait is passed over."""

    OUTSIDE = "face or hair reaches beyond the photo"
    TURNED = "face is turned to the side"
    UNSHARP = "not sharp enough"
    GLASSES = "wears glasses"
    COVERED = "hair or a hat covers the forehead"
    LOPSIDED = "one side of the face is shaded or covered"


@dataclass(frozen=True, eq=False)
class Donor:
    """One portrait.

    Attributes:
        crop_u8: (512, 512, 3) uint8, cut with the head template at twice its scale.
        points: (468, 2) float32 mesh in its pixels.
        attributes: what is known ("gender", "expression", ...); an absent or empty value is unknown.

    Raises:
        ValueError: another shape or type, or points that are no face.
    """

    crop_u8: U8Array
    points: FloatArray
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_points(self.points)
        if np.ptp(self.points[list(EYE_CORNERS), 0]) < 1:
            raise ValueError(
                "a donor's eyes lie on one place; give the points of one upright face"
            )
        if self.crop_u8.dtype != np.uint8 or self.crop_u8.shape != (DONOR_SIZE, DONOR_SIZE, 3):
            raise ValueError(
                f"a donor's crop of shape {self.crop_u8.shape} and type {self.crop_u8.dtype} came; "
                f"({DONOR_SIZE}, {DONOR_SIZE}, 3) uint8 was wanted"
            )

    @cached_property
    def tones(self) -> _Array:
        """(468, 3) logarithm of the blurred colour at each point of the mesh."""
        small = reduced(self.crop_u8.astype(np.float32) / np.float32(255), DONOR_SIZE // COARSE)
        return _tones(small, self.points, DONOR_SIZE)

    @cached_property
    def head(self) -> tuple[Outline, bool]:
        """Its :func:`outline`, and whether the wall behind it is plain."""
        crop = self.crop_u8.astype(np.float32) / np.float32(255)
        points = (self.points + 0.5) * (CROP_SIZE / DONOR_SIZE) - 0.5
        oval = regions(points.astype(np.float32)).oval
        small = reduced(crop, DONOR_SIZE // COARSE)
        wall = find_wall(small, oval, crop.mean(2))
        return outline(small, wall, oval), wall.plain

    @cached_property
    def grain(self) -> float:
        """Spread of the Laplacian of its grey at half size, of 0..1: how sharp hair and skin are."""
        half = reduced(self.crop_u8.astype(np.float32).mean(2) / np.float32(255), 2)
        return max(looks.edges(half), 1e-4)


def screen(donor: Donor) -> DonorFault | None:
    """Reason to pass a portrait over, or None.

    The limits were set by looking at 600 public portraits (204 studio photos, 396 official portraits);
    ``benchmarks/composite.py`` counts what they pass over.
    """
    oval = donor.points[list(OVAL)]
    if (oval < 8).any() or (oval > DONOR_SIZE - 9).any():
        return DonorFault.OUTSIDE
    if looks.repeated_rows(donor.crop_u8) > 24:
        return DonorFault.OUTSIDE
    if looks.turned(donor.points) > 0.085:
        return DonorFault.TURNED
    if looks.sharpness(donor.crop_u8, donor.points) < 160:
        return DonorFault.UNSHARP
    if looks.glasses(donor.crop_u8, donor.points) > 0:
        return DonorFault.GLASSES
    if looks.covered_forehead(donor.crop_u8, donor.points) > 0.24:
        return DonorFault.COVERED
    if lopsided(donor) > 0.24:
        return DonorFault.LOPSIDED
    return None


def lopsided(donor: Donor) -> float:
    """How much darker one side of the face is beside the eye, or one eye with its brow; a logarithm.

    Light from one side, hair over a temple or a patch over an eye: on a mean, which is lit evenly, it shows.
    """
    left, right = (donor.tones[list(side)].mean(0) for side in BESIDE_EYES)
    eyes = [donor.tones[[*EYES[i], *BROWS[i]]].mean(0) for i in range(2)]
    return float(max(np.abs(left - right).mean(), np.abs(eyes[0] - eyes[1]).mean()))


def choose(
    donors: Sequence[Donor],
    mean: ShapeMean,
    attributes: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
) -> int:
    """Take a donor for a group: the first of :func:`ranked`.

    Args:
        donors: screened portraits.
        mean: of the group.
        attributes: what is released of the group.
        seed: draws among equals.

    Returns:
        Index into ``donors``.

    Raises:
        ValueError: no donors.
    """
    return ranked(donors, mean, attributes, seed=seed)[0]


def ranked(
    donors: Sequence[Donor],
    mean: ShapeMean,
    attributes: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
) -> list[int]:
    """Donors for a group, in the order in which they are tried.

    Among the donors that contradict the group's attributes least (gender before all others; unknown gender is
    better than a wrong one, unknown anything else as good as the right one), those that
    :func:`fit` the mean nearly as well as the best one come first, shuffled by the seed; the others follow by
    their fit. Donors that contradict more are left out.

    Args:
        donors: screened portraits.
        mean: of the group.
        attributes: what is released of the group.
        seed: shuffles equals.

    Returns:
        Indices into ``donors``, at least one.

    Raises:
        ValueError: no donors.
    """
    if not donors:
        raise ValueError("no donors came; at least one screened portrait is needed")
    wanted = attributes or {}
    contradicted = [_contradictions(donor.attributes, wanted) for donor in donors]
    least = min(contradicted)
    able = np.array([i for i, count in enumerate(contradicted) if count == least])
    aim = _aim(mean)
    misfits = np.array([_misfit(donors[i], aim) for i in able])
    order = np.argsort(misfits, kind="stable")
    nearest = misfits[order]
    alike = nearest <= nearest[0] + _SLACK
    alike[:_LEAST] |= nearest[:_LEAST] <= _BEARABLE
    alike[_MOST:] = False
    close, others = order[alike], order[~alike]
    shuffled = np.random.default_rng(seed).permutation(close)
    return [int(able[i]) for i in (*shuffled, *others)]


_OUTLINE, _HAIR = 2.0, 0.3
_SLACK = 0.2  # misfits that differ by less look alike
_LEAST, _MOST = 3, 12  # donors drawn from, so that groups do not all share one head
_BEARABLE = 0.85  # misfit up to which the second and third best are drawn even if the best is better by more


def fit(donor: Donor, mean: ShapeMean) -> float:
    """How badly a donor suits a mean, 0 for the mean's own picture; above about 1 it shows.

    Counts the difference of skin tone, of the pattern of tones (brows, beard, make-up, open mouth), of the
    shape, above all of the mouth, of beards, and of the outline of hair and shoulders.
    """
    return _misfit(donor, _aim(mean))


@dataclass(frozen=True, slots=True, eq=False)
class _Aim:
    """What a donor is compared with: (468, 3) tones, (468, 2) points and :func:`outline` of a mean."""

    tones: _Array
    points: FloatArray
    head: Outline


def _aim(mean: ShapeMean) -> _Aim:
    small = reduced(mean.image_01, CROP_SIZE // COARSE)
    oval = regions(mean.points).oval
    shown = outline(small, find_wall(small, oval), oval)
    return _Aim(_tones(small, mean.points, CROP_SIZE), mean.points, shown)


def _contradictions(known: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[int, int]:
    wrong = [name for name, value in wanted.items() if known.get(name) and known[name] != value]
    unknown = "gender" in wanted and not known.get("gender")
    return 2 if "gender" in wrong else int(unknown), len(wrong)


_SHARP = 0.066  # spread of the Laplacian below which a portrait's hair is seen to be soft
_SKIN = sorted({*FOREHEAD, *NOSE, *(i for cheek in CHEEKS for i in cheek)})
_LIPS = [*OUTER_LIPS, *INNER_LIPS]


def _misfit(donor: Donor, target: _Aim) -> float:
    away = donor.tones - target.tones
    skin = np.median(away[_SKIN], axis=0)
    pattern = away - skin
    beard = -pattern[list(BEARD)].mean(1)  # positive where the donor is darker
    bearded = np.maximum(beard - 0.1, 0).mean() + 0.5 * np.maximum(-beard - 0.1, 0).mean()
    aim = _normal(target.points)
    here = _brought(_normal(donor.points), aim)
    shape = np.sqrt(((here - aim) ** 2).sum(1).mean())
    mouths = np.abs(_mouth(here) - _mouth(aim))
    mouth = (mouths * (1.0, 0.5, 0.5)).sum() + 3.0 * np.maximum(mouths[0] - 0.04, 0)
    light = skin.mean()
    colour = np.sqrt(((skin - light) ** 2).mean())
    teeth = abs(pattern[list(INNER_LIPS)].mean())
    (head, plain), wanted = donor.head, target.head
    both = np.minimum(head.hair, wanted.hair)
    hair = (np.abs(head.tones - wanted.tones).mean(-1) * both).sum() / (both.sum() + 1e-3)
    return float(
        np.sqrt((skin**2).mean())
        + 0.5 * colour
        + 8.0 * np.maximum(colour - 0.08, 0)  # a cast that no factor takes away
        + np.maximum(light - 0.35, 0)  # ears and hair stay lighter than the face
        + 2.0 * np.maximum(-light - 0.05, 0)  # noise shows where a dark picture is made lighter
        + np.maximum(np.log(_SHARP / donor.grain), 0)
        + 1.5 * np.minimum(np.abs(pattern), 0.8).mean()
        + 5.0 * shape
        + 4.0 * mouth
        + 0.3 * teeth
        + 2.0 * np.maximum(teeth - 0.1, 0)  # teeth or none: lips of both would be seen
        + 3.0 * bearded
        + 0.5 * lopsided(donor)
        + _OUTLINE * np.abs(head.shown - wanted.shown).mean()
        + _HAIR * hair
        + 0.5 * (not plain)  # such a wall stays the donor's
    )


def _mouth(shape: _Array) -> _Array:
    """How far it is open, how wide it is, how far its corners are drawn up."""
    upper, lower = LIP_GAP
    corners, middle = shape[list(MOUTH_CORNERS), 1].mean(), shape[[0, 17], 1].mean()
    return np.array(
        [shape[lower, 1] - shape[upper, 1], np.ptp(shape[_LIPS, 0]), corners - middle]
    )


def _normal(points: FloatArray) -> _Array:
    """Points from the middle between the eye corners, in units of their distance."""
    left, right = points[list(EYE_CORNERS)].astype(np.float64)
    result: _Array = (points - (left + right) / 2) / np.hypot(*(right - left))
    return result


def _brought(shape: _Array, aim: _Array) -> _Array:
    """Turned, scaled and shifted onto another shape."""
    p, q = shape - shape.mean(0), aim - aim.mean(0)
    spread = (p**2).sum()
    c = (p * q).sum() / spread
    s = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum() / spread
    result: _Array = p @ np.array([[c, s], [-s, c]]) + aim.mean(0)
    return result


def _tones(image_01: FloatArray, points: FloatArray, size: int) -> _Array:
    """(468, 3) logarithm of the blurred colours at the points of a (128, 128, 3) image."""
    from scipy.ndimage import map_coordinates

    x, y = ((points.astype(np.float64) + 0.5) * (COARSE / size) - 0.5).T
    smooth = soften(image_01, 2.0)
    seen = [map_coordinates(smooth[..., c], [y, x], order=1, mode="nearest") for c in range(3)]
    result: _Array = np.log(np.stack(seen, 1).astype(np.float64) + float(DARK))
    return result
