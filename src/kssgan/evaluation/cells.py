"""Finished cells on the disk, one small file each, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kssgan.files import write_whole

__all__ = ["Cell", "read_cell", "write_cell", "write_shown"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table.

    Attributes:
        method: its name.
        k: people of a group; 1 for methods that redraw each photo.
        seed: of groups and pictures.
        basis: digest of everything else that its figures rest on: photos, networks, method, version.
    """

    method: str
    k: int
    seed: int
    basis: str

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.method}-k{self.k}-seed{self.seed}.json"

    @property
    def fingerprint(self) -> str:
        """Changes when its figures may change."""
        text = json.dumps([self.method, self.k, self.seed, self.basis])
        return hashlib.sha256(text.encode()).hexdigest()


def write_shown(path: Path, content: str | bytes) -> None:
    """Write a file of RESULTS that shows nobody, in one step; everybody may read it.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    write_whole(path, content, mode=0o644, rivals=True)


def write_cell(folder: Path, cell: Cell, figures: dict[str, Any]) -> None:
    """Write a finished cell in one step."""
    told = {
        "method": cell.method,
        "k": cell.k,
        "seed": cell.seed,
        "fingerprint": cell.fingerprint,
        "figures": figures,
    }
    write_shown(folder / cell.file, json.dumps(told, indent=1) + "\n")


def read_cell(folder: Path, cell: Cell) -> dict[str, Any] | None:
    """The figures of a cell; None where it is not finished, damaged, or rests on something else."""
    try:
        told = json.loads((folder / cell.file).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("fingerprint") != cell.fingerprint:
        return None
    figures = told.get("figures")
    return figures if isinstance(figures, dict) else None
