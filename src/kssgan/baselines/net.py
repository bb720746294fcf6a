"""k-Same-Net: a network's face of nobody in the group, mixed from k known people who are like it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from kssgan.baselines.pixel import KSame
from kssgan.errors import TooFewPeople, UsageError
from kssgan.types import BoolArray, IntArray, PhotoFace, U8Array

if TYPE_CHECKING:
    from kssgan.models.stored_proxies import StoredProxies

__all__ = ["KSameNet", "Likeness", "nearest_proxies"]

_UNIT = (
    1 << 40
)  # embeddings are added up as whole numbers of 1 / _UNIT, so that no order matters


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What k-Same-Net knows of a group.

    Attributes:
        embedding: (D,) float64 mean of the members' unit mean embeddings.
        people: how many members there are.
    """

    embedding: npt.NDArray[np.float64]
    people: int


class KSameNet(KSame):
    """A face drawn by a network that knows some public people, its proxies, and none of the group.

    The proxies nearest to the group's mean embedding, as many as the group has people, are mixed in equal
    parts; an up-convolutional network draws that mixture with the wanted expression. Members' pictures are
    never read: their looks reach the picture only through which proxies are near, so gender and age
    come by the proxies. Proxies of the group's released gender go before others.

    The network draws 128 px, which are enlarged. It was trained on proxies alone, people of public sources.
    Of pictures for people held out 52, 33 and 25 % verify (FAR 1e-3) as one of the proxies in the mixture at
    k = 3, 5 and 10; a proxy drawn alone does in 89 %. ``docs/model_card.md`` has recipe and figures.

    Args:
        stored: network and proxies; the shipped ones otherwise, read when they are needed.
        apart: proxies at most this far from a photo of the gallery are left out; by default the distance
            at which the shipped recogniser verifies at a false accept rate of 1e-3.

    Attributes:
        free_: (P,) bool after :meth:`fit`, the proxies that are nobody of the gallery.

    Reference: Meden, Emersic, Struc, Peer 2018, "k-Same-Net: k-Anonymity with Generative Deep Neural Networks
    for Face Deidentification", Entropy 20(1):60.
    """

    name = "k-same-net"
    weights = "k_same_net"
    """Name of the shipped ones."""
    draws: Mapping[str, Sequence[str]] = {"expression": ("neutral", "happy")}
    guarantee = (
        "one picture for each group of at least k people, which depends on them only through the mean of "
        "their embeddings, their number and released labels: nobody in it can be told from k-1 others"
    )
    fails = (
        KSame.fails
        + "; proxies are real public people, and a mixture of few may verify as one of them; "
        "which proxies are left out depends on everybody in the gallery"
    )

    def __init__(self, *, stored: StoredProxies | None = None, apart: float = 0.37) -> None:
        self.stored = stored
        self.apart = apart
        self.free_: BoolArray | None = None

    def fit(self, people: Sequence[Iterable[PhotoFace]]) -> Self:
        """Leave out proxies who may be somebody of the gallery: their pictures were learnt.

        Raises:
            UsageError: embeddings are not of the proxies' recogniser.
            WeightsError: shipped weights are missing or damaged.
        """
        proxies = self._loaded().embeddings
        self.free_ = np.ones(len(proxies), bool)
        for faces in people:
            for face in faces:
                self.free_ &= self._distances(face.embedding) > self.apart
        return self

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> Likeness:
        """S_g: where the group lies among embeddings, and how many they are; crops are not used.

        Raises:
            UsageError: no members, or embeddings are not of the proxies' recogniser.
        """
        if not members:
            raise UsageError("a group without people came; at least one was wanted")
        width = self._loaded().embeddings.shape[1]
        total = np.zeros(width, np.int64)
        for faces in members:
            rows = [np.asarray(face.embedding, np.float64) for face in faces]
            if not rows or any(row.shape != (width,) for row in rows):
                raise _strange(rows[0].shape if rows else (0,), width)
            own = np.stack([_whole(row) for row in rows]).sum(0) / len(rows)
            total += _whole(own / max(float(np.linalg.norm(own)), 1e-12))
        return Likeness(total / len(members) / _UNIT, len(members))

    def draw(self, surrogate: Likeness, label: Mapping[str, str], *, seed: int) -> U8Array:
        """The nearest proxies in equal parts, (256, 256, 3) uint8.

        Args:
            surrogate: of the group.
            label: ``gender`` says which proxies go first, ``expression`` what is drawn; where it is absent or
                unknown to the network, all of its expressions in equal parts.
            seed: changes nothing.

        Raises:
            UsageError: not fitted yet.
            TooFewPeople: fewer proxies are free than the group has people.
        """
        del seed
        import torch

        from kssgan.models.drawing import on_one_thread, picture_u8
        from kssgan.models.proxy_network import at_crop_size

        stored = self._loaded()
        chosen = self.proxies_of(surrogate, label)
        mixture = torch.zeros(1, len(stored.genders))
        mixture[0, torch.from_numpy(chosen)] = 1 / len(chosen)
        wanted = [category == label.get("expression") for category in stored.labels]
        shares = torch.tensor([wanted if any(wanted) else [True] * len(wanted)]).float()
        with on_one_thread():
            drawn = stored.network(mixture, shares / shares.sum())
            return picture_u8(at_crop_size(drawn)[0])

    def proxies_of(self, surrogate: Likeness, label: Mapping[str, str]) -> IntArray:
        """Who is mixed for a group: rows of the proxies, nearest first; errors as of :meth:`draw`."""
        if self.free_ is None:
            raise UsageError(
                "k-Same-Net does not know the gallery yet, so a member may be a proxy; call fit(people) first"
            )
        stored = self._loaded()
        return nearest_proxies(
            self._distances(surrogate.embedding),
            surrogate.people,
            free=self.free_,
            preferred=np.array([g == label.get("gender") for g in stored.genders], bool),
        )

    def _loaded(self) -> StoredProxies:
        if self.stored is None:
            from kssgan import weights
            from kssgan.models.stored_proxies import read_proxies

            self.stored = read_proxies(weights.read(self.weights))
        return self.stored

    def _distances(self, embedding: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(P,) of each proxy to an embedding (D,)."""
        proxies = self._loaded().embeddings.astype(np.float64)
        row = np.asarray(embedding, np.float64)
        if row.shape != proxies.shape[1:]:
            raise _strange(row.shape, proxies.shape[1])
        found: npt.NDArray[np.float64] = np.sqrt(((proxies - row) ** 2).sum(1))
        return found


def nearest_proxies(
    distances: npt.ArrayLike, count: int, *, free: BoolArray, preferred: BoolArray
) -> IntArray:
    """The ``count`` nearest free proxies; preferred ones all go before the others.

    Args:
        distances: (P,) from the group.
        count: how many, at least 1.
        free: (P,) who may be taken.
        preferred: (P,) who goes first.

    Raises:
        TooFewPeople: fewer than ``count`` are free.

    >>> everybody = np.ones(4, bool)
    >>> nearest_proxies([0.3, 0.1, 0.2, 0.4], 2, free=everybody, preferred=everybody).tolist()
    [1, 2]
    >>> some = np.array([True, False, False, True])
    >>> nearest_proxies([0.3, 0.1, 0.2, 0.4], 3, free=everybody, preferred=some).tolist()
    [0, 3, 1]
    """
    rows = np.flatnonzero(free)
    if len(rows) < count:
        raise TooFewPeople(len(rows), count, what="proxies outside the gallery")
    order = np.lexsort((rows, np.asarray(distances)[rows], ~preferred[rows]))
    return rows[order[:count]].astype(np.int64)


def _whole(row: npt.NDArray[np.float64]) -> IntArray:
    return np.rint(row * _UNIT).astype(np.int64)


def _strange(came: tuple[int, ...], width: int) -> UsageError:
    return UsageError(
        f"embeddings of shape {came} came, those of the proxies are ({width},); k-Same-Net needs the "
        f"recogniser that its proxies were embedded with"
    )
