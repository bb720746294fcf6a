"""The page beside the private map: originals above the surrogate they were replaced by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kssgan.reporting._shapes import GroupLike, PictureLike
from kssgan.reporting._templates import stream
from kssgan.reporting._text import label_sources
from kssgan.reporting._thumbnails import data_uri
from kssgan.types import U8Array

__all__ = ["GroupRow", "Member", "Picture", "private_report"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with the words below it.

    Attributes:
        caption: a photo's name, or a surrogate's labels. Private; escaped on the page.
        image: (H, W, 3) uint8, usually the 256 px crop.
    """

    caption: str
    image: U8Array


@dataclass(frozen=True, slots=True)
class Member:
    """One subject of a group.

    Attributes:
        subject: as declared or clustered.
        photos: the crops to show; need not be all.
        more: photos of this subject that are not shown; the page states the number.
    """

    subject: str
    photos: Sequence[Picture]
    more: int = 0


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: who is in it and what they share.

    Attributes:
        people: people in the group, look-alikes once.
        members: its subjects.
        surrogates: one picture per cell.
    """

    people: int
    members: Sequence[Member]
    surrogates: Sequence[Picture] = field(default_factory=tuple)


def private_report(
    rows: Iterable[GroupLike],
    *,
    certificate: Mapping[str, Any],
    refused: Iterable[tuple[str, str]] = (),
    limit: int | None = 100,
) -> Iterator[str]:
    """Write the private page in pieces.

    A row is read when its turn comes and dropped afterwards, so a generator that decodes crops as it goes
    keeps memory flat. No row beyond ``limit`` is asked for.

    Args:
        rows: groups, in the order in which they shall appear; any class with the attributes of
            :class:`GroupRow`.
        certificate: the release's certificate: ``holds``, ``statement``, ``k_claimed``, ``groups.count``.
        refused: (photo's name, reason), all of them are listed.
        limit: show at most so many groups and say so on the page; ``None`` shows all.

    Yields:
        Pieces of one HTML document. It has no lone surrogates, so it can be encoded as UTF-8.

    Raises:
        ValueError: ``limit`` is below 1, or a picture is not (H, W, 3) uint8.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit}; at least one group must be shown (None shows all)")
    total = int(certificate["groups"]["count"])
    return stream(
        "private.html.j2",
        c=certificate,
        rows=_numbered(islice(rows, limit)),
        total=total,
        limit=limit,
        shown=total if limit is None else min(limit, total),
        refused=refused,
        labels=label_sources(certificate),
    )


def _numbered(rows: Iterable[GroupLike]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, start=1):
        yield {
            "number": number,
            "people": row.people,
            "members": [
                {"subject": m.subject, "more": m.more, "photos": [_shown(p) for p in m.photos]}
                for m in row.members
            ],
            "surrogates": [_shown(p) for p in row.surrogates],
        }


def _shown(picture: PictureLike) -> dict[str, str]:
    return {"caption": picture.caption, "uri": data_uri(picture.image)}
