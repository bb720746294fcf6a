"""Releases of one ledger: who is shown as before, who waits, who is refused and why."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kssgan
from kssgan.deidentification import Release, deidentify
from kssgan.deidentification.ledger import Ledger, LedgerBusy
from kssgan.deidentification.release import PartialRelease
from kssgan.errors import BadOutput, LedgerRefused, Reason, TooFewPeople, UsageError
from kssgan.faces.thresholds import LOOK_ALIKE, SAME_PERSON
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser, PaintedLabels, PaintedVariants, paint_photo


class Study:
    """One ledger, and one release after the other."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made = 0

    @property
    def ledger(self) -> Path:
        return self.home / "study.ledger"

    def photos(self, people: Iterable[int | tuple[int, int]]) -> Path:
        """A folder for the next release: people, or (person, shot)."""
        folder = self.home / f"photos{self.made}"
        for one in people:
            person, shot = one if isinstance(one, tuple) else (one, 0)
            paint_photo(folder / f"n{person}" / f"{shot}.png", person, shot)
        return folder

    def release(self, people: Iterable[int | tuple[int, int]] = (), **changes: Any) -> Release:
        folder = changes.pop("photos", None) or self.photos(people)
        name = f"release{self.made}"
        self.made += 1
        asked: dict[str, Any] = {
            "out": self.home / name,
            "k": 3,
            "subjects": "folder",
            "map_path": self.home / f"{name}.csv",
            "method": MeanSurrogate(),
            "analyser": PaintedAnalyser(),
            "ledger": self.ledger,
        }
        return deidentify(folder, **{**asked, **changes})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def rows(release: Release) -> list[dict[str, str]]:
    assert release.map_path is not None
    with release.map_path.open(newline="") as file:
        return list(csv.DictReader(file))


def holders(release: Release) -> dict[str, set[str]]:
    """Subjects behind each picture, by its SHA-256."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows(release):
        if row["released"]:
            data = (release.path / row["released"]).read_bytes()
            found[hashlib.sha256(data).hexdigest()].add(row["subject"])
    return dict(found)


def reasons(release: Release) -> dict[str, str]:
    return {row["original"]: row["reason"] for row in rows(release) if row["reason"]}


def counted(release: Release) -> bool:
    photos = release.certificate["photos"]
    return photos["found"] == photos["ignored"] + photos["refused"] + photos["released"]


def test_the_same_people_have_the_same_pictures_under_new_names(study: Study) -> None:
    one, two = study.release(range(7)), study.release(range(7))
    assert holders(one) == holders(two)
    assert not {r["released"] for r in rows(one)} & {r["released"] for r in rows(two)}
    assert two.certificate["ledger"] == {
        "release": 2,
        "groups_as_before": 2,
        "groups_new": 0,
    }
    assert two.exit_status == 0


def test_new_photos_and_new_labels_change_nothing(study: Study) -> None:
    one = study.release(range(7))
    two = study.release([(person, shot) for person in range(7) for shot in (1, 2)])
    assert holders(one) == holders(two)


@pytest.mark.parametrize("emptied", [False, True])
def test_a_ledger_that_is_gone_is_told_of(study: Study, emptied: bool) -> None:
    """Its key is there still; people would be grouped anew, which intersections see."""
    told = "its key was there before"
    assert not any(told in word for word in study.release(range(4)).words)
    assert not any(told in word for word in study.release(range(4)).words)
    study.ledger.unlink()
    if emptied:
        study.ledger.touch()
    assert any(told in word for word in study.release(range(4)).words)


@pytest.mark.parametrize("how", ["folder", "auto"])
def test_a_folder_without_any_face_is_refused_and_the_ledger_stays(
    study: Study, how: str
) -> None:
    study.release(range(4), subjects=how)
    paint_photo(study.home / "none" / "n0" / "0.png", kind="no_face")
    with pytest.raises(TooFewPeople, match="0 people in 0 usable photos"):
        study.release(photos=study.home / "none", subjects=how)
    assert not (study.home / "release1").exists()
    assert study.release(range(4), subjects=how).certificate["ledger"]["release"] == 2


def test_what_probes_read_of_newcomers_alone_is_left_out(study: Study) -> None:
    """The first release says nothing of gender, since nothing was read; no setting of the user's changed."""

    def reads(path: Path) -> dict[str, str]:
        person = int(path.parent.name[1:])
        return {"gender": "female"} if person >= 3 or path.stem == "1" else {}

    asked: dict[str, Any] = {"analyser": PaintedAnalyser(reads=reads)}
    one = study.release(range(3), **asked)
    two = study.release([*range(3), (0, 1), 3, 4, 5], **asked)
    assert two.certificate["attributes"] == one.certificate["attributes"] == []
    assert "gender" not in two.certificate["labels"]
    assert set(map(frozenset, holders(two).values())) >= set(
        map(frozenset, holders(one).values())
    )
    left_out = "Left out, as the ledger's first release has none: gender"
    assert any(left_out in word for word in two.words)
    table = study.home / "labels.csv"
    table.write_text("subject,gender\n" + "".join(f"n{n},female\n" for n in range(6)))
    with pytest.raises(LedgerRefused, match="attributes"):
        study.release(range(6), labels=table, **asked)


