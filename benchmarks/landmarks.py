"""Normalised mean error of the dense landmarks on people that they were not trained on.

    python benchmarks/landmarks.py ../shared/faces [--json FILE]

Errors are mean distances of the 468 points over the distance of the outer eye corners, per cent; one column
divides by the distance of the eye centres instead. "Five points" is what a caller falls back to: the mean
shape where the five points put it. The split is the training tool's (a hash of the subject).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from kssgan import weights
from kssgan.errors import KssganError
from kssgan.faces.align import HEAD_TEMPLATE, head_crop, similarity
from kssgan.faces.detect import Detector
from kssgan.faces.landmarks import Landmarker, LandmarkFit
from kssgan.types import BoolArray, FloatArray, IntArray, U8Array
from landmark_calibrate import BAD
from landmark_conditions import CONDITIONS, crops_under, nme, no_faces
from landmark_data import cut_canvases, held_out


def from_photos(
    folder: Path, rows: IntArray
) -> tuple[U8Array, FloatArray, U8Array, FloatArray]:
    """Head crops and truth by the given five points, and by those that our detector finds."""
    truth = np.load(folder / "landmarks.npz")
    crops: list[U8Array] = []
    own_crops: list[U8Array] = []
    meshes: list[FloatArray] = []
    own_meshes: list[FloatArray] = []
    detector = Detector()
    for row in rows:
        with Image.open(folder / str(truth["files"][row])) as opened:
            photo = np.asarray(opened.convert("RGB"))
        found = detector.detect(photo)
        if not found:
            raise KssganError("no face found in a held-out photo")
        for five, pictures, points in (
            (truth["five"][row], crops, meshes),
            (found[0].points, own_crops, own_meshes),
        ):
            matrix, shift = similarity(five, HEAD_TEMPLATE)
            pictures.append(head_crop(photo, five))
            points.append((truth["mesh468"][row] @ matrix.T + shift).astype(np.float32))
    return np.stack(crops), np.stack(meshes), np.stack(own_crops), np.stack(own_meshes)


def row_of(
    fit: LandmarkFit, truth: FloatArray, mean: FloatArray, london: BoolArray
) -> dict[str, float]:
    """The figures of one condition, in per cent."""
    error, centres = nme(fit.points, truth), nme(fit.points, truth, by="centres")
    five = nme(np.broadcast_to(mean, truth.shape), truth)
    kept = fit.reliable
    return {
        "london": 100 * float(error[london].mean()),
        "congress": 100 * float(error[~london].mean()),
        "all": 100 * float(error.mean()),
        "by_eye_centres": 100 * float(centres.mean()),
        "p95": 100 * float(np.percentile(error, 95)),
        "five_points": 100 * float(five.mean()),
        "reliable": 100 * float(kept.mean()),
        "reliable_error": 100 * float(error[kept].mean()) if kept.any() else float("nan"),
        "bad": int((error > BAD).sum()),
        "bad_missed": int((kept & (error > BAD)).sum()),
        "good_refused": int((~kept & (error <= BAD)).sum()),
        "photos": len(error),
    }


def main() -> None:
    """Measure, print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with (args.faces / "labels.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle))
    test = held_out([row["subject"] for row in table])
    rows = np.flatnonzero(test).astype(np.int64)
    london = np.array([table[row]["file"].startswith("london/") for row in rows])
    landmarker = Landmarker()
    mean: FloatArray = (256 * landmarker.nets.coarse.mean.numpy() - 0.5).astype(np.float32)
    crops, truth, own_crops, own_truth = from_photos(args.faces, rows)
    begun = time.perf_counter()
    clean = landmarker.locate(crops)
    seconds = time.perf_counter() - begun
    results = {
        "head crops": row_of(clean, truth, mean, london),
        "head crops, own detector": row_of(
            landmarker.locate(own_crops), own_truth, mean, london
        ),
    }
    canvases = cut_canvases(args.faces, 1.0, rows)
    every = np.arange(len(rows))
    for n, (name, condition) in enumerate(CONDITIONS.items()):
        if name != "clean":
            spoiled, moved = crops_under(condition, canvases, every, seed=7000 + args.seed + n)
            results[name] = row_of(landmarker.locate(spoiled), moved, mean, london)
    fooled = landmarker.locate(no_faces(crops, seed=args.seed)).reliable
    out: dict[str, Any] = {
        "results": results,
        "no_faces_taken": f"{int(fooled.sum())} of {len(fooled)}",
        "people": len({table[row]["subject"] for row in rows}),
        "milliseconds_per_face": 1000 * seconds / len(crops),
        "weights": weights.digest("landmarks"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    columns = ["london", "congress", "all", "by_eye_centres", "p95", "five_points", "reliable"]
    columns += ["reliable_error", "bad", "bad_missed", "good_refused"]
    print(f"{'condition':<26}" + "".join(f"{name:>15}" for name in columns))
    for name, figures in results.items():
        print(f"{name:<26}" + "".join(f"{figures[column]:>15.4g}" for column in columns))
    print({name: value for name, value in out.items() if name != "results"})
    if args.json:
        args.json.write_text(json.dumps(out, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
