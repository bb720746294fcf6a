"""The three tables an audit reads: the private map, the release's manifest and its certificate.

The map is the holder's own and must be right. Manifest and certificate are the release's: they are only
ever compared with what the files show.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kssgan.errors import BadTable

__all__ = [
    "VARIANT",
    "Manifest",
    "MapRow",
    "read_certificate",
    "read_manifest",
    "read_map",
    "read_rows",
    "stem",
]

VARIANT = "variant"
"""Column of a manifest that numbers several pictures of the same people with one label."""

_OF_PICTURES = frozenset({"expression", "pose", "gender", "age", "ethnicity"})
_OF_GROUPS = frozenset({"gender", "age", "ethnicity", "group"})
"""Columns that say of all pictures of a group the same."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_WANTED = ("original", "subject", "released", "reason")


@dataclass(frozen=True, slots=True)
class MapRow:
    """One photo's fate.

    Attributes:
        original: path relative to the originals, with ``/``.
        subject: who is in it, as declared or clustered.
        released: path relative to the release; empty when refused.
        reason: why it was refused; empty when released.
    """

    original: str
    subject: str
    released: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the release says of its files.

    Attributes:
        columns: names after ``file``.
        rows: cells by file, in the manifest's order.
        ragged: rows that repeat a file or have a wrong number of cells.
        written: the lines as they are written, but the first.
        head: the first.
    """

    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    ragged: int = 0
    written: tuple[str, ...] = ()
    head: str = ""

    def of_pictures(self) -> tuple[dict[str, tuple[str, ...]], int | None]:
        """By file what may differ between the pictures of a group, and the variant's place in it, or None."""
        named = [name for name in self._named() if name not in _OF_GROUPS]
        return self._cells(named), named.index(VARIANT) if VARIANT in named else None

    def of_groups(self) -> dict[str, tuple[str, ...]]:
        """By file what must be the same for all pictures of a group."""
        return self._cells([name for name in self._named() if name in _OF_GROUPS])

    def plain_labels(self) -> set[str]:
        """Words that label pictures; another column, or a cell that is no word, may name somebody."""
        at = [number for number, name in enumerate(self._named()) if name in _OF_PICTURES]
        return {row[i] for row in self.rows.values() for i in at if row[i].isalpha()}

    def _named(self) -> list[str]:
        return [column.strip().lower() for column in self.columns]

    def _cells(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        at = [number for number, name in enumerate(self._named()) if name in names]
        return {file: tuple(row[i] for i in at) for file, row in self.rows.items()}


def stem(name: str) -> str:
    r"""A file's name without folders and ending, in any notation.

    >>> stem("images/3f.png") == stem(r".\images\3F.PNG") == "3f"
    True
    """
    return PurePosixPath(name.replace("\\", "/")).stem.casefold()


def read_rows(path: Path, what: str) -> list[list[str]]:
    """All rows of a CSV; undecodable bytes become surrogates.

    Raises:
        BadTable: it cannot be read.
    """
    return _parsed(_text(path, what), what)


def _text(path: Path, what: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise BadTable(f"{what} cannot be read ({error.strerror}); check the path") from None


def _parsed(text: str, what: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        raise BadTable(f"{what} is not a CSV file; export it again as UTF-8 CSV") from None


def read_map(path: Path) -> tuple[MapRow, ...]:
    """Read the private map.

    Raises:
        BadTable: unreadable, columns missing, or no rows.
    """
    rows = read_rows(path, "the map")
    header = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in _WANTED if name not in header]
    if missing:
        raise BadTable(
            f"the map has no column {', '.join(missing)}; wanted {','.join(_WANTED)} in the first line"
        )
    at = [header.index(name) for name in _WANTED]
    if any(len(row) <= max(at) for row in rows[1:]):
        raise BadTable("a row of the map has too few cells; every row needs all four columns")
    if len(rows) == 1:
        raise BadTable("the map has no rows; pass the map that was written with this release")
    cells = [[row[i] for i in at] for row in rows[1:]]
    return tuple(
        MapRow(_plain(original), subject, _plain(released), reason)
        for original, subject, released, reason in cells
    )


def _plain(path: str) -> str:
    """A path without detours, so that one file has one name."""
    return posixpath.normpath(path) if path else ""


def read_manifest(root: Path) -> Manifest | None:
    """Read ``manifest.csv`` of a release, or None where there is none.

    Raises:
        BadTable: it is there, but not a CSV with a first column ``file``.
    """
    path = root / "manifest.csv"
    if not path.is_file():
        return None
    text = _text(path, "the release's manifest.csv")
    rows = _parsed(text, "the release's manifest.csv")
    if not rows or rows[0][0].strip().lower() != "file":
        raise BadTable("the release's manifest.csv does not begin with a column named file")
    columns = tuple(rows[0][1:])
    cells: dict[str, tuple[str, ...]] = {}
    ragged = 0
    for row in rows[1:]:
        if len(row) != len(columns) + 1 or row[0] in cells:
            ragged += 1
        cells.setdefault(row[0], (*row[1:], *[""] * len(columns))[: len(columns)])
    lines = _LINE.findall(text)
    return Manifest(columns, cells, ragged, tuple(lines[1:]), "".join(lines[:1]))


def read_certificate(root: Path) -> dict[str, Any] | None:
    """Read ``certificate.json``; None where there is none, empty where it cannot be read."""
    path = root / "certificate.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