def test_a_files_name_is_one_name_in_every_spelling(study: Study) -> None:
    """A disk that decomposes accents makes nobody a newcomer."""

    def photos(form: str, shot: int) -> Path:
        folder = study.home / f"listed{shot}"
        for person in range(6):
            name = unicodedata.normalize(form, f"Zo\u00eb{person}.png")
            paint_photo(folder / name, person, shot)
        return folder

    one = study.release(photos=photos("NFC", 0), subjects="file")
    two = study.release(photos=photos("NFD", 1), subjects="file")
    assert two.certificate["ledger"]["groups_as_before"] == len(holders(one))
    assert {frozenset(s) for s in holders(two).values()} == {
        frozenset(s) for s in holders(one).values()
    }


def test_a_ledger_that_kept_decomposed_names_knows_them(study: Study) -> None:
    """As names of files were kept once."""
    name = "Zo\u00eb"
    with Ledger(study.ledger, None, create=True) as ledger:
        hashed = ledger._vault.name_hash(unicodedata.normalize("NFD", name))
        ledger._con.execute("PRAGMA foreign_keys = OFF")
        ledger._con.execute(
            "INSERT INTO names (hash, person, since) VALUES (?, 7, 1)", (hashed,)
        )
        assert ledger.person_by_name(name) == ledger.recogniser()(name) == 7
        assert ledger.person_by_name("Zoe") is None


def test_newcomers_wait_listed_until_k_have_come(study: Study) -> None:
    one = study.release(range(6))
    two = study.release(range(8))
    assert holders(two) == holders(one)
    assert reasons(two) == dict.fromkeys(["n6/0.png", "n7/0.png"], "waits for 1 more person")
    assert two.exit_status == 3
    assert counted(two)
    assert any("2 newcomers wait" in words for words in two.words)
    three = study.release(range(9))
    new = {sha: who for sha, who in holders(three).items() if sha not in holders(one)}
    assert list(new.values()) == [{"n6", "n7", "n8"}]
    assert three.exit_status == 0


def test_waiting_is_listed_beside_the_release_too(study: Study) -> None:
    study.release(range(6))
    two = study.release([*range(6), 9], map_path=None)
    assert "n9/0.png,waits for 2 more people" in Path(f"{two.path}.refused.csv").read_text()


