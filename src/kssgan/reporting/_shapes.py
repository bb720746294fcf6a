"""What the pages read of the things they are given; any class with these attributes will do.

So the room that makes a release can hand in its own classes, and neither room knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kssgan.types import U8Array

__all__ = ["GroupLike", "MemberLike", "PictureLike", "SurrogateLike"]


class SurrogateLike(Protocol):
    """See :class:`kssgan.reporting.public.Surrogate`."""

    @property
    def sha256(self) -> str:
        """Of the bytes, 64 hex digits."""

    @property
    def files(self) -> Sequence[str]:
        """Every file with these bytes."""

    @property
    def people(self) -> int:
        """People behind the picture."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Released attributes."""


class PictureLike(Protocol):
    """See :class:`kssgan.reporting.private.Picture`."""

    @property
    def caption(self) -> str:
        """Words below the picture."""

    @property
    def image(self) -> U8Array:
        """(H, W, 3) uint8."""


class MemberLike(Protocol):
    """See :class:`kssgan.reporting.private.Member`."""

    @property
    def subject(self) -> str:
        """As declared or clustered."""

    @property
    def photos(self) -> Sequence[PictureLike]:
        """The crops to show."""

    @property
    def more(self) -> int:
        """Photos that are not shown."""


class GroupLike(Protocol):
    """See :class:`kssgan.reporting.private.GroupRow`."""

    @property
    def people(self) -> int:
        """People in the group, look-alikes once."""

    @property
    def members(self) -> Sequence[MemberLike]:
        """Its subjects."""

    @property
    def surrogates(self) -> Sequence[PictureLike]:
        """One picture per cell."""
