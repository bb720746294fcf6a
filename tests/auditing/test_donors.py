"""Donors in the audit: a donor's own face as the surrogate, and a donor who is a member, must be told."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from kssgan.auditing import AuditReport
from kssgan.errors import UsageError
from kssgan.testing.fakes import paint_photo


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Twelve people who are nobody's members."""
    folder = tmp_path / "donors"
    folder.mkdir()
    for number in range(12):
        paint_photo(folder / f"lender{number:02d}.png", 500 + number)
    return folder


def _portrait(folder: Path, number: int) -> Image.Image:
    with Image.open(folder / f"lender{number:02d}.png") as image:
        return image.convert("RGB").resize((256, 256), 0)


def _breaks(report: AuditReport) -> list[str]:
    return [f"{p.rule}: {p.sentence}" for p in report.problems if p.severity == "breaks"]


def test_a_good_release_keeps_apart_from_its_donors(good: Any, portraits: Path) -> None:
    report = good.audit(k=3, donors=portraits)
    assert report.holds, _breaks(report)
    assert not report.problems
    found = report.figures["donors"]
    assert (found["portraits"], found["portraits_with_a_face"]) == (12, 12)
    assert found["are_members"] == found["near_copies"] == 0
    assert found["verifies"] == 0
    assert found["nearest_donor"] > found["threshold"]
    assert 0 <= found["nearer_than_unrelated_low"] <= found["nearer_than_unrelated"] <= 1
    assert found["nearest_donor_face_only"] > 0
    assert "donors" in report.table()
    assert json.dumps(report.to_json())


def test_without_donors_it_says_so(good: Any) -> None:
    report = good.audit(k=3)
    assert "donors" not in report.figures
    assert any("shipped generator has no donors" in note for note in report.notes)


def test_a_composite_without_its_donors_is_a_warning(good: Any, portraits: Path) -> None:
    (good.release / "certificate.json").write_text('{"k_claimed": 3, "surrogate": "composite"}')
    report = good.audit(k=3)
    assert report.holds
    assert [p.severity for p in report.problems] == ["warns"]
    assert "audit again with --donors" in report.problems[0].sentence
    assert not good.audit(k=3, donors=portraits).problems


@pytest.mark.parametrize("change", ["as it is", "mirrored", "jpeg", "relit", "blurred"])
def test_a_donors_own_portrait_as_the_surrogate(
    good: Any, portraits: Path, change: str
) -> None:
    image = _portrait(portraits, 7)
    if change == "mirrored":
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif change == "jpeg":
        image.save(packed := BytesIO(), "JPEG", quality=40)
        image = Image.open(packed).convert("RGB")
    elif change == "relit":
        image = image.point(lambda v: int(v * 0.7 + 20))
    elif change == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(3))
    good.group(good.people(range(20, 23)), picture=np.asarray(image))
    assert good.audit(k=3).holds, "members are safe: only the donors' folder shows it"
    report = good.audit(k=3, donors=portraits)
    assert report.exit_status == 4
    assert any("3: 1 of 4 pictures show the face of a donor" in s for s in _breaks(report))
    assert report.figures["donors"]["near_copies"] == 1
    (told,) = [p for p in report.problems if p.severity == "breaks"]
    assert "lender07.png" in told.private[0]
    assert "lender" not in report.table()
    assert "lender" not in json.dumps(report.to_json())


def test_a_donors_portrait_inside_a_page(good: Any, portraits: Path) -> None:
    import base64

    packed = BytesIO()
    _portrait(portraits, 3).save(packed, "PNG")
    uri = base64.b64encode(packed.getvalue()).decode()
    (good.release / "report.html").write_text(f'<img src="data:image/png;base64,{uri}">')
    report = good.audit(k=3, donors=portraits)
    assert any("show the face of a donor" in s for s in _breaks(report))


def test_a_donors_head_around_another_face_is_fine(good: Any, portraits: Path) -> None:
    """What composites do: everything but the face is the donor's own."""
    people = good.people(range(20, 23))
    picture = np.asarray(_portrait(portraits, 7)).copy()
    face = (slice(64, 240), slice(64, 192))
    picture[face] = good.mean(list(people.values()))[face]
    good.group(people, picture=picture)
    report = good.audit(k=3, donors=portraits)
    assert report.figures["donors"]["near_copies_by_pixels"] == 0


@pytest.mark.parametrize("again", [False, True])
def test_a_donor_who_is_a_member(good: Any, portraits: Path, again: bool) -> None:
    """The very file of an original, or another photo of that person."""
    original = good.photos / good.rows[0][0]
    if again:
        paint_photo(portraits / "friend.png", 0, 9)
    else:
        (portraits / "friend.png").write_bytes(original.read_bytes())
    report = good.audit(k=3, donors=portraits)
    assert report.exit_status == 4
    assert any("3: 1 of 13 donors are people of the originals" in s for s in _breaks(report))
    assert report.figures["donors"]["are_members"] == 1
    assert report.problems[0].private == ("friend.png",)


def test_a_donor_whose_photo_was_refused_is_a_member_too(good: Any, portraits: Path) -> None:
    (portraits / "x.png").write_bytes((good.photos / "nobody.png").read_bytes())
    assert not good.audit(k=3, donors=portraits).holds


def test_donors_without_faces_are_not_measured(good: Any, tmp_path: Path) -> None:
    folder = tmp_path / "walls"
    folder.mkdir()
    paint_photo(folder / "wall.png", 1, kind="several_faces")
    report = good.audit(k=3, donors=folder)
    assert any(
        "likeness to donors could not be measured" in p.sentence for p in report.problems
    )


@pytest.mark.parametrize("where", ["absent", "empty", "originals", "inside the release"])
def test_a_folder_that_cannot_be_meant(good: Any, tmp_path: Path, where: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    donors, said = {
        "absent": (tmp_path / "no", "not a folder"),
        "empty": (empty, "holds no photo"),
        "originals": (good.photos, "folder of their own"),
        "inside the release": (good.release / "images", "folder of their own"),
    }[where]
    with pytest.raises(UsageError, match=said):
        good.audit(k=3, donors=donors)
