"""Utility's first question: is a surrogate still a face?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import rate

__all__ = ["detection_figures"]


def detection_figures(
    detected: npt.NDArray[np.bool_], files: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Share of surrogates in which the detector finds one usable face.

    Args:
        detected: (P,) by distinct picture.
        files: (P,) files of each.

    >>> figures = detection_figures(np.array([True, False]), np.array([3, 1]))
    >>> figures["pictures"], figures["files"]
    (0.5, 0.75)
    """
    value, low, high = rate(int(detected.sum()), len(detected))
    return {
        "pictures": value,
        "pictures_low": low,
        "pictures_high": high,
        "files": float((detected * files).sum() / max(1, int(files.sum()))),
    }
