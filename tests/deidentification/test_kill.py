"""SIGKILL at any moment: RELEASE is absent or complete, and the same command then works."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kssgan.deidentification import Release

SERVER = """
import os, signal, sys, time
from pathlib import Path
import kssgan.grouping.labels, kssgan.faces.decode, kssgan.faces.copies, scipy.sparse.csgraph
from kssgan.deidentification import deidentify, release
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser

def slowly(real):
    # The moments between the steps last long enough to be hit.
    def slow(*args, **kwargs):
        time.sleep(0.004)
        return real(*args, **kwargs)
    return slow

for name in ("_write", "_stamp", "_flush_folder"):
    setattr(release, name, slowly(getattr(release, name)))
release._Private.reveal = slowly(release._Private.reveal)
Path.rename = slowly(Path.rename)
photos, out, table = sys.argv[1:]
for line in sys.stdin:
    began = time.perf_counter()
    child = os.fork()
    if not child:
        deidentify(
            photos, out=out, k=3, subjects="folder", map_path=table, method=MeanSurrogate(),
            analyser=PaintedAnalyser(),
        )
        os._exit(0)
    if float(line) >= 0:
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(time.perf_counter() - began, flush=True)
"""


def _complete(out: Path, table: Path) -> None:
    """The release that is there keeps its promise, and its map is there."""
    certificate = json.loads((out / "certificate.json").read_text())
    assert certificate["holds"]
    names = {f"images/{p.name}" for p in (out / "images").iterdir()}
    with (out / "manifest.csv").open() as file:
        assert {row["file"] for row in csv.DictReader(file)} == names
    with table.open(newline="") as file:
        assert {row["released"] for row in csv.DictReader(file)} == names
    assert min(Counter(p.read_bytes() for p in (out / "images").iterdir()).values()) >= 3
    assert (out / "report.html").exists()


def test_killed_at_random_moments(
    tmp_path: Path, photos: Path, run: Callable[..., Release], left: Callable[[], set[str]]
) -> None:
    out, table = tmp_path / "release", tmp_path / "map.csv"
    outcomes: Counter[str] = Counter()
    rng = np.random.default_rng()

    def clear() -> None:
        shutil.rmtree(out)
        table.unlink()

    # One process that has imported everything forks a run at a time.
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(photos), str(out), str(table)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:

        def go(kill_after: float) -> float:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(f"{kill_after}\n")
            server.stdin.flush()
            return float(server.stdout.readline())

        usual = go(-1)
        _complete(out, table)
        clear()
        for _ in range(12):
            go(float(rng.uniform(0, 1.1 * usual)))
            if out.exists():
                _complete(out, table)
                outcomes["complete"] += 1
                clear()
            else:
                outcomes["absent"] += 1
            # What is left is hidden, or a map that the next run tells for an orphan.
            assert {n for n in left() if not n.startswith(".")} <= {"map.csv"}
    assert run().path == out
    _complete(out, table)
    assert left() == {"release", "map.csv"}, outcomes
