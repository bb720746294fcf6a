"""``results.csv``: one row for each finished cell, numbers alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kssgan.evaluation.cells import Cell

__all__ = ["COLUMNS", "csv_text", "table_rows"]

COLUMNS = (
    "method",
    "k",
    "seed",
    "pictures",
    "people",
    "least_people",
    "rank1",
    "rank1_low",
    "rank1_high",
    "rank5",
    "rank5_low",
    "rank5_high",
    "group1",
    "group1_chance",
    "auc",
    "auc_low",
    "auc_high",
    "eer",
    "tar_at_far_1e2",
    "tar_at_far_1e3",
    "verifies",
    "verifies_other",
    "face_rank1",
    "face_rank1_low",
    "face_rank1_high",
    "face_group1",
    "reverse_rank1",
    "reverse_rank1_low",
    "reverse_rank1_high",
    "reverse_group1",
    "reverse_group1_chance",
    "parrot_rank1",
    "parrot_rank1_low",
    "parrot_rank1_high",
    "parrot_group1",
    "parrot_pixels",
    "parrot_embeddings",
    "parrot_head",
    "recompute_rank1",
    "recompute_rank1_low",
    "recompute_rank1_high",
    "recognizer_rank1",
    "recognizer_rank1_low",
    "recognizer_rank1_high",
    "recognizer_group1",
    "recognizer_auc",
    "recognizer_eer",
    "recognizer_tar_at_far_1e2",
    "recognizer_tar_at_far_1e3",
    "recognizer_verifies",
    "recognizer_reverse_rank1",
    "recognizer_reverse_rank1_low",
    "recognizer_reverse_rank1_high",
    "recognizer_reverse_group1",
    "recognizer_parrot_rank1",
    "recognizer_parrot_rank1_low",
    "recognizer_parrot_rank1_high",
    "recognizer_parrot_group1",
    "within_line",
    "violations",
    "sharpness",
    "sharpness_ratio",
    "sharpness_ratio_q95",
    "sharpness_ratio_q75",
    "sharpness_ratio_q50",
    "sharpness_ratio_q25",
    "kid",
    "kid_deviation",
    "fid",
    "fid_photos",
    "variety",
    "detected",
    "landmarks_found",
    "landmark_error",
    "expression_agrees",
    "gender_agrees",
    "age_agrees",
    "expression_learnt",
    "expression_learnt_photos",
    "expression_even",
    "expression_even_photos",
    "gender_learnt",
    "gender_learnt_photos",
    "seconds_drawing",
    "seconds",
)
"""Columns of ``results.csv`` in their order."""


def table_rows(
    cells: Sequence[Cell], found: Mapping[Cell, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Finished cells in the order of ``cells``; those that were left out are not among them.

    Figures have the six digits of the file, so that whatever is drawn of them is drawn of the file as well.
    """
    rows = []
    for cell in cells:
        figures = found[cell]
        if "left_out" not in figures:
            row = {"method": cell.method, "k": cell.k, "seed": cell.seed, **figures}
            rows.append({name: _rounded(row.get(name)) for name in COLUMNS})
    return rows


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The table as CSV, UTF-8, line feeds; a figure that could not be taken is empty.

    >>> csv_text([{"method": "blur", "k": 1, "seed": 0}]).splitlines()[1][:11]
    'blur,1,0,,,'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
    return text.getvalue()


def _rounded(value: Any) -> Any:
    """As it will be read back: six digits, and nothing where nothing is said."""
    if isinstance(value, float):
        return float(_cell(value))
    return None if value == "" else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
