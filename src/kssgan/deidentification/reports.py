"""The seam to the pages: this room says what is on them, the caller brings who writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from kssgan.types import U8Array

__all__ = [
    "GroupShown",
    "MemberShown",
    "PictureShown",
    "PlainReports",
    "Reports",
    "WrittenPicture",
]


@dataclass(frozen=True, slots=True)
class WrittenPicture:
    """One distinct picture of a release, as measured on the written files.

    Attributes:
        sha256: of the bytes, 64 hex digits.
        files: every file with these bytes, relative to RELEASE, sorted.
        people: people behind it; each has one of the files.
        attributes: released attributes of the picture.
    """

    sha256: str
    files: Sequence[str]
    people: int
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PictureShown:
    """A picture with a caption, for the private page.

    Attributes:
        caption: a photo's name, or a surrogate's labels.
        image: (256, 256, 3) uint8.
    """

    caption: str
    image: U8Array


@dataclass(frozen=True, slots=True)
class MemberShown:
    """A subject of a group, for the private page.

    Attributes:
        subject: as declared or clustered.
        photos: some of the subject's head crops.
        more: photos of the subject that are not among them.
    """

    subject: str
    photos: Sequence[PictureShown]
    more: int


@dataclass(frozen=True, slots=True)
class GroupShown:
    """A group, for the private page.

    Attributes:
        people: in the group, look-alikes once.
        members: its subjects.
        surrogates: one picture a cell.
    """

    people: int
    members: Sequence[MemberShown]
    surrogates: Sequence[PictureShown]


class Reports(Protocol):
    """Writes the two pages."""

    def public(self, certificate: Mapping[str, Any], pictures: Iterable[WrittenPicture]) -> str:
        """Content of ``RELEASE/report.html``; must say nothing that its arguments do not say."""
        ...

    def private(
        self,
        certificate: Mapping[str, Any],
        groups: Iterable[GroupShown],
        refused: Iterable[tuple[str, str]],
    ) -> Iterable[str] | None:
        """Pieces of the page beside MAP, or ``None`` for no page.

        ``groups`` are made one by one as they are asked for, and need not all be asked for.
        """
        ...


class PlainReports:
    """A bare public page and no private one, for callers who bring no writer."""

    def public(self, certificate: Mapping[str, Any], pictures: Iterable[WrittenPicture]) -> str:
        """The certificate's sentence, and each picture once with its number of people."""
        shown = "\n".join(
            f'<figure><img src="{p.files[0]}" alt=""><figcaption>{p.people} people</figcaption></figure>'
            for p in pictures
        )
        return (
            '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Release</title>\n'
            f"<p>{escape(str(certificate['statement']))}</p>\n{shown}\n</html>\n"
        )

    def private(
        self,
        certificate: Mapping[str, Any],
        groups: Iterable[GroupShown],
        refused: Iterable[tuple[str, str]],
    ) -> None:
        """No page."""
