"""The fine detail of faces that surrogates are given: means of a few people trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kssgan.models.face_detail import MIXED, PEOPLE, UNIT, FaceDetail
from kssgan.surrogate._mesh import EYE_CORNERS, EYES, OUTER_LIPS, OVAL, higher_brow
from kssgan.surrogate._tones import BLUR, ellipse
from kssgan.surrogate._torch_warp import blurred
from kssgan.surrogate.shape import DARK
from kssgan.training.ageing import AGE, wears_glasses
from kssgan.training.data import Photos, at_most
from kssgan.training.warps import Spline
from kssgan.types import CROP_SIZE, FloatArray, IntArray

__all__ = ["detail_bands", "face_detail"]

_LAYERS = 10  # of a kind at most
_AGED = 6  # of an age band at most
_FEWEST = MIXED * PEOPLE  # people of a kind
_BARE = 2 / 3  # of them have a forehead without hair
_MARGIN = 6  # pixels around the common face that are kept
_BLURS = (0.7, 1.4, BLUR)  # pixels; what lies between two of them is a band
_STRENGTH = (
    1.4,
    1.2,
    1.0,
)  # of each band: what is drawn is warped once more, which takes the finest away
_MOST = 3.5  # restored contrast over that of a mean
_AGED_MOST = (
    2.4  # the same of wrinkles, which lie elsewhere in everybody: one mean's would be carved
)
# Pixels beside, above and below whose detail is an expression's.
_BESIDE_LIPS = (24.0, 26.0, 13.0)
_BESIDE_EYES = (3.0, 9.0, 3.0)
_ABOVE, _FADE = 2.0, 8.0  # pixels above the brows at which hair may lie, and in which it comes
_TEMPLES = 12.0  # pixels below the eyes to which it may lie on temples
_INSIDE = (0.65, 0.9)
"""Squared distance from the middle of a face, in its radii: no temple yet, a temple."""
_STRAND, _PORES, _STEEP = 3.0, 1.5, 1.5
"""Blur of the areas, pixels, in which detail is no stronger than so many times the forehead's usual one."""
_AREA = 5.0  # blur of the areas over which contrast is compared, pixels
_GREY = torch.tensor([0.299, 0.587, 0.114])
_PHOTOS = 500  # of a kind that are looked at; more change nothing that is seen
_WARPS = 16  # crops warped together

_INT8 = npt.NDArray[np.int8]
_UINT8 = npt.NDArray[np.uint8]


@torch.no_grad()
def face_detail(photos: Photos, label: str) -> FaceDetail | None:
    """Layers for every gender and category of a label, and every age band, of which enough people are known.

    The detail of a face is the logarithm of its grey picture over a blur of it, in a common shape. A mean of
    several keeps what all have in one place; contrast is restored by area and band to that of one person.

    Args:
        photos: the collection. People whose gender and category are known are taken, where there are enough;
            otherwise all.
        label: attribute that is drawn.

    Returns:
        None where fewer than 8 people are there.
    """
    kinds = _kinds(photos, label)
    if not kinds:
        return None
    common = photos.shapes(np.concatenate([rows for _, rows in kinds])).mean(0)
    points: FloatArray = common.cpu().numpy().astype(np.float32)
    outline = points[list(OVAL)]
    low = np.clip(np.floor(outline.min(0)) - _MARGIN, 0, CROP_SIZE - 1).astype(int)
    high = np.clip(np.ceil(outline.max(0)) + _MARGIN, 1, CROP_SIZE).astype(int)
    box = (slice(low[1], high[1]), slice(low[0], high[0]))

    def layers(rows: IntArray, most: int, gain: float) -> _INT8:
        bands = detail_bands(photos, rows, common)
        dealt = _dealt(np.sum(bands, axis=0)[:, *_forehead(points)].std((1, 2)), most)
        return _stored(_bare(_layers([band[dealt] for band in bands], gain), points)[:, *box])

    aged = {kind: layers(rows, _AGED, _AGED_MOST) for kind, rows in _aged(photos, kinds)}
    return FaceDetail(
        points,
        (int(low[1]), int(low[0])),
        {kind: layers(rows, _LAYERS, _MOST) for kind, rows in kinds},
        aged,
        _moving(points)[box] if aged else None,
    )


def _aged(
    photos: Photos, kinds: list[tuple[tuple[str, str], IntArray]]
) -> list[tuple[tuple[str, str], IntArray]]:
    """Gender, age band, and one row of each of their people without glasses, where they are enough.

    The band that most of ``kinds`` are of has its detail there.
    """
    ages, genders = photos.category(AGE), photos.category("gender")
    bands = photos.scheme.get(AGE, ())
    shown = ages[np.concatenate([rows for _, rows in kinds])]
    usual = np.bincount(shown[shown >= 0], minlength=len(bands)).argmax() if bands else -1
    found = []
    for gender, name in enumerate(photos.scheme.get("gender", ())):
        for age, band in enumerate(bands):
            rows = photos.sharp[(genders[photos.sharp] == gender) & (ages[photos.sharp] == age)]
            rows = at_most(rows, _PHOTOS)
            if age == usual or len(rows) < _FEWEST:
                continue
            rows = _one_each(photos, rows[~wears_glasses(photos, rows)])
            if len(rows) >= _FEWEST:
                found.append(((name, band), rows))
    return found


def _moving(points: FloatArray) -> _UINT8:
    """(256, 256): 255 at the eyes, the lips and the folds beside them, 0 elsewhere, smooth between."""
    found = _around(points[list(OUTER_LIPS)], *_BESIDE_LIPS)
    for eye in EYES:
        found = np.maximum(found, _around(points[list(eye)], *_BESIDE_EYES))
    return np.rint(255 * found).astype(np.uint8)


