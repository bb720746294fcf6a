"""SIGKILL at any moment: RELEASE is absent or complete, and the same command then works."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kssgan.deidentification import Release

CHILD = """
import sys, time
from pathlib import Path
from kssgan.deidentification import deidentify, release
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
print("ready", flush=True)
if sys.stdin.readline():
    deidentify(photos, out=out, k=3, subjects="folder", map_path=table, analyser=PaintedAnalyser())
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

    def child() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(photos), str(out), str(table)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def clear() -> None:
        for path in tmp_path.glob("*"):
            if path.name in {"release", "map.csv"}:
                subprocess.run(["rm", "-r", str(path)], check=True)

    def start(process: subprocess.Popen[str]) -> float:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        return time.perf_counter()

    # Starting Python takes longest, so the next child warms up while this one runs.
    with child() as first:
        began = start(first)
        assert first.wait() == 0
        usual = time.perf_counter() - began
    _complete(out, table)
    clear()
    for _ in range(8):
        with child() as process:
            start(process)
            time.sleep(float(rng.uniform(0, 1.1 * usual)))
            process.send_signal(signal.SIGKILL)
            process.wait()
        if out.exists():
            _complete(out, table)
            outcomes["complete"] += 1
            clear()
        else:
            outcomes["absent"] += 1
        # Whatever is left is hidden, ours, or a map that the next run tells for an orphan.
        assert {n for n in left() if not n.startswith(".")} <= {"map.csv"}
        assert not list(tmp_path.glob(".*/**/*.csv.*"))
    assert run().path == out
    _complete(out, table)
    assert left() == {"release", "map.csv"}, outcomes
