"""The verb as a user meets it: what is printed, where, and with which exit status."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from kssgan.cli import main
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


def _run(*args: object) -> int:
    return main(["deidentify", *(str(a) for a in args)])


def test_release_and_closing_words(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, secret = tmp_path / "release", tmp_path / "map.csv"
    assert _run(photos, "--out", out, "-k", 3, "--subjects", "folder", "--map", secret) == 0
    shown = capsys.readouterr()
    assert "14 photos, 7 people as you said" in shown.out
    *_, hand_over, keep = shown.out.strip().splitlines()
    assert hand_over.startswith("Safe to hand over:")
    assert str(out) in hand_over
    assert keep.startswith("Keep secret:")
    assert str(secret) in keep
    assert shown.err == ""
    assert {p.name for p in out.iterdir()} == {
        "images",
        "manifest.csv",
        "certificate.json",
        "report.html",
    }
    assert "secret-" not in shown.out


def test_json_is_alone_on_stdout(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "release"
    assert _run(photos, "--out", out, "-k", 3, "--json", "--map", tmp_path / "m.csv") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["certificate"] == json.loads((out / "certificate.json").read_text())
    assert result["certificate"]["k_measured"] >= 3
    assert result["exit_status"] == 0


def test_private_files_are_private(photos: Path, tmp_path: Path) -> None:
    secret = tmp_path / "map.csv"
    _run(photos, "--out", tmp_path / "release", "-k", 3, "--map", secret)
    for path in (secret, tmp_path / "map.report.html"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_refused_photos_give_three(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paint_photo(photos / "p0" / "nobody.png", kind="no_face")
    assert _run(photos, "--out", tmp_path / "r", "-k", 3, "--subjects", "folder") == 3
    out = capsys.readouterr().out
    assert "1 of 15 photos were refused" in out
    assert (tmp_path / "r.refused.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        (["-k", "9"], 4, "7 people"),
        (["-k", "1"], 2, "k"),
        (["-k", "2"], 2, "allow-small-k"),
        (["--out", "photos/inside"], 2, "inside"),
        (["--labels", "nowhere.csv"], 2, "labels table cannot be read"),
        (["--set", "expression=angry"], 2, "expression"),
        (["--set", "neutral"], 2, "NAME=VALUE"),
        (["--within", "diagnosis"], 2, "diagnosis"),
        (["--auto-label", "gender,diagnosis"], 2, "diagnosis"),
        (["--variants", "0"], 2, "variants=0 came"),
        (["--variants", "2", "--surrogate", "mean"], 2, "a group has one mean"),
    ],
)
def test_what_cannot_be_done_says_so_and_writes_nothing(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    status: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    base = ["photos", "--out", "release", "--subjects", "folder", "--map", "map.csv"]
    assert _run(*base, *change) == status
    shown = capsys.readouterr()
    assert shown.err.startswith("kssgan: ")
    assert says in shown.err
    assert "secret-" not in shown.err
    assert not (tmp_path / "release").exists()
    assert not (tmp_path / "map.csv").exists()
    assert not (photos / "inside").exists()


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        ([], ["file", "expression", "gender", "age"]),
        (["--auto-label", "gender"], ["file", "gender"]),
        (["--auto-label", "none", "--within", "none"], ["file"]),
        (["--auto-label", "gender", "--variants", "2"], ["file", "gender", "variant"]),
    ],
)
def test_labels_are_read_off_faces_unless_told_otherwise(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[str],
    columns: list[str],
) -> None:
    def reads(_: Path) -> dict[str, str]:
        return {"expression": "happy", "gender": "female", "age": "young"}

    monkeypatch.setattr(
        "kssgan.faces.analyse.StandardAnalyser", lambda: PaintedAnalyser(reads=reads)
    )
    out, secret = tmp_path / "release", tmp_path / "map.csv"
    told = ["--subjects", "folder", "--map", secret, *asked]
    assert _run(photos, "--out", out, "-k", 3, *told) == 0
    head = (out / "manifest.csv").read_text().splitlines()[0]
    assert head.split(",") == columns
    shown = capsys.readouterr().out
    assert ("gender of 7 of 7 people" in shown) == ("gender" in columns)
    line = "0 of 7 people from the data holder, 7 read off the face by a probe, 0 unknown"
    for page in (out / "report.html", tmp_path / "map.report.html"):
        assert (line in page.read_text()) == ("gender" in columns)


def test_newcomers_wait_and_settings_stay(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "study.ledger"
    asked = ("-k", 3, "--subjects", "folder", "--ledger", record)
    assert _run(photos, "--out", tmp_path / "one", *asked) == 0
    first = capsys.readouterr().out
    assert "Release 1 of this ledger" in first
    *_, keep = first.strip().splitlines()
    assert str(record) in keep
    assert f"{record}.key" in keep
    paint_photo(photos / "new" / "secret-9.png", 9)
    assert _run(photos, "--out", tmp_path / "two", *asked) == 3
    assert "1 waits for 2 more people" in capsys.readouterr().out
    assert "waits for 2 more people" in (tmp_path / "two.refused.csv").read_text()
    assert _run(photos, "--out", tmp_path / "three", *asked, "--seed", 1) == 4
    shown = capsys.readouterr()
    assert "seed 1 came" in shown.err
    assert "secret-" not in first + shown.out + shown.err
    assert not (tmp_path / "three").exists()


def test_existing_output_is_left_alone(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "release"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    assert _run(photos, "--out", out, "-k", 3) == 2
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


def test_interrupt_gives_130_and_leaves_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kssgan.surrogate.shape_method.ShapeMeanSurrogate.surrogate", interrupt)
    secret = tmp_path / "m.csv"
    assert _run(photos, "--out", tmp_path / "release", "-k", 3, "--map", secret) == 130
    left = {p.name for p in tmp_path.iterdir()} - {"photos", "cache"}
    assert left == set()


def test_unexpected_error_keeps_names_out_of_the_log(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("cannot handle p3/secret-1.png")

    monkeypatch.setattr("kssgan.surrogate.shape_method.ShapeMeanSurrogate.surrogate", explode)
    assert _run(photos, "--out", tmp_path / "release", "-k", 3) == 1
    shown = capsys.readouterr()
    assert "internal error: RuntimeError at test_deidentify.py" in shown.err
    assert "secret-1" not in shown.out + shown.err


def test_error_as_json(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(photos, "--out", tmp_path / "r", "-k", 9, "--json") == 4
    result = json.loads(capsys.readouterr().out)
    assert result["exit_status"] == 4
    assert "k=9" in result["error"]
