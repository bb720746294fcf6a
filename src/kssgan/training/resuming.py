"""A folder RUN to begin in, or the checkpoint in it to go on from."""

from __future__ import annotations

from pathlib import Path

from kssgan.errors import OutputExists, StorageError, UsageError
from kssgan.files import is_part
from kssgan.training import checkpoint as files
from kssgan.training.config import Config
from kssgan.training.precision import Precision
from kssgan.training.recipe import Recipe

__all__ = ["check_same", "make_folders", "open_run", "restore"]

_BEGUN = {".lock", "config.json", "log.jsonl", "sheets", "tensorboard"}


def open_run(out: Path, resume: bool) -> files.Checkpoint | None:
    """The last checkpoint of RUN; None for a run that begins.

    Raises:
        UsageError: there is none to go on from, or it cannot be read.
        OutputExists: RUN is there, and is not to be gone on with.
    """
    if resume:
        path = files.latest(out)
        if path is None:
            begin = (
                "begin in another RUN" if _holds_work(out) else "leave --resume out to begin"
            )
            raise UsageError(f"there is no checkpoint in RUN to go on from; {begin}")
        return files.load(path)
    if _holds_work(out):
        raise OutputExists(
            "RUN is already there and is never overwritten; choose another"
            + (", or go on with --resume" if files.latest(out) else "")
        )
    return None


def _holds_work(out: Path) -> bool:
    """Whether there is more than a run leaves behind that ended before its first checkpoint."""
    if not out.is_dir():
        return out.exists()
    names = {path.name for path in out.iterdir() if not is_part(path)}
    return not names <= _BEGUN


def make_folders(out: Path) -> None:
    """Make RUN, with a folder for sheets.

    Raises:
        StorageError: the disk refuses.
    """
    try:
        (out / "sheets").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"RUN cannot be made ({type(error).__name__})") from None


def check_same(start: files.Checkpoint, config: Config, digest: str, content: str) -> None:
    """Go on only with the data and the options that RUN was begun with.

    Args:
        start: where RUN stopped.
        config: of the run.
        digest: of the prepared file.
        content: of its embeddings and scheme; checkpoints of older versions hold none and take any.

    Raises:
        UsageError: they are others.
    """
    if (start.data, start.more.get("content", content)) != (digest, content):
        raise UsageError(
            "RUN was trained on another prepared file; give that one, or a new RUN"
        )
    mine, theirs = config.to_json(), start.config
    other = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
    # How often to look and to save changes no weight, nor does how steps are launched.
    free = {"log_every", "check_every", "save_every", "replay"}
    other = [k for k in other if k not in free]
    if other:
        raise UsageError(
            f"RUN was begun with another {', '.join(other)}; give the same options to --resume"
        )


def restore(recipe: Recipe, precision: Precision, start: files.Checkpoint) -> None:
    """Give networks, optimisers and loss scales what a checkpoint holds.

    Raises:
        UsageError: it is one of other networks.
    """
    try:
        recipe.restore(start.tensors)
        precision.restore(start.more["precision"])
    except UsageError:
        raise
    except (KeyError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the checkpoint does not fit these networks ({type(error).__name__}); begin a new RUN"
        ) from None
