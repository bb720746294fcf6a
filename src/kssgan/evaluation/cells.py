"""Finished cells on the disk, one small file each, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cell", "read_cell", "write_cell", "write_whole"]


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


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a text, as UTF-8, or bytes in one step: it is there whole or not at all.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_cell(folder: Path, cell: Cell, figures: dict[str, Any]) -> None:
    """Write a finished cell in one step."""
    told = {
        "method": cell.method,
        "k": cell.k,
        "seed": cell.seed,
        "fingerprint": cell.fingerprint,
        "figures": figures,
    }
    write_whole(folder / cell.file, json.dumps(told, indent=1) + "\n")


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
