"""The face space of the people trained on, in torch alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.models.face_space import FaceSpace
from kssgan.surrogate._mesh import CHEEKS
from kssgan.surrogate.shape import DARK
from kssgan.surrogate.sight import SEEN, sight
from kssgan.training.data import Photos, at_most
from kssgan.training.warps import Spline
from kssgan.types import CROP_SIZE, FloatArray, IntArray

__all__ = ["face_space", "faces_and_shapes"]

_PICTURES = 40  # directions: nine tenths of how 160 photos differ
_SHAPES = 20
_FEWEST = 24  # people of a gender whose covariance is taken; also of anybody
_MOST = 400  # photos; more change nothing that is seen
_WARPS = 16  # crops warped together


@torch.no_grad()
def face_space(photos: Photos, label: str) -> FaceSpace | None:
    """Principal directions of training faces about the mean of their gender and category of a label.

    Where enough people have a known category only they are used: a smile is no feature of a person.

    Args:
        photos: the collection.
        label: attribute whose categories do not count as features.

    Returns:
        None where fewer than 24 people are there.
    """
    kinds, genders = photos.category(label), photos.category("gender")
    rows = photos.train[kinds[photos.train] >= 0]
    if np.unique(photos.subject[rows]).size < _FEWEST:
        rows = photos.train
    if np.unique(photos.subject[rows]).size < _FEWEST:
        return None
    rows = at_most(rows, _MOST)
    common = photos.shapes(rows).mean(0)
    ratios, shapes = faces_and_shapes(photos, rows, common)
    textures = _kinds(photos, label, ratios, rows)
    _take_means_away(ratios, genders[rows], kinds[rows])
    _take_means_away(shapes, genders[rows], kinds[rows])
    pictures, at_pictures = _directions(ratios, _PICTURES)
    moves, at_shapes = _directions(shapes, _SHAPES)
    places = torch.cat([at_pictures, at_shapes], 1)
    spread = {"": _factor(places)}
    for number, name in enumerate(photos.scheme.get("gender", ())):
        own = genders[rows] == number
        if np.unique(photos.subject[rows[own]]).size >= _FEWEST:
            spread[name] = _factor(places[torch.from_numpy(own).to(places.device)])
    side = CROP_SIZE // 2
    planes = pictures.reshape(-1, 3, side, side).permute(0, 2, 3, 1)
    return FaceSpace(
        common.cpu().numpy(),
        np.ascontiguousarray(planes.cpu().numpy()),
        moves.reshape(len(moves), -1, 2).cpu().numpy(),
        {name: factor.float().cpu().numpy() for name, factor in spread.items()},
        textures,
    )


def faces_and_shapes(photos: Photos, rows: IntArray, common: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of faces over their own skin tone, (N, 3 * 128 * 128), and shapes, (N, 936)."""
    spline = Spline(common)
    cheeks = common[[i for cheek in CHEEKS for i in cheek]]
    x, y = cheeks.round().long().clamp(0, CROP_SIZE - 1).unbind(1)
    seen = torch.from_numpy(sight(common.cpu().numpy()) > SEEN).to(common)
    found = []
    for start in range(0, len(rows), _WARPS):
        part = rows[start : start + _WARPS]
        points = photos.shapes(part)
        warped = spline(photos.crops(part), points).clamp(0, 1) + DARK
        tone = warped[:, :, y, x].median(2).values
        ratio = warped.log() - tone.log()[:, :, None, None]
        found.append((F.avg_pool2d(ratio, 2) * seen).flatten(1))
    points = photos.shapes(rows)
    return torch.cat(found), points.flatten(1).clone()


def _kinds(photos: Photos, label: str, ratios: Tensor, rows: IntArray) -> dict[str, FloatArray]:
    """Mean texture of each category, over people of whom every category is known."""
    kinds = photos.category(label)[rows]
    names = photos.scheme.get(label, ())
    people = photos.subject[rows]
    whole = [set(range(len(names))) <= set(kinds[people == p].tolist()) for p in people]
    side, found = CROP_SIZE // 2, {}
    for number, name in enumerate(names):
        own = (kinds == number) & np.array(whole)
        if len(names) < 2 or np.unique(people[own]).size < _FEWEST:
            return {}
        mean = ratios[torch.from_numpy(own).to(ratios.device)].mean(0)
        found[name] = mean.reshape(3, side, side).permute(1, 2, 0).cpu().numpy()
    return found


def _take_means_away(values: Tensor, genders: IntArray, kinds: IntArray) -> None:
    for gender in np.unique(genders):
        for kind in np.unique(kinds):
            own = torch.from_numpy((genders == gender) & (kinds == kind)).to(values.device)
            if own.any():
                values[own] -= values[own].mean(0)


def _directions(values: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Unit principal directions (C, D) of rows (N, D), largest first, and the rows' coefficients (N, C)."""
    power, sides = torch.linalg.eigh((values @ values.T).double())
    known = int((power > 1e-6 * power[-1]).sum())
    chosen = sides[:, -min(most, known) :].flip(1)
    directions = F.normalize(chosen.T.float() @ values, dim=1)
    # A sign is chance; the largest value is made positive.
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    directions = directions * largest.sign()
    return directions, values @ directions.T


def _factor(places: Tensor) -> Tensor:
    """Lower triangular A with A A^T the covariance of rows (N, C); a little is added, so that one exists."""
    wide = places.double()
    covariance = wide.T @ wide / len(wide)
    least = 1e-6 * covariance.diagonal().mean()
    found: Tensor = torch.linalg.cholesky(
        covariance + least * torch.eye(len(covariance)).to(covariance)
    )
    return found
