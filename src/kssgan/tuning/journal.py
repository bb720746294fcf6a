"""A study's own file: one line for everything that happened, for workers on one machine."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages.journal import JournalFileBackend

__all__ = ["Journal"]

_PIECE = 1 << 16


class Journal(JournalFileBackend):
    """Optuna's journal, which a worker may leave at any moment, by SIGKILL as well.

    Optuna's own locks are files: those of a killed worker stay, and the others wait half a minute for it.
    This lock is the system's and falls with its holder. A line that was half written is taken off before the
    next is added; Optuna's own journal could never be read again. Lines do not wait for the disk: a power cut
    may cost the last trials, a killed worker none.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._path = path
        super().__init__(str(path))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add lines, all or none."""
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)
        with self._held() as file:
            file.write(lines.encode())

    @contextmanager
    def _held(self) -> Iterator[BinaryIO]:
        with self._path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(_whole(file))
            file.truncate()
            yield file
            file.flush()  # before the lock falls with the file


def _whole(file: BinaryIO) -> int:
    """Bytes up to the end of the last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _PIECE)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
