"""Real people: every face of a sample is found, framed and recognised. Skipped where the photos are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.faces import thresholds
from kssgan.faces.align import HEAD_TEMPLATE, chips_of_crops, face_only
from kssgan.faces.copies import same_picture
from kssgan.faces.decode import open_photo
from kssgan.faces.distances import to_all
from kssgan.types import PhotoFace

pytestmark = pytest.mark.faces

PEOPLE, OTHERS = 12, 16


@pytest.fixture(scope="module")
def sample(real_faces: Any) -> tuple[list[Path], list[str]]:
    """Neutral photos of some people, then their smiling photos, then single photos of others."""
    folder, rows = real_faces
    rng = np.random.default_rng(0)
    by = {
        x: {r["subject"]: r for r in rows if r["expression"] == x}
        for x in ("neutral", "happy", "")
    }
    people = rng.choice(sorted(set(by["neutral"]) & set(by["happy"])), PEOPLE, replace=False)
    others = rng.choice(sorted(by[""]), OTHERS, replace=False)
    chosen = (
        [by["neutral"][s] for s in people]
        + [by["happy"][s] for s in people]
        + [by[""][s] for s in others]
    )
    return [folder / r["file"] for r in chosen], [r["subject"] for r in chosen]


@pytest.fixture(scope="module")
def faces(sample: Any, analyser: Any) -> list[PhotoFace]:
    results = list(analyser.analyse(sample[0]))
    assert all(isinstance(r, PhotoFace) for r in results), (
        "every photo of the sample shows one face"
    )
    return results


def test_rank_1_and_thresholds(faces: list[PhotoFace], recogniser: Any) -> None:
    full = np.stack([f.embedding for f in faces])
    masked = recogniser.embed(chips_of_crops(face_only(np.stack([f.crop for f in faces]))))
    gallery = np.r_[:PEOPLE, 2 * PEOPLE : 2 * PEOPLE + OTHERS]
    for vectors, verify in ((full, thresholds.FAR_1E3), (masked, thresholds.FAR_1E3_FACE_ONLY)):
        distance = to_all(vectors[PEOPLE : 2 * PEOPLE], vectors[gallery])
        assert (distance.argmin(axis=1) == np.arange(PEOPLE)).all()
        assert (np.diag(distance) <= verify).all()
    same = np.linalg.norm(full[:PEOPLE] - full[PEOPLE : 2 * PEOPLE], axis=1)
    assert (same <= thresholds.SAME_PERSON).all()
    other = to_all(full[gallery], full[gallery])[np.triu_indices(len(gallery), 1)]
    assert (other > thresholds.SAME_PERSON).all()
    assert (other <= thresholds.FAR_1E3).mean() < 0.02


def test_two_photos_are_not_copies(faces: list[PhotoFace]) -> None:
    pairs = [(faces[n].crop, faces[n + PEOPLE].crop) for n in range(PEOPLE)]
    assert not any(same_picture(a, b) for a, b in pairs)


def test_crops_hold_the_face_where_the_template_says(
    faces: list[PhotoFace], detector: Any
) -> None:
    for face in faces[::5]:
        found = detector.detect(face.crop)
        assert len(found) == 1
        away = np.linalg.norm(found[0].points - HEAD_TEMPLATE, axis=1)
        assert away.max() < 16  # a quarter of the eye distance


def test_points_agree_with_the_landmarks(
    real_faces: Any, sample: Any, faces: list[PhotoFace]
) -> None:
    """Against another network's mesh, but for what the two understand by an eye or a corner of the mouth."""
    folder, _ = real_faces
    with np.load(folder / "landmarks.npz") as landmarks:
        rows = dict(zip(landmarks["files"], landmarks["mesh468"], strict=True))
    mesh = np.stack([rows[path.relative_to(folder).as_posix()] for path in sample[0]])
    lids = [mesh[:, [33, 133, 159, 145]].mean(1), mesh[:, [362, 263, 386, 374]].mean(1)]
    wanted = np.stack([*lids, mesh[:, 4], mesh[:, 61], mesh[:, 291]], axis=1)
    eyes = np.linalg.norm(wanted[:, 1] - wanted[:, 0], axis=1)
    away = (np.stack([face.face.points for face in faces]) - wanted) / eyes[:, None, None]
    assert np.abs(np.median(away, axis=0)).max() < 0.15
    scatter = np.linalg.norm(away - np.median(away, axis=0), axis=2).mean(axis=1)
    assert np.median(scatter) < 0.07
    assert scatter.max() < 0.14


@pytest.mark.parametrize("degrees", [60, -60, 180])
def test_roll(
    sample: Any, faces: list[PhotoFace], analyser: Any, tmp_path: Path, degrees: int
) -> None:
    chosen = range(0, len(faces), 8)
    paths = []
    for n in chosen:
        paths.append(tmp_path / f"{n}.png")
        photo = Image.fromarray(open_photo(sample[0][n])).rotate(
            degrees, Image.Resampling.BICUBIC, expand=True
        )
        photo.save(paths[-1])
    for n, result in zip(chosen, analyser.analyse(paths), strict=True):
        assert isinstance(result, PhotoFace)
        assert np.linalg.norm(result.embedding - faces[n].embedding) < thresholds.SAME_PERSON


def test_small_faces(
    sample: Any, faces: list[PhotoFace], analyser: Any, tmp_path: Path
) -> None:
    chosen = range(0, 2 * PEOPLE, 6)
    paths = []
    for n in chosen:
        scale = 20 / faces[n].face.eye_distance
        photo = Image.fromarray(open_photo(sample[0][n]))
        size = (round(photo.width * scale), round(photo.height * scale))
        canvas = Image.new("RGB", (1600, 1000), (120, 125, 130))
        canvas.paste(photo.resize(size, Image.Resampling.LANCZOS), (900, 500))
        paths.append(tmp_path / f"{n}.png")
        canvas.save(paths[-1])
    for n, result in zip(chosen, analyser.analyse(paths), strict=True):
        assert isinstance(result, PhotoFace)
        assert np.linalg.norm(result.embedding - faces[n].embedding) < thresholds.FAR_1E3
