"""Who is held out: by a hash of who they are, so that it does not depend on who else is there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from kssgan.types import BoolArray

__all__ = ["hold_out"]


def hold_out(people: Sequence[str], share: float, seed: int = 0) -> BoolArray:
    """Choose people to hold out.

    Args:
        people: one key per person, each once.
        share: about how many, 0..1.
        seed: another seed, another choice.

    Returns:
        (M,) bool. Adding people changes nothing for those who were there before.

    >>> hold_out(["a", "b", "c", "d", "e", "f"], 0.5).tolist() == [
    ...     hold_out([name], 0.5)[0] for name in "abcdef"
    ... ]
    True
    """
    found = []
    for key in people:
        text = f"{seed}:{key}".encode("utf-8", "surrogateescape")
        number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
        found.append(number < share * 2**64)
    return np.array(found, bool)
