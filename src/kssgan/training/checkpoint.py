"""Checkpoints: one safetensors file each, written in one step, never pickled.

Everything that a run needs to go on is in it: weights, averages, optimisers, the step, the configuration and
the digest of the data. Chance needs no saving, because every step and every group has its own number.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kssgan import files
from kssgan.errors import StorageError, UsageError

__all__ = ["Checkpoint", "latest", "load", "locked", "save", "write_whole"]

FORMAT = "kssgan-checkpoint/1"
_NAME = re.compile(r"checkpoint-(\d{8})\.safetensors")
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: steps that are done.
        config: of the run, as plain values.
        data: digest of the prepared file.
        more: further plain values (loss scales, best score, digest of embeddings and scheme).
        tensors: by name.
    """

    step: int
    config: dict[str, Any]
    data: str
    more: dict[str, Any]
    tensors: dict[str, Tensor]


def save(run: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint and remove all but the last two.

    Raises:
        StorageError: the disk is full or refuses; the checkpoints before it are still there.
    """
    path = run / f"checkpoint-{checkpoint.step:08d}.safetensors"
    about = {
        "format": FORMAT,
        "step": checkpoint.step,
        "config": checkpoint.config,
        "data": checkpoint.data,
        "more": checkpoint.more,
    }
    tensors = {name: t.detach().cpu().contiguous() for name, t in checkpoint.tensors.items()}
    try:
        with files.in_one_step(path, flush=True) as part:
            save_file(tensors, part, {"kssgan": json.dumps(about, sort_keys=True)})
        for old in _all(run)[:-_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"a checkpoint could not be written ({type(error).__name__}); free space and go on with --resume"
        ) from None
    return path


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Keep a second process out of RUN.

    Raises:
        UsageError: another process is training there.
    """
    with (run / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "another process is training in RUN; wait for it, or choose another folder"
            ) from None
        yield


def latest(run: Path) -> Path | None:
    """The newest checkpoint of a run, None where there is none."""
    return next(reversed(_all(run)), None)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        UsageError: it cannot be read, or is of another version.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("kssgan", "{}"))
            if about.get("format") != FORMAT:
                raise UsageError(f"a checkpoint of another version came, {FORMAT} was wanted")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Checkpoint(about["step"], about["config"], about["data"], about["more"], tensors)
    except UsageError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise UsageError(
            f"{path.name} is damaged ({type(error).__name__}); remove it, and --resume takes the one before"
        ) from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file in one step, readable by its owner alone: a run has learnt faces.

    Raises:
        StorageError: the disk is full or refuses; what was there before is still there.
    """
    try:
        files.write_whole(path, data, mode=0o600, flush=True)
    except OSError as error:
        raise StorageError(
            f"{path.name} could not be written ({type(error).__name__}); free space and go on with --resume"
        ) from None


def _all(run: Path) -> list[Path]:
    return sorted(path for path in run.glob("checkpoint-*") if _NAME.fullmatch(path.name))
