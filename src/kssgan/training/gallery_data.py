"""A gallery of fixed groups on the device, and the batches of the paper's recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import UsageError
from kssgan.training.augment import augment
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.means import mean_of
from kssgan.training.prepared import Prepared
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs
from kssgan.types import FloatArray, IntArray

__all__ = ["GalleryData", "Material", "Question", "gallery_material", "small_photographs"]

_TURNS = 1 << 20  # more critic updates than a step has
_AT_ONCE = 32


class Question(NamedTuple):
    """What a look asks: the groups in turn, and categories in turn.

    Attributes:
        surrogate: (B, 3, H, W) S_g in [-1, 1].
        source: what G reads: S_g, or where it was never shown any, a photograph.
        real: a photograph of each group.
        code: first part of c.
        wanted: (B, A) categories.
        style: (B, z) or None.
    """

    surrogate: Tensor
    source: Tensor
    real: Tensor
    code: Tensor
    wanted: Tensor
    style: Tensor | None


class Material(NamedTuple):
    """What takes long to make: a minute for a thousand photographs. Runs on the same groups may share it.

    Attributes:
        pictures: (N, 3, size, size) uint8, photographs that take part.
        surrogates: (G, 3, size, size) S_g in [-1, 1].
    """

    pictures: Tensor
    surrogates: Tensor


def gallery_material(data: Prepared, groups: IntArray, size: int) -> Material:
    """Photographs and means of a gallery, on the CPU.

    Args:
        data: the collection.
        groups: (N,) group of each photo, -1 takes no part.
        size: side of the pictures.
    """
    rows = np.flatnonzero(groups >= 0)
    means = [
        F.avg_pool2d(mean_of(data, np.flatnonzero(groups == g))[None], 256 // size)[0] * 2 - 1
        for g in np.unique(groups[rows])
    ]
    return Material(small_photographs(data, rows, size), torch.stack(means))


def small_photographs(data: Prepared, rows: IntArray, size: int) -> Tensor:
    """(B, 3, size, size) uint8."""
    found = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        crops = torch.from_numpy(np.stack([data.crop(int(row)) for row in part]))
        small = F.avg_pool2d(crops.permute(0, 3, 1, 2).float(), 256 // size)
        found.append(small.round().to(torch.uint8))
    return torch.cat(found)


class GalleryData:
    """Photographs, groups and their means at the size that is trained at.

    Attributes:
        group: (N,) group of each photograph that takes part, 0..G-1.
        person: (N,) its subject.
        embedding: (N, E) its embedding.
        groups: G.
        k: people of the smallest group.
        labels: attributes that G is told, with their categories.
        counts: number of categories of each.
        categories: (N, A) of each photograph, -1 where unknown.
        surrogates: (G, 3, size, size) S_g in [-1, 1].

    Raises:
        UsageError: fewer than two groups or subjects, a group of one person, a batch that is larger than the
            data, an unknown attribute, or one with a single category.
    """

    def __init__(
        self,
        data: Prepared,
        groups: IntArray,
        config: GalleryConfig,
        device: torch.device,
        *,
        material: Material | None = None,
    ) -> None:
        if groups.shape != (len(data),):
            raise UsageError(f"{len(groups)} groups came for {len(data)} photos")
        rows = np.flatnonzero(groups >= 0)
        names, number = np.unique(groups[rows], return_inverse=True)
        if len(names) < 2:
            raise UsageError(
                f"{len(names)} group(s) came, at least 2 are needed; prepare more people, or give a smaller K"
            )
        self._config, self._device = config, device
        self.group: IntArray = number.astype(np.int64)
        self.person: IntArray = data.subject[rows]
        self.embedding: FloatArray = data.embedding[rows]
        self.groups = len(names)
        self.k = min(
            int(np.unique(self.person[self.group == g]).size) for g in range(self.groups)
        )
        if self.k < 2:
            raise UsageError("a group of one person came; 2 people or more were wanted")
        if config.batch > len(rows):
            raise UsageError(
                f"a batch of {config.batch} came, but there are {len(rows)} photos; give a smaller --batch"
            )
        chosen = config.attributes or tuple(
            name for name, c in data.scheme.items() if len(c) > 1
        )
        self.labels = {name: _categories(data, name) for name in chosen}
        self.counts = tuple(len(c) for c in self.labels.values())
        order = [list(data.scheme).index(name) for name in self.labels]
        self.categories: IntArray = data.labels[rows][:, order]
        made = material or gallery_material(data, groups, config.size)
        self._pictures = made.pictures.to(device)
        self.surrogates = made.surrogates.to(device)

    def photographs(self, rows: IntArray) -> Tensor:
        """(B, 3, size, size) in [-1, 1]."""
        picked = self._pictures[torch.from_numpy(rows).to(self._device)]
        return picked.float() / 127.5 - 1

    def known(self, column: int) -> tuple[IntArray, IntArray]:
        """Photographs whose category of an attribute is known, and the category."""
        rows = np.flatnonzero(self.categories[:, column] >= 0)
        return rows, self.categories[rows, column]

    def spread(self, count: int) -> IntArray:
        """Some photographs, evenly."""
        step = max(1, len(self.group) // count)
        rows: IntArray = np.arange(len(self.group))[::step][:count]
        return rows

    def batch(self, step: int, turn: int) -> SiameseBatch:
        """Photographs by chance, with categories of others asked for; a function of seed, step and turn."""
        config = self._config
        rng = np.random.default_rng([config.seed, step * _TURNS + turn])
        rows = rng.choice(len(self.group), config.batch, replace=False)
        real = self.photographs(rows)
        flipped = torch.from_numpy(rng.random(len(rows)) < 0.5).to(self._device)
        real = torch.where(flipped[:, None, None, None], real.flip(3), real)
        group = torch.from_numpy(self.group[rows]).to(self._device)
        reads = torch.from_numpy(rng.random(len(rows)) < config.strict).to(self._device)
        source = torch.where(reads[:, None, None, None], self.surrogates[group], real)
        seen = torch.from_numpy(self.categories[rows]).to(self._device)
        asked = torch.from_numpy(self.categories[rng.permutation(rows)]).to(self._device)
        z = torch.from_numpy(rng.normal(size=(len(rows), config.z)).astype(np.float32))
        code, style = self._code(group, z.to(self._device))
        share = torch.from_numpy(rng.random(len(rows)).astype(np.float32)).to(self._device)
        return SiameseBatch(real, seen, source, asked, code, group, style, share)

    def pairs(self, step: int) -> TwinPairs:
        """As many pairs of one person as of two; who has one photograph is paired with a change of it."""
        config = self._config
        rng = np.random.default_rng([config.seed, step * _TURNS + _TURNS - 1])
        first = rng.choice(len(self.group), config.batch, replace=False)
        same = np.arange(config.batch) % 2 == 0
        second = first.copy()
        for place, row in enumerate(first.tolist()):
            alike = self.person == self.person[row]
            pool = np.flatnonzero(alike if same[place] else ~alike)
            if same[place] and len(pool) > 1:
                pool = pool[pool != row]
            second[place] = rng.choice(pool)
        source = torch.Generator(self._device)
        source.manual_seed((config.seed << 32) + step)
        other = augment(self.photographs(second), source)
        told = torch.from_numpy(same).to(self._device)
        return TwinPairs(self.photographs(first), other, told)

    def question(self, count: int, kinds: Sequence[int] | None = None) -> Question:
        """The same at every look.

        Args:
            count: B.
            kinds: categories of each attribute to ask for; of those that G is told by default.
        """
        config = self._config
        group = np.arange(count) % self.groups
        first = {int(g): int(np.flatnonzero(self.group == g)[0]) for g in np.unique(group)}
        kinds = self.counts if kinds is None else kinds
        wanted = np.zeros((count, len(kinds)), np.int64)
        for column, many in enumerate(kinds):
            wanted[:, column] = (np.arange(count) // self.groups + np.arange(count)) % many
        z = np.random.default_rng([config.seed, count]).normal(size=(count, config.z))
        at = torch.from_numpy(group).to(self._device)
        code, style = self._code(at, torch.from_numpy(z.astype(np.float32)).to(self._device))
        real = self.photographs(np.array([first[int(g)] for g in group]))
        surrogate = self.surrogates[at]
        source = surrogate if config.strict > 0 else real
        return Question(
            surrogate, source, real, code, torch.from_numpy(wanted).to(self._device), style
        )

    def _code(self, group: Tensor, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """The first part of c, and z where it modulates."""
        code = F.one_hot(group, self.groups).float()
        if self._config.modulate:
            return code, z
        return torch.cat([code, z], 1), None


def _categories(data: Prepared, name: str) -> tuple[str, ...]:
    known = data.scheme.get(name)
    if known is None:
        has = ", ".join(data.scheme) or "none"
        raise UsageError(f"attribute {name!r} came, but the prepared file has {has}")
    if len(known) < 2:
        raise UsageError(
            f"attribute {name!r} has the one category {known[0] if known else '(none)'}: there is nothing to "
            "tell apart; leave it out of attributes"
        )
    return known
