"""The naive attack: a released picture is shown to a recogniser that knows every original.

Equal bytes alone keep rank-1 at 1/k or below, so this is a sanity check of the promise and of the count;
the evidence beyond it is how often the *group* is found, and :mod:`kssgan.auditing.likeness`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kssgan.auditing._compare import Comparison
from kssgan.auditing._statistics import mean_with_bounds, rate

__all__ = ["naive_figures"]

FAR = 1e-3


def naive_figures(found: Comparison, *, k: int, seed: int) -> dict[str, Any]:
    """Figures of the naive attack.

    Bounds take distinct pictures as the independent units, since all files of a picture are named alike.

    Args:
        found: the comparison.
        k: people behind a picture, as measured; 1/k stands beside rank-1.
        seed: of the resampling.

    Returns:
        ``rank1``, ``rank5``, ``group1`` and ``tar`` with one-sided 95 % bounds (``_low``, ``_high``),
        ``auc`` with a two-sided 95 % interval, ``chance`` and ``one_over_k`` beside them.
    """
    pictures = len(found.files)
    weights = found.files / max(1, int(found.files.sum()))
    figures: dict[str, Any] = {"pictures": pictures, "people_in_gallery": found.persons}
    for name, values in (("rank1", found.rank1), ("rank5", found.rank5)):
        value = float((values * weights).sum())
        _, low, high = rate(value * pictures, pictures)
        figures |= {name: value, f"{name}_low": low, f"{name}_high": high}
    figures["chance"] = 1.0 / found.persons
    figures["one_over_k"] = 1.0 / k if k else None
    value, low, high = rate(float(found.group1.sum()), pictures)
    figures |= {"group1": value, "group1_low": low, "group1_high": high}
    figures["group1_chance"] = float(found.members_behind.mean() / found.persons)
    value, low, high = mean_with_bounds(found.link_auc, seed=seed)
    figures |= {"auc": value, "auc_low": low, "auc_high": high}
    accepted = found.tar_at(FAR)
    if accepted is None:
        return figures | {"tar_at_far_1e3": None}
    _, low, high = rate(accepted[0] * pictures, pictures)
    return figures | {
        "tar_at_far_1e3": accepted[0],
        "tar_at_far_1e3_low": low,
        "tar_at_far_1e3_high": high,
        "tar_threshold": accepted[1],
        "undetected": int(np.count_nonzero(~found.seen)),
    }
