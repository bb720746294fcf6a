"""All files of PHOTOS and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kssgan.deidentification.look import Seen

__all__ = ["Collection", "reasons_in_words"]


@dataclass(frozen=True, slots=True)
class Collection:
    """All files of PHOTOS and what became of them.

    Attributes:
        names: of all image files found, relative to PHOTOS.
        declared: the subject of each of ``names`` as declared; ``None`` where nothing was.
        ignored: files that are no photos.
        photos: the usable ones.
        refused: the others, with their reasons.
    """

    names: tuple[str, ...]
    declared: Mapping[str, str | None]
    ignored: int
    photos: Sequence[Seen]
    refused: Mapping[str, str]


def reasons_in_words(refused: Mapping[str, str]) -> str:
    """Reasons with their numbers, the most frequent first.

    >>> from kssgan.errors import Reason
    >>> reasons_in_words({"a": Reason.NO_FACE, "b": Reason.NO_FACE, "c": Reason.UNREADABLE})
    '2 no face found, 1 unreadable file'
    """
    counts = Counter(str(reason) for reason in refused.values())
    return ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
