"""Rule 3, subtraction: do two pictures of a group, taken apart, show one of its people?

If a group has a mean of A..F and a mean of A..E, six times the one minus five times the other *is* F. From
files: for two distinct pictures with overlapping but unequal people, n1 P1 - n2 P2 is compared with the sum
of the head crops of those who are behind the first only, minus those behind the second only. The fit of a
picture by its people's crops also shows whether one of them weighs more than the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.auditing.report import Problem
from kssgan.types import FloatArray

__all__ = ["Pair", "choose_pairs", "choose_weighed", "subtraction_problems", "weight_problems"]

_MOST_PAIRS, _MOST_CROPS, _MOST_WEIGHED = 2000, 2000, 200
_ALIKE, _GAIN = 0.7, 0.15
_TILES = 4
_FIT = 0.98
_UNEVEN = 1.6

People = Sequence[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two distinct pictures (SHA-256) and the subjects behind one of them only."""

    first: str
    second: str
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    counts: tuple[int, int]


def choose_pairs(behind: Mapping[str, People], k: int) -> tuple[list[Pair], tuple[str, ...]]:
    """Pairs of pictures that share people, but not all, and differ in fewer than k.

    Args:
        behind: subjects of each person, by picture.
        k: differences of k people or more keep the promise by themselves.

    Returns:
        At most 2,000 pairs with at most 2,000 crops needed, and notes on what was left out.
    """
    pictures_of: dict[str, list[str]] = defaultdict(list)
    for sha, people in behind.items():
        for person in people:
            for subject in person:
                pictures_of[subject].append(sha)
    pairs: dict[tuple[str, str], Pair] = {}
    crops: set[tuple[str, str]] = set()
    left_out = False
    for shas in pictures_of.values():
        ordered = sorted(set(shas))[:16]
        left_out |= len(set(shas)) > 16
        for i, a in enumerate(ordered):
            for b in ordered[i + 1 :]:
                if (a, b) in pairs:
                    continue
                one = frozenset().union(*behind[a])
                two = frozenset().union(*behind[b])
                if one == two or len(one ^ two) >= max(k, 2):
                    continue
                needed = {(s, a) for s in one - two} | {(s, b) for s in two - one}
                if len(pairs) >= _MOST_PAIRS or len(crops | needed) > _MOST_CROPS:
                    left_out = True
                    continue
                crops |= needed
                pairs[a, b] = Pair(
                    a,
                    b,
                    tuple(sorted(one - two)),
                    tuple(sorted(two - one)),
                    (len(behind[a]), len(behind[b])),
                )
    notes = (
        f"subtraction: {len(pairs)} pairs of pictures were taken apart, others were left out"
        if left_out
        else "",
    )
    return list(pairs.values()), tuple(n for n in notes if n)


def subtraction_problems(
    pairs: Sequence[Pair],
    pictures: Mapping[str, FloatArray],
    crops: Mapping[tuple[str, str], FloatArray],
) -> tuple[tuple[Problem, ...], int]:
    """Take pairs apart.

    Args:
        pairs: from :func:`choose_pairs`.
        pictures: (64, 64) grey released pictures by SHA-256.
        crops: (64, 64) mean grey head crop of a subject behind a picture, by (subject, SHA-256).

    Returns:
        Problems, and the number of pairs that could be compared.
    """
    if not pictures:
        return (), 0
    average = np.mean(list(pictures.values()), axis=0)
    shown: list[str] = []
    tried = 0
    for pair in pairs:
        keys = [(s, pair.first) for s in pair.only_first]
        keys += [(s, pair.second) for s in pair.only_second]
        if not all(key in crops for key in keys):
            continue
        tried += 1
        plus = sum(
            (crops[k] - average for k in keys[: len(pair.only_first)]), np.zeros((64, 64))
        )
        minus = sum(
            (crops[k] - average for k in keys[len(pair.only_first) :]), np.zeros((64, 64))
        )
        n1, n2 = pair.counts
        one, two = pictures[pair.first] - average, pictures[pair.second] - average
        found = _alike(n1 * one - n2 * two, plus - minus)
        # A shared S_g contains everybody a little: only what subtraction *adds* is a leak.
        already = max(_alike(one, plus - minus), _alike(two, minus - plus))
        if found >= max(_ALIKE, min(already + _GAIN, 0.98)):
            shown += [*pair.only_first, *pair.only_second]
    if not shown:
        return (), tried
    people = tuple(sorted(set(shown)))
    return (
        Problem(
            3,
            "breaks",
            f"subtracting pictures of one group from each other shows {len(people)} people: means were "
            f"taken over unequal people (mean of A..F against mean of A..E gives F)",
            people,
        ),
    ), tried


