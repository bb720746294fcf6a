"""What a trial tells while it runs."""

from __future__ import annotations

from typing import Any, Protocol

from optuna import Trial, TrialPruned

__all__ = ["Report", "TrialReport"]


class Report(Protocol):
    """Handed to a score; see :class:`TrialReport`."""

    def __call__(self, step: int, score: float, **beside: float) -> None:
        """Tell the score after some steps, and what shall be logged beside it."""

    def log(self, step: int, **values: float) -> None:
        """Keep figures of some steps that judge nothing, as a training loss."""

    def note(self, **facts: float) -> None:
        """Keep figures of the whole trial that are not tuned."""


class TrialReport:
    """Stores a trial's scores, and ends the trial where they are hopeless."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.curve: list[dict[str, float]] = []
        self.facts: dict[str, float] = {}

    def __call__(self, step: int, score: float, **beside: float) -> None:
        """See :class:`Report`.

        Raises:
            optuna.TrialPruned: hopeless; leave it to the study.
        """
        self.curve.append({"step": step, "score": score, **beside})
        self._trial.report(score, step)
        if self._trial.should_prune():
            raise TrialPruned

    def log(self, step: int, **values: float) -> None:
        """See :class:`Report`."""
        self.curve.append({"step": step, **values})

    def note(self, **facts: float) -> None:
        """See :class:`Report`."""
        self.facts |= facts

    def attributes(self) -> dict[str, Any]:
        """What is stored with the trial."""
        return {"curve": self.curve, "facts": self.facts}
