"""From files to faces: order, refusals, streaming, determinism."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kssgan.errors import Reason
from kssgan.faces import decode, detect
from kssgan.faces.analyse import StandardAnalyser
from kssgan.faces.decode import open_photo
from kssgan.faces.embed import BATCH
from kssgan.types import FaceAnalyser, PhotoFace, Refused

SKINS = [(205, 160, 135), (140, 95, 70), (235, 200, 180)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    out: dict[str, Path] = {}
    for n, skin in enumerate(SKINS):
        out[f"face{n}"] = folder / f"a, {n} ü\n.png"
        Image.fromarray(draw(300, skin=skin)).save(out[f"face{n}"])
    two = np.concatenate([draw(300), draw(300, skin=SKINS[1])], axis=1)
    broken = (folder / "a, 0 ü\n.png").read_bytes()[:2000]
    for name, image in (
        ("two", two),
        ("tiny", draw(80)),
        ("nothing", np.full((90, 90, 3), 9, np.uint8)),
    ):
        out[name] = folder / f"{name}.png"
        Image.fromarray(image).save(out[name])
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    (folder / "cut.png").write_bytes(broken)
    (folder / "empty.jpg").write_bytes(b"")
    for name in ("dot.png", "cut.png", "empty.jpg", "missing.jpg"):
        out[name] = folder / name
    return out


WANTED = {
    "two": Reason.SEVERAL_FACES,
    "tiny": Reason.FACE_TOO_SMALL,
    "nothing": Reason.NO_FACE,
    "dot.png": Reason.NO_FACE,
    "cut.png": Reason.UNREADABLE,
    "empty.jpg": Reason.UNREADABLE,
    "missing.jpg": Reason.UNREADABLE,
}


def test_one_result_per_photo_in_order(analyser: Any, photos: dict[str, Path]) -> None:
    assert isinstance(analyser, FaceAnalyser)
    names = list(photos)
    results = dict(zip(names, analyser.analyse([photos[n] for n in names]), strict=True))
    for name, result in results.items():
        if name in WANTED:
            assert result == Refused(WANTED[name]), name
            continue
        assert isinstance(result, PhotoFace), name
        assert result.crop.shape == (256, 256, 3)
        assert result.crop.dtype == np.uint8
        assert result.embedding.shape == (128,)
        assert abs(float(np.linalg.norm(result.embedding)) - 1) < 1e-6
        assert set(result.seconds) == {"decode", "detect", "embed", "landmarks"}
        assert result.landmarks is None or result.landmarks.shape == (468, 2)
        assert all(s >= 0 for s in result.seconds.values())


def test_alone_or_among_others_to_the_last_bit(analyser: Any, photos: dict[str, Path]) -> None:
    names = ["face0", "two", "face1", "empty.jpg", "face2"]
    together = list(analyser.analyse([photos[n] for n in names]))
    for name, among in zip(names, together, strict=True):
        (alone,) = analyser.analyse([photos[name]])
        if isinstance(alone, PhotoFace):
            np.testing.assert_array_equal(alone.embedding, among.embedding)
            np.testing.assert_array_equal(alone.crop, among.crop)
        else:
            assert alone == among


def test_number_of_threads_does_not_matter(analyser: Any, photos: dict[str, Path]) -> None:
    paths = [photos[f"face{n % 3}"] for n in range(6)]
    one = list(analyser.analyse(paths))
    torch.set_num_threads(2)  # the fixture in conftest puts it back
    two = list(analyser.analyse(paths))
    assert torch.get_num_threads() == 2
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.crop, b.crop)
        np.testing.assert_array_equal(a.embedding, b.embedding)
        np.testing.assert_array_equal(a.landmarks, b.landmarks)


def _sharpness(crop: np.ndarray) -> float:
    grey = crop.astype(float).mean(axis=2)
    return float(
        (
            4 * grey[1:-1, 1:-1]
            - grey[:-2, 1:-1]
            - grey[2:, 1:-1]
            - grey[1:-1, :-2]
            - grey[1:-1, 2:]
        ).var()
    )


@pytest.mark.parametrize(
    ("face", "again"), [(1024, False), (720, True), (400, True)], ids=["near", "less", "far"]
)
def test_reduced_jpegs_give_the_same_faces(
    analyser: Any,
    draw: Any,
    drawn_points: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    face: int,
    again: bool,
) -> None:
    """A reduced JPEG serves while its crop is as sharp; else the photo is decoded again."""
    monkeypatch.setattr(detect, "SURE", 0.55)  # drawings are less sure than photos
    canvas = np.full((1024, 1024, 3), 110, np.uint8)
    canvas[1024 - face :, :face] = draw(face)
    Image.fromarray(canvas).save(tmp_path / "photo.jpg", quality=95)
    Image.open(tmp_path / "photo.jpg").save(tmp_path / "photo.png")
    decoded = []

    def opened(path: Path, **limits: int) -> np.ndarray:
        decoded.append(path.name)
        return open_photo(path, **limits)

    monkeypatch.setattr(decode, "open_photo", opened)
    small, full = analyser.analyse([tmp_path / "photo.jpg", tmp_path / "photo.png"])
    assert decoded == ["photo.jpg"] * again
    wanted = (drawn_points + 0.5) * face / 512 - 0.5 + (0, 1024 - face)
    eyes = 84 * face / 512
    for result in (small, full):
        assert np.linalg.norm(result.face.points - wanted, axis=1).max() < 0.2 * eyes
    assert np.abs(small.face.points - full.face.points).max() < 0.03 * eyes
    assert np.abs(np.subtract(small.face.box, full.face.box)).max() < 0.1 * eyes
    assert np.linalg.norm(small.embedding - full.embedding) < 0.15
    assert np.abs(small.crop.astype(int) - full.crop).mean() < 2
    assert _sharpness(small.crop) > 0.9 * _sharpness(full.crop)


def test_results_own_their_memory(analyser: Any, photos: dict[str, Path]) -> None:
    results = list(analyser.analyse([photos["face0"], photos["face1"]]))
    assert all(r.embedding.base is None or r.embedding.base.size == 128 for r in results)


def test_streams(analyser: Any, photos: dict[str, Path]) -> None:
    """Never reads further ahead than one batch and one per thread, also through a run of refusals."""
    taken = 0

    def feed(name: str, count: int) -> Iterator[Path]:
        nonlocal taken
        for _ in range(count):
            taken += 1
            yield photos[name]

    stream = analyser.analyse(feed("face0", 3 * BATCH))
    next(stream)
    assert taken <= BATCH + torch.get_num_threads()
    taken = 0
    assert next(analyser.analyse(feed("empty.jpg", 100 * BATCH))) == Refused(Reason.UNREADABLE)
    assert taken <= 4 * BATCH + torch.get_num_threads()
    assert list(analyser.analyse([])) == []


def test_version_names_what_matters(analyser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kssgan import weights

    before = analyser.version
    assert before == analyser.version
    assert weights.digest("detector")[:16] in before
    assert weights.digest("recogniser")[:16] in before
    monkeypatch.setattr(detect, "SCORE", 0.6)
    assert analyser.version != before
    monkeypatch.undo()
    assert analyser.version == before
    assert StandardAnalyser(max_pixels=5).version != before


def test_permission(
    analyser: Any, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(
        Path, "open", deny
    )  # root, who runs tests in containers, may read everything
    assert list(analyser.analyse([photos["face0"]])) == [Refused(Reason.PERMISSION)]


def test_header_limit(photos: dict[str, Path]) -> None:
    small = StandardAnalyser(max_pixels=100)
    assert list(small.analyse([photos["face0"]])) == [Refused(Reason.TOO_MANY_PIXELS)]
