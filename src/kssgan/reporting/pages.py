"""Both pages of a release behind one object, as the program that writes releases wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kssgan.reporting._shapes import GroupLike, SurrogateLike
from kssgan.reporting.private import private_report
from kssgan.reporting.public import public_report

__all__ = ["Reports"]


@dataclass(frozen=True, slots=True)
class Reports:
    """Writes the public and the private page.

    Attributes:
        limit: groups on the private page, stated there; None for all. The public page shows everything.
    """

    limit: int | None = 100

    def public(self, certificate: Mapping[str, Any], pictures: Iterable[SurrogateLike]) -> str:
        """Content of ``RELEASE/report.html``; see :func:`kssgan.reporting.public_report`."""
        return public_report(certificate, pictures)

    def private(
        self,
        certificate: Mapping[str, Any],
        groups: Iterable[GroupLike],
        refused: Iterable[tuple[str, str]],
    ) -> Iterator[str]:
        """Pieces of the page beside the map; see :func:`kssgan.reporting.private_report`."""
        return private_report(
            groups, certificate=certificate, refused=refused, limit=self.limit
        )
