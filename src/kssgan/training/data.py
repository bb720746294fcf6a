"""A prepared collection on the device: crops, landmarks, who may be a member, who may lend a head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from kssgan.errors import UsageError
from kssgan.models.codes import PARTS, WALL
from kssgan.models.stored import StoredGenerator
from kssgan.surrogate._mesh import CHEEKS, EYE_CORNERS, LIP_GAP
from kssgan.training.prepared import Prepared
from kssgan.types import CROP_SIZE, BoolArray, FloatArray, IntArray

__all__ = ["Photos", "at_most", "laplacian_variance", "learnt_donors", "one_hot"]

_HELD_IN_MEMORY = (
    20_000  # unpacked crops: 4 GB; larger collections are unpacked as they are needed
)
_FEWEST_KNOWN = 24  # donors of known gender that make those of unknown gender superfluous
_TURNED = 0.12  # nose off the middle between the eyes, in eye distances, from which a head counts as turned
_SOFT = 0.45  # sharpness of a donor over the collection's median, at least
_NOSE_TIP = 1
_BESIDE = slice(4, 90)  # rows of a crop in which its sides show the wall, hair seldom


class Photos:
    """A collection for training. Rows whose landmarks are not reliable take no part.

    Attributes:
        device: where tensors live.
        points: (N, 468, 2) float32 on the device, pixels of the crops.
        subject: (N,) subjects.
        embedding: (N, E) float32 unit vectors.
        labels: (N, A) category numbers, -1 where unknown, in the order of ``scheme``.
        scheme: categories by attribute.
        train: rows that may be trained on.
        held_out: rows of people who are never trained on.
        sharp: training rows that are sharp enough to learn fine detail from.
        donors: training rows whose head may be lent: frontal and sharp; the order of the codes.
        tone: (N, 3) mean colour of the cheeks, 0..1.
        wall: (N, 3) median colour beside the head, 0..1.
        opening: (N,) how far the mouth is open, in eye distances.
        sharpness: (N,) variance of Laplacian.

    Raises:
        UsageError: fewer than two subjects or three donors to train on.
    """

    def __init__(self, data: Prepared, device: torch.device, *, donors: int = 0) -> None:
        """Unpack a collection.

        Args:
            data: the collection.
            device: where its tensors shall live.
            donors: how many of the possible donors to take, the same ones every time; 0 takes all.
        """
        self.device = device
        self._data = data
        self.subject: IntArray = data.subject
        self.embedding: FloatArray = data.embedding
        self.labels: IntArray = data.labels
        self.scheme: Mapping[str, tuple[str, ...]] = data.scheme
        self.points = torch.from_numpy(np.ascontiguousarray(data.landmarks, np.float32)).to(
            device
        )
        usable = data.reliable.astype(bool)
        self.train: IntArray = np.flatnonzero(usable & ~data.held_out)
        self.held_out: IntArray = np.flatnonzero(usable & data.held_out)
        people = np.unique(self.subject[self.train]).size
        if people < 2:
            raise UsageError(
                f"{people} subject(s) to train on came, at least 2 are needed; prepare a larger collection, "
                f"or hold fewer people out"
            )
        self._crops = self._unpacked() if len(data) <= _HELD_IN_MEMORY else None
        self.opening: FloatArray = _opening(data.landmarks)
        self.tone, self.wall, self.sharpness = self._looks()
        usual = float(np.median(self.sharpness[self.train]))
        fine = self.sharpness >= _SOFT * usual
        self.sharp: IntArray = self.train[fine[self.train]]
        fit = fine & (_turn(data.landmarks) < _TURNED)
        self.donors: IntArray = self.train[fit[self.train]]
        # A head of unknown gender is asked for by no group of one gender: it would be learnt badly.
        known = self.donors[self.category("gender")[self.donors] >= 0]
        if len(known) >= _FEWEST_KNOWN:
            self.donors = known
        if 0 < donors < len(self.donors):
            self.donors = self.donors[self._dealt(donors)]
        if len(self.donors) < 3:
            raise UsageError(
                f"{len(self.donors)} of {len(self.train)} photos to train on are frontal and sharp enough "
                f"to lend a head, at least 3 are needed; prepare a larger collection"
            )

    def keep_donors(self, rows: Sequence[int]) -> None:
        """Take these photos' heads and no others, in this order: those that a generator has learnt."""
        self.donors = np.array(rows, np.int64)

    def _dealt(self, count: int) -> IntArray:
        """Places of some donors: of every gender and age as many; nobody twice before all of a kind once."""
        kinds = np.stack([self.category("gender"), self.category("age")])[:, self.donors]
        _, kind = np.unique(kinds, axis=1, return_inverse=True)
        # By the photo's row: who else can be a donor changes nobody's place.
        order = np.argsort(np.random.default_rng(count).permutation(len(self.subject)))
        chance = np.argsort(order[self.donors])
        seen = Counter[int]()
        again = np.empty(len(chance), np.int64)
        for place in chance:
            again[place] = seen[subject := int(self.subject[self.donors[place]])]
            seen[subject] += 1
        turn = np.empty(len(chance), np.int64)
        for number in np.unique(kind):
            own = chance[kind.ravel()[chance] == number]
            own = own[np.argsort(again[own], kind="stable")]
            turn[own] = np.arange(len(own))
        found: IntArray = np.sort(chance[np.argsort(turn[chance], kind="stable")][:count])
        return found

    def crops(self, rows: IntArray) -> Tensor:
        """Crops of some rows, (B, 3, 256, 256) float32 in [0, 1]."""
        if self._crops is not None:
            found = self._crops[torch.from_numpy(rows).to(self.device)]
        else:
            found = self._unpack(rows).to(self.device)
        return found.float() / 255

    def shapes(self, rows: IntArray) -> Tensor:
        """Landmarks of some rows, (B, 468, 2) pixels of their crops."""
        return self.points[torch.from_numpy(rows).to(self.device)]

    def mates(self, label: str, *, columns: int = 64) -> Tensor:
        """For each donor, others of its gender and category, before a like wall, (D, columns) int64.

        Where they are fewer than ``columns`` the rest is the donor itself.
        """
        kinds = np.stack([self.category("gender"), self.category(label)])[:, self.donors]
        rng = np.random.default_rng(len(self.donors))
        found = np.empty((len(self.donors), columns), np.int64)
        walls = self.wall[self.donors]
        for donor in range(len(self.donors)):
            same = (kinds == kinds[:, donor : donor + 1]).all(0)
            near = same & (np.linalg.norm(walls - walls[donor], axis=1) <= WALL)
            alike = np.flatnonzero(near if near.sum() >= PARTS else same)
            # Each at most once; where that is not enough, a mixture may have a head twice.
            chosen = rng.permutation(alike[alike != donor])[:columns]
            found[donor] = np.pad(chosen, (0, columns - len(chosen)), constant_values=donor)
        return torch.from_numpy(found).to(self.device)

    def category(self, attribute: str) -> IntArray:
        """(N,) category numbers of an attribute, -1 where unknown or where there is no such attribute."""
        names = list(self.scheme)
        if attribute not in names:
            return np.full(len(self.subject), -1, np.int64)
        return self.labels[:, names.index(attribute)]

    def attributes(self, row: int) -> dict[str, str]:
        """Known labels of a photo in words."""
        return {
            name: categories[int(number)]
            for (name, categories), number in zip(
                self.scheme.items(), self.labels[row], strict=True
            )
            if number >= 0
        }

    def _unpack(self, rows: IntArray) -> Tensor:
        crops = np.stack([self._data.crop(int(row)) for row in rows])
        return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()

    def _unpacked(self) -> Tensor:
        return self._unpack(np.arange(len(self._data))).to(self.device)

    def _looks(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        tone, wall = (np.zeros((len(self._data), 3), np.float32) for _ in range(2))
        sharpness = np.zeros(len(self._data), np.float32)
        for start in range(0, len(self._data), 64):
            rows = np.arange(start, min(start + 64, len(self._data)))
            crops = self.crops(rows)
            sharpness[rows] = laplacian_variance(crops).cpu().numpy()
            beside = torch.cat([crops[:, :, _BESIDE, 4:28], crops[:, :, _BESIDE, -28:-4]], 3)
            wall[rows] = beside.flatten(2).median(2).values.cpu().numpy()
            for row, crop in zip(rows.tolist(), crops, strict=True):
                cheeks = self.points[row][[i for cheek in CHEEKS for i in cheek]]
                x, y = cheeks.round().long().clamp(0, CROP_SIZE - 1).unbind(1)
                tone[row] = crop[:, y, x].median(1).values.cpu().numpy()
        return tone, wall, sharpness


def learnt_donors(known: StoredGenerator, data: Prepared) -> list[int]:
    """Rows of the photos whose heads a generator has learnt, in the order of its codes.

    Empty where it was trained on another prepared file, in which the same rows are other people.
    """
    same = known.facts.get("data") == data.facts.get("digest")
    return list(known.facts.get("donors", [])) if same else []


def laplacian_variance(pictures_01: Tensor) -> Tensor:
    """Sharpness of (B, 3, H, W) pictures in [0, 1]: variance of the Laplacian of 8-bit grey, (B,)."""
    grey = (pictures_01.clamp(0, 1) * 255).mean(1)
    inner = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (4 * inner - around).flatten(1).var(1, correction=0)


def one_hot(categories: Sequence[int], width: int, device: torch.device) -> Tensor:
    """(B, width) float32; zeros for -1."""
    found = torch.zeros(len(categories), width, device=device)
    for row, category in enumerate(categories):
        if category >= 0:
            found[row, category] = 1.0
    return found


def _opening(points: FloatArray) -> FloatArray:
    apart = np.linalg.norm(points[:, LIP_GAP[1]] - points[:, LIP_GAP[0]], axis=1)
    eyes = np.linalg.norm(points[:, EYE_CORNERS[1]] - points[:, EYE_CORNERS[0]], axis=1)
    found: FloatArray = (apart / np.maximum(eyes, 1)).astype(np.float32)
    return found


def _turn(points: FloatArray) -> BoolArray:
    left, right = points[:, EYE_CORNERS[0]], points[:, EYE_CORNERS[1]]
    off = points[:, _NOSE_TIP, 0] - (left[:, 0] + right[:, 0]) / 2
    found: BoolArray = np.abs(off) / np.maximum(np.linalg.norm(right - left, axis=1), 1)
    return found


def at_most(numbers: IntArray, most: int) -> IntArray:
    """So many of some numbers, the same ones every time, in their order; all where they are no more."""
    if len(numbers) <= most:
        return numbers
    return np.sort(np.random.default_rng(most).permutation(numbers)[:most])
