"""What a run tells: a JSON line per look at the losses, and a bar or lines on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TextIO

from kssgan.files import storage

__all__ = ["Log", "Shown"]

_UNWRITTEN = "the log of the run could not be written"


class Log:
    """Appends JSON lines to a file. A resumed run drops the lines after its checkpoint.

    Args:
        path: of the file.
        step: lines of later steps are dropped.
    """

    def __init__(self, path: Path, *, step: int = 0) -> None:
        kept = []
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                try:
                    if json.loads(line)["step"] <= step:
                        kept.append(line)
                except (ValueError, KeyError, TypeError):
                    continue  # a line that a killed run left half written
        with storage(_UNWRITTEN):
            path.write_text("".join(f"{line}\n" for line in kept if step), "utf-8")
            path.chmod(0o600)
        self._path = path

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Add a line: its kind ("loss", "check", "saved", "begin", "end"), the steps done, and values."""
        line = {"kind": kind, "step": step, **values}
        with storage(_UNWRITTEN), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Shown:
    """Progress on stderr: a bar where tqdm is installed and stderr is a terminal, else lines now and then.

    Args:
        what: a word for the work.
        total: units.
        done: units done before.
        every: seconds between lines.
    """

    def __init__(
        self,
        what: str,
        total: int,
        done: int = 0,
        *,
        every: float = 15.0,
        file: TextIO | None = None,
    ) -> None:
        self._what, self._total, self._done = what, total, done
        self._every, self._last = every, perf_counter()
        self._file = file or sys.stderr
        self._note = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._file.isatty():
            try:
                from tqdm import tqdm
            except ImportError:
                return self
            self._bar = tqdm(
                total=self._total,
                initial=self._done,
                desc=self._what,
                file=self._file,
                dynamic_ncols=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, note: str = "") -> None:
        """One more unit is done; ``note`` replaces what is said beside it."""
        self._done += 1
        self._note = note or self._note
        if self._bar is not None:
            self._bar.update()
            if note:
                self._bar.set_postfix_str(note)
        elif perf_counter() - self._last >= self._every:
            self._last = perf_counter()
            self._file.write(f"{self._what} {self._done}/{self._total} {self._note}\n")
            self._file.flush()
