"""Counts, bounds and attacks against independent computations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from kssgan.auditing._compare import compare, impostor_threshold
from kssgan.auditing._statistics import auc, mean_with_bounds, rate, threshold_at
from kssgan.auditing.controls import run_controls
from kssgan.auditing.guarantee import people


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(10, 15)), min_size=1, max_size=12))
def test_people_are_the_connected_components(edges: list[tuple[int, int]]) -> None:
    import networkx

    graph = networkx.Graph(edges)
    expected = sorted(sorted(part) for part in networkx.connected_components(graph))
    assert sorted(sorted({*left, *right}) for left, right in people(edges)) == expected


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (3, 7), (7, 7), (1, 100)])
def test_bounds_are_exact(hits: int, trials: int) -> None:
    share, low, high = rate(hits, trials)
    assert share == hits / trials
    if hits:
        assert binom.sf(hits - 1, trials, low) == pytest.approx(0.05)
    if hits < trials:
        assert binom.cdf(hits, trials, high) == pytest.approx(0.05)


def test_auc_counts_pairs() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 5, 20), random.integers(2, 8, 30)
    pairs = [1.0 if x < y else 0.5 if x == y else 0.0 for x, y in product(a, b)]
    assert auc(a, b) == pytest.approx(np.mean(pairs))


def test_bootstrap_covers_the_mean() -> None:
    values = np.random.default_rng(1).random(200)
    mean, low, high = mean_with_bounds(values, seed=0)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(200)
    assert (high - low) / 2 == pytest.approx(half, rel=0.2)
    assert mean_with_bounds([0.3], seed=0) == (0.3, 0.0, 1.0)


def test_threshold_leaves_the_share_below() -> None:
    edges = np.arange(5.0)
    assert threshold_at(np.array([1.0, 1, 1, 7]), edges, 0.2) == 2.0
    assert threshold_at(np.array([5.0, 1, 1, 3]), edges, 0.2) == 0.0


def _unit(random: np.random.Generator, n: int) -> np.ndarray:
    x = random.normal(size=(n, 6)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_comparison_by_hand() -> None:
    random = np.random.default_rng(3)
    gallery, who = _unit(random, 14), np.array([0, 0, 1, 1, 2, 3, 4, 4, 4, 5, 6, 6, 7, 7])
    probes = _unit(random, 3)
    truths = [{0: 1, 1: 1, 2: 1}, {3: 2, 4: 1}, {5: 1, 6: 1, 7: 1}]
    seen = np.array([True, True, False])
    found = compare(probes, seen, truths, gallery, who, threshold=1.0)
    for i in (0, 1):
        nearest = [
            min(np.linalg.norm(probes[i].astype(np.float64) - g) for g in gallery[who == p])
            for p in range(8)
        ]
        first = int(np.argmin(nearest))
        five = set(np.argsort(nearest)[:5].tolist())
        files = sum(truths[i].values())
        assert found.rank1[i] == pytest.approx(truths[i].get(first, 0) / files)
        assert found.rank5[i] == pytest.approx(
            sum(n for p, n in truths[i].items() if p in five) / files
        )
        assert found.group1[i] == (first in truths[i])
        inside = [d for p, d in enumerate(nearest) if p in truths[i]]
        outside = [d for p, d in enumerate(nearest) if p not in truths[i]]
        assert found.member_auc[i] == pytest.approx(
            np.mean([a < b for a in inside for b in outside])
        )
        assert found.nearest_member[i] == pytest.approx(min(inside), abs=1e-4)
        link = [
            np.mean([nearest[p] < d for q, d in enumerate(nearest) if q != p])
            for p, n in truths[i].items()
            for _ in range(n)
        ]
        assert found.link_auc[i] == pytest.approx(np.mean(link))
    assert found.rank1[2] == pytest.approx(1 / 8), "a picture without a face is a guess"
    assert found.rank5[2] == pytest.approx(5 / 8)
    assert np.isnan(found.nearest_member[2])


def test_ties_share_credit() -> None:
    gallery = np.tile(np.float32([[1, 0]]), (4, 1))
    truth = [{0: 1, 1: 1}]
    found = compare(gallery[:1], np.ones(1, bool), truth, gallery, np.arange(4), threshold=0.1)
    assert found.rank1[0] == 0.25
    assert found.group1[0] == 0.5
    assert found.link_auc[0] == found.member_auc[0] == 0.5


def test_impostor_threshold_needs_pairs() -> None:
    random = np.random.default_rng(0)
    few = _unit(random, 20)
    assert impostor_threshold(few, np.arange(20), far=1e-3, seed=0) is None
    many = _unit(random, 300)
    distances = np.linalg.norm(many[:, None] - many[None], axis=2)[np.triu_indices(300, 1)]
    found = impostor_threshold(many, np.arange(300), far=0.01, seed=0)
    assert found is not None
    assert (distances < found).mean() == pytest.approx(0.01, abs=1e-3)


def test_controls_catch_a_recogniser_that_knows_nobody() -> None:
    """All faces alike: the identity control must fail."""
    gallery = np.tile(np.float32([[1, 0, 0]]), (12, 1))
    controls = run_controls(
        gallery,
        np.arange(12),
        k=3,
        view="full",
        crops=np.zeros((0, 256, 256, 3), np.uint8),
        crop_people=np.zeros(0, np.int64),
        embedder=None,
        masked=False,
        seed=0,
    )
    assert [c.passed for c in controls] == [False, True, True]