def test_a_withdrawn_person_takes_the_group_along(study: Study) -> None:
    one = study.release(range(7))
    group = next(who for who in holders(one).values() if "n0" in who)
    two = study.release(range(1, 7))
    assert holders(two) == {sha: who for sha, who in holders(one).items() if who != group}
    assert set(reasons(two)) == {f"{name}/0.png" for name in group - {"n0"}}
    assert set(reasons(two).values()) == {Reason.GROUP_ABSENT}
    assert counted(two)
    (said,) = [words for words in two.words if "absent or withdrawn" in words]
    assert "1 of their people" in said
    assert "still stands for at least 3 people" in said
    assert holders(study.release(range(7))) == holders(one)  # back again, as before


def test_nobody_left_writes_nothing(study: Study) -> None:
    study.release(range(3))
    with Ledger(study.ledger) as ledger:
        before = ledger.editions()
    with pytest.raises(LedgerRefused, match="2 waits for absent people"):
        study.release(range(2))
    assert not (study.home / "release1").exists()
    with Ledger(study.ledger) as ledger:
        assert ledger.editions() == before


def test_too_few_for_a_first_release_make_no_ledger(study: Study) -> None:
    with pytest.raises(TooFewPeople):
        study.release(range(2))
    assert {path.name for path in study.home.iterdir()} <= {"photos0", "home"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"k": 4}, "groups of another size"),
        ({"k": 2, "allow_small_k": True}, "groups of another size"),
        ({"seed": 1}, "another seed"),
        ({"subjects": "file"}, "grouped anew"),
        ({"subjects": "auto"}, "grouped anew"),
        ({"auto_labels": ("gender",)}, "other labels"),
        ({"method": PaintedLabels()}, "other pictures"),
        ({"variants": 2, "method": PaintedVariants()}, "keeps all of its pictures"),
    ],
)
def test_what_would_open_an_intersection_is_refused(
    study: Study, change: dict[str, Any], says: str
) -> None:
    study.release(range(6))
    analyser = PaintedAnalyser()
    with pytest.raises(LedgerRefused, match=says):
        study.release(range(9), **{"analyser": analyser, **change})
    assert analyser.looked_at == 0  # told before the long part
    assert not (study.home / "release1").exists()


def test_a_new_column_of_labels_is_refused(study: Study) -> None:
    study.release(range(6))
    folder = study.photos(range(6))
    table = study.home / "labels.csv"
    table.write_text("subject,gender\n" + "".join(f"n{n},f\n" for n in range(6)))
    with pytest.raises(LedgerRefused, match="attributes gender came"):
        study.release(photos=folder, labels=table)


def labelled(study: Study, labels: Sequence[tuple[int, int, str]]) -> dict[str, Any]:
    """Photos and a table of (person, shot, expression)."""
    folder = study.photos((person, shot) for person, shot, _ in labels)
    table = study.home / f"labels{study.made}.csv"
    lines = [f"n{person}/{shot}.png,{label}\n" for person, shot, label in labels]
    table.write_text("file,expression\n" + "".join(lines))
    return {"photos": folder, "labels": table, "method": PaintedLabels()}


def test_labels_stay(study: Study) -> None:
    both = [(n, s, ("happy", "neutral")[s]) for n in range(3) for s in range(2)]
    one = study.release(**labelled(study, both))
    assert len(holders(one)) == 2
    # Now everybody is sad on other photos: nobody had a sad picture, and none is added.
    sad = [(n, s, "sad") for n in range(3) for s in (2, 3)]
    two = study.release(**labelled(study, sad))
    assert holders(two) == holders(one)
    with (two.path / "manifest.csv").open() as file:
        assert {row["expression"] for row in csv.DictReader(file)} == {"happy", "neutral"}
    # One has a single photo: the picture that not everybody can have is left out for all.
    three = study.release(**labelled(study, [*both[:5]]))
    (picture,) = holders(three).items()
    assert picture in holders(one).items()


def numbered(release: Release) -> dict[str, dict[str, str]]:
    """What the manifest says of each picture, by its SHA-256."""
    with (release.path / "manifest.csv").open(newline="") as file:
        return {
            hashlib.sha256((release.path / row.pop("file")).read_bytes()).hexdigest(): row
            for row in csv.DictReader(file)
        }


