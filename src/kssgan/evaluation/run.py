"""The comparison, readable as a recipe: look once, check the attacks, measure cell by cell, tell."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kssgan._version import __version__
from kssgan.auditing._compare import impostor_threshold
from kssgan.auditing.attacks import FAR
from kssgan.auditing.quality import FEATURES
from kssgan.auditing.report import Control
from kssgan.deidentification.cache import Cache, default_cache
from kssgan.deidentification.gather import look
from kssgan.deidentification.look import PhotoReader
from kssgan.deidentification.places import inside
from kssgan.deidentification.plan import resolve
from kssgan.deidentification.scan import scan
from kssgan.errors import BadOutput, KssganError, OutputExists, TooFewPeople, UsageError
from kssgan.evaluation.cells import Cell, read_cell, write_cell, write_shown
from kssgan.evaluation.known import FACE_ONLY_WORDS, known_answers
from kssgan.evaluation.measuring import REVISION
from kssgan.evaluation.methods import OURS, check_methods, forms_groups, version_of
from kssgan.evaluation.photos import Photos, store_photos
from kssgan.evaluation.private import private_folder
from kssgan.evaluation.sheet import figure_6, figure_8, write_sheet
from kssgan.evaluation.table import csv_text, table_rows
from kssgan.evaluation.utility import UTILITY_REVISION, ceiling_figures
from kssgan.evaluation.views import FACE_ONLY, drop_view, store_views
from kssgan.evaluation.workers import Worker, measure_all
from kssgan.faces import thresholds
from kssgan.faces.onnx_recogniser import OnnxSettings, plug
from kssgan.files import storage
from kssgan.grouping.subjects import declared_subjects
from kssgan.reporting.results import Results, results_files
from kssgan.types import FaceAnalyser, PathLike, Progress, U8Array, quiet

__all__ = ["Evaluation", "evaluate"]

_MARK = "evaluation.json"
_SHEET = ("k-same-m", "k-same-net", OURS)
_SHEET_K = (3, 30)  # as in the paper's Figures 6 and 8
_GATE_K = 5
_SUBJECTS = ("auto", "folder", "file")


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        path: RESULTS.
        rows: one mapping for each finished cell, as in ``results.csv``.
        about: photos, people, seeds, versions, controls; no names.
        private: files that show originals or all surrogates at once: never hand them on.
        resumed: cells that an earlier run had finished.
        left_out: by cell, why it could not be drawn.
    """

    path: Path
    rows: Sequence[Mapping[str, Any]]
    about: Mapping[str, Any]
    private: tuple[Path, ...] = ()
    resumed: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    data: PathLike,
    *,
    out: PathLike,
    methods: Sequence[str],
    k: Sequence[int] = (2, 3, 5, 10, 20, 30),
    seeds: int = 3,
    subjects: PathLike = "auto",
    weights: PathLike | None = None,
    jobs: int | None = None,
    cache: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    recognizer: PathLike | OnnxSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare methods on a folder of photos.

    Args:
        data: folder of photos; read, never changed.
        out: RESULTS. May hold an evaluation already: cells that it has finished are not measured again.
        methods: names of :data:`kssgan.evaluation.METHODS`.
        k: people of a group, each 2 or more; methods that redraw each photo are measured once.
        seeds: how many, from 0 up.
        subjects: "auto", "folder", "file" or the path of a CSV ``file,subject``.
        weights: of ``kssgan train``, for ours; the shipped ones otherwise.
        jobs: processes; as many as there are cores otherwise.
        cache: private folder that keeps faces for the next run; by default they are kept until the run
            succeeds.
        analyser: finds and compares faces; the shipped networks by default. Must be picklable for more than
            one process.
        recognizer: an ONNX file of your own, a second attacker whose figures stand beside the others.
        progress: shows progress.

    Returns:
        The table and where it lies.

    Raises:
        UsageError: an argument is wrong, or RESULTS is there and no evaluation.
        TooFewPeople: fewer than four people.
        KssganError: the attacks got a known answer wrong; nothing is shown.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses.
    """
    names = check_methods(methods)
    ks = _checked(k, seeds, jobs)
    folder, out_path = _folder(data), Path(out)
    trained = None if weights is None else Path(weights)
    versions = {name: version_of(name, weights=trained) for name in names}
    tried = plug(recognizer)  # once, before the long part
    plugged = None if tried is None else tried.settings
    cells_folder = _opened(out_path, folder)
    show = quiet if progress is None else progress
    own = analyser
    if own is None:
        from kssgan.faces.analyse import StandardAnalyser

        own = StandardAnalyser()
    home = default_cache() if cache is None else Path(cache)
    with storage("the private cache could not be made"):
        store = Cache(home, folder, own.version)
    with closing(store):
        with private_folder(store.folder) as work:
            photos, about = _look(folder, subjects, own, store, work, show)
            limit = impostor_threshold(photos.embeddings, photos.subject, far=FAR, seed=0)
            limit = thresholds.FAR_1E3 if limit is None else limit
            worker = Worker(work, analyser, trained, limit, plugged)
            worker.photos = store_views(work, worker.photos, worker.views, show)
            controls = _gate(worker, ks, limit)
            if not all(control.passed for control in controls):
                worker.photos = drop_view(work, FACE_ONLY)
            cells = _cells(versions, ks, seeds, _basis(photos, own, worker, plugged))
            found = {c: f for c in cells if (f := read_cell(cells_folder, c)) is not None}
            resumed = len(found)
            # Seeds last: what cells of one method and k share is there when the next seed comes.
            waiting = sorted(
                (cell for cell in cells if cell not in found),
                key=lambda cell: (names.index(cell.method), cell.seed, cell.k),
            )
            running = min(jobs or os.cpu_count() or 1, max(1, len(waiting)))
            with show("cells", total=len(cells)) as step:
                step(resumed)
                for cell, figures in measure_all(
                    waiting, running, work, analyser, trained, limit, plugged
                ):
                    with storage("RESULTS could not be written"):
                        write_cell(cells_folder, cell, figures)
                    found[cell] = figures
                    step(1)
            rows = table_rows(cells, found)
            about |= _about(names, ks, seeds, subjects, own, photos, limit, controls, plugged)
            about["photos_themselves"] = ceiling_figures(photos, worker.judge)
            private = _sheets(worker, names, ks, out_path)
            _write(out_path, rows, about)
        if cache is None:
            with suppress(OSError):  # the results are there by now
                store.remove()
    left_out = {
        c.file.removesuffix(".json"): str(f["left_out"])
        for c, f in found.items()
        if "left_out" in f
    }
    return Evaluation(out_path, rows, about, private, resumed, left_out)


def _checked(k: Sequence[int], seeds: int, jobs: int | None) -> tuple[int, ...]:
    if not k or any(type(size) is not int or size < 2 for size in k):
        raise UsageError(f"k={list(k)} came; whole numbers of at least 2 were wanted")
    if type(seeds) is not int or seeds < 1:
        raise UsageError(f"seeds={seeds!r} came; at least 1 was wanted")
    if jobs is not None and (type(jobs) is not int or jobs < 1):
        raise UsageError(f"jobs={jobs!r} came; at least 1 was wanted")
    return tuple(dict.fromkeys(sorted(k)))


def _folder(data: PathLike) -> Path:
    folder = Path(data)
    if not folder.is_dir():
        raise UsageError("DATA is no folder; give the folder of photos")
    return folder.resolve()


def _opened(out: Path, photos: Path) -> Path:
    """RESULTS with its folder of cells, made if absent."""
    if inside(out.resolve(), photos):
        raise BadOutput("RESULTS lies inside DATA; choose a folder outside")
    if (
        out.exists()
        and not (out / _MARK).is_file()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        raise OutputExists("RESULTS is already there and is no evaluation; choose another name")
    cells = out / "cells"
    with storage("RESULTS could not be made"):
        cells.mkdir(parents=True, exist_ok=True)
        if not (out / _MARK).is_file():
            write_shown(out / _MARK, json.dumps({"finished": False}) + "\n")
    return cells


def _look(
    folder: Path,
    subjects: PathLike,
    analyser: FaceAnalyser,
    store: Cache,
    work: Path,
    show: Progress,
) -> tuple[Photos, dict[str, Any]]:
    from kssgan.faces.decode import IMAGE_SUFFIXES

    found = scan(folder, IMAGE_SUFFIXES)
    how: str | Path = str(subjects) if subjects in _SUBJECTS else Path(subjects)
    declared = declared_subjects(found.photos, how, root=folder)
    reader = PhotoReader(folder, analyser, store)
    collection = look(found, declared, reader, show)
    seen = collection.photos
    names = [str(collection.declared[photo.name]) for photo in seen]
    people = resolve(seen, names if declared is not None else None, reader)
    if len(people.names) < 4:
        raise TooFewPeople(len(people.names), 4, what="people in usable photos")
    with storage("the private cache could not be written"):
        photos = store_photos(work, seen, people, reader, show)
    return photos, {
        "photos": {
            "found": found.found,
            "ignored": found.ignored,
            "refused": len(collection.refused),
            "used": len(seen),
        },
        "people": len(people.names),
        "subjects": people.how,
    }


def _basis(
    photos: Photos, analyser: FaceAnalyser, worker: Worker, plugged: OnnxSettings | None
) -> str:
    """Everything but the method that figures rest on."""
    return json.dumps(
        [photos.digest(), analyser.version, FEATURES, REVISION, UTILITY_REVISION]
        + sorted(worker.photos.views)
        + ([plugged.digest()] if plugged else [])
    )


def _cells(
    versions: Mapping[str, str], ks: Sequence[int], seeds: int, basis: str
) -> list[Cell]:
    """Every method at every k and seed; those that redraw each photo once."""
    return [
        Cell(name, size, seed, f"{version} {basis}")
        for name, version in versions.items()
        for size in (ks if forms_groups(name) else (1,))
        for seed in range(seeds if forms_groups(name) else 1)
    ]


def _gate(worker: Worker, ks: Sequence[int], limit: float) -> tuple[Control, ...]:
    size = min(max(3, min(ks)), _GATE_K, worker.photos.persons)
    controls = known_answers(worker.photos, worker.judge, k=size, threshold=limit)
    # The face alone is a view beside the others: where it fails, its figures are withheld, and that is told.
    if wrong := [c for c in controls if not c.passed and FACE_ONLY_WORDS not in c.name]:
        told = "; ".join(f"{c.name}: {c.got:.3f}, {c.wanted} was wanted" for c in wrong)
        raise KssganError(
            f"the attacks got known answers wrong ({told}), so they would measure nothing and no figures are "
            f"shown; give photos of more people, or several photos of each"
        )
    return controls


def _about(
    names: Sequence[str],
    ks: Sequence[int],
    seeds: int,
    subjects: PathLike,
    analyser: FaceAnalyser,
    photos: Photos,
    limit: float,
    controls: Sequence[Control],
    plugged: OnnxSettings | None,
) -> dict[str, Any]:
    usual = np.median(photos.sharp, axis=0)
    asked = subjects if subjects in _SUBJECTS else "CSV"  # never the name of a file
    return {
        "finished": True,
        "command": f"kssgan evaluate DATA --out RESULTS --methods {','.join(names)} "
        f"--k {','.join(map(str, ks))} --seeds {seeds} --subjects {asked}"
        + (" --recognizer MODEL" if plugged else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "kssgan": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "data": photos.digest()[:16],
        "analyser": analyser.version,
        "features": FEATURES,
        "recognizer": None
        if plugged is None
        else {"digest": plugged.digest(), "alignment": plugged.said},
        "threshold": limit,
        "seeds": seeds,
        "k": list(ks),
        "methods": list(names),
        "originals_sharpness": [float(value) for value in usual],
        "controls": [asdict(control) for control in controls],
    }


def _sheets(
    worker: Worker, names: Sequence[str], ks: Sequence[int], out: Path
) -> tuple[Path, ...]:
    shown = {name: worker.method(name) for name in _SHEET if name in names}
    small, large = (min(ks, key=lambda k: (abs(k - wanted), k)) for wanted in _SHEET_K)
    folder, photos = out / "private", worker.photos
    sheets: dict[str, Callable[[], U8Array]] = {}
    if shown:
        sheets["figure6.png"] = lambda: figure_6(shown, photos, k=small, seed=0)
    for k in sorted({small, large} if OURS in shown else ()):
        sheets[f"figure8-k{k}.png"] = partial(figure_8, shown[OURS], photos, k=k, seed=0)
    written = []
    for name, draw in sheets.items():
        with storage("RESULTS could not be written"), suppress(TooFewPeople):
            write_sheet(folder / name, draw())
            written.append(folder / name)
    return tuple(written)


def _write(out: Path, rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    with storage("RESULTS could not be written"):
        write_shown(out / "results.csv", csv_text(rows))
        (out / "figures").mkdir(exist_ok=True)
        for name, content in results_files(Results(rows, about)):
            write_shown(out / name, content)
        write_shown(out / _MARK, json.dumps(about, indent=1) + "\n")
