"""Rates with bounds, and how often one set of distances is smaller than another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["auc", "mean_with_bounds", "poisson_tail", "rate", "threshold_at"]

_Array = npt.NDArray[np.float64]


def rate(hits: float, trials: int) -> tuple[float, float, float]:
    """Share of hits with one-sided 95 % bounds (Clopper and Pearson 1934).

    Args:
        hits: 0..trials; shared credit may make it fractional, and then the bounds are wider than needed,
            since no variable in 0..1 varies more than a coin of the same mean.
        trials: independent ones, 0 or more.

    Returns:
        Share, lower bound, upper bound; each bound is missed in at most 5 % of repetitions.

    >>> [round(v, 3) for v in rate(0, 10)]
    [0.0, 0.0, 0.259]
    """
    from scipy.stats import beta

    if trials == 0:
        return 0.0, 0.0, 1.0
    low = float(beta.ppf(0.05, hits, trials - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(0.95, hits + 1, trials - hits)) if hits < trials else 1.0
    return hits / trials, low, high


def mean_with_bounds(values: npt.ArrayLike, *, seed: int) -> tuple[float, float, float]:
    """Mean with a two-sided 95 % interval, by resampling the values (1,000 times).

    A single value says nothing about its spread: the interval is then 0..1.

    Args:
        values: (N,) in 0..1.
        seed: of the resampling.
    """
    x = np.asarray(values, np.float64)
    if x.size < 2:
        return (float(x.mean()) if x.size else 0.0), 0.0, 1.0
    random = np.random.default_rng(seed)
    # A row of draws at a time where there are many, so that 20,000 values do not need 20 million at once.
    rows = max(1, min(1000, 100_000 // x.size))
    means = np.concatenate(
        [
            x[random.integers(0, x.size, (min(rows, 1000 - done), x.size))].mean(axis=1)
            for done in range(0, 1000, rows)
        ]
    )
    low, high = np.quantile(means, (0.025, 0.975))
    return float(x.mean()), float(low), float(high)


def auc(near: npt.ArrayLike, far: npt.ArrayLike) -> float:
    """How often a value of ``near`` is smaller than one of ``far``; a tie counts half.

    >>> auc([0.1, 0.2], [0.2, 0.3])
    0.875
    """
    a, b = np.asarray(near, np.float64).ravel(), np.sort(np.asarray(far, np.float64).ravel())
    if not a.size or not b.size:
        return 0.5
    larger = b.size - np.searchsorted(b, a, side="right")
    ties = np.searchsorted(b, a, side="right") - np.searchsorted(b, a, side="left")
    return float((larger + ties / 2).mean() / b.size)


def threshold_at(histogram: npt.NDArray[np.float64], edges: _Array, share: float) -> float:
    """Largest edge below which at most ``share`` of a histogram lies.

    Args:
        histogram: (B,) weights.
        edges: (B + 1,) ascending.
        share: 0..1.
    """
    below = np.concatenate([[0.0], np.cumsum(histogram)]) / max(float(histogram.sum()), 1e-300)
    return float(edges[int(np.searchsorted(below, share, side="right")) - 1])


def poisson_tail(seen: int, expected: float) -> float:
    """Chance of at least ``seen`` events where ``expected`` are usual."""
    from scipy.stats import poisson

    return float(poisson.sf(seen - 1, expected)) if seen else 1.0