def test_variants_stay(study: Study) -> None:
    """Old groups keep all of theirs and the numbers of these, newcomers get as many."""
    both = [(n, s, ("happy", "neutral")[s]) for n in range(6) for s in range(2)]
    more: dict[str, Any] = {"method": PaintedVariants(), "variants": 3}
    one = study.release(**{**labelled(study, both[:6]), **more})
    assert len(holders(one)) == 2 * 3
    two = study.release(**{**labelled(study, both), **more})
    assert len(holders(two)) == 2 * 2 * 3
    assert holders(one).items() <= holders(two).items()
    assert numbered(one).items() <= numbered(two).items()
    assert sorted(row["variant"] for row in numbered(two).values()) == sorted("123" * 4)
    assert two.certificate["variants"] == 3
    assert two.certificate["ledger"]["groups_as_before"] == 1
    # Who has one photo only: a picture is left out for all, with all of its variants.
    three = study.release(**{**labelled(study, both[:5]), **more})
    assert len(holders(three)) == 3
    assert holders(three).items() <= holders(one).items()
    assert {row["variant"] for row in numbered(three).values()} == set("123")
    assert len({row["expression"] for row in numbered(three).values()}) == 1


def test_releases_with_variants_hold_together(study: Study) -> None:
    more: dict[str, Any] = {"method": PaintedVariants(), "variants": 2}
    study.release(range(6), **more)
    folder = study.photos(range(9))
    two = study.release(photos=folder, **more)
    report = kssgan.audit(
        two.path,
        originals=folder,
        map_path=two.map_path,
        ledger=study.ledger,
        analyser=PaintedAnalyser(),
    )
    assert report.holds, report.problems
    assert report.k_over_time == 3
    assert report.figures["releases"]["releases_in_the_ledger"] == 2


def test_a_missing_column_is_unknown_for_newcomers(study: Study) -> None:
    table = study.home / "labels.csv"
    table.write_text("subject,gender\n" + "".join(f"n{n},f\n" for n in range(3)))
    study.release(photos=study.photos(range(3)), labels=table)
    two = study.release(range(6))
    with (two.path / "manifest.csv").open() as file:
        genders = sorted(row["gender"] for row in csv.DictReader(file))
    assert genders == ["female"] * 3 + ["unknown"] * 3


def test_a_known_photo_under_another_name_is_refused(study: Study) -> None:
    study.release(range(6))
    folder = study.photos(range(6))
    (folder / "n0").rename(folder / "other")
    for person in (7, 8):
        paint_photo(folder / f"n{person}" / "0.png", person)
    two = study.release(photos=folder)
    assert reasons(two)["other/0.png"] == Reason.LEDGER_NAME
    assert "other" not in {row["subject"] for row in rows(two) if row["released"]}
    assert reasons(two)["n7/0.png"] == "waits for 1 more person"


def test_two_people_of_the_ledger_with_one_picture_are_refused(study: Study) -> None:
    study.release(range(9))
    folder = study.photos(range(9))
    paint_photo(folder / "n0" / "too.png", 1, size=128)  # another's picture, saved anew
    two = study.release(photos=folder)
    assert set(reasons(two).values()) == {Reason.LEDGER_UNSURE, Reason.GROUP_ABSENT}
    assert not {"n0", "n1"} & {row["subject"] for row in rows(two) if row["released"]}


def test_a_new_photo_like_another_member_is_refused_alone(study: Study) -> None:
    one = study.release(range(3))
    folder = study.photos(range(3))
    paint_photo(folder / "n0" / "9.png", 50, like=1, away=0.75 * LOOK_ALIKE)
    two = study.release(photos=folder)
    assert holders(two) == holders(one)
    assert reasons(two) == {"n0/9.png": Reason.GROUP_ALIKE}