def _alike(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Median correlation over tiles, so that a painted part does not hide the rest."""
    side = a.shape[0] // _TILES
    values = []
    for y in range(0, a.shape[0], side):
        for x in range(0, a.shape[1], side):
            p, q = a[y : y + side, x : x + side], b[y : y + side, x : x + side]
            p, q = p - p.mean(), q - q.mean()
            size = float(np.linalg.norm(p) * np.linalg.norm(q))
            values.append(float((p * q).sum()) / size if size > 1e-6 else 0.0)
    return float(np.median(values))


def choose_weighed(behind: Mapping[str, People], seed: int) -> tuple[str, ...]:
    """Pictures whose people's weights are estimated: 200 at most, drawn by ``seed``."""
    all_of_them = sorted(behind)
    if len(all_of_them) <= _MOST_WEIGHED:
        return tuple(all_of_them)
    chosen = np.random.default_rng(seed).choice(len(all_of_them), _MOST_WEIGHED, replace=False)
    return tuple(all_of_them[i] for i in sorted(chosen))


def weight_problems(
    chosen: Sequence[str],
    behind: Mapping[str, People],
    pictures: Mapping[str, FloatArray],
    crops: Mapping[tuple[str, str], FloatArray],
) -> tuple[tuple[Problem, ...], dict[str, float]]:
    """Fit pictures by their people's crops (least squares, no negative weights).

    Only where the fit is nearly perfect do the weights mean anything: a drawn picture is no mean of crops.

    Args:
        chosen: from :func:`choose_weighed`.
        behind: subjects of each person, by picture.
        pictures: (64, 64) grey released pictures by SHA-256.
        crops: (64, 64) mean grey head crop of a subject over all released photos, by (subject, "").

    Returns:
        Problems, and figures: share of pictures that are nearly a mean of crops, and the heaviest weight
        there as a multiple of the equal one.
    """
    from scipy.optimize import nnls

    fitted, heaviest = 0, 0.0
    uneven = 0
    for sha in chosen:
        if sha not in pictures:
            continue
        columns = [
            np.mean([crops[s, ""] for s in person if (s, "") in crops], axis=0).ravel()
            for person in behind[sha]
            if any((s, "") in crops for s in person)
        ]
        if len(columns) < 2 or len(columns) < len(behind[sha]):
            continue
        target = pictures[sha].ravel().astype(np.float64)
        weights, residual = nnls(np.stack(columns, axis=1).astype(np.float64), target)
        spread = float(np.linalg.norm(target - target.mean()))
        if spread == 0 or 1 - (residual / spread) ** 2 < _FIT:
            continue
        fitted += 1
        ratio = float(weights.max() / max(weights.sum(), 1e-9) * len(columns))
        heaviest = max(heaviest, ratio)
        uneven += ratio > _UNEVEN
    figures = {
        "nearly_a_mean_of_crops": fitted / len(chosen) if chosen else 0.0,
        "heaviest_person": heaviest,
    }
    if not uneven:
        return (), figures
    return (
        Problem(
            3,
            "warns",
            f"in {uneven} pictures one person weighs up to {heaviest:.1f} times as much as an equal share; "
            f"every person must weigh the same",
        ),
    ), figures
