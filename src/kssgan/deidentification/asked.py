"""What the caller asked for, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence

from kssgan.errors import UsageError
from kssgan.grouping.attributes import KNOWN

__all__ = ["GROUPINGS", "check_asked"]

GROUPINGS = ("mdav", "k-same")


def check_asked(
    k: int, *, allow_small_k: bool, seed: int, grouping: str, within: Sequence[str]
) -> None:
    """Reject what cannot be meant.

    Raises:
        UsageError: k below 2, k = 2 without ``allow_small_k``, a seed that is no whole number from 0 up, an
            unknown grouping, or ``within`` an attribute that does not stay with a person.

    >>> check_asked(5, allow_small_k=False, seed=0, grouping="mdav", within=("gender",))
    """
    if type(k) is not int or k < 2:
        raise UsageError(
            f"k={k!r} came; a whole number of at least 2 was wanted (3 or more is advised): a picture "
            f"that stands for one person is no protection"
        )
    if k == 2 and not allow_small_k:
        raise UsageError(
            "k=2 came; the mean of two faces verifies as each of the two, like a morph, so whoever "
            "suspects that a person is in the collection can confirm it; use k=3 or more, or allow it "
            "with --allow-small-k (allow_small_k=True)"
        )
    if type(seed) is not int or seed < 0:
        raise UsageError(f"seed={seed!r} came; a whole number from 0 up was wanted")
    if grouping not in GROUPINGS:
        raise UsageError(
            f"grouping={grouping!r} came; one of {', '.join(GROUPINGS)} was wanted"
        )
    constant = [name for name, attribute in KNOWN.items() if attribute.scope == "subject"]
    if isinstance(within, str) or not set(within) <= set(constant):
        raise UsageError(
            f"within={within!r} came; a sequence of attributes that stay with a person was wanted: "
            f"{', '.join(constant)}"
        )
