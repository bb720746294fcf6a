"""Shape-normalised means in torch alone: of a group that is trained on, and of the public."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kssgan.models.stored import PublicMean
from kssgan.training.data import Photos, at_most
from kssgan.training.prepared import Prepared
from kssgan.training.warps import Spline
from kssgan.types import CROP_SIZE, IntArray

__all__ = ["mean_of", "mean_picture", "mean_points", "public_means"]

_WARPS = 16  # crops warped together
_MOST = 400  # people of a public mean; more change nothing that is seen
_FEWEST = 12  # of a public mean, so that it is nobody's face


def mean_points(photos: Photos, members: Sequence[IntArray]) -> Tensor:
    """Mean over people of the mean of each one's shapes, (468, 2).

    Args:
        photos: the collection.
        members: rows of each person.
    """
    return torch.stack([photos.shapes(rows).mean(0) for rows in members]).mean(0)


def mean_picture(photos: Photos, members: Sequence[IntArray], spline: Spline) -> Tensor:
    """Mean over people of the mean of each one's warped photos, (3, 256, 256) in [0, 1].

    Args:
        photos: the collection.
        members: rows of each person.
        spline: warps to the shape wanted.
    """
    total = torch.zeros(3, 256, 256, device=photos.device)
    rows = np.concatenate(members)
    weights = np.concatenate([np.full(len(m), 1 / len(m) / len(members)) for m in members])
    for start in range(0, len(rows), _WARPS):
        part = rows[start : start + _WARPS]
        warped = spline(photos.crops(part), photos.shapes(part))
        share = torch.from_numpy(weights[start : start + _WARPS]).to(warped)
        total += (warped.clamp(0, 1) * share.view(-1, 1, 1, 1)).sum(0)
    return total


@torch.no_grad()
def mean_of(data: Prepared, rows: IntArray) -> Tensor:
    """S_g of some photos of a prepared file, people weighing the same, (3, 256, 256) in [0, 1].

    Photos without reliable landmarks count as they were cut, as in a release.
    """
    fit = data.reliable[rows].astype(bool)
    points = torch.from_numpy(np.ascontiguousarray(data.landmarks[rows], np.float32))
    people = [np.flatnonzero(data.subject[rows] == s) for s in np.unique(data.subject[rows])]
    shapes = [points[p[fit[p]]].mean(0) for p in people if fit[p].any()]
    spline = Spline(torch.stack(shapes).mean(0)) if shapes else None
    total = torch.zeros(3, CROP_SIZE, CROP_SIZE)
    for person in people:
        for at in person.tolist():
            crop = torch.from_numpy(data.crop(int(rows[at]))).permute(2, 0, 1)[None] / 255
            if spline is not None and fit[at]:
                crop = spline(crop, points[at][None]).clamp(0, 1)
            total += crop[0] / (len(person) * len(people))
    return total


@torch.no_grad()
def public_means(photos: Photos, label: str) -> dict[tuple[str, str], PublicMean]:
    """Means of training people by gender and category of a label, "" for all of them.

    Returns:
        Of every pair that 12 people or more show.
    """
    genders, kinds = photos.category("gender"), photos.category(label)
    rows = photos.train
    found = {}
    for gender, gender_name in [(-1, ""), *enumerate(photos.scheme.get("gender", ()))]:
        for kind, kind_name in [(-1, ""), *enumerate(photos.scheme.get(label, ()))]:
            shown = rows[
                ((gender < 0) | (genders[rows] == gender))
                & ((kind < 0) | (kinds[rows] == kind))
            ]
            people = np.unique(photos.subject[shown])
            if len(people) < _FEWEST:
                continue
            people = at_most(people, _MOST)
            members = [shown[photos.subject[shown] == person] for person in people]
            points = mean_points(photos, members)
            picture = mean_picture(photos, members, Spline(points)).permute(1, 2, 0)
            found[gender_name, kind_name] = PublicMean(
                np.ascontiguousarray(picture.clamp(0, 1).cpu().numpy()),
                points.cpu().numpy(),
                len(people),
            )
    return found
