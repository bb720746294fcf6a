"""Exact examples for the generator: (S_g, donor, c) -> composite, from random groups and public donors.

Some lessons may be ghosted photographs instead: a donor's own portrait, averaged with warped copies of
itself, is to be given back. What is drawn there is a photograph and no composite.

Every group has a number; group n of a seed is always the same, whatever was made before it. So a stopped run
makes again what it needs, and nobody has to store pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kssgan.errors import UsageError
from kssgan.surrogate._mesh import EYE_CORNERS, LIP_GAP
from kssgan.surrogate.sight import sight
from kssgan.training.compose import compose
from kssgan.training.data import Photos
from kssgan.training.groups import GroupOf, draw_group
from kssgan.training.means import mean_picture, mean_points
from kssgan.training.regions import regions
from kssgan.training.warps import Spline
from kssgan.types import IntArray

__all__ = ["Lesson", "Teacher"]

_MOUTH = 0.06  # difference of mouth openings up to which a donor's lips fit
_FEWEST = 6  # donors to choose from before a wish is given up
_UNSURE = 0.3  # of the groups with a label may also have donors whose label is unknown
_ANY_TONE = 0.5  # of the groups, donors of any tone
_ATTEMPTS = 20  # to find a group that leaves somebody to lend a head
_COPIES = (2, 9)  # warped copies in a ghost, from and below
_JITTER = 3.0  # standard deviation of a landmark in a copy, pixels of a crop
_TOGETHER = 24.0  # landmarks nearer than about this move together, so that a copy stays smooth


@dataclass(frozen=True)
class Lesson:
    """One S_g and what should be drawn from it with some donors' codes.

    Attributes:
        surrogate: (3, 256, 256) uint8 S_g.
        pictures: (n, 3, 256, 256) uint8 composites; of a ghosted photograph the photograph, n = 1.
        donors: (n,) int64 rows of the code table.
        labels: (n,) int64 category to draw, -1 where unknown.
        face: (1, 128, 128) uint8, what is seen of S_g.
        people: members of the group; 1 for a ghosted photograph.
    """

    surrogate: Tensor
    pictures: Tensor
    donors: Tensor
    labels: Tensor
    face: Tensor
    people: int


class Teacher:
    """Makes lessons.

    Args:
        photos: the collection.
        label: the attribute that the generator draws.
        seed: of all groups.
        pictures: composites per group.
        ghosted: share of the lessons that are ghosted photographs.
    """

    def __init__(
        self, photos: Photos, *, label: str, seed: int, pictures: int = 4, ghosted: float = 0.0
    ) -> None:
        self.photos = photos
        self.pictures = pictures
        self._ghosted = ghosted
        self._label = label
        self._seed = seed
        self._kinds = photos.category(label)
        self._genders = photos.category("gender")

    def group(
        self, number: int, *, held_out: bool = False
    ) -> tuple[GroupOf, np.random.Generator]:
        """Members of a group, and the chance that is left for its donors.

        Raises:
            UsageError: so few people that nobody is left to lend a head.
        """
        rows = self.photos.held_out if held_out else self.photos.train
        lenders = self.photos.subject[self.photos.donors]
        for attempt in range(_ATTEMPTS):
            rng = np.random.default_rng([self._seed, 3 if held_out else 2, number, attempt])
            group = draw_group(self.photos, rows, self._label, rng)
            if not np.isin(lenders, self.photos.subject[group.rows]).all():
                return group, rng
        raise UsageError(
            "no group leaves a donor who is not a member; prepare a collection of more people"
        )

    @torch.no_grad()
    def lesson(self, number: int, *, held_out: bool = False) -> Lesson:
        """Make one lesson; donors are always training people and never members.

        Args:
            number: of the group.
            held_out: members are people who are never trained on; their photographs are never ghosted.
        """
        chance = np.random.default_rng([self._seed, 9, number])
        if not held_out and chance.random() < self._ghosted:
            return self._ghost(chance)
        group, rng = self.group(number, held_out=held_out)
        shape = mean_points(self.photos, group.members)
        surrogate = mean_picture(self.photos, group.members, Spline(shape))
        pictures, donors, labels = [], [], []
        shares = _shares(self.pictures, len(group.targets), rng)
        for (category, members), count in zip(group.targets, shares, strict=True):
            if not count:
                continue
            goal = mean_points(self.photos, members)
            spline = Spline(goal)
            mean = mean_picture(self.photos, members, spline)
            chosen = self._donors(group, category, goal, mean, count, rng)
            rows = self.photos.donors[chosen]
            heads = spline(self.photos.crops(rows), self.photos.shapes(rows)).clamp(0, 1)
            pictures.append(compose(mean, heads, regions(goal)))
            donors += chosen.tolist()
            labels += [category] * count
        device = surrogate.device
        return Lesson(
            _u8(surrogate),
            _u8(torch.cat(pictures)),
            torch.tensor(donors, device=device),
            torch.tensor(labels, device=device),
            _u8(torch.from_numpy(sight(shape.cpu().numpy())).to(device)[None]),
            len(group.members),
        )

    def _ghost(self, rng: np.random.Generator) -> Lesson:
        """One donor's portrait, to be found again in its average with copies that are warped by chance."""
        donor = int(rng.integers(len(self.photos.donors)))
        row = self.photos.donors[[donor]]
        crop, shape = (
            self.photos.crops(row),
            self.photos.shapes(row)[0],
        )
        spline = Spline(shape)
        moved = shape + _jitters(shape, int(rng.integers(*_COPIES)), rng)
        copies = spline(crop.expand(len(moved), -1, -1, -1), moved).clamp(0, 1)
        ghost = torch.cat([crop, copies]).mean(0)
        return Lesson(
            _u8(ghost),
            _u8(crop),
            torch.tensor([donor], device=crop.device),
            torch.tensor([int(self._kinds[row[0]])], device=crop.device),
            _u8(torch.from_numpy(sight(shape.cpu().numpy())).to(crop.device)[None]),
            1,
        )

    def _donors(
        self,
        group: GroupOf,
        category: int,
        goal: Tensor,
        mean: Tensor,
        count: int,
        rng: np.random.Generator,
    ) -> IntArray:
        """Codes of donors that fit: same gender, expression and mouth, mostly near in tone; never a member.

        No group's mean is as light or as dark as some donors are, so were all near in tone, their heads would
        never be taught, and every mixture with one of them would be fog.
        """
        rows = self.photos.donors
        strangers = ~np.isin(self.photos.subject[rows], self.photos.subject[group.rows])
        opening = torch.linalg.norm(goal[LIP_GAP[1]] - goal[LIP_GAP[0]]) / torch.linalg.norm(
            goal[EYE_CORNERS[1]] - goal[EYE_CORNERS[0]]
        )
        kinds = self._kinds[rows]
        wishes = [
            (self._genders[rows] == group.gender) | (group.gender < 0),
            np.abs(self.photos.opening[rows] - float(opening)) < _MOUTH,
            (kinds == category) | (category < 0) | ((kinds < 0) & (rng.random() < _UNSURE)),
        ]
        fit = strangers
        for wish in wishes:
            if (fit & wish).sum() >= min(_FEWEST, strangers.sum()):
                fit = fit & wish
        found = np.flatnonzero(fit)
        if rng.random() >= _ANY_TONE:
            tone = self.photos.tone[group.rows].mean(0)
            far = np.linalg.norm(self.photos.tone[rows[found]] - tone, axis=1)
            found = found[np.argsort(far, kind="stable")[: max(_FEWEST, len(found) // 3)]]
        return rng.choice(found, count, replace=len(found) < count)


def _jitters(shape: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """(count, 468, 2) smooth movements of a face's landmarks by chance, in pixels."""
    by_chance = torch.from_numpy(rng.standard_normal((count, len(shape), 2), np.float32))
    near = torch.exp(-0.5 * (torch.cdist(shape, shape) / _TOGETHER) ** 2)
    smooth = near / near.square().sum(1, keepdim=True).sqrt()
    return _JITTER * torch.einsum("ij,njc->nic", smooth, by_chance.to(shape))


def _shares(pictures: int, targets: int, rng: np.random.Generator) -> list[int]:
    shares = [pictures // targets] * targets
    for i in rng.permutation(targets)[: pictures % targets].tolist():
        shares[i] += 1
    return shares


def _u8(image_01: Tensor) -> Tensor:
    return (image_01.clamp(0, 1) * 255).round().to(torch.uint8)
