"""Every picture against every person: the numbers from which attacks and likeness are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import auc, threshold_at
from kssgan.faces.distances import to_all
from kssgan.ranking import named_first, rank
from kssgan.types import FloatArray, IntArray

__all__ = ["Comparison", "compare", "distance_threshold", "impostor_threshold", "nearest"]

_BLOCK = 256
_BINS = 4096
_EDGES = np.linspace(0.0, 2.0 + 1e-4, _BINS + 1)
_DECIMALS = 5
_MOST_FACES = 4000
_ENOUGH_PAIRS = 10_000
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One value per distinct picture, and histograms over all pairs.

    Attributes:
        persons: people in the gallery.
        files: (P,) files of each picture.
        rank1: (P,) share of its files whose person is named first; ties share credit.
        rank5: (P,) the same among the first five.
        group1: (P,) whether the person named first is behind the picture at all.
        link_auc: (P,) how often a file's own person is nearer than another one.
        member_auc: (P,) how often somebody behind the picture is nearer than somebody who is not.
        nearest_member: (P,) distance; NaN without a face or members in the gallery.
        nearest_other: (P,) the same for people who are not behind it.
        members_behind: (P,) people behind the picture who are in the gallery.
        genuine: histogram of distances of files to their own person.
        impostor: histogram of distances of files to anybody else.
        seen: (P,) whether a face was found.
        below: pairs of picture and member, and of picture and non-member, within the threshold, and all.
    """

    persons: int
    files: IntArray
    rank1: _Array
    rank5: _Array
    group1: _Array
    link_auc: _Array
    member_auc: _Array
    nearest_member: _Array
    nearest_other: _Array
    members_behind: IntArray
    genuine: _Array
    impostor: _Array
    seen: npt.NDArray[np.bool_]
    below: tuple[int, int, int, int]

    def tar_at(self, far: float) -> tuple[float, float] | None:
        """Share of genuine pairs accepted, and the threshold, where ``far`` of the others are.

        None with too few pairs to place that threshold.
        """
        if self.impostor.sum() * far < 1 or self.genuine.sum() == 0:
            return None
        threshold = threshold_at(self.impostor, _EDGES, far)
        accepted = self.genuine[_EDGES[1:] <= threshold].sum()
        return float(accepted / self.genuine.sum()), threshold


def compare(
    probes: FloatArray,
    seen: npt.NDArray[np.bool_],
    truths: Sequence[Mapping[int, int]],
    gallery: FloatArray,
    people: IntArray,
    *,
    threshold: float,
) -> Comparison:
    """Name people for pictures; somebody is as near as the nearest of that person's photos.

    Args:
        probes: (P, D) embeddings of distinct pictures.
        seen: (P,) false where no face is found: such a picture names people at random.
        truths: by picture, files of each person behind it.
        gallery: (F, D) embeddings of photos.
        people: (F,) the person of each; at least one photo.
        threshold: distance at which two faces count as verified.
    """
    order = np.argsort(people, kind="stable")
    present, starts = np.unique(people[order], return_index=True)
    column = {int(person): i for i, person in enumerate(present)}
    faces = gallery[order]
    S, P = len(present), len(probes)
    out = {name: np.full(P, np.nan) for name in _PER_PICTURE}
    genuine, impostor = np.zeros(_BINS), np.zeros(_BINS)
    below = np.zeros(4, np.int64)
    behind = np.zeros(P, np.int64)
    for start in range(0, P, _BLOCK):
        block = probes[start : start + _BLOCK]
        # Rounded, so that equal photos of two people tie whatever the order of a sum.
        near = np.round(np.minimum.reduceat(to_all(block, faces), starts, axis=1), _DECIMALS)
        for i, distances in enumerate(near, start):
            truth = {column[p]: n for p, n in truths[i].items() if p in column}
            members = np.fromiter(truth, np.int64, len(truth))
            weights = np.fromiter(truth.values(), np.float64, len(truth))
            total = float(sum(truths[i].values()))
            behind[i] = members.size
            if not seen[i]:
                known = weights.sum() / max(total, 1.0)
                out["rank1"][i] = known / S
                out["rank5"][i] = known * min(5, S) / S
                out["group1"][i] = members.size / S
                out["link_auc"][i] = out["member_auc"][i] = 0.5
                continue
            _one(out, i, distances.astype(np.float64), members, weights, total)
            places = np.searchsorted(_EDGES, distances, side="right") - 1
            np.add.at(genuine, places[members], weights)
            np.add.at(impostor, places, total)
            np.subtract.at(impostor, places[members], weights)
            close = distances <= threshold
            below += (
                int(close[members].sum()),
                members.size,
                int(close.sum() - close[members].sum()),
                S - members.size,
            )
    return Comparison(
        persons=S,
        files=np.array([sum(t.values()) for t in truths], np.int64),
        members_behind=behind,
        genuine=genuine,
        impostor=impostor,
        seen=np.asarray(seen, bool),
        below=(int(below[0]), int(below[1]), int(below[2]), int(below[3])),
        **out,
    )


