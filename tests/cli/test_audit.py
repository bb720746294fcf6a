"""The audit verb: table, JSON, page, exit status."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kssgan.cli import main


@pytest.fixture
def released(photos: Path, tmp_path: Path) -> list[str]:
    """A good release; returns the arguments of its audit."""
    out, secret = tmp_path / "release", tmp_path / "map.csv"
    assert (
        main(["deidentify", str(photos), "--out", str(out), "-k", "3", "--map", str(secret)])
        == 0
    )
    return ["audit", str(out), "--originals", str(photos), "--map", str(secret)]


def test_a_good_release(
    released: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    figures, page = tmp_path / "audit.json", tmp_path / "audit.html"
    assert main([*released, "--json", str(figures), "--html", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "holds" in shown
    assert "secret-" not in shown
    assert json.loads(figures.read_text())["k_measured"] >= 3
    assert "<html" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IMODE(figures.stat().st_mode) == 0o600


def test_json_on_stdout(released: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main([*released, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True


def test_a_second_file_for_one_person_gives_four(released: list[str], tmp_path: Path) -> None:
    images = tmp_path / "release" / "images"
    victim = next(images.iterdir())
    (images / f"{'0' * 32}.png").write_bytes(victim.read_bytes())
    assert main(released) == 4


def test_outputs_that_would_spoil_something_are_refused_first(
    released: list[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "map.csv"
    before = secret.read_bytes()
    release = tmp_path / "release"
    for wanted, said in (
        (["--json", str(secret)], "one of the files that it reads"),
        (["--html", str(release / "report.html")], "lies in RELEASE or PHOTOS"),
        (["--json", str(photos / "a.json")], "lies in RELEASE or PHOTOS"),
        (["--html", str(tmp_path / "nowhere" / "a.html")], "make it first"),
        (["--json", str(tmp_path / "a"), "--html", str(tmp_path / "a")], "name one file"),
        (["--ledger-key", str(tmp_path / "k")], "without --ledger"),
    ):
        capsys.readouterr()
        assert main([*released, *wanted]) == 2
        assert said in capsys.readouterr().err
    assert secret.read_bytes() == before
    assert main(released) == 0


def test_an_output_that_was_open_to_others_is_not_any_more(
    released: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "a.html"
    page.write_text("old")
    page.chmod(0o644)
    assert main([*released, "--html", str(page)]) == 0
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_broken_promise_is_told_to_who_reads_no_further(
    released: list[str], tmp_path: Path, unbuffered: str
) -> None:
    images = tmp_path / "release" / "images"
    victim = next(images.iterdir())
    (images / f"{'0' * 32}.png").write_bytes(victim.read_bytes())
    figures = tmp_path / "figures.json"
    command = shlex.join([sys.executable, "-m", "kssgan", *released, "--json", str(figures)])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    assert done.returncode == 4, done.stderr
    assert json.loads(figures.read_text())["holds"] is False


def test_no_map_is_usage(released: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*released[:-1], "nowhere.csv"]) == 2
    assert "kssgan: " in capsys.readouterr().err


def test_donors_are_compared(
    released: list[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*released, "--donors", str(tmp_path / "nowhere")]) == 2
    assert "the donors are not a folder" in capsys.readouterr().err
    donors = tmp_path / "donors"
    donors.mkdir()
    first = next(path for path in sorted(photos.rglob("*")) if path.suffix in (".jpg", ".png"))
    (donors / f"lender{first.suffix}").write_bytes(first.read_bytes())
    figures, page = tmp_path / "a.json", tmp_path / "a.html"
    wanted = [*released, "--donors", str(donors), "--json", str(figures), "--html", str(page)]
    assert main(wanted) == 4
    assert "donors are people of the originals" in capsys.readouterr().out
    assert json.loads(figures.read_text())["figures"]["donors"]["are_members"] == 1
    assert "are people of the originals" in page.read_text()


@pytest.fixture
def study(photos: Path, tmp_path: Path) -> list[list[str]]:
    """Two releases of one ledger; returns the arguments of their audits."""
    audits = []
    for number in range(2):
        out, secret = tmp_path / f"release{number}", tmp_path / f"map{number}.csv"
        where = ["--out", str(out), "--map", str(secret), "--ledger", str(tmp_path / "l")]
        asked = [str(photos), "-k", "3", "--subjects", "folder", *where]
        assert main(["deidentify", *asked]) == 0
        originals = ["--originals", str(photos), "--map", str(secret)]
        audits.append(["audit", str(out), *originals, "--ledger", str(tmp_path / "l")])
    return audits


def test_all_releases_of_a_ledger(
    study: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for number, arguments in enumerate(study, start=1):
        assert main([*arguments, "--json", "-"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["k_over_time"] == 3
        assert found["figures"]["releases"]["this_release"] == number
        assert found["figures"]["releases"]["releases_in_the_ledger"] == 2


def test_a_release_beside_the_ledger_gives_four(
    study: list[list[str]],
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, secret = tmp_path / "other", tmp_path / "other.csv"
    asked = ["-k", "3", "--subjects", "folder", "--map", str(secret)]
    assert main(["deidentify", str(photos), "--out", str(out), *asked]) == 0
    capsys.readouterr()
    originals = ["--originals", str(photos), "--map", str(secret)]
    assert main(["audit", str(out), *originals, "--ledger", str(tmp_path / "l")]) == 4
    assert "BREAKS rule 6: this release is none of the 2 of the ledger" in (
        capsys.readouterr().out
    )


def test_a_ledger_that_is_not_there_or_not_ours(study: list[list[str]], tmp_path: Path) -> None:
    assert main([*study[0][:-1], str(tmp_path / "nowhere")]) == 2
    (tmp_path / "l.key").unlink()
    assert main(study[0]) == 4
