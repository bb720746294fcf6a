"""The comparison from end to end on painted people, and what happens when it is stopped."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kssgan.auditing import OnnxSettings
from kssgan.errors import BadOutput, KssganError, OutputExists, TooFewPeople, UsageError
from kssgan.evaluation import METHODS, Evaluation, measuring
from kssgan.evaluation import workers as workers_module
from kssgan.evaluation.table import COLUMNS
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.testing.onnx_model import write_linear
from kssgan.types import PhotoFace, Refused

Run = Callable[..., Evaluation]
TIMES = ("seconds", "seconds_drawing")


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_results_are_all_there_and_name_nobody(run: Run, tmp_path: Path) -> None:
    done = run(methods=["k-same-pixel", "k-same-furthest", "black-box"])
    rows = _rows(done.path)
    assert [(r["method"], r["k"], r["seed"]) for r in rows] == [
        ("k-same-pixel", "3", "0"),
        ("k-same-pixel", "3", "1"),
        ("k-same-furthest", "3", "0"),
        ("k-same-furthest", "3", "1"),
        ("black-box", "1", "0"),
    ]
    assert tuple(rows[0]) == COLUMNS
    names = {p.relative_to(done.path).as_posix() for p in done.path.rglob("*") if p.is_file()}
    assert {"results.csv", "index.html", "results.md", "evaluation.json"} <= names
    assert {f"figures/figure7{q}.svg" for q in ("", "_q95", "_q75", "_q50", "_q25")} <= names
    assert {f"figures/rank1.{kind}" for kind in ("svg", "png")} <= names
    for path in done.path.rglob("*"):
        if path.is_file() and path.suffix != ".png":
            text = path.read_text("utf-8")
            assert "zoe" not in text
            assert "visit" not in text
            assert str(tmp_path) not in text
    assert done.private == ()
    assert not list((tmp_path / "cache").rglob("evaluate-*"))


def test_results_never_lie_among_the_photos(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photos)
    for out in (
        photos,
        photos / "results",
        photos / "new" / "results",
        tmp_path / "link" / "x",
    ):
        with pytest.raises(BadOutput, match="inside DATA"):
            run(out=out)
    assert {p.suffix for p in photos.rglob("*") if p.is_file()} == {".png"}
    assert not (photos / "new").exists()


def test_figures_say_what_is_known_of_each_method(run: Run) -> None:
    done = run(methods=["k-same-pixel", "blur"], seeds=1)
    pixel, blur = done.rows
    assert pixel["least_people"] == 3
    assert pixel["rank1"] <= 1 / 3 + 1e-9
    assert pixel["parrot_rank1"] <= 1 / 3 + 1e-9
    # A mean of painted people lies nearest to them, with and without hair: the group is found, nobody in it.
    assert pixel["group1"] == pixel["face_group1"] == pixel["reverse_group1"] == 1.0
    assert pixel["group1_chance"] == pytest.approx(12 / pixel["pictures"] / 12)
    assert pixel["reverse_group1_chance"] == pytest.approx(1 / pixel["pictures"])
    assert pixel["face_rank1"] <= 1 / 3 + 1e-9
    assert pixel["reverse_rank1"] <= 1 / 3 + 1e-9
    assert pixel["within_line"] == "yes"
    assert not pixel["violations"]
    assert (blur["within_line"], blur["reverse_rank1"]) == (None, 1.0)
    assert pixel["recompute_rank1"] == pytest.approx(
        pixel["pictures"] / 12
    )  # each one of its k
    # A painted person is large blocks, which a blur of the face leaves; the parrot reads them at once.
    assert blur["recompute_rank1"] == 1.0
    assert blur["parrot_rank1"] == 1.0
    assert (blur["k"], blur["pictures"], blur["least_people"]) == (1, 24, 1)
    assert 0 < pixel["sharpness_ratio"] < 1
    assert pixel["detected"] == 1.0
    assert all(control["passed"] for control in done.about["controls"])


class _Stop(Exception):
    pass


def test_a_stopped_run_goes_on_where_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    real = workers_module.measure

    def counted(method, *args, **kwargs):
        measured.append(method.name)
        return real(method, *args, **kwargs)

    monkeypatch.setattr(workers_module, "measure", counted)

    @contextmanager
    def stopping(stage: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            if stage == "cells" and done == 2:
                raise _Stop

        yield step

    with pytest.raises(_Stop):
        run(progress=stopping)
    assert len(measured) == 2
    out = tmp_path / "results"
    assert not (out / "results.csv").exists()
    assert len(list((out / "cells").iterdir())) == 2
    done = run()
    assert done.resumed == 2
    assert len(measured) == 3
    assert len(done.rows) == 3
    assert run().resumed == 3


def test_cells_of_other_photos_or_damaged_ones_are_measured_again(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    run(methods=["k-same-pixel"])
    cell = tmp_path / "results" / "cells" / "k-same-pixel-k3-seed0.json"
    cell.write_text(cell.read_text()[:40])
    assert run(methods=["k-same-pixel"]).resumed == 1
    paint_photo(photos / "zoe-99" / "visit0.png", 99)
    done = run(methods=["k-same-pixel"])
    assert done.resumed == 0
    assert done.about["people"] == 13


@pytest.mark.slow
def test_several_processes_measure_the_same(run: Run, tmp_path: Path) -> None:
    one = run(seeds=1)
    two = run(seeds=1, jobs=2, out=tmp_path / "other")
    for a, b in zip(one.rows, two.rows, strict=True):
        assert {n: v for n, v in a.items() if n not in TIMES} == {
            n: v for n, v in b.items() if n not in TIMES
        }


def test_more_people_than_there_are_is_left_out_and_said(run: Run) -> None:
    done = run(methods=["k-same-pixel"], k=(3, 30), seeds=1)
    assert len(done.rows) == 1
    assert done.left_out == {"k-same-pixel-k30-seed0": "12 people are fewer than k"}


class _Blind(PaintedAnalyser):
    """A recogniser that sees nearly one face in everything."""

    def analyse(self, photos: Iterable[Path]) -> Iterator[PhotoFace | Refused]:
        for found in super().analyse(photos):
            if isinstance(found, PhotoFace):
                found.embedding[:] = np.eye(1, found.embedding.size, dtype=np.float32)[0]
            yield found


def test_blind_attacks_show_no_figures(run: Run, tmp_path: Path) -> None:
    with pytest.raises(KssganError, match="known answers wrong"):
        run(analyser=_Blind("blind-1"))
    assert not (tmp_path / "results" / "results.csv").exists()
    told = json.loads((tmp_path / "results" / "evaluation.json").read_text())
    assert told == {"finished": False}


def test_exceptions(run: Run, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="k-same-nett"):
        run(methods=["k-same-nett"])
    with pytest.raises(UsageError, match="no method"):
        run(methods=[])
    with pytest.raises(UsageError, match="at least 2"):
        run(k=(1,))
    with pytest.raises(UsageError, match="seeds"):
        run(seeds=0)
    with pytest.raises(UsageError, match="jobs"):
        run(jobs=0)
    with pytest.raises(UsageError, match="inside DATA"):
        run(out=photos / "results")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(OutputExists):
        run(out=tmp_path / "mine")
    for folder in sorted(photos.iterdir())[3:]:
        for file in folder.iterdir():
            file.unlink()
    with pytest.raises(TooFewPeople):
        run()


def test_methods_are_an_inventory() -> None:
    assert METHODS == (
        "k-same-pixel",
        "k-same-eigen",
        "k-same-select",
        "k-same-m",
        "k-same-furthest",
        "k-same-net",
        "blur",
        "pixelation",
        "black-box",
        "kss-gan",
    )


def _recogniser(path: Path, *, blind: bool = False) -> OnnxSettings:
    values = 16 * 16 * 3
    sees = np.eye(values) - np.full((values, values), 1 / values)
    write_linear(path, (sees * (not blind)).astype(np.float32), [None, 16, 16, 3])
    return OnnxSettings(path, size=16, template="head")


@pytest.mark.skipif(
    find_spec("onnxruntime") is None, reason="onnxruntime is not installed (extra onnx)"
)
def test_a_recogniser_of_the_users_own_is_measured_beside(run: Run, tmp_path: Path) -> None:
    without = run(methods=["k-same-pixel"], seeds=1)
    done = run(methods=["k-same-pixel"], seeds=1, recognizer=_recogniser(tmp_path / "m.onnx"))
    assert done.resumed == 0  # its figures were missing
    row, before = done.rows[0], without.rows[0]
    same = {n for n in COLUMNS if not n.startswith("recognizer_")} - set(TIMES)
    assert {n: row[n] for n in same} == {n: before[n] for n in same}
    assert before["recognizer_rank1"] is None
    assert row["recognizer_group1"] == 1.0
    assert row["recognizer_rank1"] == pytest.approx(1 / 3)
    assert row["recognizer_reverse_group1"] == 1.0
    assert row["recognizer_parrot_rank1"] <= 1 / 3 + 1e-9
    names = [c["name"] for c in done.about["controls"]]
    assert "identity, your recogniser" in names
    assert "black picture, your recogniser" in names
    assert "your recogniser, reverse" in (done.path / "index.html").read_text()
    assert "m.onnx" not in (done.path / "results.md").read_text()
    with pytest.raises(KssganError, match="identity, your recogniser"):
        run(recognizer=_recogniser(tmp_path / "blind.onnx", blind=True))


class _OnlyWhole(PaintedAnalyser):
    """Sees whole heads; of a face alone it sees nothing."""

    def embed_crops(self, crops_u8: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(1, 192, dtype=np.float32), (len(crops_u8), 1))


def test_a_view_that_fails_its_controls_is_withheld_and_said(run: Run) -> None:
    done = run(methods=["k-same-pixel"], seeds=1, analyser=_OnlyWhole("whole-1"))
    assert done.rows[0]["face_rank1"] is None
    assert done.rows[0]["rank1"] is not None
    failed = [c["name"] for c in done.about["controls"] if not c["passed"]]
    assert "identity, face only" in failed
    assert "wrong, figures withheld" in (done.path / "results.md").read_text()


def test_a_violation_is_said_on_every_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups whose people each get a picture of their own keep no k, whatever they are called."""
    real = measuring.draw_groups

    def torn(method, photos, groups, seed, **how):
        drawn = real(method, photos, groups, seed, **how)
        if how.get("only") is not None:
            return drawn
        leads = range(photos.persons)
        pictures = np.stack([photos.crops[photos.rows(p)[0]] for p in leads])
        shapes = np.full((len(pictures), 468, 2), np.nan, np.float32)
        alone = [np.array([p]) for p in leads]
        return measuring.Drawn(pictures, alone, 1, [{}] * len(pictures), shapes)

    monkeypatch.setattr(measuring, "draw_groups", torn)
    monkeypatch.setattr(measuring, "_check_again", lambda *_: None)
    done = run(methods=["k-same-pixel"], seeds=1)
    assert done.rows[0]["within_line"] == "no"
    assert done.rows[0]["violations"] == "naive, face only, reverse, parrot, recompute"
    for name in ("results.csv", "index.html", "results.md"):
        text = (done.path / name).read_text()
        assert "naive, face only, reverse, parrot, recompute" in text
    assert "VIOLATION of 1/k" in (done.path / "index.html").read_text()