_PER_PICTURE = (
    "rank1",
    "rank5",
    "group1",
    "link_auc",
    "member_auc",
    "nearest_member",
    "nearest_other",
)


def _one(
    out: Mapping[str, _Array],
    i: int,
    distances: _Array,
    members: IntArray,
    weights: _Array,
    total: float,
) -> None:
    own = distances[members]
    found = rank(distances, members)
    for name, first in (("rank1", 1), ("rank5", 5)):
        out[name][i] = float((found.credit(first) * weights).sum() / max(total, 1.0))
    out["group1"][i] = named_first(distances, members)
    others = np.delete(distances, members)
    out["member_auc"][i] = auc(own, others)
    if distances.size > 1 and members.size:
        out["link_auc"][i] = float(np.average(found.wins(), weights=weights))
    else:
        out["link_auc"][i] = 0.5
    out["nearest_member"][i] = own.min() if own.size else np.nan
    out["nearest_other"][i] = others.min() if others.size else np.nan


def impostor_threshold(
    gallery: FloatArray, people: IntArray, *, far: float, seed: int
) -> float | None:
    """Distance below which a share ``far`` of this gallery's pairs of different people lie.

    At most 4,000 faces, drawn by ``seed``, are paired. None where there are fewer than 10,000 pairs.
    """
    rows = np.arange(len(gallery))
    if len(rows) > _MOST_FACES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_FACES, replace=False))
    faces, who = gallery[rows], people[rows]
    histogram = np.zeros(_BINS)
    for start in range(0, len(faces), _BLOCK):
        part = to_all(faces[start : start + _BLOCK], faces)
        apart = who[start : start + _BLOCK, None] != who[None]
        histogram += np.histogram(part[apart], _EDGES)[0]
    if histogram.sum() / 2 < _ENOUGH_PAIRS:
        return None
    return threshold_at(histogram, _EDGES, far)


def distance_threshold(one: FloatArray, other: FloatArray, *, far: float) -> float | None:
    """Distance below which a share ``far`` of the pairs of one's and the other's faces lie.

    Args:
        one: (N, D) embeddings of people.
        other: (M, D) embeddings of other people.
        far: 0..1.

    Returns:
        The distance; None where there are fewer than 10,000 pairs.
    """
    if len(one) * len(other) < _ENOUGH_PAIRS:
        return None
    histogram = np.zeros(_BINS)
    for start in range(0, len(one), _BLOCK):
        part = to_all(one[start : start + _BLOCK], other)
        histogram += np.histogram(part, _EDGES)[0]
    return threshold_at(histogram, _EDGES, far)


def nearest(probes: FloatArray, faces: FloatArray) -> tuple[_Array, IntArray]:
    """Distance of each of (N, D) embeddings to the nearest of (M, D), and its number.

    Returns:
        (N,) distances, infinite where there is no face to be near to; (N,) numbers.
    """
    distance = np.full(len(probes), np.inf)
    number = np.zeros(len(probes), np.int64)
    if len(faces):
        for start in range(0, len(probes), _BLOCK):
            block = to_all(probes[start : start + _BLOCK], faces)
            number[start : start + _BLOCK] = block.argmin(axis=1)
            distance[start : start + _BLOCK] = block.min(axis=1)
    return distance, number
