"""The people whom a generator was trained on, in the audit: none of them may be shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssgan import weights
from kssgan.auditing.trained_on import faces_trained_on
from kssgan.testing.fakes import PaintedAnalyser
from kssgan.types import FloatArray

SHIPPED = {"surrogate": "generator", "weights": {"generator": weights.digest("generator")}}


def _unit(rows: FloatArray) -> FloatArray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _audited(good: Any, monkeypatch: pytest.MonkeyPatch, faces: FloatArray) -> Any:
    monkeypatch.setattr("kssgan.auditing.run.faces_trained_on", lambda *_: (faces, ()))
    return good.audit(k=3)


def _shown(good: Any) -> FloatArray:
    """(P, 192) what the fixture's analyser sees of each distinct picture."""
    analyser = PaintedAnalyser()
    files = sorted((good.release / "images").iterdir())
    return np.stack([face.embedding for face in analyser.analyse(files)])


def test_nobody_of_strangers_is_shown(good: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    good.finish()
    size = _shown(good).shape[1]
    strangers = _unit(np.random.default_rng(0).normal(size=(40, size)))
    report = _audited(good, monkeypatch, strangers)
    assert report.holds
    found = report.figures["trained_on"]
    assert (found["photos"], found["near_copies"], found["verifies"]) == (40, 0, 0)
    assert found["nearest_least"] <= found["nearest"]
    assert "trained_on" in report.table()
    assert json.dumps(report.to_json())


def test_originals_who_were_trained_on_are_no_yardstick(
    good: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their own faces are no distance away, which would make a threshold of 0."""
    good.finish()
    analyser = PaintedAnalyser()
    photos = sorted(good.photos.glob("family0*.png"))
    assert photos
    own = np.stack([face.embedding for face in analyser.analyse(photos)])
    rng = np.random.default_rng(0)
    strangers = _unit(rng.normal(size=(40, own.shape[1])))
    found = _audited(good, monkeypatch, np.concatenate([own, strangers])).figures["trained_on"]
    assert found["originals_trained_on"] >= len(photos)
    assert found["threshold"] > 0.3
    assert found["nearest_unrelated"] is None or found["nearest_unrelated"] > 0.3


def test_a_face_trained_on_breaks_the_promise(
    good: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.finish()
    one = _shown(good)[:1]
    rng = np.random.default_rng(0)
    near = _unit(one + rng.normal(size=one.shape) * 0.1 / np.sqrt(one.size))
    faces = np.concatenate([_unit(rng.normal(size=(5, one.size))), near])
    report = _audited(good, monkeypatch, faces)
    assert report.exit_status == 4
    (told,) = [p for p in report.problems if p.severity == "breaks"]
    assert told.rule == 3
    assert "1 of 3 pictures show a face that the generator was trained on" in told.sentence
    assert report.figures["trained_on"]["near_copies"] == 1
    assert report.figures["trained_on"]["nearest_least"] < 0.15


def test_the_shipped_generator_tells_whom_it_was_trained_on() -> None:
    faces, notes = faces_trained_on(SHIPPED, None)
    assert faces is not None
    assert not notes
    assert faces.shape[1] == 128
    assert len(faces) > 100
    assert np.abs(np.linalg.norm(faces, axis=1) - 1).max() < 1e-5


def test_a_release_of_ours_is_measured(tmp_path: Path) -> None:
    """The whole way: the certificate names the weights, and the audit finds them."""
    command = [
        "-m",
        "kssgan",
        "demo",
        "--people",
        "6",
        "-k",
        "3",
        "--out",
        str(tmp_path / "demo"),
    ]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    audit = json.loads((tmp_path / "demo" / "private" / "audit.json").read_text("utf-8"))
    assert audit["holds"]
    found = audit["figures"]["trained_on"]
    assert found["photos"] > 100
    assert found["near_copies"] == 0
    assert 0.3 < found["nearest_least"] <= found["nearest"] < 0.8
    assert not [note for note in audit["notes"] if "trained on" in note]


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for other in (None, {}, {"surrogate": "composite"}, {"surrogate": "mean"}):
        assert faces_trained_on(other, None) == (None, ())
    for told, analyser, why in (
        ({**SHIPPED, "weights": {"own": "0123"}}, None, "other weights"),
        ({**SHIPPED, "weights": "0123"}, None, "other weights"),
        ({"surrogate": "generator"}, None, "other weights"),
        (SHIPPED, PaintedAnalyser(), "another recogniser"),
    ):
        faces, notes = faces_trained_on(told, analyser)
        assert faces is None
        assert len(notes) == 1
        assert why in notes[0]
    monkeypatch.setattr(weights, "load", lambda name: {})
    faces, notes = faces_trained_on(SHIPPED, None)
    assert faces is None
    assert "do not tell" in notes[0]
