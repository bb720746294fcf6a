"""k-Same-Pixel, and what every k-Same method has in common: how groups are formed, and learning nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.grouping.select import groups_within
from kssgan.surrogate.mean import MeanSurrogate
from kssgan.types import Groups, PhotoFace

__all__ = ["KSame", "KSamePixel", "attribute_rows"]


class KSame:
    """What the k-Same methods share beside :class:`kssgan.types.SurrogateMethod`.

    Attributes:
        guarantee: what the method promises, in a sentence.
        fails: where that ends, in a sentence.
        within: attributes inside which it forms its groups; empty: those that the caller asks for.
    """

    guarantee = (
        "one picture for each group of at least k people, a function of the whole group: nobody in it can be "
        "told from k-1 others"
    )
    fails = (
        "that somebody is in the collection; people who come under two names; k pictures of one person in "
        "place of pictures of k people"
    )
    within: tuple[str, ...] = ()

    def fit(self, people: Sequence[Iterable[PhotoFace]]) -> Self:
        """Learn what the method needs of the gallery, or of public faces; most need nothing."""
        del people
        return self

    def groups(
        self,
        embeddings: npt.ArrayLike,
        k: int,
        *,
        attributes: Mapping[str, Sequence[str]] | None = None,
        seed: int = 0,
        look_alikes: npt.ArrayLike | None = None,
    ) -> Groups:
        """Who shares a picture: Newton's k-Same, inside the attributes that are given.

        Args:
            embeddings: (N, D), one row per subject.
            k: smallest number of people in a group.
            attributes: by name N categories; groups are formed inside all of them, or, where the method
                has ``within``, inside those.
            seed: whose neighbours come first.
            look_alikes: (M, 2) pairs of rows that may be one human.

        Raises:
            UsageError: input is not usable, or an attribute of ``within`` is not given.
            TooFewPeople: fewer than k people.
        """
        rows = attribute_rows(attributes or {}, self.within)
        return groups_within(
            embeddings, k, rows, method="k-same", seed=seed, look_alikes=look_alikes
        )


def attribute_rows(
    attributes: Mapping[str, Sequence[str]], wanted: Sequence[str]
) -> list[tuple[str, ...]] | None:
    """One tuple of categories per subject, None without attributes.

    >>> attribute_rows({"gender": ["f", "m"], "age": ["20", "30"]}, ("age",))
    [('20',), ('30',)]
    """
    names = tuple(wanted) or tuple(attributes)
    if missing := [name for name in names if name not in attributes]:
        raise UsageError(f"groups are formed inside {', '.join(missing)}, which is not known")
    if not names:
        return None
    return list(zip(*(attributes[name] for name in names), strict=True))


class KSamePixel(KSame, MeanSurrogate):
    """The plain mean of the group's aligned head crops: blurred, with ghosts, and a true k-Same method.

    Reference: Newton, Sweeney, Malin 2005, "Preserving privacy by de-identifying face images".
    """

    name = "k-same-pixel"
