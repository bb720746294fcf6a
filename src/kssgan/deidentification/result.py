"""What a run hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Release"]


@dataclass(frozen=True, slots=True)
class Release:
    """A release that was written, and what was found on the way.

    Attributes:
        path: the folder that may be handed over.
        certificate: content of ``certificate.json``.
        map_path: the private map, if one was asked for.
        private_paths: everything that was written beside the release and must be kept secret.
        refused: photos that were not released.
        words: sentences for the user; they hold no names of photos or people.
        seconds: time by stage: decode, detect, embed, group, surrogate, write.
    """

    path: Path
    certificate: Mapping[str, Any]
    map_path: Path | None
    private_paths: tuple[Path, ...]
    refused: int
    words: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """0, or 3 when photos were refused."""
        return 3 if self.refused else 0
