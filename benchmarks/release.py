"""The main job on real photos: does the promise hold, how much memory, how long per photo.

    python benchmarks/release.py ../shared/faces --json release.json

Releases ``PHOTOS/london`` at k = 3, 5 and 10 and audits each; then measures peak memory and seconds per photo
of 60 and of all photos, each in a process of its own. Prints tables, writes everything as JSON. Nothing that
it writes about a photo leaves the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import kssgan

# One process per measurement: the peak of a process never falls.
_CHILD = """
import json, resource, sys
from pathlib import Path
import kssgan
photos, out, cache, k, labels = sys.argv[1:]
release = kssgan.deidentify(photos, out=out, k=int(k), map_path=out + ".map.csv", cache=cache or None,
                            labels=labels or None)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": dict(release.seconds), "peak_mb": peak,
                  "certificate": dict(release.certificate)}))
"""

_STAGES = ("decode", "detect", "embed", "group", "surrogate", "write")


def measure(
    photos: Path, out: Path, *, k: int, cache: Path | None, labels: Path | None
) -> dict[str, Any]:
    """One release in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, photos, out, cache or "", str(k), labels or ""],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def promise(faces: Path, work: Path) -> list[dict[str, Any]]:
    """London at three k, audited."""
    rows = []
    for k in (3, 5, 10):
        out = work / f"k{k}"
        made = measure(
            faces / "london", out, k=k, cache=work / "cache", labels=faces / "labels.csv"
        )
        report = kssgan.audit(
            out,
            originals=faces / "london",
            map_path=f"{out}.map.csv",
            labels=faces / "labels.csv",
        )
        rows.append({"k": k, "certificate": made["certificate"], "audit": report.to_json()})
        figures = rows[-1]["audit"]["figures"]
        print(
            f"k={k:<3} holds {made['certificate']['holds'] and report.holds!s:<5} "
            f"k_measured {report.k_measured:<3} max_share {report.max_share:.3f} "
            f"groups {made['certificate']['groups']['count']:<3} "
            f"verify as a member {figures['likeness']['verifies']:.3f} "
            f"detected {figures['detection']['pictures']:.3f} "
            f"rank-1 {figures['naive_full']['rank1']:.3f} (1/k {1 / k:.3f})",
            flush=True,
        )
    return rows


def cost(faces: Path, work: Path, numbers: list[int]) -> list[dict[str, Any]]:
    """Peak memory and seconds a photo, for different numbers of photos."""
    every = sorted(p for p in faces.rglob("*.jpg"))
    rows = []
    print(
        f"{'photos':>7} {'peak MB':>8} "
        + " ".join(f"{s:>10}" for s in _STAGES)
        + "   ms a photo"
    )
    for number in numbers:
        folder = work / f"photos{number}"
        folder.mkdir()
        for place, photo in enumerate(every[:: max(1, len(every) // number)][:number]):
            (folder / f"{place:05d}.jpg").symlink_to(photo.resolve())
        row = measure(folder, work / f"out{number}", k=5, cache=None, labels=None)
        row["photos"] = number
        rows.append(row)
        each = [1000 * row["seconds"][stage] / number for stage in _STAGES]
        print(
            f"{number:>7} {row['peak_mb']:>8.0f} " + " ".join(f"{ms:>10.1f}" for ms in each),
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "faces", type=Path, help="folder with london/, congress/ and labels.csv"
    )
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument(
        "--photos", type=int, nargs="+", default=[60, 600], help="for the cost table"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kssgan-bench-") as folder:
        work = Path(folder)
        result = {
            "machine": {
                "cores": os.cpu_count(),
                "processor": platform.machine(),
                "torch": torch.__version__,
            },
            "kssgan": kssgan.__version__,
            "cost": cost(args.faces, work, args.photos),
            "promise": promise(args.faces, work),
        }
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
