"""The recompute attack: the attacker has the photos, our code and the seed, and runs it again.

Nobody can keep a picture that is a function of known inputs from being found again. So a group is found for
certain, and what remains is that k people share it: rank-1 is exactly 1/k where the promise holds, and 1
where each photo keeps a picture of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.types import U8Array

__all__ = ["recompute_distances"]


def recompute_distances(
    released_u8: U8Array, again_u8: U8Array, holders: npt.ArrayLike, persons: int
) -> npt.NDArray[np.float64]:
    """How far each released picture is from the nearest picture that a person gets when the code runs again.

    Args:
        released_u8: (P, ...) pictures.
        again_u8: (Q, ...) pictures of the second run, of the same shape.
        holders: (M, 2) pairs of a picture of the second run, 0..Q-1, and a person who holds it, 0..persons-1.
        persons: S.

    Returns:
        (P, S) root mean square differences in grey levels; infinite for people without a picture.

    >>> pictures = np.array([[0, 0], [9, 9]], np.uint8)
    >>> recompute_distances(pictures, pictures, [(0, 0), (0, 1), (1, 2)], 3).tolist()
    [[0.0, 0.0, 9.0], [9.0, 9.0, 0.0]]
    """
    # Sums of products of whole numbers, so nothing is rounded before the root.
    again = again_u8.reshape(len(again_u8), -1).astype(np.float64)
    released = released_u8.reshape(len(released_u8), -1).astype(np.float64)
    squares = (released**2).sum(1)[:, None] + (again**2).sum(1)[None]
    apart = np.sqrt((squares - 2 * released @ again.T) / again.shape[1])
    pairs = np.asarray(holders, np.int64).reshape(-1, 2)
    found = np.full((persons, len(released)), np.inf)
    np.minimum.at(found, pairs[:, 1], apart.T[pairs[:, 0]])
    return np.ascontiguousarray(found.T)
