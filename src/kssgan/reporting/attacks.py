"""Every attack of an evaluation beside the line 1/k, for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from kssgan.reporting._text import number
from kssgan.types import ATTACKS

__all__ = ["WORDS", "attack_table", "violations"]

_GROUPS: Mapping[str, tuple[str, str]] = {
    "group found: naive": ("group1", "group1_chance"),
    "face only": ("face_group1", "group1_chance"),
    "reverse": ("reverse_group1", "reverse_group1_chance"),
    "parrot": ("parrot_group1", "group1_chance"),
    "your recogniser": ("recognizer_group1", "group1_chance"),
}

WORDS = (
    "- How often one person is named: mean over seeds, in brackets the highest of the seeds' one-sided 95 % "
    "lower and upper bounds. Units of the bounds are distinct pictures.",
    "- *Within 1/k*: no attack's lower bound lies above 1/k in any seed. Where one does, it is a violation "
    "and is named. Methods with k 1 promise nothing and have no line.",
    "- *Face only*: the naive attack with all but a tight oval hidden. *Reverse*: an original looks for its "
    "picture among the released ones.",
    "- *Group found*: somebody behind the picture is named first (naive, face only, parrot), or the right "
    "picture comes first (reverse); chance stands behind the stroke. The line 1/k does not bound it.",
)
"""What the columns mean."""


def violations(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each cell in which an attack is proven to do better than 1 in k."""
    return [
        f"{row['method']} at k = {row['k']}, seed {row['seed']}: {row['violations']}"
        for row in rows
        if row.get("within_line") == "no"
    ]


def attack_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and lines, one for each method and k in their order; attacks not made have no column."""
    made = {a: n for a, n in ATTACKS.items() if any(row.get(n) is not None for row in rows)}
    groups = {
        a: n for a, n in _GROUPS.items() if any(row.get(n[0]) is not None for row in rows)
    }
    lines = []
    for method, k in dict.fromkeys((str(row["method"]), int(row["k"])) for row in rows):
        mine = [r for r in rows if r["method"] == method and r["k"] == k]
        line = [method, str(k), number(1 / k, 3) if k > 1 else "-", _verdict(mine)]
        line += [_named(mine, name) for name in made.values()]
        for name, chance in groups.values():
            found, usual = _mean(mine, name), _mean(mine, chance)
            line.append(f"{_words(found)} / {_words(usual)}" if found is not None else "-")
        lines.append(line)
    return ["method", "k", "1/k", "within 1/k", *made, *groups], lines


def _verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    told = [row.get("within_line") for row in rows]
    if "no" in told:
        names = ", ".join(str(row["violations"]) for row in rows if row.get("violations"))
        return f"NO: {', '.join(dict.fromkeys(names.split(', ')))}"
    return "yes" if "yes" in told else "-"


def _named(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    value = _mean(rows, name)
    if value is None:
        return "-"
    low, high = (
        max(
            (float(r[f"{name}_{end}"]) for r in rows if r.get(f"{name}_{end}") is not None),
            default=None,
        )
        for end in ("low", "high")
    )
    known = low is not None and high is not None
    return f"{_words(value)} ({_words(low)}-{_words(high)})" if known else _words(value)


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [float(row[name]) for row in rows if row.get(name) is not None]
    return fmean(known) if known else None


def _words(value: float | None) -> str:
    return "-" if value is None else number(value, 3)
