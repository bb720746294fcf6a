"""The reverse attack: an original is shown to the recogniser, and the released pictures are the gallery.

Who has a photo of a person asks which picture that person became. All files of a picture are equal, so
where k people share one, its right *file* is found in at most one of k tries; how often the right *picture*
comes first is what tells a group, and stands beside its chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import rate
from kssgan.types import IntArray

__all__ = ["reverse_figures"]

_DECIMALS = 5


def reverse_figures(
    distances: npt.ArrayLike, people: IntArray, members: Sequence[IntArray]
) -> dict[str, float]:
    """Find released pictures with originals.

    Args:
        distances: (F, P) of each original to each distinct picture, smaller is nearer. Rounded to 5 decimals;
            pictures that come first together share the credit.
        people: (F,) who is on each original, 0..S-1.
        members: of each picture, the people who hold a file of it; everybody in ``people`` holds one.

    Returns:
        ``reverse_rank1``: how often the nearest file is the person's own, mean over a person's photos, then
        over people, with one-sided 95 % bounds (``_low``, ``_high``); ``reverse_group1``: how often the
        nearest picture is, and ``reverse_group1_chance``. Units of the bounds are sets of people who hold
        the same pictures: where k people share a picture, the pictures.

    Raises:
        ValueError: shapes that do not go together, or somebody without a picture.

    >>> found = reverse_figures([[0.1, 0.8], [0.2, 0.9], [0.7, 0.3]], np.array([0, 1, 2]), [[0, 1], [2]])
    >>> found["reverse_group1"], round(found["reverse_rank1"], 3)  # two of the three share a picture
    (1.0, 0.667)
    """
    near = np.round(np.asarray(distances, np.float64), _DECIMALS)
    if near.shape != (len(people), len(members)) or not near.size:
        raise ValueError(
            f"distances of shape {near.shape} came for {len(people)} originals and {len(members)} pictures; "
            f"one row for each original and one column for each picture were wanted"
        )
    holders = np.zeros((int(people.max()) + 1, len(members)))
    for picture, holding in enumerate(members):
        holders[np.asarray(holding), picture] = 1.0
    present = np.unique(people)
    if not holders[present].any(axis=1).all():
        raise ValueError("somebody has an original and no picture; leave such originals out")
    first = near == near.min(axis=1, keepdims=True)
    own = (first * holders[people]).sum(1)
    files = np.array([len(holding) for holding in members], np.float64)
    photos = np.bincount(people)[present]

    def over_people(credit: npt.NDArray[np.float64]) -> float:
        return float(np.mean(np.bincount(people, credit)[present] / photos))

    units = len(np.unique(holders[present], axis=0))
    found: dict[str, float] = {}
    for name, credit in (
        ("reverse_rank1", own / (first @ files)),
        ("reverse_group1", own / first.sum(1)),
    ):
        value = over_people(credit)
        _, low, high = rate(min(value * units, units), units)
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    found["reverse_group1_chance"] = float((holders[present].sum(1) / len(members)).mean())
    return found
