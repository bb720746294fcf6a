"""The fakes behave like faces: shots close, people far, means between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kssgan.errors import Reason
from kssgan.testing.fakes import PaintedAnalyser, PaintedLabels, paint_photo
from kssgan.types import FaceAnalyser, PhotoFace, Refused, SurrogateMethod


def _faces(*paths: Path) -> list[PhotoFace]:
    found = list(PaintedAnalyser().analyse(paths))
    assert all(isinstance(f, PhotoFace) for f in found)
    return found  # type: ignore[return-value]


def test_shots_are_close_and_people_far(tmp_path: Path) -> None:
    a, b, c = _faces(
        paint_photo(tmp_path / "a.png", 1),
        paint_photo(tmp_path / "b.png", 1, 5),
        paint_photo(tmp_path / "c.png", 2),
    )
    assert np.linalg.norm(a.embedding - b.embedding) < 0.3
    assert np.linalg.norm(a.embedding - c.embedding) > 1.0
    assert a.crop.shape == (256, 256, 3)
    assert np.linalg.norm(a.embedding) == pytest.approx(1.0, abs=1e-5)


def test_like_sets_the_distance(tmp_path: Path) -> None:
    a, b = _faces(
        paint_photo(tmp_path / "a.png", 1), paint_photo(tmp_path / "b.png", 2, like=1, away=0.3)
    )
    assert 0.2 < np.linalg.norm(a.embedding - b.embedding) < 0.4


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("no_face", Reason.NO_FACE),
        ("several_faces", Reason.SEVERAL_FACES),
        ("face_too_small", Reason.FACE_TOO_SMALL),
    ],
)
def test_flat_pictures_are_refused(tmp_path: Path, kind: str, reason: Reason) -> None:
    path = paint_photo(tmp_path / "x.png", kind=kind)  # type: ignore[arg-type]
    assert list(PaintedAnalyser().analyse([path])) == [Refused(reason)]


def test_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("no picture")
    assert list(PaintedAnalyser().analyse([path])) == [Refused(Reason.UNREADABLE)]


def test_protocols_and_painted_label() -> None:
    assert isinstance(PaintedAnalyser(), FaceAnalyser)
    method = PaintedLabels()
    assert isinstance(method, SurrogateMethod)
    grey = np.full((256, 256, 3), 0.5, np.float32)
    happy = method.draw(grey, {"expression": "happy"}, seed=0)
    sad = method.draw(grey, {"expression": "sad"}, seed=0)
    assert not np.array_equal(happy, sad)
    assert np.array_equal(happy[:-8], sad[:-8])
