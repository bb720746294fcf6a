"""Weights of one gallery: its groups and no others, in strict and in utility mode."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kssgan.auditing import audit
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.result import Release
from kssgan.errors import OutputExists, PromiseError, UsageError
from kssgan.faces.landmarks import mean_shape
from kssgan.models.star_generator import StarGenerator, StarGeneratorConfig
from kssgan.models.stored_gallery import StoredGallery, write_gallery
from kssgan.reporting import Reports
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.types import PhotoFace

LABELS = {"expression": ("neutral", "happy"), "gender": ("female", "male")}


def gallery(photos: Path, *, k: int = 3, **changes: object) -> StoredGallery:
    """Untrained weights for the painted people, k of them a group in the order of their names."""
    faces, person = [], []
    for number, folder in enumerate(sorted(p for p in photos.iterdir() if p.is_dir())):
        for face in PaintedAnalyser().analyse(sorted(folder.iterdir())):
            assert isinstance(face, PhotoFace)
            faces.append(face.embedding)
            person.append(number)
    persons = np.array(person)
    groups = np.minimum(persons // k, persons.max() // k - (persons.max() % k < k - 1))
    width = int(groups.max()) + 1 + 2 + 4
    stored = StoredGallery(
        StarGenerator(StarGeneratorConfig(conditions=width, width=4, blocks=1)),
        64,
        2,
        k,
        LABELS,
        np.stack(faces),
        groups,
        persons,
        strict=True,
        utility=True,
        facts={},
    )
    return replace(stored, **changes)  # type: ignore[arg-type]


@pytest.fixture
def weights(photos: Path, tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run.mkdir()
    (run / "generator.safetensors").write_bytes(write_gallery(gallery(photos)))
    return run


Run = Callable[..., Release]


def test_strict_mode_draws_the_groups_of_the_training(
    run: Run, weights: Path, photos: Path, tmp_path: Path
) -> None:
    release = run(method=None, weights=weights, reports=Reports())
    about = release.certificate
    assert about["holds"]
    assert about["mode"] == "strict"
    assert about["k_measured"] == 3
    assert about["surrogate"] == "gallery"
    assert about["grouping"] == "trained"
    assert len(about["weights"]["own"]) == 64
    assert any("trained on these very people" in word for word in release.words)
    rows = [line.split(",") for line in (tmp_path / "map.csv").read_text().splitlines()[1:]]
    pictures = {r[1]: (release.path / r[2]).read_bytes() for r in rows}
    names = sorted(pictures)
    for start in range(0, 9, 3):
        assert len({pictures[name] for name in names[start : start + 3]}) == 1
    assert len(set(pictures.values())) == 3


def test_other_people_or_another_k_are_refused(
    run: Run, weights: Path, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(PromiseError, match=r"groups of 3 people, but k = 4 .*--groups 4"):
        run(method=None, weights=weights, k=4)
    paint_photo(photos / "New Person" / "portrait.png", 50, 0)
    with pytest.raises(UsageError, match="1 of 19 photos were not among those trained on"):
        run(method=None, weights=weights)
    (photos / "New Person" / "portrait.png").unlink()
    for path in (photos / "Name8 Family").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="1 people of the training are not in PHOTOS"):
        run(method=None, weights=weights)
    assert not (tmp_path / "release").exists()


def test_people_who_were_told_apart_otherwise_are_refused(photos: Path) -> None:
    stored = gallery(photos)
    method = GallerySurrogate(stored, otherwise=mean_shape())
    everybody = stored.person
    split = np.where(np.arange(len(everybody)) == 1, everybody.max() + 1, everybody)
    assert (everybody == everybody[1]).sum() > 1
    joined = np.where(everybody == 1, 0, everybody)
    for subjects, times in (
        (np.minimum(everybody, 4), 4),
        (split, 1),
        (np.unique(joined, return_inverse=True)[1], 1),
        (np.unique(np.where(everybody == 2, 1, split), return_inverse=True)[1], 2),
    ):
        with pytest.raises(UsageError, match=rf"told apart otherwise .*\({times} times"):
            method.groups(stored.embedding, subjects, 3)
    found = method.groups(stored.embedding, everybody, 3)
    np.testing.assert_array_equal(found[everybody], stored.group)
    with pytest.raises(UsageError, match="never saw S_g"):
        GallerySurrogate(replace(stored, strict=False), otherwise=mean_shape()).groups(
            stored.embedding, everybody, 3
        )


def test_utility_mode_draws_every_photo_and_promises_nothing(
    run: Run, weights: Path, photos: Path
) -> None:
    release = run(method=None, weights=weights, mode="utility", reports=Reports())
    about = release.certificate
    assert about["mode"] == "utility"
    assert about["holds"] is False
    assert about["grouping"] == "none"
    assert about["statement"].startswith("No formal guarantee")
    assert about["k_measured"] == about["k_claimed"] == 1
    assert about["cells"]["count"] == len(list(photos.rglob("*.png")))
    assert any(word.startswith("No formal guarantee") for word in release.words)
    assert json.loads((release.path / "certificate.json").read_text()) == about
    page = (release.path / "report.html").read_text()
    assert "No formal guarantee" in page.split("<main>")[0]
    assert "The promise holds" not in page
    contents = Counter(p.read_bytes() for p in (release.path / "images").iterdir())
    assert set(contents.values()) == {1}


def test_the_audit_fails_utility_mode(
    run: Run, weights: Path, photos: Path, tmp_path: Path
) -> None:
    release = run(method=None, weights=weights, mode="utility")
    report = audit(
        release.path,
        originals=photos,
        map_path=tmp_path / "map.csv",
        analyser=PaintedAnalyser(),
    )
    assert not report.holds
    assert report.exit_status == 4
    assert report.k_required == 2
    assert report.k_measured == 1
    assert any("utility mode" in problem.sentence for problem in report.problems)


def test_redrawing_is_a_function_of_photo_label_and_seed(photos: Path) -> None:
    method = GallerySurrogate(gallery(photos), otherwise=mean_shape())
    face, other = PaintedAnalyser().analyse(sorted(photos.rglob("*.png"))[:2])
    assert isinstance(face, PhotoFace)
    assert isinstance(other, PhotoFace)
    label = {"expression": "happy", "gender": "male"}
    one = method.redraw(face, label, seed=1)
    assert one.shape == (256, 256, 3)
    np.testing.assert_array_equal(one, method.redraw(face, label, seed=1))
    for changed in (
        method.redraw(face, label, seed=2),
        method.redraw(other, label, seed=1),
        method.redraw(face, {**label, "expression": "neutral"}, seed=1),
    ):
        assert (one != changed).any()
    shown = GallerySurrogate(gallery(photos, utility=False), otherwise=mean_shape())
    with pytest.raises(UsageError, match="cannot redraw photos"):
        shown.redraw(face, label, seed=1)


def test_modes_and_weights_that_cannot_be_meant_are_refused(
    run: Run, weights: Path, tmp_path: Path
) -> None:
    for changes, said in (
        ({"mode": "utility"}, "give --weights RUN"),
        ({"mode": "careless"}, "one of strict, utility"),
        ({"weights": tmp_path / "nowhere"}, "cannot be read"),
        ({"weights": weights, "surrogate": "mean"}, "only the generator has any"),
        ({"weights": weights, "ledger": tmp_path / "ledger"}, "leave one out"),
        ({"weights": weights, "mode": "utility", "ledger": tmp_path / "l"}, "leave one out"),
    ):
        with pytest.raises(UsageError, match=said):
            run(method=None, **changes)
    shipped = Path(__file__).parents[2] / "src/kssgan/weights/generator.safetensors"
    with pytest.raises(UsageError, match="draw from means of groups alone"):
        run(method=None, weights=shipped, mode="utility")


def test_nothing_is_overwritten_in_utility_mode(
    run: Run, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "release").mkdir()
    with pytest.raises(OutputExists):
        run(method=None, weights=weights, mode="utility")
