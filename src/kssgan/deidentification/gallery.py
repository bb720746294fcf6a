"""Surrogates by weights that were trained on this very gallery: the groups are those of the training.

The paper's own flow (Algorithm 1): group ids are one-hot, so the generator knows its groups and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import PromiseError, UsageError
from kssgan.grouping.attributes import KNOWN
from kssgan.models.drawing import on_one_thread, picture_u8
from kssgan.models.stored_gallery import StoredGallery
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.types import CROP_SIZE, FloatArray, IntArray, PhotoFace, U8Array

__all__ = ["GallerySurrogate", "GroupMean"]

_SAME_PHOTO = 0.05
"""Distance of two embeddings of one photo at most: those of the weights are rounded to half precision."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupMean:
    """S_g and the number that the generator knows the group by.

    Attributes:
        mean: S_g.
        group: 0..G-1.
    """

    mean: ShapeMean
    group: int


class GallerySurrogate(ShapeMeanSurrogate):
    """G(S_g, z_g, c) with c = [group one-hot, attribute one-hots], for the gallery that it was trained on.

    Args:
        stored: the weights.
        otherwise: (468, 2) mean shape for a group in which no face has reliable landmarks.
        version: digest of the weights, for the certificate.

    Reference: kSS-GAN (Pan et al. 2019), Algorithms 1 and 2.
    """

    name = "gallery"

    def __init__(
        self, stored: StoredGallery, *, otherwise: FloatArray, version: str = ""
    ) -> None:
        super().__init__(otherwise=otherwise)
        self._stored = stored
        self.version = version
        self.draws: Mapping[str, Sequence[str]] = {
            name: categories
            for name, categories in stored.labels.items()
            if name not in KNOWN or KNOWN[name].scope == "photo"
        }

    def words(self) -> str:
        """What a user must know of these weights."""
        return (
            "The weights were trained on these very people, so they hold their looks and embeddings: keep "
            "RUN as secret as the photos, and let kssgan audit say how often a surrogate verifies as a "
            "member."
        )

    def groups(self, embeddings: FloatArray, subjects: IntArray, k: int) -> IntArray:
        """The group of each subject, as trained.

        Args:
            embeddings: (P, D) of the photos.
            subjects: (P,) subject of each, 0..N-1.
            k: people that a group must have.

        Returns:
            (N,) groups, 0..G-1.

        Raises:
            UsageError: the people are not those of the training, or were told apart otherwise.
            PromiseError: the groups were trained for fewer people than k.
        """
        stored = self._stored
        if not stored.strict:
            raise UsageError(
                "these weights never saw S_g, so they cannot draw a picture that a group shares; use preset "
                "paper, or --mode utility, which promises nothing"
            )
        if stored.k < k:
            raise PromiseError(
                f"the weights know groups of {stored.k} people, but k = {k} was asked for; train with "
                f"--groups {k}"
            )
        rows = self._rows(embeddings)
        strange = int((rows < 0).sum())
        problems = []
        if strange:
            problems.append(f"{strange} of {len(rows)} photos were not among those trained on")
        found = np.full(int(subjects.max()) + 1, -1, np.int64)
        there = rows >= 0
        found[subjects[there]] = stored.group[rows[there]]
        # Each subject is one person of the training and the other way round: somebody told apart as two would
        # hold two files of a picture, and two taken for one would be one of too few.
        pairs = np.unique(np.stack([subjects[there], stored.person[rows[there]]], 1), axis=0)
        otherwise = sum(len(pairs) - len(np.unique(side)) for side in pairs.T)
        if otherwise:
            problems.append(
                f"people were told apart otherwise in the training ({otherwise} times two are one, or one is "
                "two)"
            )
        absent = np.setdiff1d(stored.person, stored.person[rows[there]]).size
        if absent:
            problems.append(f"{absent} people of the training are not in PHOTOS")
        if problems:
            raise UsageError(
                f"{'; '.join(problems)}: the groups of these weights are those of their gallery, whole and "
                "unchanged; give PHOTOS, --subjects and --labels as for kssgan prepare, or train again"
            )
        return found

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> GroupMean:  # type: ignore[override]
        """S_g, and the group that its first photo was in when the weights were trained."""
        first = next(iter(members[0]))
        (row,) = self._rows(first.embedding[None])
        if row < 0:
            raise UsageError("a photo was not among those that these weights were trained on")
        return GroupMean(super().surrogate(members), int(self._stored.group[row]))

    def draw(  # type: ignore[override]
        self, surrogate: GroupMean, label: Mapping[str, str], *, seed: int
    ) -> U8Array:
        """The picture that a cell shares."""
        image = torch.from_numpy(surrogate.mean.image_01).permute(2, 0, 1)
        return self._drawn(image, surrogate.group, label, seed)

    def redraw(self, face: PhotoFace, label: Mapping[str, str], *, seed: int) -> U8Array:
        """G(x, c): one photo drawn anew, in utility mode. No promise is made of it.

        Raises:
            UsageError: the weights never saw photographs, or not this one.
        """
        if not self._stored.utility:
            raise UsageError(
                "these weights were shown means of groups only (strict = 1), so they cannot redraw photos; "
                "train with --set strict=0.5"
            )
        (row,) = self._rows(face.embedding[None])
        if row < 0:
            raise UsageError("a photo was not among those that these weights were trained on")
        image = torch.from_numpy(face.crop.astype(np.float32) / 255).permute(2, 0, 1)
        return self._drawn(image, int(self._stored.group[row]), label, seed)

    def _rows(self, embeddings: FloatArray) -> IntArray:
        """The photo of the training that each embedding is of, -1 where it is none."""
        known = self._stored.embedding
        if embeddings.shape[1] != known.shape[1]:
            raise UsageError(
                f"embeddings of length {embeddings.shape[1]} came, the weights know {known.shape[1]}"
            )
        near = (embeddings @ known.T).argmax(1)
        far = np.linalg.norm(embeddings - known[near], axis=1)
        rows: IntArray = np.where(far <= _SAME_PHOTO, near, -1).astype(np.int64)
        return rows

    def _drawn(
        self, image_01: Tensor, group: int, label: Mapping[str, str], seed: int
    ) -> U8Array:
        stored = self._stored
        shape = stored.generator.config
        z = torch.randn(1, stored.z, generator=torch.Generator().manual_seed(seed))
        code = [F.one_hot(torch.tensor([group]), stored.groups).float()]
        if not shape.style:
            code.append(z)
        for name, categories in stored.labels.items():
            wanted = [float(label.get(name) == category) for category in categories]
            code.append(torch.tensor([wanted]))
        with on_one_thread():
            small = F.avg_pool2d(image_01[None], CROP_SIZE // stored.size)
            picture = stored.generator(
                small * 2 - 1, torch.cat(code, 1), z if shape.style else None
            )
            if stored.size < CROP_SIZE:
                picture = F.interpolate(
                    picture, (CROP_SIZE, CROP_SIZE), mode="bicubic", align_corners=False
                )
        return picture_u8(picture[0])
