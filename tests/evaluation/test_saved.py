"""Evaluations are drawn again from their folders, alone and together."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kssgan import evaluate, report
from kssgan.cli import main
from kssgan.errors import OutputExists, UsageError
from kssgan.evaluation import Evaluation
from kssgan.evaluation.saved import put_together, read_results
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evaluation]:
    """Two of the same photos, one of others."""
    home = tmp_path_factory.mktemp("evaluations")
    for person in range(8):
        for shot in range(2):
            paint_photo(home / "photos" / f"zoe-{person}" / f"{shot}.png", person, shot)

    def go(out: str, *methods: str) -> Evaluation:
        return evaluate(
            home / "photos",
            out=home / out,
            methods=methods,
            k=(3,),
            seeds=1,
            subjects="folder",
            jobs=1,
            cache=home / "cache",
            analyser=PaintedAnalyser(),
        )

    found = {"pixel": go("pixel", "k-same-pixel"), "blur": go("blur", "blur", "k-same-pixel")}
    # As if of other photos: what tells is their digest.
    shutil.copytree(home / "pixel", home / "other")
    about = json.loads((home / "other" / "evaluation.json").read_text())
    (home / "other" / "evaluation.json").write_text(json.dumps({**about, "data": "0" * 16}))
    return {**found, "other": replace(found["pixel"], path=home / "other")}


def test_what_is_read_is_what_was_measured(evaluations: dict[str, Evaluation]) -> None:
    done = evaluations["blur"]
    again = read_results(done.path)
    assert again.methods == ["blur", "k-same-pixel"]
    assert [dict(row) for row in again.rows] == [dict(row) for row in done.rows]
    assert again.about["people"] == 8


def test_a_report_draws_the_same_again(
    evaluations: dict[str, Evaluation], tmp_path: Path
) -> None:
    done = evaluations["pixel"]
    page = report(done.path, out=tmp_path / "dir")
    assert page == tmp_path / "dir" / "index.html"
    shown = {p.relative_to(page.parent) for p in page.parent.rglob("*") if p.is_file()}
    there = {p.relative_to(done.path) for p in done.path.rglob("*") if p.is_file()}
    assert {str(p) for p in there - shown} == {
        "evaluation.json",
        "cells/k-same-pixel-k3-seed0.json",
    }
    assert shown <= there
    for name in ("results.csv", "results.md", "figures/figure7.svg", "figures/figure7.png"):
        assert (page.parent / name).read_bytes() == (done.path / name).read_bytes()


def test_evaluations_of_the_same_photos_are_one_table(
    evaluations: dict[str, Evaluation], tmp_path: Path
) -> None:
    paths = [evaluations[name].path for name in ("pixel", "blur", "other")]
    page = report(*paths, out=tmp_path / "dir")
    with (tmp_path / "dir" / "results.csv").open() as file:
        rows = [(row["method"], row["k"]) for row in csv.DictReader(file)]
    assert rows == [("k-same-pixel", "3"), ("blur", "1")]  # measured twice, shown once
    assert (tmp_path / "dir" / "results-2.csv").read_text().count("\n") == 2
    assert page.read_text().count(">Evaluation ") == 2
    assert "zoe" not in page.read_text()


def test_evaluations_that_contradict_each_other_are_refused(
    evaluations: dict[str, Evaluation], tmp_path: Path
) -> None:
    shutil.copytree(evaluations["pixel"].path, tmp_path / "copy")
    table = tmp_path / "copy" / "results.csv"
    head, row = table.read_text().splitlines()
    figures = dict(zip(head.split(","), row.split(","), strict=True))
    table.write_text(head + "\n" + ",".join({**figures, "rank1": "0.99"}.values()) + "\n")
    with pytest.raises(UsageError, match="k-same-pixel at k 3, seed 0 and differ"):
        put_together([read_results(evaluations["pixel"].path), read_results(tmp_path / "copy")])
    table.write_text(head + "\n" + ",".join({**figures, "seconds": "9"}.values()) + "\n")
    assert (
        len(
            put_together(
                [read_results(evaluations["pixel"].path), read_results(tmp_path / "copy")]
            )
        )
        == 1
    )


def test_what_cannot_be_reported_is_refused(
    evaluations: dict[str, Evaluation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = evaluations["pixel"].path
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.json").write_text("{}")
    with pytest.raises(UsageError, match="1 of 2 folders are evaluations"):
        report(good, study, out=tmp_path / "dir")
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "evaluation.json").write_text(json.dumps({"finished": False}))
    with pytest.raises(UsageError, match="not finished"):
        report(tmp_path / "stopped", out=tmp_path / "dir")
    shutil.copytree(good, tmp_path / "damaged")
    (tmp_path / "damaged" / "results.csv").write_text("method,k\nx,three\n")
    with pytest.raises(UsageError, match="no evaluation"):
        report(tmp_path / "damaged", out=tmp_path / "dir")
    with pytest.raises(OutputExists):
        report(good, out=study)
    assert not (tmp_path / "dir").exists()
    assert main(["report", str(good), "--out", str(tmp_path / "dir")]) == 0
    assert "index.html" in capsys.readouterr().out


def test_an_evaluation_without_a_row_adds_none(evaluations: dict[str, Evaluation]) -> None:
    pixel = read_results(evaluations["pixel"].path)
    empty = replace(pixel, rows=[])
    for both in ([pixel, empty], [empty, pixel]):
        (found,) = put_together(both)
        assert found.rows == pixel.rows
    (nothing,) = put_together([empty, empty])
    assert nothing.rows == []
