"""Whole runs on painted people: the promise, counted here anew from the written files."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kssgan.auditing.words import word_problems
from kssgan.deidentification import Release, default_cache
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.testing.fakes import PaintedAnalyser, PaintedLabels, paint_photo

from .conftest import manifest_of, map_rows, people_behind

Run = Callable[..., Release]


def test_every_picture_stands_for_k_people_once_each(run: Run, photos: Path) -> None:
    release = run()
    pictures = people_behind(release)
    assert len(pictures) == 3
    for files in pictures.values():
        assert len(files) >= 3
        assert all(len(subjects) == 1 for subjects in files)
        assert len(set().union(*files)) == len(files)
    rows = map_rows(release.map_path)
    assert {r["original"] for r in rows} == {
        p.relative_to(photos).as_posix() for p in photos.rglob("*.png")
    }
    assert all(r["subject"] == r["original"].split("/")[0] for r in rows)
    # All photos of a person are in one file.
    assert all(
        len({r["released"] for r in rows if r["subject"] == s}) == 1
        for s in {r["subject"] for r in rows}
    )
    certificate = release.certificate
    assert certificate == json.loads((release.path / "certificate.json").read_text())
    assert certificate["holds"] is True
    assert certificate["k_claimed"] == 3
    assert certificate["k_measured"] == min(map(len, pictures.values())) == 3
    assert certificate["k_declared"] == 3
    assert certificate["max_share"] == pytest.approx(1 / 3)
    assert certificate["groups"] == {"count": 3, "sizes": [3, 3, 3]}
    assert certificate["photos"] == {"found": 18, "ignored": 0, "refused": 0, "released": 18}
    assert certificate["information_loss"] in range(1, 100), "whole percents"
    assert release.exit_status == 0
    assert {"decode", "detect", "embed", "group", "surrogate", "write"} <= set(release.seconds)


def test_pictures_are_the_mean_of_people_not_of_photos(run: Run, photos: Path) -> None:
    release = run(k=9)
    (picture,) = {p.read_bytes() for p in (release.path / "images").iterdir()}
    (path, *_) = (release.path / "images").iterdir()
    people = []
    for folder in photos.iterdir():
        crops = []
        for photo in folder.iterdir():
            with Image.open(photo) as image:
                crops.append(np.asarray(image.convert("RGB").resize((256, 256), 0), float))
        people.append(np.mean(crops, axis=0))
    wanted = np.mean(people, axis=0)
    with Image.open(path) as image:
        assert np.abs(np.asarray(image, float) - wanted).max() <= 0.51
    assert picture


def test_modes_times_and_names_tell_nothing(run: Run, photos: Path) -> None:
    os.umask(before := os.umask(0o077))
    try:
        os.umask(0o077)
        release = run()
    finally:
        os.umask(before)
    paths = [release.path, *release.path.rglob("*")]
    assert {int(p.stat().st_mtime) for p in paths} == {315532800}
    assert {stat.S_IMODE(p.stat().st_mode) for p in paths if p.is_dir()} == {0o755}
    assert {stat.S_IMODE(p.stat().st_mode) for p in paths if p.is_file()} == {0o644}
    assert {p.name for p in release.path.iterdir()} == {
        "images",
        "manifest.csv",
        "certificate.json",
        "report.html",
    }
    assert list(manifest_of(release.path)) == sorted(manifest_of(release.path))
    text = "".join(
        (release.path / n).read_text()
        for n in ("manifest.csv", "certificate.json", "report.html")
    )
    for name in ("Name", "Family", "portrait"):
        assert name not in text
        assert not any(name in word for word in release.words)
    assert stat.S_IMODE(release.map_path.stat().st_mode) == 0o600


def test_two_runs_share_pictures_but_no_names(run: Run, tmp_path: Path) -> None:
    one = run()
    two = run(out=tmp_path / "again", map_path=tmp_path / "again.csv")
    names = [{p.name for p in (r.path / "images").iterdir()} for r in (one, two)]
    assert not names[0] & names[1]
    assert set(people_behind(one)) == set(people_behind(two))
    assert one.certificate == two.certificate


def test_renamed_and_reordered_photos_give_the_same_pictures(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    one = run()
    for number, folder in enumerate(sorted(photos.iterdir(), reverse=True)):
        for shot, photo in enumerate(sorted(folder.iterdir(), reverse=True)):
            photo.rename(folder / f"{shot}.png")
        folder.rename(photos / str(number))
    two = run(out=tmp_path / "again", map_path=tmp_path / "again.csv")
    assert set(people_behind(one)) == set(people_behind(two))


def test_auto_finds_the_same_people(run: Run) -> None:
    release = run(subjects="auto")
    assert release.certificate["subjects"] == 9
    by_person = defaultdict(set)
    for row in map_rows(release.map_path):
        by_person[row["subject"]].add(row["original"].split("/")[0])
    assert all(len(folders) == 1 for folders in by_person.values())
    assert len(by_person) == 9


def test_refused_photos_are_listed_and_never_copied(run: Run, photos: Path) -> None:
    paint_photo(photos / "Name0 Family" / "flat.png", kind="no_face")
    paint_photo(photos / "Name1 Family" / "two.png", kind="several_faces")
    paint_photo(photos / "nobody's.png", person=77)
    (photos / "Name2 Family" / "text.jpg").write_text("text")
    (photos / "Name2 Family" / "empty.jpg").touch()
    (photos / "notes.pdf").touch()
    (photos / ".DS_Store").touch()
    os.mkfifo(photos / "Name2 Family" / "pipe.png")
    release = run()
    assert release.exit_status == 3
    assert release.refused == 6
    assert release.certificate["photos"] == {
        "found": 26,
        "ignored": 2,
        "refused": 6,
        "released": 18,
    }
    refused = {r["original"]: r for r in map_rows(release.map_path) if r["reason"]}
    assert {name: row["reason"] for name, row in refused.items()} == {
        "Name0 Family/flat.png": "no face found",
        "Name1 Family/two.png": "several faces of similar size",
        "nobody's.png": "no subject given",
        "Name2 Family/text.jpg": "unreadable file",
        "Name2 Family/empty.jpg": "unreadable file",
        "Name2 Family/pipe.png": "unreadable file",
    }
    assert not any(row["released"] for row in refused.values())
    assert len(people_behind(release)) == 3


def test_permission_denied_is_a_refusal(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may read everything, so the refusal comes from opening the file.
    real = Path.open

    def closed(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "secret.png":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **kwargs)

    paint_photo(photos / "Name0 Family" / "secret.png", 0, 9)
    monkeypatch.setattr(Path, "open", closed)
    release = run()
    (row,) = [r for r in map_rows(release.map_path) if r["reason"]]
    assert row["reason"] == "permission denied"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_permission_denied_for_real(run: Run, photos: Path) -> None:
    paint_photo(photos / "Name0 Family" / "secret.png", 0, 9).chmod(0)
    assert run().refused == 1


def test_without_a_map_the_refused_are_listed_beside_the_release(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    paint_photo(photos / "Name0 Family" / "flat, no.png", kind="no_face")
    release = run(map_path=None)
    listed = tmp_path / "release.refused.csv"
    assert (
        listed.read_bytes() == b'original,reason\n"Name0 Family/flat, no.png",no face found\n'
    )
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    assert release.private_paths == (listed,)
    assert release.map_path is None
    assert any("--map" in word for word in release.words)


def test_without_a_map_and_without_refusals_nothing_private_is_left(
    run: Run, left: Callable[[], set[str]]
) -> None:
    assert run(map_path=None).private_paths == ()
    assert left() == {"release"}
    assert not list(default_cache().iterdir())


def test_names_of_every_kind(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    names = [
        "a b,c/1.png",
        'quo"te/1.png',
        "new\nline/1.png",
        "carriage\rreturn/1.png",
        "漢字 ñ/1.png",
        "=1+1/1.png",
        os.fsdecode(b"bad\xff/1.png"),
        "dots../1.png",
    ]
    for person, name in enumerate(names):
        paint_photo(folder / name, person)
    release = run(photos=folder)
    assert {row["original"] for row in map_rows(release.map_path)} == set(names)
    assert release.certificate["subjects"] == 8


def test_same_name_in_two_folders_is_two_photos(run: Run, photos: Path) -> None:
    rows = map_rows(run().map_path)
    assert Counter(r["original"].split("/")[1] for r in rows)["portrait 0.png"] == 9


def test_links_in_circles(run: Run, photos: Path) -> None:
    (photos / "again").symlink_to(photos)
    (photos / "Name0 Family" / "up").symlink_to(photos)
    assert run().certificate["photos"]["found"] == 18


def test_a_photo_under_two_names_is_one_person(run: Run, photos: Path) -> None:
    data = (photos / "Name0 Family" / "portrait 0.png").read_bytes()
    (photos / "Alias").mkdir()
    (photos / "Alias" / "1.png").write_bytes(data)
    release = run(k=9)
    assert release.certificate["subjects"] == 9
    assert release.certificate["k_measured"] == 9
    assert release.certificate["k_declared"] == 10
    rows = {r["original"]: r for r in map_rows(release.map_path)}
    alias, first = rows["Alias/1.png"], rows["Name0 Family/portrait 0.png"]
    assert alias["released"] == first["released"]
    assert (alias["subject"], first["subject"]) == ("Alias", "Name0 Family")


def test_look_alikes_never_count_as_two(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "alike"
    for person in range(6):
        paint_photo(folder / f"{person}" / "1.png", person)
    paint_photo(folder / "shadow" / "1.png", 99, like=0, away=0.75 * LOOK_ALIKE)
    release = run(photos=folder, k=6)
    assert release.certificate["lookalike_pairs"] == 1
    assert release.certificate["lookalikes_merged"] == 1
    assert release.certificate["k_measured"] == 6
    assert release.certificate["k_declared"] == 7
    assert len(list((release.path / "images").iterdir())) == 6
    rows = {r["subject"]: r["released"] for r in map_rows(release.map_path)}
    assert rows["shadow"] == rows["0"]


def _labels(path: Path, photos: Path) -> Path:
    rows = ["file,expression,gender,diagnosis"]
    for photo in sorted(photos.rglob("*.png")):
        name = photo.relative_to(photos).as_posix()
        person, shot = int(name[4]), int(name.split()[-1][0])
        expression = ("neutral", "happy", "")[shot]
        rows.append(f"{name},{expression},{'f' if person < 4 else 'm'},secret")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_cells_follow_the_label_that_is_drawn(run: Run, photos: Path, tmp_path: Path) -> None:
    for person in range(9):
        for shot in range(3):
            paint_photo(photos / f"Name{person} Family" / f"portrait {shot}.png", person, shot)
    release = run(
        labels=_labels(tmp_path / "labels.csv", photos), method=PaintedLabels(), within=()
    )
    manifest = manifest_of(release.path)
    assert release.certificate["attributes"] == ["expression", "gender"]
    assert (
        release.certificate["cells"]["count"] == 6
    )  # what is not known makes no cell of its own
    pictures = people_behind(release)
    assert len(pictures) == 6
    assert all(len(files) == 3 for files in pictures.values())
    painted = {20: "neutral", 40: "happy"}
    for name, row in manifest.items():
        with Image.open(release.path / name) as image:
            assert painted[image.getpixel((3, 255))[0]] == row["expression"]
    assert "diagnosis" not in (release.path / "manifest.csv").read_text()
    assert "secret" not in (release.path / "report.html").read_text()


def test_a_plain_mean_releases_no_expression(run: Run, photos: Path, tmp_path: Path) -> None:
    release = run(labels=_labels(tmp_path / "labels.csv", photos))
    assert release.certificate["attributes"] == ["gender"]
    genders = {row["gender"] for row in manifest_of(release.path).values()}
    assert genders == {"female", "male"}
    by_file = {r["released"]: r["subject"] for r in map_rows(release.map_path)}
    for name, row in manifest_of(release.path).items():
        assert row["gender"] == ("female" if int(by_file[name][4]) < 4 else "male")


def test_set_changes_label_and_picture(run: Run, photos: Path) -> None:
    release = run(set_labels={"expression": "sad"}, method=PaintedLabels())
    assert {row["expression"] for row in manifest_of(release.path).values()} == {"sad"}
    for path in (release.path / "images").iterdir():
        with Image.open(path) as image:
            assert image.getpixel((3, 255)) == (60, 60, 60)


def test_a_second_run_looks_at_no_photo_again(run: Run, tmp_path: Path) -> None:
    first, second = PaintedAnalyser(), PaintedAnalyser()
    kept = tmp_path / "faces"
    release = run(analyser=first, cache=kept)
    assert first.looked_at == 18
    (folder,) = kept.iterdir()
    assert folder in release.private_paths
    run(analyser=second, cache=kept, out=tmp_path / "two", map_path=tmp_path / "two.csv")
    assert second.looked_at == 0
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    run(analyser=second, cache=kept, out=tmp_path / "three", map_path=tmp_path / "three.csv")
    assert second.looked_at == 18


def test_equal_files_are_looked_at_once(run: Run, photos: Path) -> None:
    analyser = PaintedAnalyser()
    photo = photos / "Name0 Family" / "portrait 0.png"
    (photos / "Name0 Family" / "copy.png").write_bytes(photo.read_bytes())
    assert run(analyser=analyser).certificate["photos"]["released"] == 19
    assert analyser.looked_at == 18


def test_a_cache_that_vanishes_meanwhile_is_no_loss(run: Run, photos: Path) -> None:
    class Forgetful(PaintedLabels):
        def surrogate(self, members):  # type: ignore[no-untyped-def]
            for path in default_cache().rglob("*"):
                if path.is_file():
                    path.unlink()
            return super().surrogate(members)

    lost = run(method=Forgetful())
    whole = run(
        method=PaintedLabels(), out=photos.parent / "b", map_path=photos.parent / "b.csv"
    )
    assert set(people_behind(lost)) == set(people_behind(whole))


def test_reports_get_measured_pictures_and_originals(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    from kssgan.reporting import Reports

    paint_photo(photos / "Name0 Family" / "flat.png", kind="no_face")
    release = run(reports=Reports())
    page = tmp_path / "map.report.html"
    assert release.private_paths == (tmp_path / "map.csv", page)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text()
    assert "Name0 Family" in text
    assert "flat.png" in text
    public = (release.path / "report.html").read_text()
    assert public.count("images/") >= release.certificate["cells"]["count"]
    assert "Name0" not in public


def test_progress_counts_every_photo(run: Run) -> None:
    steps: Counter[str] = Counter()
    totals: dict[str, int | None] = {}

    class Bar:
        def __init__(self, stage: str, total: int | None) -> None:
            self.stage = stage
            totals[stage] = total

        def __enter__(self) -> Callable[[int], None]:
            return lambda n: steps.update({self.stage: n})

        def __exit__(self, *_: object) -> None:
            pass

    run(progress=lambda stage, *, total=None: Bar(stage, total))
    assert dict(steps) == totals == {"faces": 18, "surrogates": 3, "files": 9}


def test_a_releases_own_words_name_nobody(run: Run) -> None:
    """Folders of people and photos may be called as something that every release says."""
    release = run(set_labels={"expression": "sad"}, method=PaintedLabels())
    names = ("certificate.json", "report.html")
    texts = {name: (release.path / name).read_text("utf-8") for name in names}
    said = "".join(texts.values())
    said = re.sub(r"\b[0-9a-f]{16,}\b|<style.*?</style>", "\n", said, flags=re.DOTALL)
    lines = re.split(r'[\n"]', re.sub(r"<[^>]*>", "\n", said))
    rows = [re.findall(r"[^\W\d_]+", line) for line in lines]
    phrases = {
        " ".join(row[start : start + length])
        for row in rows
        for length in (1, 2, 3)
        for start in range(len(row) - length + 1)
    }
    assert {"kssgan", "Each of the", "information loss", "python"} <= phrases
    called = [(f"{phrase}/{phrase}.jpg", phrase) for phrase in phrases]
    problems = word_problems(texts, (), called, ("painted",))
    assert [p.private for p in problems if p.severity == "breaks"] == []
    other = word_problems(texts, (), [("a/b.jpg", "Each-of-these")], ())
    assert not other


def test_a_burst_of_one_person_is_not_compared_with_itself(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos of one declared person are one person anyway; that two people share a picture is looked for."""
    folder = photos / "Name0 Family"
    for shot in range(10, 30):
        paint_photo(folder / f"{shot}.png", 0, shot)
    compared = 0

    def same(a: object, b: object) -> bool:
        nonlocal compared
        compared += 1
        return False

    monkeypatch.setattr("kssgan.faces.copies.same_picture", same)
    run()
    assert compared == 0
    (photos / "Name0 Family" / "10.png").rename(photos / "Name1 Family" / "10.png")
    run(out=photos.parent / "two", map_path=photos.parent / "two.csv")
    assert compared > 0
