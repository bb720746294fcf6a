"""The line of the promise, 1/k, beside every attack that names one person.

Of a method whose every picture is shared by k people or more, no attack can name the right person more often
than in one of k tries. What is measured is a sample: an attack is a *violation* where its one-sided 95 %
lower bound lies above 1/k, so that luck alone does not explain it. A rate that lies above the line with a
lower bound below it proves nothing either way, and a method that keeps k never shows one: of its equal files
only one in k is the right one, whoever ranks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kssgan.types import ATTACKS

__all__ = ["ATTACKS", "line_figures"]

_SLACK = 1e-9


def line_figures(figures: Mapping[str, Any], k: int) -> dict[str, Any]:
    """Which attacks are proven to do better than 1 in k.

    Args:
        figures: of one release; attacks that were not measured are absent or None.
        k: people who share a picture, 2 or more. 1 for a method that promises nothing: there is no line.

    Returns:
        ``within_line``: "yes", or "no" where there is a violation, None without a line; ``violations``: names
        of the attacks, with commas between.

    >>> line_figures({"rank1_low": 0.21, "parrot_rank1_low": 0.1}, 5)
    {'within_line': 'no', 'violations': 'naive'}
    """
    if k < 2:
        return {"within_line": None, "violations": None}
    above = [
        attack
        for attack, name in ATTACKS.items()
        if (low := figures.get(f"{name}_low")) is not None and low > 1 / k + _SLACK
    ]
    return {"within_line": "no" if above else "yes", "violations": ", ".join(above)}
