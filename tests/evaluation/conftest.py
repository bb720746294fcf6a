"""Twelve painted people with two photos each: no network is asked who they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kssgan.evaluation import Evaluation, evaluate
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for person in range(12):
        for shot in range(2):
            paint_photo(
                tmp_path / "photos" / f"zoe-{person:02d}" / f"visit{shot}.png", person, shot
            )
    return tmp_path / "photos"


@pytest.fixture
def run(photos: Path, tmp_path: Path) -> Callable[..., Evaluation]:
    def go(**changes: Any) -> Evaluation:
        asked: dict[str, Any] = {
            "out": tmp_path / "results",
            "methods": ["k-same-pixel", "blur"],
            "k": (3,),
            "seeds": 2,
            "subjects": "folder",
            "jobs": 1,
            "cache": tmp_path / "cache",
            "analyser": PaintedAnalyser(),
        }
        return evaluate(photos, **{**asked, **changes})

    return go
