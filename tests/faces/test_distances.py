"""Distances against scipy, over block borders, and without N x N memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist, squareform

from kssgan.faces import distances


def unit(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def test_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "_BLOCK", 7)
    a, b = unit(30), unit(11, seed=1)
    np.testing.assert_allclose(distances.to_all(a, b), cdist(a, b), atol=1e-3)
    assert distances.to_all(a[3], b).shape == (11,)
    assert distances.to_all(a[:0], b).shape == (0, 11)


@pytest.mark.parametrize("block", [5, 64, 2048])
@pytest.mark.parametrize("threshold", [0.0, 0.9, 1.2, 5.0])
def test_pairs(monkeypatch: pytest.MonkeyPatch, block: int, threshold: float) -> None:
    monkeypatch.setattr(distances, "_BLOCK", block)
    x = unit(60)
    x[10] = x[50] = x[3]
    full = squareform(pdist(x.astype(np.float64)))
    wanted = [(i, j) for i in range(60) for j in range(i + 1, 60) if full[i, j] <= threshold]
    pairs, lengths = distances.pairs_below(x, threshold)
    assert [tuple(p) for p in pairs.tolist()] == wanted
    assert pairs.dtype == np.int64
    assert lengths.dtype == np.float32
    np.testing.assert_allclose(lengths, [full[p] for p in wanted], atol=1e-6)


def test_vectors_of_any_length() -> None:
    x = 500 * unit(40)
    x[7] = x[21] + np.float32(1e-3)
    full = squareform(pdist(x.astype(np.float64)))
    pairs, _ = distances.pairs_below(x, 550.0)
    wanted = [(i, j) for i in range(40) for j in range(i + 1, 40) if full[i, j] <= 550]
    assert (7, 21) in wanted
    assert [tuple(p) for p in pairs.tolist()] == wanted


def test_no_pairs() -> None:
    pairs, lengths = distances.pairs_below(unit(0), 1.0)
    assert pairs.shape == (0, 2)
    assert lengths.shape == (0,)


def test_memory_is_far_below_n_squared() -> None:
    x = unit(12_000, 8)
    x[5] = x[11_999]
    tracemalloc.start()
    pairs, _ = distances.pairs_below(x, 1e-4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [5, 11_999] in pairs.tolist()
    assert peak < 120e6  # 12,000 squared in float32 is 576 MB
