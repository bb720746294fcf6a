"""Training from a prepared file: make lessons, take steps, look, save, export."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import torch

from kssgan._version import __version__
from kssgan.errors import OutputExists, StorageError, TrainingFailed, UsageError
from kssgan.models.stored import StoredGenerator, read_generator
from kssgan.training import checkpoint as files
from kssgan.training.board import Board
from kssgan.training.config import Config
from kssgan.training.drawing import Drawing
from kssgan.training.gallery import Gallery
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.log import Log, Shown
from kssgan.training.picture import png
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.training.processes import Processes, processes
from kssgan.training.recipe import Recipe
from kssgan.types import IntArray

__all__ = ["Trained", "device_of", "plan", "train"]


@dataclass(frozen=True)
class Trained:
    """What a run left.

    Attributes:
        path: RUN.
        generator: the exported weights.
        steps: steps that are done; fewer than asked for where time ran out.
        finished: whether all are done.
        figures: of the last look at the people held out.
        seconds: of this call.
    """

    path: Path
    generator: Path
    steps: int
    finished: bool
    figures: dict[str, float]
    seconds: float


def plan(data: Prepared, config: Config, *, groups: IntArray | None = None) -> dict[str, Any]:
    """What a run would be: the resolved configuration, sizes of the networks, the data in numbers."""
    place = torch.device("cpu")
    recipe = _recipe(data, config, place, Precision("fp32", place), groups)
    return {"config": config.to_json(), **recipe.plan()}


def train(
    file: Path | Prepared,
    *,
    out: Path,
    config: Config,
    groups: IntArray | None = None,
    device: str = "auto",
    start: Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    threads: int | None = None,
    tensorboard: bool = False,
) -> Trained:
    """Train a generator.

    On one CPU build, with one number of threads, a run that was interrupted and resumed leaves the same
    weights, byte for byte, as one that was not.

    Args:
        file: what ``kssgan prepare`` wrote, or its content.
        out: RUN, a folder: checkpoints, ``generator.safetensors``, ``log.jsonl``, ``sheets/``.
        config: what to do.
        groups: (N,) group of each photo of the file, for a gallery of fixed groups; -1 takes no part.
        device: "auto", "cpu", "cuda", "cuda:1", ...
        start: a generator's file whose weights and codes are the start, where they fit.
        resume: go on from the last checkpoint in RUN.
        minutes: stop in time, as if interrupted; schedules do not change.
        threads: of the CPU; the machine's by default.
        tensorboard: write RUN/tensorboard too.

    Raises:
        UsageError: the file, RUN or an option is not usable.
        TrainingFailed: a loss is no longer a number.
        StorageError: the disk is full or refuses.
        KeyboardInterrupt: stopped by a signal, after saving.
    """
    begin = perf_counter()
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes {minutes} came, above 0 was wanted")
    with processes(device) as (crew, ours):
        return _train(
            file,
            out,
            config,
            groups,
            device_of(ours, threads),
            crew,
            start,
            resume,
            minutes,
            tensorboard,
            begin,
        )


def _train(
    file: Path | Prepared,
    out: Path,
    config: Config,
    groups: IntArray | None,
    place: torch.device,
    crew: Processes,
    start: Path | None,
    resume: bool,
    minutes: float | None,
    tensorboard: bool,
    begin: float,
) -> Trained:
    precision = Precision(config.precision, place, crew)
    data = file if isinstance(file, Prepared) else load_prepared(file)
    digest = str(data.facts.get("digest") or data.digest())
    known = None if start is None else _stored(start)
    at = _open_run(out, resume)
    if at is not None:
        _check_same(at, config, digest)
        known = None  # what it began with is in the checkpoint
    # What cannot be trained leaves no folder behind.
    recipe = _recipe(data, config, place, precision, groups, known=known, at=at)
    step = 0 if at is None else at.step
    stop = _Stop(begin, minutes)
    if at is not None:
        _restore(recipe, precision, at)
    if not crew.first:
        return _follow(recipe, config, crew, place, step, out, begin)
    _make_folders(out)
    with files.locked(out):
        log = Log(out / "log.jsonl", step=step)
        about = {"device": str(place), "torch": torch.__version__, "data": digest}
        log.write("begin", step, about)
        if isinstance(recipe, Drawing) and recipe.left is not None:
            log.write("start", step, {"anew": recipe.left})
        board = Board(out if tensorboard else None, step=step)
        run = _Run(out, config, digest, recipe, precision, log, board, begin)
        return run.go(step, {} if at is None else at.more, stop, data, place)


def _follow(
    recipe: Recipe,
    config: Config,
    crew: Processes,
    place: torch.device,
    step: int,
    out: Path,
    begin: float,
) -> Trained:
    """Do this process's part of every step until the first one says that it is enough."""
    with _signals(_Stop(begin, None)):
        recipe.begin(step, lambda: False)
        while step < config.steps and not crew.agree(False, place):
            recipe.step(step)
            step += 1
    seconds = perf_counter() - begin
    return Trained(out, out / "generator.safetensors", step, step >= config.steps, {}, seconds)


