"""Newton's k-Same on embeddings: a random seed and its nearest, again and again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.grouping._build import build_groups
from kssgan.grouping._fill import Draft
from kssgan.types import Groups

__all__ = ["k_same_groups"]

_BATCH = 64  # seeds that are surveyed together


def k_same_groups(
    embeddings: npt.ArrayLike,
    k: int,
    *,
    seed: int = 0,
    look_alikes: npt.ArrayLike | None = None,
) -> Groups:
    """Gather similar subjects into groups of ``k`` to ``2k - 1`` people around random subjects.

    A subject drawn from those that remain and its k-1 nearest make a group and leave; when fewer than
    ``k`` would remain they join the last group. The seed subject only decides who joins: a surrogate
    weighs all members alike. Distances are Euclidean. The promise counts people, not photos: pass one
    row per subject. As with :func:`~kssgan.grouping.mdav.mdav_groups` the order of rows does not matter.

    Look-alikes never count as two people and are treated as there.

    Args:
        embeddings: shape (N, D), finite; need not be of unit length.
        k: smallest number of people in a group, at least 2.
        seed: of ``numpy.random.default_rng``; same rows, same seed, same groups.
        look_alikes: shape (M, 2), pairs of row numbers that may be one human under two names.

    Returns:
        Groups, numbered in the order in which they were made.

    Raises:
        UsageError: embeddings, ``k`` or pairs are not usable; the message says what was wanted.
        TooFewPeople: as :func:`~kssgan.grouping.mdav.mdav_groups`.

    Reference: Newton, Sweeney, Malin 2005, Preserving privacy by de-identifying face images (k-Same).

    >>> k_same_groups(np.eye(5, dtype="float32"), 2).sizes
    (2, 3)
    """

    def sow(draft: Draft) -> None:
        # The next remaining row of one random order is a random remaining row.
        turn = np.random.default_rng(seed).permutation(draft.graph.degrees.size)
        seeds: list[int] = turn.tolist()
        remaining, at = draft.remaining, 0

        def pick() -> int:
            nonlocal at
            while seeds[at] not in remaining:
                at += 1
            if not remaining.surveyed(seeds[at]):
                ahead = [row for row in seeds[at : at + 2 * _BATCH] if row in remaining]
                remaining.survey(ahead[:_BATCH])
            return seeds[at]

        while remaining.count >= 2 * draft.k:
            draft.fill(pick())
        draft.close(pick)

    return build_groups(embeddings, k, look_alikes, sow)
