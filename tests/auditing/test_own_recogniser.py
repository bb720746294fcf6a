"""A recogniser of the holder's own: figures beside the others, after controls of its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kssgan.auditing import OnnxSettings
from kssgan.testing.onnx_model import write_linear

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime") is None, reason="onnxruntime is not installed (extra onnx)"
)


def _settings(path: Path, weights: np.ndarray) -> OnnxSettings:
    return OnnxSettings(
        write_linear(path, weights, [None, 16, 16, 3]), size=16, template="head"
    )


def _good() -> np.ndarray:
    """Sees the colours of each place, less their mean."""
    values = 16 * 16 * 3
    return (np.eye(values) - np.full((values, values), 1 / values)).astype(np.float32)


def test_it_stands_beside_the_others(good, tmp_path: Path) -> None:
    report = good.audit(recognizer=_settings(tmp_path / "m.onnx", _good()))
    assert report.holds, report.table()
    own, full = report.figures["naive_recognizer"], report.figures["naive_full"]
    assert own["rank1"] <= 1 / 3 + 1e-9
    assert own["people_in_gallery"] == full["people_in_gallery"] == 9
    assert own["group1"] == 1.0  # a mean of painted people lies nearest to those people
    names = [c.name for c in report.controls]
    assert names[-3:] == [
        "identity, your recogniser's",
        "black picture, your recogniser's",
        "random k-Same, your recogniser's",
    ]
    assert all(c.passed for c in report.controls)
    assert any("head template" in note for note in report.notes)
    assert "m.onnx" not in str(report.to_json())


def test_it_names_people_whose_own_photo_was_released(made, tmp_path: Path) -> None:
    for person in range(8):
        photos = made.person(person)
        made.group({f"P-{person}": photos}, picture=made.crop(photos[0]).astype(np.uint8))
    report = made.audit(recognizer=_settings(tmp_path / "m.onnx", _good()))
    assert report.figures["naive_recognizer"]["rank1"] == 1.0
    assert not report.holds


def test_one_that_knows_nobody_shows_no_figures(good, tmp_path: Path) -> None:
    blind = np.zeros((16 * 16 * 3, 4), np.float32)
    report = good.audit(recognizer=_settings(tmp_path / "m.onnx", blind))
    assert report.figures["naive_recognizer"] is None
    assert report.figures["naive_full"] is not None
    assert [c.passed for c in report.controls[-3:]] == [False, True, True]
    assert any("your recogniser's" in p.sentence for p in report.problems)


def test_without_one_nothing_is_said_of_it(good) -> None:
    assert "naive_recognizer" not in good.audit().figures
