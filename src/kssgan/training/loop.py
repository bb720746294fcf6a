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
from kssgan.models.stored import StoredGenerator, read_generator, write_generator
from kssgan.training import checkpoint as files
from kssgan.training.bank import Bank
from kssgan.training.check import (
    Examiner,
    category_shapes,
    code_errors,
    code_table,
    fit_codes,
)
from kssgan.training.config import TrainingConfig
from kssgan.training.data import Photos
from kssgan.training.face_space import face_space
from kssgan.training.log import Log, Shown
from kssgan.training.means import public_means
from kssgan.training.networks import Networks, parameters
from kssgan.training.picture import png
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.training.refining import pieces
from kssgan.training.step import train_step
from kssgan.training.teacher import Teacher

__all__ = ["Trained", "plan", "train"]


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


def plan(data: Prepared, config: TrainingConfig) -> dict[str, Any]:
    """What a run would be: the resolved configuration, sizes of the networks, the data in numbers."""
    photos = Photos(data, torch.device("cpu"), donors=config.donors)
    networks = _networks(config, photos, torch.device("cpu"))
    return {
        "config": config.to_json(),
        "parameters": {
            "drawer": parameters(networks.generator.drawer),
            "refiner": parameters(networks.generator.refiner),
            "codes": parameters(networks.codes),
            "critic": parameters(networks.critic),
            "refine_critic": parameters(networks.refine_critic),
        },
        "data": {
            "photos": len(data),
            "subjects": data.subjects,
            "train": len(photos.train),
            "held_out": len(photos.held_out),
            "donors": len(photos.donors),
            "labels": {config.label: list(data.scheme.get(config.label, ()))},
        },
        "bank_bytes": config.bank * (4 * config.pictures + 1) * 3 * (config.size // 2) ** 2,
    }


def train(
    file: Path,
    *,
    out: Path,
    config: TrainingConfig,
    device: str = "auto",
    start: Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    threads: int | None = None,
) -> Trained:
    """Train a generator.

    On one CPU build, with one number of threads, a run that was interrupted and resumed leaves the same
    weights, byte for byte, as one that was not.

    Args:
        file: what ``kssgan prepare`` wrote.
        out: RUN, a folder: checkpoints, ``generator.safetensors``, ``log.jsonl``, ``sheets/``.
        config: what to do.
        device: "auto", "cpu", "cuda", "cuda:1", ...
        start: a generator's file whose weights and codes are the start, where they fit.
        resume: go on from the last checkpoint in RUN.
        minutes: stop in time, as if interrupted; schedules do not change.
        threads: of the CPU; the machine's by default.

    Raises:
        UsageError: the file, RUN or an option is not usable.
        TrainingFailed: a loss is no longer a number.
        StorageError: the disk is full or refuses.
        KeyboardInterrupt: stopped by a signal, after saving.
    """
    begin = perf_counter()
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes {minutes} came, above 0 was wanted")
    place = _device(device)
    if threads is not None:
        torch.set_num_threads(_threads(threads))
    precision = Precision(config.precision, place)
    data = load_prepared(file)
    digest = str(data.facts.get("digest", data.digest()))
    known = None if start is None else _stored(start)
    at = _open_run(out, resume)
    if at is not None:
        _check_same(at, config, digest)
        known = None  # what it began with is in the checkpoint
    with files.locked(out):
        return _run(data, digest, out, config, place, precision, known, at, begin, minutes)


def _run(
    data: Prepared,
    digest: str,
    out: Path,
    config: TrainingConfig,
    place: torch.device,
    precision: Precision,
    known: StoredGenerator | None,
    start: files.Checkpoint | None,
    begin: float,
    minutes: float | None,
) -> Trained:
    photos = Photos(data, place, donors=config.donors)
    # A drawer that stays as it is knows its own donors and no others.
    kept: list[int] = [] if start is None else start.more.get("codes", [])
    if known is not None and config.turn(0).refining:
        kept = known.facts.get("codes", [])
        if kept and max(kept) >= len(photos.donors):
            raise UsageError(
                "the generator to start from has donors that this prepared file lacks; give the file it was "
                "trained on, or let the drawer learn too"
            )
    if kept:
        photos.keep_donors(kept)
    networks = _networks(config, photos, place)
    teacher = Teacher(photos, label=config.label, seed=config.seed, pictures=config.pictures)
    bank = Bank(teacher, size=config.bank, refresh=config.refresh, seed=config.seed)
    mates = photos.mates(config.label)
    shapes = category_shapes(photos, config.label)
    public = public_means(photos, config.label)
    space = face_space(photos, config.label)
    step = 0
    if start is not None:
        step = start.step
        _restore(networks, precision, start)
    log = Log(out / "log.jsonl", step=step)
    files.write_whole(
        out / "config.json", json.dumps(config.to_json(), indent=2).encode() + b"\n"
    )
    log.write("begin", step, {"device": str(place), "torch": torch.__version__, "data": digest})
    if known is not None:
        left = networks.start_from(known, kept)
        log.write("start", step, {"anew": left})
    stop = _Stop(begin, minutes)
    figures: dict[str, float] = {}
    recent: list[dict[str, float]] = []

    def save() -> Path:
        more = {"precision": precision.state(), "figures": figures, "codes": kept}
        state = files.Checkpoint(step, config.to_json(), digest, more, networks.state())
        path = files.save(out, state)
        # Costs a minute, so only at the end.
        rows = fit_codes(photos, code_errors(networks, bank) if step >= config.steps else None)
        stored = StoredGenerator(
            networks.average_generator,
            code_table(networks, photos, rows),
            {config.label: photos.scheme[config.label]}
            if config.label in photos.scheme
            else {},
            _facts(config, data, step, figures)
            | {"codes": [kept[row] for row in rows] if kept else rows.tolist()},
            {config.label: shapes} if shapes else {},
            public,
            space,
        )
        files.write_whole(out / "generator.safetensors", write_generator(stored))
        log.write("saved", step, {"file": path.name})
        return path

    def look() -> dict[str, float]:
        found, sheet = examiner.examine(networks)
        log.write("check", step, found)
        files.write_whole(out / "sheets" / f"{step:08d}.png", png(sheet))
        return found

    with _signals(stop), _memory(config.batch):
        examiner = Examiner(teacher, label=config.label, count=config.check)
        missing = [] if step >= config.steps else bank.missing(step)
        with Shown("lessons", len(missing)) as shown:
            for number in missing:
                if stop.asked:
                    break
                bank.make(number)
                shown.step()
        if step == 0:
            figures = look()
        with Shown("training", config.steps, step) as shown:
            while step < config.steps and not stop.asked:
                batch = bank.batch(step, config.batch)
                photographs = pieces(photos, config, step)
                parts = train_step(networks, batch, photographs, mates, config, precision, step)
                _check_finite(parts, precision, step, out)
                step += 1
                recent.append(parts)
                if step % config.log_every == 0:
                    log.write(
                        "loss", step, _means(recent) | {"seconds": perf_counter() - begin}
                    )
                    recent.clear()
                if step % config.check_every == 0 or step == config.steps:
                    figures = look()
                if step % config.save_every == 0 and step < config.steps:
                    save()
                shown.step(f"l1 {parts.get('l1', parts.get('refine.l1', 0)):.4f}")
        last = save()
    log.write("end", step, {"seconds": perf_counter() - begin, "skipped": precision.skipped})
    if stop.signalled:
        raise KeyboardInterrupt(
            f"stopped after {step} of {config.steps} steps; {last.name} is saved, go on with --resume"
        )
    seconds = perf_counter() - begin
    return Trained(
        out, out / "generator.safetensors", step, step >= config.steps, figures, seconds
    )


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


def _networks(config: TrainingConfig, photos: Photos, device: torch.device) -> Networks:
    labels = len(photos.scheme.get(config.label, ()))
    return Networks(config, donors=len(photos.donors), labels=labels, device=device)


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
    try:
        (out / "sheets").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"RUN cannot be made ({type(error).__name__})") from None
    return None


def _check_same(start: files.Checkpoint, config: TrainingConfig, digest: str) -> None:
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


def _restore(networks: Networks, precision: Precision, start: files.Checkpoint) -> None:
    try:
        networks.restore(start.tensors)
        precision.restore(start.more["precision"])
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


def _facts(
    config: TrainingConfig, data: Prepared, step: int, figures: dict[str, float]
) -> dict[str, Any]:
    return {
        "kssgan": __version__,
        "config": config.to_json(),
        "steps": step,
        "data": data.facts.get("digest", ""),
        "photos": len(data),
        "subjects": data.subjects,
        "figures": {name: round(value, 5) for name, value in figures.items()},
    }