def test_look_alikes_that_counted_once_do_so_again(study: Study) -> None:
    def photos() -> Path:
        folder = study.photos(range(3))
        paint_photo(folder / "twin" / "0.png", 60, like=1, away=0.75 * LOOK_ALIKE)
        return folder

    one = study.release(photos=photos())
    assert one.certificate["lookalikes_merged"] == 1
    two = study.release(photos=photos())
    assert holders(two) == holders(one)
    # One of the two alone still stands for both.
    three = study.release(range(3))
    assert set(holders(three)) == set(holders(one))


class TestAuto:
    """People are known again by sealed templates."""

    def test_known_again_by_other_photos(self, study: Study) -> None:
        one = study.release(range(6), subjects="auto")
        two = study.release([(person, 1) for person in range(6)], subjects="auto")
        assert holders(two) == holders(one)
        assert {row["subject"] for row in rows(two)} == {f"person-{n:04d}" for n in range(1, 7)}

    def test_newcomers_and_the_unsure(self, study: Study) -> None:
        one = study.release(range(6), subjects="auto")
        folder = study.photos(range(9))
        between = (SAME_PERSON + LOOK_ALIKE) / 2
        paint_photo(folder / "x" / "0.png", 70, like=2, away=between)
        two = study.release(photos=folder, subjects="auto")
        assert reasons(two) == {"x/0.png": Reason.LEDGER_UNSURE}
        new = {sha: who for sha, who in holders(two).items() if sha not in holders(one)}
        assert list(new.values()) == [{"person-0007", "person-0008", "person-0009"}]
        assert set(holders(one)) < set(holders(two))
        assert any("may show somebody of the ledger" in words for words in two.words)

    def test_of_two_who_count_once_each_is_known_again(self, study: Study) -> None:
        def photos(away: float) -> Path:
            """Four people; the last looks like the second, the less the farther away."""
            folder = study.photos(range(3))
            paint_photo(folder / "twin" / "0.png", 60, like=1, away=away)
            return folder

        one = study.release(photos=photos(0.4), subjects="auto")
        assert one.certificate["lookalikes_merged"] == 1
        # Too far from the second by now, near to what the twin was.
        two = study.release(photos=photos(0.5), subjects="auto")
        assert not reasons(two)
        assert holders(two) == holders(one)
        on = {row["original"]: row["subject"] for row in rows(two)}
        assert on["twin/0.png"] == on["n1/0.png"]

    def test_faces_of_later_releases_are_known_again(self, study: Study) -> None:
        def photos(away: float) -> Path:
            folder = study.photos(range(2))
            paint_photo(folder / "n2" / "0.png", 70, like=2, away=away)
            return folder

        # Who comes a little more unlike the first photo each time is nobody new.
        one, *later = [
            study.release(photos=photos(away), subjects="auto") for away in (0.0, 0.25, 0.5)
        ]
        for each in later:
            assert holders(each) == holders(one)
        with Ledger(study.ledger) as ledger:
            assert ledger.templates()[0] == [1, 2, 3, 3, 3]

    def test_another_analyser_is_refused(self, study: Study) -> None:
        study.release(range(6), subjects="auto")
        with pytest.raises(LedgerRefused, match="cannot be compared"):
            study.release(range(6), subjects="auto", analyser=PaintedAnalyser("painted-2"))

    def test_a_declared_ledger_holds_no_templates(self, study: Study) -> None:
        study.release(range(3))
        with Ledger(study.ledger) as ledger:
            assert ledger.templates()[0] == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ledger": "release0/l"}, "does not exist"),
        ({"ledger": "release0"}, "name of another output"),
        ({"ledger_key": "release0.csv"}, "name of another output"),
        ({"ledger": None, "ledger_key": "x.key"}, "without --ledger"),
    ],
)
def test_places_that_cannot_be_meant(
    study: Study, change: dict[str, str | None], says: str
) -> None:
    places = {name: None if v is None else study.home / v for name, v in change.items()}
    with pytest.raises((BadOutput, UsageError), match=says):
        study.release(range(3), **places)
    assert not study.ledger.exists()


