"""Studies as plain data, brought into series and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

__all__ = ["NAMES", "best_so_far", "by_solver", "curve", "default_of", "spread", "winner_of"]

Study = Mapping[str, Any]
Trial = Mapping[str, Any]
Series = dict[float, float]

NAMES: Mapping[str, str] = {
    "random": "Random Search",
    "hyperopt": "Hyperopt",
    "pso": "Particle Swarm",
}


def by_solver(studies: Iterable[Study]) -> dict[str, list[Study]]:
    """Studies of each solver, in the order of :data:`NAMES`, others last."""
    found: dict[str, list[Study]] = {}
    for study in studies:
        found.setdefault(study["solver"], []).append(study)
    order = [*NAMES, *sorted(found.keys() - NAMES.keys())]
    return {name: found[name] for name in order if name in found}


def best_so_far(study: Study) -> Series:
    """By number of trials, from 1: the lowest score of those that ran to their end."""
    found: Series = {}
    best: float | None = None
    for count, trial in enumerate(study["trials"], start=1):
        if trial["score"] is not None and (best is None or trial["score"] < best):
            best = trial["score"]
        if best is not None:
            found[count] = best
    return found


def winner_of(study: Study) -> Trial | None:
    """The best trial that ran to its end."""
    complete = [trial for trial in study["trials"] if trial["score"] is not None]
    return min(complete, key=lambda t: (t["score"], t["number"]), default=None)


def default_of(study: Study) -> Trial | None:
    """The trial of the default, where it ran to its end."""
    trials: Sequence[Trial] = study["trials"]
    for trial in trials:
        if trial["values"] == study["default"] and trial["score"] is not None:
            return trial
    return None


def curve(trial: Trial, name: str) -> Series:
    """What a trial logged under a name, by step."""
    return {line["step"]: line[name] for line in trial["curve"] if name in line}


def spread(series: Sequence[Series]) -> list[tuple[float, float, float, float]]:
    """(x, mean, lowest, highest) where all series have a value.

    >>> spread([{1: 2.0, 2: 1.0}, {1: 4.0}])
    [(1, 3.0, 2.0, 4.0)]
    """
    if not series:
        return []
    shared = sorted(set.intersection(*(set(one) for one in series)))
    rows = [(x, [one[x] for one in series]) for x in shared]
    return [(x, mean(values), min(values), max(values)) for x, values in rows]
