"""Reading a folder of portraits for composites."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kssgan.deidentification.donors import composite_method
from kssgan.errors import PromiseError, UsageError
from kssgan.testing.people import draw, write_people
from kssgan.types import quiet


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic people, one of them twice under two names, a landscape and a damaged file."""
    folder = tmp_path_factory.mktemp("donors")
    for number in (4, 9):
        Image.fromarray(draw(number, size=640)).save(folder / f"{number}.png")
    (folder / "again.png").write_bytes((folder / "4.png").read_bytes())
    Image.fromarray(np.full((300, 300, 3), 120, np.uint8)).save(folder / "wall.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "labels.csv").write_text(
        "file,gender\n4.png,female\nagain.png,female\n9.png,male\n"
    )
    return folder


def _accept_all(monkeypatch: pytest.MonkeyPatch) -> None:
    # Synthetic people are softer than photographs; what the screening rejects is tested with it.
    monkeypatch.setattr("kssgan.deidentification.donors.screen", lambda donor: None)


def test_usable_portraits_are_kept_and_the_others_counted(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept_all(monkeypatch)
    method = composite_method(portraits, photos=tmp_path, progress=quiet)
    assert sorted(d.attributes["gender"] for d in method.donors) == ["female", "male"]
    assert sum(method.passed_over.values()) == 2  # the wall and the damaged file
    assert "2 portraits lend their heads; 2 were passed over" in method.words()
    # Eyes of a donor's crop lie where those of a head crop do, at twice the size.
    for donor in method.donors:
        eyes = donor.points[[33, 133, 263, 362]].mean(0)
        np.testing.assert_allclose(eyes, (256.5, 260.5), atol=12)


def test_a_gender_that_is_not_told_is_read_off_the_face(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept_all(monkeypatch)
    monkeypatch.setattr(
        "kssgan.faces.attributes.Probes.labels",
        lambda *_: [{"gender": "male", "age": "senior", "expression": "happy"}],
    )
    told = composite_method(portraits, photos=tmp_path, progress=quiet)
    assert sorted(d.attributes["gender"] for d in told.donors) == ["female", "male"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((portraits / "4.png").read_bytes())
    (donor,) = composite_method(other, photos=tmp_path / "photos", progress=quiet).donors
    assert donor.attributes == {"gender": "male"}


def test_names_do_not_matter(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept_all(monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    for old, new in (("9.png", "a.png"), ("4.png", "z.png")):
        (other / new).write_bytes((portraits / old).read_bytes())
    one = composite_method(portraits, photos=tmp_path, progress=quiet)
    two = composite_method(other, photos=tmp_path / "photos", progress=quiet)
    np.testing.assert_array_equal(one.embeddings, two.embeddings)


def test_a_donor_who_is_a_member_lends_no_head(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kssgan

    _accept_all(monkeypatch)
    photos = tmp_path / "photos"
    write_people(photos, people=6)
    many = tmp_path / "many"  # one donor alone would be recognised: nobody else lends detail
    shutil.copytree(portraits, many)
    for number in (12, 15, 18, 21):
        Image.fromarray(draw(number, size=640)).save(many / f"{number}.png")
    made = kssgan.deidentify(
        photos,
        out=tmp_path / "release",
        k=3,
        surrogate="composite",
        donors=many,
        map_path=tmp_path / "map.csv",
        cache=tmp_path / "cache",
    )
    assert made.certificate["holds"]
    assert made.certificate["surrogate"] == "composite"
    assert any("1 looks like a person in PHOTOS" in words for words in made.words)  # person 4
    others = tmp_path / "others"
    others.mkdir()
    (others / "9.png").write_bytes((portraits / "9.png").read_bytes())
    known = {"originals": photos, "map_path": tmp_path / "map.csv"}
    report = kssgan.audit(tmp_path / "release", donors=others, **known)
    assert report.holds, report.problems
    assert report.figures["donors"]["near_copies"] == 0
    assert report.figures["donors"]["nearest_donor"] > 0.3
    report = kssgan.audit(tmp_path / "release", donors=portraits, **known)
    assert not report.holds
    assert report.figures["donors"]["are_members"] == 2  # one person, two files
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "4.png").write_bytes((portraits / "4.png").read_bytes())
    with pytest.raises(PromiseError, match="portraits of other people"):
        kssgan.deidentify(
            photos, out=tmp_path / "two", k=3, surrogate="composite", donors=alone
        )
    assert not (tmp_path / "two").exists()


def test_unfit_portraits_are_refused_with_the_reason(portraits: Path, tmp_path: Path) -> None:
    blurred = tmp_path / "blurred"
    blurred.mkdir()
    small = Image.open(portraits / "9.png").resize((90, 90))
    small.resize((640, 640)).save(blurred / "9.png")
    with pytest.raises(UsageError, match=r"none of 1 portraits is fit to lend a head \(1 \w"):
        composite_method(blurred, photos=portraits, progress=quiet)


@pytest.mark.parametrize("where", ["same", "inside", "around", "empty", "absent"])
def test_donors_are_kept_apart_from_photos(portraits: Path, tmp_path: Path, where: str) -> None:
    inside, empty = portraits / "more", tmp_path / "empty"
    inside.mkdir(exist_ok=True)
    empty.mkdir()
    donors, photos, said = {
        "same": (portraits, portraits, "folder of their own"),
        "inside": (inside, portraits, "folder of their own"),
        "around": (portraits, inside, "folder of their own"),
        "empty": (empty, portraits, "holds no photo"),
        "absent": (tmp_path / "no", portraits, "no folder"),
    }[where]
    with pytest.raises(UsageError, match=said):
        composite_method(donors, photos=photos, progress=quiet)