class _Run:
    """The loop: steps, looks, checkpoints, exports."""

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
        self, step: int, more: dict[str, Any], stop: _Stop, data: Prepared, place: torch.device
    ) -> Trained:
        """Train from a step on until all are done, time is up or a signal comes."""
        out, config, recipe = self._out, self._config, self._recipe
        self._facts = _facts(config, data)
        self._figures, self._best = more.get("figures", {}), more.get("best", {})
        files.write_whole(
            out / "config.json", json.dumps(config.to_json(), indent=2).encode() + b"\n"
        )
        recent: list[dict[str, float]] = []
        with _signals(stop), _memory(config.batch):
            recipe.begin(step, lambda: stop.asked)
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
            last = self._save(step)
        self._tell("end", step, {"skipped": self._precision.skipped})
        self._board.close()
        if stop.signalled:
            raise KeyboardInterrupt(
                f"stopped after {step} of {config.steps} steps; {last.name} is saved, go on with --resume"
            )
        return Trained(
            out,
            out / "generator.safetensors",
            step,
            step >= config.steps,
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


class _Stop:
    """Whether the loop shall end after the step at hand."""

    def __init__(self, begin: float, minutes: float | None) -> None:
        self.signalled = False
        self._until = None if minutes is None else begin + 60 * minutes

    @property
    def asked(self) -> bool:
        return self.signalled or (self._until is not None and perf_counter() >= self._until)


@contextmanager
def _signals(stop: _Stop) -> Iterator[None]:
    """SIGTERM and SIGINT end the run between two steps; a second one ends it at once."""

    def note(signum: int, frame: FrameType | None) -> None:
        if stop.signalled:
            raise KeyboardInterrupt
        stop.signalled = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, note) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _memory(batch: int) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise UsageError(
            f"the GPU's memory is too small for a batch of {batch} or for the bank; try --batch "
            f"{max(1, batch // 2)}, or a smaller bank, with --resume"
        ) from None


def _stored(file: Path) -> StoredGenerator:
    try:
        return read_generator(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the generator to start from cannot be read ({type(error).__name__})"
        ) from None


def device_of(name: str, threads: int | None = None) -> torch.device:
    """Where to work, by name; on a CPU with so many threads.

    Raises:
        UsageError: no such device here, or fewer than one thread.
    """
    place = _device(name)
    if threads is not None:
        torch.set_num_threads(_threads(threads))
    return place


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(name)
    except RuntimeError:
        place = torch.device("meta")
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda came, but torch sees no GPU here; use --device cpu")
    if place.type not in ("cuda", "cpu"):
        raise UsageError(f"device {name!r} came; use auto, cpu, cuda or cuda:N")
    return place


def _threads(threads: int) -> int:
    if threads < 1:
        raise UsageError(f"threads {threads} came, at least 1 was wanted")
    return threads


def _recipe(
    data: Prepared,
    config: Config,
    place: torch.device,
    precision: Precision,
    groups: IntArray | None,
    *,
    known: StoredGenerator | None = None,
    at: files.Checkpoint | None = None,
) -> Recipe:
    more = None if at is None else at.more
    if isinstance(config, GalleryConfig):
        if known is not None:
            raise UsageError(
                "a generator to start from came, but preset "
                f"{config.preset} begins at random; leave --start out"
            )
        return Gallery(data, config, place, precision, groups=groups)
    if groups is not None:
        raise UsageError(
            f"groups came, but preset {config.preset} serves any groups; use paper or stargan, or leave "
            "--groups out"
        )
    if precision.crew.count > 1:
        raise UsageError(
            f"preset {config.preset} trains in one process; paper and stargan share out their batches"
        )
    return Drawing(data, config, place, precision, known=known, more=more)


def _open_run(out: Path, resume: bool) -> files.Checkpoint | None:
    if resume:
        path = files.latest(out)
        if path is None:
            raise UsageError(
                "there is no checkpoint in RUN to go on from; leave --resume out to begin"
            )
        return files.load(path)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputExists(
            "RUN is already there and is never overwritten; choose another, or go on with --resume"
        )
    return None


def _make_folders(out: Path) -> None:
    try:
        (out / "sheets").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"RUN cannot be made ({type(error).__name__})") from None


def _check_same(start: files.Checkpoint, config: Config, digest: str) -> None:
    if start.data != digest:
        raise UsageError(
            "RUN was trained on another prepared file; give that one, or a new RUN"
        )
    mine, theirs = config.to_json(), start.config
    other = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
    # How often to look and to save changes no weight.
    other = [k for k in other if k not in ("log_every", "check_every", "save_every")]
    if other:
        raise UsageError(
            f"RUN was begun with another {', '.join(other)}; give the same options to --resume"
        )


def _restore(recipe: Recipe, precision: Precision, start: files.Checkpoint) -> None:
    try:
        recipe.restore(start.tensors)
        precision.restore(start.more["precision"])
    except UsageError:
        raise
    except (KeyError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the checkpoint does not fit these networks ({type(error).__name__}); begin a new RUN"
        ) from None


def _means(parts: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each part over the steps that have it."""
    names = dict.fromkeys(name for step in parts for name in step)
    found = {name: [step[name] for step in parts if name in step] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


def _check_finite(parts: dict[str, float], precision: Precision, step: int, out: Path) -> None:
    scaled = precision.name == "fp16"  # there a gradient may overflow: the step is skipped
    bad = [
        name
        for name, value in parts.items()
        if not math.isfinite(value) and not (scaled and name.startswith("norm"))
    ]
    if bad:
        path = files.latest(out)
        where = f"the last good checkpoint is {path.name}" if path else "nothing was saved yet"
        raise TrainingFailed(
            f"{', '.join(bad)} of step {step} is not a number; {where}; go on with a lower rate or fp32"
        )


def _facts(config: Config, data: Prepared) -> dict[str, Any]:
    return {
        "kssgan": __version__,
        "config": config.to_json(),
        "data": data.facts.get("digest", ""),
        "photos": len(data),
        "subjects": data.subjects,
    }
