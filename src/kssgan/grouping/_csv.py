"""Reading a user's CSV: every problem with its line number, none of its contents.

Cells hold names of people and of photos, and so may a header (a table without one starts with data).
Messages therefore speak of lines, counts and the columns that were wanted, never of what a cell says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kssgan.errors import BadTable

__all__ = ["Table", "lines_in_words", "parse_table", "raise_problems", "read_text"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV in memory.

    Attributes:
        columns: the header, stripped; ``keys`` is the same in lower case.
        rows: the cells of each row, as many as there are columns.
        lines: the line on which each row starts, from 1.
    """

    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    @property
    def keys(self) -> tuple[str, ...]:
        """Column names as they are looked up: upper and lower case are the same."""
        return tuple(name.lower() for name in self.columns)

    def column(self, name: str) -> list[str] | None:
        """The cells under ``name`` in the order of the rows, None where there is no such column."""
        if name not in self.keys:
            return None
        at = self.keys.index(name)
        return [row[at] for row in self.rows]

    def repeated(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that head more than one column."""
        return [name for name in names if self.keys.count(name) > 1]


def lines_in_words(lines: Sequence[int]) -> str:
    """Line numbers for a message, the first few of them.

    >>> lines_in_words([4]), lines_in_words([2, 4, 9]), lines_in_words(range(1, 10))
    ('line 4', 'lines 2, 4, 9', 'lines 1, 2, 3, 4, 5 and 4 more')
    """
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"line{'' if len(lines) == 1 else 's'} {shown}{more}"


def raise_problems(table: str, problems: Sequence[str]) -> None:
    """Raise all problems of one table at once, or none.

    Raises:
        BadTable: there are any.
    """
    if problems:
        raise BadTable(f"the {table} table cannot be used: " + "; ".join(problems))


def read_text(path: Path, table: str) -> str:
    """The whole table as text; a byte order mark is tolerated.

    Raises:
        BadTable: missing, unreadable, not UTF-8, or not text at all.
    """
    # "from None" everywhere: the system's own messages carry the path, a decoder's carry the bytes.
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a usable path"
        raise BadTable(
            f"the {table} table cannot be read: {why}; give the path of a CSV file"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadTable(
            f"the {table} table is not UTF-8 text (line {line}); save it as CSV in UTF-8"
        ) from None
    if "\0" in text:
        raise BadTable(f"the {table} table is not text; save it as CSV in UTF-8")
    return text


def parse_table(text: str, table: str) -> Table:
    """Split CSV text into a header and rows.

    Blank lines are skipped. Cells that a row lacks at its end are empty (spreadsheets leave them out);
    cells beyond the header are a problem, since a comma without quotes has moved all that follow it.

    Raises:
        BadTable: no header, broken quoting, rows longer than the header.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    long: list[int] = []
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                long.append(line)
            rows.append((cells + [""] * len(header))[: len(header)])
            lines.append(line)
    except csv.Error:
        raise BadTable(
            f"the {table} table is not well-formed CSV from line {before + 1} on; "
            f"check its quotation marks"
        ) from None
    if header is None:
        raise BadTable(f"the {table} table is empty; its first line must name the columns")
    if long:
        raise_problems(
            table,
            [f"{lines_in_words(long)}: more cells than columns (put quotes around commas)"],
        )
    return Table(tuple(header), rows, lines)
