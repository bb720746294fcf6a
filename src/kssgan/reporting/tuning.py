"""What studies of hyperparameters found: the paper's Figures 4 and 5, and a page around them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from kssgan.errors import UsageError
from kssgan.reporting._charts import Line, line_chart
from kssgan.reporting._studies import (
    NAMES,
    best_so_far,
    by_solver,
    curve,
    default_of,
    spread,
    winner_of,
)
from kssgan.reporting._templates import render
from kssgan.reporting._text import number

__all__ = ["tuning_page"]

Study = Mapping[str, Any]
Trial = Mapping[str, Any]
_DEFAULT = "#4a5568"
_SAME = ("space", "budget", "default", "data")


def tuning_page(studies: Sequence[Study]) -> dict[str, bytes]:
    """Figures and a page.

    Args:
        studies: each with "solver", "seed", "budget", "space", "default", "storage", "study", "importance"
            and "trials"; of a trial "number", "state", "values", "score", "curve", "facts", "seconds".

    Returns:
        Files by name: ``figure4.png``, ``figure5_loss.png``, ``figure5_score.png`` (the last two where
        something was logged), and ``report.html``, which holds the figures itself.

    Raises:
        UsageError: no trial ran to its end, or studies differ in space, budget, default or data.
    """
    other = [name for name in _SAME for s in studies[1:] if s.get(name) != studies[0].get(name)]
    if other:
        raise UsageError(
            f"studies differ in {', '.join(dict.fromkeys(other))}: they cannot be compared; report them one "
            "by one"
        )
    if not any(winner_of(study) for study in studies):
        raise UsageError("no trial of these studies ran to its end; there is nothing to draw")
    groups = by_solver(studies)
    drawn = {
        "figure4.png": _figure4(groups),
        "figure5_loss.png": _figure5(groups, "loss", "Figure 5: training loss", "own weights"),
        "figure5_score.png": _figure5(
            groups,
            "score",
            "Figure 5: score on people held out",
            "fixed weights, lower is better",
        ),
    }
    figures = {name: content for name, content in drawn.items() if content}
    page = render(
        "tuning.html.j2",
        figures={
            name.removesuffix(".png"): "data:image/png;base64," + b64encode(content).decode()
            for name, content in figures.items()
        },
        budget=studies[0]["budget"],
        seeds=max(len(group) for group in groups.values()),
        rows=[_row(name, group) for name, group in groups.items()],
        importance=_importance(groups),
        solvers=[_named(name) for name in groups],
        winners=[_winner(study) for group in groups.values() for study in group],
        places=[
            {
                "study": s["study"],
                "where": s["storage"] or f"{s['study']}/study.journal",
            }
            for s in studies
        ],
    )
    return figures | {"report.html": page.encode("utf-8", "backslashreplace")}


def _figure4(groups: Mapping[str, Sequence[Study]]) -> bytes:
    lines = [
        _line(_named(name), [best_so_far(study) for study in group])
        for name, group in groups.items()
    ]
    return line_chart(
        lines,
        title="Figure 4: best score so far",
        x="trials",
        y="fixed weights, lower is better; mean and range of seeds",
        from_zero=False,
    ).png()


def _figure5(groups: Mapping[str, Sequence[Study]], what: str, title: str, y: str) -> bytes:
    defaults = [default_of(study) for group in groups.values() for study in group]
    lines = []
    for name, group in groups.items():
        winners = [winner_of(study) for study in group]
        series = [curve(t, what) for t in winners if t is not None]
        lines.append(_line(f"{_named(name)}: winner", series))
    usual = [curve(t, what) for t in defaults if t is not None]
    lines.append(_line("default", usual, colour=_DEFAULT))
    if not any(line.values for line in lines):
        return b""
    label = f"{y}; mean and range of seeds"
    return line_chart(lines, title=title, x="steps", y=label, from_zero=False).png()


def _line(name: str, series: Sequence[dict[float, float]], *, colour: str = "") -> Line:
    return Line(name, spread([one for one in series if one]), colour)


def _row(name: str, group: Sequence[Study]) -> dict[str, str]:
    trials = [trial for study in group for trial in study["trials"]]
    pairs = [(winner_of(study), default_of(study)) for study in group]
    best = [w["score"] for w, _ in pairs if w is not None]
    judged = [(_held_out(w), _held_out(d)) for w, d in pairs]
    held = [w for w, _ in judged if w is not None]
    usual = [d for _, d in judged if d is not None]
    better = sum(w < d for w, d in judged if w is not None and d is not None)
    states = [trial["state"] for trial in trials]
    return {
        "solver": _named(name),
        "seeds": str(len(group)),
        "trials": ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states))),
        "best": _range(best),
        "held_out": _range(held),
        "default": _range(usual),
        "better": f"{better} of {len(group)}" if held and usual else "not measured",
        "seconds": number(mean(t["seconds"] for t in trials), 1) if trials else "",
    }


def _held_out(trial: Trial | None) -> float | None:
    return None if trial is None else trial["facts"].get("held_out")


def _importance(groups: Mapping[str, Sequence[Study]]) -> list[dict[str, Any]]:
    """Parameters, the most important first, each with the mean over the studies of each solver."""
    columns = []
    for group in groups.values():
        known = [study["importance"] for study in group if study["importance"]]
        names = known[0] if known else {}
        columns.append({n: mean(one.get(n, 0.0) for one in known) for n in names})
    parameters = list(dict.fromkeys(name for column in columns for name in column))
    rows = [{"name": n, "shares": [column.get(n) for column in columns]} for n in parameters]
    for row in rows:
        row["mean"] = mean(share or 0.0 for share in row["shares"])
    return sorted(rows, key=lambda row: -row["mean"])


def _winner(study: Study) -> dict[str, Any]:
    best = winner_of(study)
    changes = {} if best is None else best["values"]
    return {
        "solver": _named(study["solver"]),
        "seed": study["seed"],
        "trial": None if best is None else best["number"],
        "score": "none" if best is None else number(best["score"]),
        "changes": ", ".join(
            f"{name} {f'{value:.4g}' if isinstance(value, float) else value}"
            for name, value in changes.items()
            if value != study["default"].get(name)
        )
        or "nothing",
    }


def _range(values: Sequence[float]) -> str:
    if not values:
        return "not measured"
    middle = number(mean(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} to {number(max(values))})"


def _named(solver: str) -> str:
    return NAMES.get(solver, solver)
