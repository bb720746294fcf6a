"""Training from a prepared file: make it ready, then let it run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from kssgan.errors import UsageError
from kssgan.models.stored import StoredGenerator, read_generator
from kssgan.training import checkpoint as files
from kssgan.training.board import Board
from kssgan.training.config import Config, check_takes_groups
from kssgan.training.device import device_of
from kssgan.training.drawing import Drawing
from kssgan.training.gallery import Gallery
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.log import Log
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.training.processes import Processes, processes
from kssgan.training.recipe import Recipe
from kssgan.training.resuming import check_same, make_folders, open_run, restore
from kssgan.training.run import Run, Trained
from kssgan.training.stopping import Stop, signals
from kssgan.types import IntArray

__all__ = ["Trained", "plan", "train"]


def plan(
    data: Prepared, config: Config, *, groups: IntArray | None = None, start: Path | None = None
) -> dict[str, Any]:
    """What a run would be: the resolved configuration, sizes of the networks, the data in numbers.

    With ``start`` also "start_anew": names of the weights that would not be taken over.

    Raises:
        UsageError: :func:`train` would refuse it too.
    """
    place = torch.device("cpu")
    known = None if start is None else _stored(start)
    recipe = _recipe(data, config, place, Precision("fp32", place), groups, known=known)
    begun = {"start_anew": recipe.left} if isinstance(recipe, Drawing) and known else {}
    return {"config": config.to_json(), **recipe.plan(), **begun}


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
    with processes(device) as (crew, ours), _memory(config.batch):
        place = device_of(ours, threads)
        precision = Precision(config.precision, place, crew)
        data = file if isinstance(file, Prepared) else load_prepared(file)
        digest = str(data.facts.get("digest") or data.digest())
        known = None if start is None else _stored(start)
        at = open_run(out, resume)
        if at is not None:
            check_same(at, config, digest, data.content_digest())
            known = None  # what it began with is in the checkpoint
        # What cannot be trained leaves no folder behind.
        recipe = _recipe(data, config, place, precision, groups, known=known, at=at)
        if at is not None:
            restore(recipe, precision, at)
        step = 0 if at is None else at.step
        if not crew.first:
            return _follow(recipe, config, crew, place, step, out, begin)
        make_folders(out)
        with files.locked(out):
            log = Log(out / "log.jsonl", step=step)
            log.write(
                "begin",
                step,
                {"device": str(place), "torch": torch.__version__, "data": digest},
            )
            if isinstance(recipe, Drawing) and recipe.left is not None:
                log.write("start", step, {"anew": recipe.left})
            board = Board(out if tensorboard else None, step=step)
            run = Run(out, config, digest, recipe, precision, log, board, begin)
            more = {} if at is None else at.more
            return run.go(step, more, Stop(begin, minutes), data, place)


@contextmanager
def _memory(batch: int) -> Iterator[None]:
    """Name a batch that fits, wherever the GPU's memory ends."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise UsageError(
            f"the GPU's memory is too small for a batch of {batch} or for the bank; begin a new "
            f"RUN with --batch {max(1, batch // 2)}, or a smaller bank"
        ) from None


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
    with signals(Stop(begin, None)):
        recipe.begin(step, lambda: False)
        while step < config.steps and not crew.agree(False, place):
            recipe.step(step)
            step += 1
    seconds = perf_counter() - begin
    return Trained(out, out / "generator.safetensors", step, step >= config.steps, {}, seconds)


def _stored(file: Path) -> StoredGenerator:
    try:
        return read_generator(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the generator to start from cannot be read ({type(error).__name__})"
        ) from None


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
        check_takes_groups(config)
    if precision.crew.count > 1:
        raise UsageError(
            f"preset {config.preset} trains in one process; paper and stargan share out their batches"
        )
    return Drawing(data, config, place, precision, known=known, more=more)
