"""The loop: it counts, saves, looks and stops; what is learnt is the recipe's."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from kssgan._version import __version__
from kssgan.errors import TrainingFailed
from kssgan.training import checkpoint as files
from kssgan.training.board import Board
from kssgan.training.config import Config
from kssgan.training.log import Log, Shown
from kssgan.training.picture import png
from kssgan.training.precision import Precision, not_finite
from kssgan.training.prepared import Prepared
from kssgan.training.recipe import Recipe
from kssgan.training.stopping import Stop, signals

__all__ = ["Run", "Trained"]


@dataclass(frozen=True)
class Trained:
    """What a run left.

    Attributes:
        path: RUN.
        generator: the exported weights.
        steps: steps that are done; fewer than asked for where time ran out.
        finished: whether all are done and the weights are those of the last.
        figures: of the last look at the people held out.
        seconds: of this call.
    """

    path: Path
    generator: Path
    steps: int
    finished: bool
    figures: dict[str, float]
    seconds: float


class Run:
    """The loop: steps, looks, checkpoints, exports.

    Args:
        out: RUN; it is there, and nobody else trains in it.
        config: of the run.
        digest: of the prepared file.
        recipe: what is learnt.
        precision: of its steps.
        log: told of everything.
        board: TensorBoard's, told the same.
        begin: when this call began.
    """

    def __init__(
        self,
        out: Path,
        config: Config,
        digest: str,
        recipe: Recipe,
        precision: Precision,
        log: Log,
        board: Board,
        begin: float,
    ) -> None:
        self._out, self._config, self._digest = out, config, digest
        self._recipe, self._precision, self._log = recipe, precision, log
        self._board, self._begin = board, begin
        self._figures: dict[str, float] = {}
        self._best: dict[str, Any] = {}

    def go(
        self, step: int, more: dict[str, Any], stop: Stop, data: Prepared, place: torch.device
    ) -> Trained:
        """Train from a step on until all are done, time is up or a signal comes.

        Args:
            step: steps that are done.
            more: what the checkpoint said beside its tensors; empty for a run that begins.
            stop: says when to end early.
            data: what is trained on, for the facts of the export.
            place: where.

        Raises:
            TrainingFailed: a loss is no longer a number.
            KeyboardInterrupt: a signal came before all was done; everything is saved.
        """
        out, config, recipe = self._out, self._config, self._recipe
        self._facts = _facts(config, data)
        self._figures, self._best = more.get("figures", {}), more.get("best", {})
        self._content = data.content_digest()
        files.write_whole(
            out / "config.json", json.dumps(config.to_json(), indent=2).encode() + b"\n"
        )
        recent: list[dict[str, float]] = []
        with signals(stop):
            ready = recipe.begin(step, lambda: stop.asked)
            if step == 0:
                self._look(step)
            with Shown("training", config.steps, step) as shown:
                crew = self._precision.crew
                while step < config.steps and not crew.agree(stop.asked, place):
                    parts = recipe.step(step)
                    _check_finite(parts, self._precision, step, out)
                    step += 1
                    recent.append(parts)
                    if step % config.log_every == 0:
                        self._tell("loss", step, _means(recent))
                        recent.clear()
                    if step % config.check_every == 0 or step == config.steps:
                        self._look(step)
                    if step % config.save_every == 0 and step < config.steps:
                        self._save(step)
                    shown.step(recipe.note(parts))
            finished = ready and step >= config.steps
            # Stopped before it is ready to export, a run that was done keeps what it left.
            kept = files.latest(out) if step >= config.steps and not ready else None
            last = self._save(step) if kept is None else kept
        self._tell("end", step, {"skipped": self._precision.skipped})
        self._board.close()
        if stop.signalled and not finished:
            raise KeyboardInterrupt(
                f"stopped after {step} of {config.steps} steps; {last.name} is saved, go on with --resume"
            )
        return Trained(
            out,
            out / "generator.safetensors",
            step,
            finished,
            self._figures,
            perf_counter() - self._begin,
        )

    def _tell(self, kind: str, step: int, values: dict[str, float]) -> None:
        self._log.write(kind, step, values | {"seconds": perf_counter() - self._begin})
        self._board.scalars(kind, step, values)

    def _look(self, step: int) -> None:
        """Measure; keep the weights where they score better than all before."""
        found, sheet = self._recipe.look()
        score = self._recipe.score(found)
        self._figures = found
        self._log.write("check", step, found | {"score": score})
        self._board.scalars("check", step, found | {"score": score})
        self._board.sheet(step, sheet)
        files.write_whole(self._out / "sheets" / f"{step:08d}.png", png(sheet))
        if step and not score >= self._best.get("score", math.inf):
            self._best = {"step": step, "score": score}
            files.write_whole(self._out / "best.safetensors", self._export(step))

    def _save(self, step: int) -> Path:
        """Checkpoint and export."""
        recipe = self._recipe
        more = recipe.more() | {
            "precision": self._precision.state(),
            "content": self._content,
            "figures": self._figures,
            "best": self._best,
        }
        state = files.Checkpoint(
            step, self._config.to_json(), self._digest, more, recipe.state()
        )
        path = files.save(self._out, state)
        files.write_whole(self._out / "generator.safetensors", self._export(step, last=True))
        self._log.write("saved", step, {"file": path.name})
        return path

    def _export(self, step: int, *, last: bool = False) -> bytes:
        figures = {name: round(value, 5) for name, value in self._figures.items()}
        facts = self._facts | {"steps": step, "figures": figures}
        return self._recipe.export(facts, finished=last and step >= self._config.steps)


def _means(parts: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each part over the steps that have it."""
    names = dict.fromkeys(name for step in parts for name in step)
    found = {name: [step[name] for step in parts if name in step] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


def _check_finite(parts: dict[str, float], precision: Precision, step: int, out: Path) -> None:
    bad = not_finite(parts, precision.name)
    if bad:
        path = files.latest(out)
        where = f"the last good checkpoint is {path.name}" if path else "nothing was saved yet"
        raise TrainingFailed(
            f"{', '.join(bad)} of step {step} is not a number; {where}; begin a new RUN with a lower rate, "
            f"or in fp32"
        )


def _facts(config: Config, data: Prepared) -> dict[str, Any]:
    return {
        "kssgan": __version__,
        "config": config.to_json(),
        "data": data.facts.get("digest", ""),
        "photos": len(data),
        "subjects": data.subjects,
    }
