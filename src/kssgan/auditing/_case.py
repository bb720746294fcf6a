"""What an audit knows and what it has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kssgan.auditing import _tables
from kssgan.auditing._pictures import ReleaseFiles
from kssgan.auditing.report import Control, Problem
from kssgan.types import Progress

__all__ = ["Case"]


@dataclass
class Case:
    """Filled step by step; the report is made from it.

    Attributes:
        release: the files.
        rows: the map.
        originals: folder of the photos.
        seed: of samples and resampling.
        progress: shows progress.
        embedded: contents of pictures inside the release's pages.
        problems: found so far, in the order of finding.
        figures: by topic.
        controls: of the attacks.
        notes: what was capped, skipped or assumed.
    """

    release: ReleaseFiles
    rows: tuple[_tables.MapRow, ...]
    originals: Path
    seed: int
    progress: Progress | None
    embedded: list[bytes] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    figures: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    controls: list[Control] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