def test_the_ledger_is_named_as_secret(study: Study) -> None:
    release = study.release(range(3))
    key = study.ledger.with_name("study.ledger.key")
    assert release.private_paths[-2:] == (study.ledger, key)
    certificate = json.loads((release.path / "certificate.json").read_text())
    assert certificate["ledger"]["release"] == 1
    assert not [p for p in release.path.rglob("*") if "ledger" in p.name]


def test_a_release_that_could_not_be_published_is_not_entered(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.release(range(3))
    real = Path.rename

    def refuses(self: Path, target: Path) -> Path:
        if target.name == "release1":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", refuses)
    with pytest.raises(OSError, match="disk is full"):
        study.release(range(6))
    monkeypatch.undo()
    with Ledger(study.ledger) as ledger:
        assert ledger.releases == 1
        assert ledger.person_by_name("n5") is None
    assert not (study.home / "release1").exists()


def test_while_another_run_holds_the_ledger(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.release(range(3))
    monkeypatch.setattr("kssgan.deidentification.ledger.WAIT_S", 0.3)
    analyser = PaintedAnalyser()
    with Ledger(study.ledger), pytest.raises(LedgerBusy, match="another run") as caught:
        study.release(range(6), analyser=analyser)
    assert caught.value.exit_status == 1
    assert analyser.looked_at == 6  # the long part is done, and kept for the next try
    assert not (study.home / "release1").exists()
    again = study.release(photos=study.home / "photos1", analyser=analyser)
    assert again.certificate["ledger"]["groups_new"] == 1
    assert analyser.looked_at == 6


def test_a_killed_run_is_settled_before_its_remains_are_swept(study: Study) -> None:
    """The next run for the same RELEASE would remove the hidden folder, the ledger's only witness."""
    study.release(range(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "_settle", lambda self: None)
        patch.setattr(PartialRelease, "_discard", lambda self: os.close(self._handle))
        patch.setattr(Path, "rename", _killed_at("release1"))
        with pytest.raises(KeyboardInterrupt):
            study.release(range(6))
    assert list(study.home.glob(".release1.partial-*"))
    study.made = 1
    two = study.release(photos=study.home / "photos1")
    assert two.certificate["ledger"] == {
        "release": 2,
        "groups_as_before": 1,
        "groups_new": 1,
    }
    assert not list(study.home.glob(".release1.partial-*"))


def _killed_at(name: str) -> Any:
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target.name == name:
            raise KeyboardInterrupt
        return real(self, target)

    return rename


def test_who_looks_like_somebody_known_today_is_no_newcomer(study: Study) -> None:
    """Far from the template of a person, near to another photo of theirs in the same release."""
    rng = np.random.default_rng(1)
    base, way = rng.normal(size=(2, 8, 8, 3))

    def photo(folder: Path, name: str, turned: float) -> None:
        pattern = np.clip(128 + 36 * (base + way * turned), 1, 254).astype(np.uint8)
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.kron(pattern, np.ones((8, 8, 1), np.uint8))).save(folder / name)

    first, second = study.home / "first", study.home / "second"
    for folder, people in ((first, (2, 3)), (second, (2, 3, 5, 6, 7))):
        for person in people:
            paint_photo(folder / f"p{person}.png", person)
        photo(folder, "a0.png", 0)
    for name, turned in (("a1.png", 0.25), ("a2.png", 0.55)):
        photo(second, name, turned)
    study.release(photos=first, subjects="auto")
    two = study.release(photos=second, subjects="auto")
    assert reasons(two) == {"a2.png": Reason.LEDGER_UNSURE}
    assert two.certificate["ledger"]["groups_new"] == 1
