"""Figures of an attack against cases counted by hand and against slow loops written from the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.auditing.identification import equal_error, identify, roc


def test_by_hand() -> None:
    # Picture 0 is person 0's and names it first; picture 1 is person 1's and names it second.
    found = identify([[0.1, 0.5, 0.9], [0.2, 0.4, 0.6]], [{0: 1}, {1: 1}])
    assert found.cmc.tolist() == [0.5, 1.0, 1.0]
    assert found.auc == pytest.approx((1.0 + 0.5) / 2)
    assert found.group1 == 0.5
    # Genuine 0.1, 0.4; others 0.5, 0.9, 0.2, 0.6. Accepting up to 0.4: 1 of 4 others, none rejected; up to
    # 0.2: 1 of 4, 1 of 2 rejected. Between these the lines meet at 1/4.
    assert found.eer == pytest.approx(0.25)
    assert found.tar == {"1e2": None, "1e3": None}  # four pairs place no such threshold


def test_bounds_are_one_sided_clopper_pearson_on_pictures() -> None:
    found = identify(1 - np.eye(20), [{i: 1} for i in range(20)])
    value, low, high = found.rank(1)
    assert (value, high) == (1.0, 1.0)
    assert low == pytest.approx(0.05 ** (1 / 20))
    assert found.figures()["rank1_low"] == low
    assert (found.eer, found.auc) == (0.0, 1.0)


def test_k_people_behind_a_picture_are_one_in_k_at_best() -> None:
    near = np.full((4, 12), 0.9)
    truths = []
    for picture in range(4):
        members = range(3 * picture, 3 * picture + 3)
        near[picture, list(members)] = 0.2
        truths.append(dict.fromkeys(members, 1))
    found = identify(near, truths)
    assert found.cmc[:3].tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert found.group1 == 1.0


def test_a_picture_that_says_nothing_is_chance() -> None:
    found = identify(np.zeros((5, 10)), [{i: 1} for i in range(5)])
    assert found.cmc.tolist() == pytest.approx(np.arange(1, 11) / 10)
    assert found.auc == found.eer == 0.5


def test_tar_by_hand() -> None:
    near = np.linspace(1, 2, 40 * 41).reshape(40, 41)
    for i in range(40):
        near[i, i] = 0.5 if i < 30 else 3.0
    near[0, 5] = 0.4  # one of 1,600 false pairs is nearer than all the true ones
    found = identify(near, [{i: 1} for i in range(40)])
    assert found.tar["1e2"] == pytest.approx(0.75)
    assert found.tar["1e3"] == pytest.approx(0.75)
    near[0, 5:8] = 0.4  # three are more than a thousandth, so nobody is accepted there
    found = identify(near, [{i: 1} for i in range(40)])
    assert found.tar["1e2"] == pytest.approx(0.75)
    assert found.tar["1e3"] == 0.0


def _slow(near: np.ndarray, truths: list[dict[int, int]]) -> tuple[list[float], float, float]:
    """Cumulative matches by drawing all orders of ties, AUC and threshold sweep by counting pairs."""
    persons = near.shape[1]
    cmc, files, links = np.zeros(persons), 0, []
    for row, truth in zip(near, truths, strict=True):
        link = weight = 0.0
        for person, count in truth.items():
            before = sum(row[j] < row[person] for j in range(persons))
            same = sum(row[j] == row[person] for j in range(persons))
            for rank in range(1, persons + 1):
                cmc[rank - 1] += count * np.mean([before + t + 1 <= rank for t in range(same)])
            wins = sum(
                1.0 if row[j] > row[person] else 0.5 if row[j] == row[person] else 0.0
                for j in range(persons)
                if j != person
            )
            link += count * wins / (persons - 1)
            weight += count
            files += count
        links.append(link / weight)
    genuine = [(row[p], n) for row, t in zip(near, truths, strict=True) for p, n in t.items()]
    impostor = [
        (row[j], n)
        for row, t in zip(near, truths, strict=True)
        for p, n in t.items()
        for j in range(persons)
        if j != p
    ]
    best = 1.0
    for threshold in [-1.0, *sorted({d for d, _ in genuine + impostor})]:
        far = sum(n for d, n in impostor if d <= threshold) / sum(n for _, n in impostor)
        frr = sum(n for d, n in genuine if d > threshold) / sum(n for _, n in genuine)
        best = min(best, max(far, frr))
    return (cmc / files).tolist(), float(np.mean(links)), best


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_against_slow_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    persons, pictures = int(rng.integers(2, 7)), int(rng.integers(1, 6))
    near = rng.integers(0, 5, (pictures, persons)) / 4  # many ties
    truths = [
        {
            int(p): int(rng.integers(1, 4))
            for p in rng.permutation(persons)[: rng.integers(1, persons)]
        }
        for _ in range(pictures)
    ]
    found = identify(near, truths)
    cmc, link, best = _slow(near, truths)
    assert found.cmc.tolist() == pytest.approx(cmc)
    assert found.auc == pytest.approx(link)
    assert (
        found.eer <= best + 1e-9
    )  # the sweep takes steps, the definition a straight line between them


def test_equal_error_lies_on_the_line_between_two_points() -> None:
    far, tar = roc(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([0.0, 1.0]))
    assert far.tolist() == [0.0, 0.0, 1.0]
    assert tar.tolist() == [0.0, 0.5, 1.0]
    assert equal_error(far, tar) == pytest.approx(1 / 3)


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="wanted"):
        identify(np.zeros((2, 3)), [{0: 1}])
    with pytest.raises(ValueError, match="wanted"):
        identify(np.zeros((1, 1)), [{0: 1}])
