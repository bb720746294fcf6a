"""Evaluations read back from their folders, and put together where they are of the same photos."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kssgan.errors import UsageError
from kssgan.reporting.results import Results

__all__ = ["is_evaluation", "put_together", "read_results"]

_SAME = ("data", "analyser", "features", "recognizer", "threshold", "kssgan")
_TIMES = ("seconds", "seconds_drawing")


def is_evaluation(folder: Path) -> bool:
    """Whether ``kssgan evaluate`` has written a folder, finished or not."""
    return (folder / "evaluation.json").is_file()


def read_results(folder: Path) -> Results:
    """The table of an evaluation, and what it is of; no photo is needed.

    Raises:
        UsageError: the folder is no evaluation, is damaged, or has not been finished.
    """
    try:
        about = json.loads((folder / "evaluation.json").read_text("utf-8"))
        finished = bool(about["finished"])
        rows = _rows(folder / "results.csv") if finished else []
        found = Results(rows, about)
        found.pairs()
        if finished:
            about["photos"]["used"], about["seeds"], about["command"], about["controls"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"a folder came that is no evaluation ({type(error).__name__}); give what kssgan evaluate --out "
            "wrote"
        ) from None
    if not finished:
        raise UsageError(
            "an evaluation came that is not finished; run kssgan evaluate again, it goes on"
        )
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)
        ]


def put_together(results: Sequence[Results]) -> list[Results]:
    """Evaluations of the same photos as one, others beside each other, in the order in which they came.

    Raises:
        UsageError: two of them measured a cell and came to other figures.
    """
    parts: dict[str, list[Results]] = {}
    for own in results:
        basis = json.dumps([own.about.get(name) for name in _SAME])
        if "data" not in own.about:
            basis += f" {len(parts)}"  # what it is of is not known
        parts.setdefault(basis, []).append(own)
    return [_one(part) for part in parts.values()]


def _one(part: Sequence[Results]) -> Results:
    if len(part) == 1:
        return part[0]
    cells: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for own in part:
        for row in own.rows:
            cell = (row["method"], row["k"], row["seed"])
            if _figures(cells.setdefault(cell, row)) != _figures(row):
                raise UsageError(
                    f"two evaluations measured {cell[0]} at k {cell[1]}, seed {cell[2]} and differ; give "
                    "one of them"
                )
    names = list(dict.fromkeys(name for own in part for row in own.rows[:1] for name in row))
    methods = list(dict.fromkeys(cell[0] for cell in cells))
    rows = [
        {name: cells[cell].get(name) for name in names}
        for cell in sorted(cells, key=lambda cell: (methods.index(cell[0]), *cell[1:]))
    ]
    first = part[0].about
    return Results(
        rows,
        {
            **first,
            "command": "; ".join(dict.fromkeys(own.about["command"] for own in part)),
            "seeds": max(own.about["seeds"] for own in part),
            "date": ", ".join(dict.fromkeys(own.about["date"] for own in part)),
            "machine": "; ".join(dict.fromkeys(own.about["machine"] for own in part)),
        },
    )


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _TIMES}


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text or None