def _around(outline: FloatArray, beside: float, above: float, below: float) -> FloatArray:
    """(256, 256): 1 around some points and so many pixels farther, 0 elsewhere, smooth between."""
    low = outline.min(0) - np.array([beside, above], np.float32)
    high = outline.max(0) + np.array([beside, below], np.float32)
    (x, y), (across, down) = (low + high) / 2, (high - low) / 2
    return ellipse((x, y), (across, down), 0.6, 1.2)


def _kinds(photos: Photos, label: str) -> list[tuple[tuple[str, str], IntArray]]:
    """Gender, category, and one row of each of their people, where they are enough."""
    genders, kinds = photos.category("gender"), photos.category(label)
    found = []
    for gender, name in enumerate(photos.scheme.get("gender", ())):
        for kind, category in enumerate(photos.scheme.get(label, ())):
            rows = photos.sharp[
                (genders[photos.sharp] == gender) & (kinds[photos.sharp] == kind)
            ]
            found.append(((name, category), rows))
    found = [(kind, _one_each(photos, rows)) for kind, rows in found]
    known = [(kind, rows) for kind, rows in found if len(rows) >= _FEWEST]
    if known:
        return known
    everybody = _one_each(photos, photos.sharp)
    return [(("", ""), everybody)] if len(everybody) >= _FEWEST else []


def _one_each(photos: Photos, rows: IntArray) -> IntArray:
    _, first = np.unique(photos.subject[rows], return_index=True)
    return at_most(rows[first], _PHOTOS)


def _forehead(points: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the middle of a forehead."""
    outline = points[list(OVAL)]
    middle = points[list(EYE_CORNERS), 0].mean()
    top = int(outline[:, 1].min()) + _MARGIN
    half = int(np.ptp(outline[:, 0]) * 0.3)
    columns = slice(int(middle) - half, int(middle) + half)
    return slice(top, max(int(higher_brow(points)), top + 1)), columns


def _hair(points: FloatArray) -> FloatArray:
    """(256, 256): 1 where hair may lie on a face, above its brows and on its temples, 0 elsewhere."""
    outline, eyes = points[list(OVAL)], points[list(EYE_CORNERS), 1].mean()
    rows = np.arange(CROP_SIZE, dtype=np.float32)[:, None]
    above = np.clip((higher_brow(points) - _ABOVE - rows) / _FADE, 0, 1)
    temples = np.clip((eyes + _TEMPLES - rows) / _FADE, 0, 1)
    across, down = np.ptp(outline, axis=0) / 2
    x, y = (outline.min(0) + outline.max(0)) / 2
    inside = ellipse((float(x), float(y)), (float(across), float(down)), *_INSIDE)
    found: FloatArray = np.maximum(above, temples * (1 - inside)).astype(np.float32)
    return found


def _bare(layers: FloatArray, points: FloatArray) -> FloatArray:
    """(M, 256, 256) layers whose detail is no stronger than pores where hair may lie on a face.

    One strand in four people is left in their mean, and its contrast restored: a scratch on a forehead.
    """
    size = np.sqrt(blurred(layers * layers, _STRAND))
    pores = np.median(size[:, *_forehead(points)], axis=(1, 2))[:, None, None]
    most = np.minimum(1, (_PORES * pores / np.maximum(size, 1e-6)) ** _STEEP)
    found: FloatArray = layers * (1 + _hair(points) * (most - 1))
    return found


def _dealt(forehead: FloatArray, most: int) -> IntArray:
    """People for all layers, dealt by chance, a multiple of those of one.

    Those whose foreheads have much detail, (N,), are passed over: a fringe leaves strands in a mean.
    """
    bare = max(_FEWEST, round(_BARE * len(forehead)))
    layers = min(bare // PEOPLE, most)
    free = np.argsort(forehead, kind="stable")[:bare]
    found: IntArray = np.random.default_rng(len(forehead)).permutation(free)[: layers * PEOPLE]
    return found


def detail_bands(photos: Photos, rows: IntArray, common: Tensor) -> Sequence[FloatArray]:
    """Fine detail of some faces in a common shape: per band (N, 256, 256) float32, parts of a logarithm.

    Args:
        photos: the collection.
        rows: (N,) of it.
        common: (468, 2) the shape.
    """
    spline = Spline(common)
    faces = []
    for start in range(0, len(rows), _WARPS):
        part = rows[start : start + _WARPS]
        warped = spline(photos.crops(part), photos.shapes(part)).clamp(0, 1)
        grey = torch.einsum("nchw,c->nhw", warped, _GREY.to(warped))
        faces.append((grey + DARK).log().cpu().numpy())
    whole = np.concatenate(faces)
    found, sharp = [], whole
    for sigma in _BLURS:
        soft = blurred(whole, sigma)
        found.append(sharp - soft)
        sharp = soft
    return found


def _layers(bands: Sequence[FloatArray], most: float) -> FloatArray:
    """(M, 256, 256) layers with the contrast that a mixture of two needs."""
    total = np.zeros((len(bands[0]) // PEOPLE, *bands[0].shape[1:]), np.float32)
    for band, strength in zip(bands, _STRENGTH, strict=True):
        means = band.reshape(-1, PEOPLE, *band.shape[1:]).mean(1)
        mixed = (means + np.roll(means, 1, 0)) / 2  # as two are mixed when drawn
        one, many = (blurred((part**2).mean(0)[None], _AREA)[0] for part in (band, mixed))
        contrast = np.sqrt(np.maximum(one, 0) / np.maximum(many, 1e-8))
        total += strength * np.clip(contrast, 1, most) * means
    return total


def _stored(layers: FloatArray) -> _INT8:
    found: _INT8 = np.clip(np.rint(layers / UNIT), -127, 127).astype(np.int8)
    return found
