"""Small aligned tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kssgan.reporting._text import cell_width, number, printable

__all__ = ["text_table"]


def text_table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
    """Set rows in columns: text to the left, columns that hold only numbers to the right.

    Args:
        rows: as many cells each as ``header``; floats are shown with at most three decimals, ``None``
            as a dash, booleans as yes and no. Control signs in text are escaped.
        header: names of the columns.

    Returns:
        Lines joined by line feeds, without one at the end and without trailing spaces.

    Raises:
        ValueError: a row has more or fewer cells than the header.

    >>> print(text_table([("rank-1", 0.2), ("people", 1234)], header=("figure", "value")))
    figure  value
    ------  -----
    rank-1    0.2
    people  1,234
    """
    body = [list(row) for row in rows]
    for i, row in enumerate(body):
        if len(row) != len(header):
            raise ValueError(f"row {i} has {len(row)} cells, the header has {len(header)}")
    right = [bool(body) and all(_is_number(row[j]) for row in body) for j in range(len(header))]
    lines = [[printable(name) for name in header]]
    lines += [[_cell(value) for value in row] for row in body]
    widths = [max(cell_width(line[j]) for line in lines) for j in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            _padded(cell, width, right=to_right)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return printable(str(value))


def _padded(cell: str, width: int, *, right: bool) -> str:
    gap = " " * (width - cell_width(cell))
    return gap + cell if right else cell + gap
