"""Rule 3 in figures: is a surrogate somebody's face? Members against everybody else."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssgan.auditing._compare import Comparison
from kssgan.auditing._statistics import mean_with_bounds, rate

__all__ = ["likeness_figures"]


def likeness_figures(
    found: Comparison, *, threshold: float, measured: bool, seed: int
) -> dict[str, Any]:
    """Likeness of surrogates to the people behind them.

    Args:
        found: the comparison.
        threshold: distance at FAR 1e-3.
        measured: whether it was measured on this gallery, or is the recogniser's stated one.
        seed: of the resampling.

    Returns:
        ``verifies``: share of pictures that verify against somebody behind them, with one-sided 95 %
        bounds, and ``verifies_other``, the same against somebody who is not; ``member_pairs`` and
        ``other_pairs``, shares of single comparisons; ``member_auc`` with a two-sided 95 % interval
        (0.5: members are no nearer than others); medians of the nearest distances.
    """
    pictures = len(found.files)
    figures: dict[str, Any] = {
        "threshold": threshold,
        "threshold_from": "this gallery" if measured else "the recogniser's stated value",
    }
    for name, nearest in (
        ("verifies", found.nearest_member),
        ("verifies_other", found.nearest_other),
    ):
        hits = int(np.count_nonzero(nearest <= threshold))
        value, low, high = rate(hits, pictures)
        figures |= {name: value, f"{name}_low": low, f"{name}_high": high}
    near_members, members, near_others, others = found.below
    figures["member_pairs"] = near_members / members if members else None
    figures["other_pairs"] = near_others / others if others else None
    value, low, high = mean_with_bounds(found.member_auc[found.seen], seed=seed)
    figures |= {"member_auc": value, "member_auc_low": low, "member_auc_high": high}
    figures["nearest_member"] = _median(found.nearest_member)
    figures["nearest_other"] = _median(found.nearest_other)
    return figures


def _median(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else None
