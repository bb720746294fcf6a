"""A baseline is a method like any other: releases can be drawn with it, and keep the promise."""

from __future__ import annotations

from pathlib import Path

import kssgan
from kssgan.baselines import KSamePixel
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


def test_a_release_by_k_same_pixel_holds(tmp_path: Path) -> None:
    for person in range(9):
        paint_photo(tmp_path / "photos" / f"{person}.png", person)
    analyser = PaintedAnalyser()
    release = kssgan.deidentify(
        tmp_path / "photos",
        out=tmp_path / "release",
        k=3,
        subjects="file",
        map_path=tmp_path / "map.csv",
        cache=tmp_path / "cache",
        method=KSamePixel(),
        analyser=analyser,
    )
    assert release.certificate["holds"]
    assert release.certificate["surrogate"] == "k-same-pixel"
    report = kssgan.audit(
        tmp_path / "release",
        originals=tmp_path / "photos",
        map_path=tmp_path / "map.csv",
        analyser=analyser,
    )
    assert report.holds
    assert report.k_measured >= 3
