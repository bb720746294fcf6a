"""A private folder for the time of one run; what a killed run left behind is removed by the next."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kssgan.files import storage

__all__ = ["private_folder"]

_PREFIX = "evaluate-"


@contextmanager
def private_folder(home: Path) -> Iterator[Path]:
    """A folder, mode 0700, that goes when the context ends.

    Its owner holds a lock on it, which the system releases however a process ends; folders that nobody holds
    are removed first.

    Args:
        home: an existing private folder.

    Raises:
        StorageError: it cannot be made.
    """
    for left in home.glob(f"{_PREFIX}*"):
        _remove_if_left(left)
    with storage("the private cache could not be written"):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(held)
