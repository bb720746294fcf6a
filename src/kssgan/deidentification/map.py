r"""The private CSV files: the map from photos to released files, and the list of refused photos.

UTF-8 with LF line ends. A field is quoted only where it must be, which here includes a bare carriage
return: file names may hold one, and Python's own writer (before 3.13) leaves it bare for its reader to
stumble over. Bytes of a name that are no UTF-8 are written as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["MapRow", "encode_map", "encode_refused", "encode_table", "parse_table"]


class MapRow(NamedTuple):
    """One photo, or one of the pictures of a photo that has several.

    Attributes:
        original: relative to PHOTOS, with ``/``.
        subject: as declared, or as clustered; empty where unknown.
        released: relative to RELEASE; empty when refused.
        reason: why it was refused; empty when released.
    """

    original: str
    subject: str
    released: str
    reason: str


def encode_map(rows: Iterable[MapRow]) -> bytes:
    r"""Content of MAP.

    >>> print(encode_map([MapRow("a,b.jpg", "Ann", "images/00.png", "")]).decode(), end="")
    original,subject,released,reason
    "a,b.jpg",Ann,images/00.png,
    """
    return encode_table(MapRow._fields, rows)


def encode_refused(rows: Iterable[MapRow]) -> bytes:
    """Content of ``RELEASE.refused.csv``: the refused rows, without subjects."""
    refused = ((row.original, row.reason) for row in rows if not row.released)
    return encode_table(("original", "reason"), refused)


def encode_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """Any table, minimally quoted."""
    lines = [",".join(map(_field, row)) + "\n" for row in (header, *rows)]
    return "".join(lines).encode("utf-8", "surrogateescape")


def parse_table(data: bytes) -> list[dict[str, str]]:
    """Rows of a table that :func:`encode_table` wrote.

    Raises:
        ValueError: a row is shorter or longer than the header.
    """
    # newline="" keeps line ends inside quoted fields as they are.
    text = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    header, *rows = csv.reader(text, strict=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def _field(value: str) -> str:
    if any(mark in value for mark in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value
