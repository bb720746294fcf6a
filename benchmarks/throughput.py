"""The whole job against deface: photos a second, on the same files, in the same minutes.

    python -m venv /tmp/deface && /tmp/deface/bin/pip install deface==1.5.0
    python benchmarks/throughput.py ../shared/faces/london --deface /tmp/deface/bin/deface --json t.json

Runs ``kssgan deidentify`` (with a map) and deface, as it comes and with ``--scale 480x480``, each as a
process of its own, in turns, so that a busy machine is busy for all. deface blurs every face of every photo
and writes photos; kssgan writes head crops: they are compared because whoever needs one may be offered the
other.

Start-up is the same command on as few photos as it accepts. Wall time is what a user waits for; CPU time (of
the process and its children, user and system) is shown beside it because it hardly depends on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import kssgan

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_ENTRY = "import sys; from kssgan.cli import main; sys.exit(main())"
_FEWEST = 8  # photos, of at least five people


@dataclass
class Job:
    """One command and what its runs took.

    Attributes:
        name: as shown.
        prepare: makes the command for a folder of photos and a fresh folder to write to.
        wall: seconds of each run over all photos.
        cpu: CPU seconds of each run over all photos.
        start_wall: seconds of each run over ``start_photos`` photos.
        start_cpu: CPU seconds of the same.
        start_photos: how many those are.
    """

    name: str
    prepare: Callable[[Path, Path], list[str]]
    start_photos: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    start_wall: list[float] = field(default_factory=list)
    start_cpu: list[float] = field(default_factory=list)


def kssgan_command(photos: Path, work: Path) -> list[str]:
    out = work / "release"
    command = [sys.executable, "-c", _ENTRY, "deidentify", str(photos), "--out", str(out)]
    return [*command, "--map", str(work / "map.csv"), "--cache", str(work / "cache")]


def deface_command(
    executable: Path, options: Sequence[str]
) -> Callable[[Path, Path], list[str]]:
    def command(photos: Path, work: Path) -> list[str]:
        # It writes beside its input, so it is given links in a folder of its own.
        links = work / "links"
        links.mkdir()
        for number, photo in enumerate(_photos(photos)):
            (links / f"{number:05d}{photo.suffix}").symlink_to(photo.resolve())
        return [str(executable), *options, *map(str, sorted(links.iterdir()))]

    return command


def run(job: Job, photos: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    with tempfile.TemporaryDirectory(prefix="kssgan-bench-") as folder:
        command = job.prepare(photos, Path(folder))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # 3: some photos were refused, the rest is released.
        if done.returncode not in (0, 3):
            raise SystemExit(f"{job.name} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, cpu


def measure(jobs: Sequence[Job], photos: Path, few: Path, repeats: int) -> None:
    """All jobs in turns, ``repeats`` times."""
    for number in range(repeats):
        for job in jobs:
            wall, cpu = run(job, few / job.name.replace(" ", "_"))
            job.start_wall.append(wall)
            job.start_cpu.append(cpu)
            wall, cpu = run(job, photos)
            job.wall.append(wall)
            job.cpu.append(cpu)
            print(
                f"run {number + 1}: {job.name:<30} {wall:7.2f} s, CPU {cpu:7.2f} s", flush=True
            )


def table(jobs: Sequence[Job], count: int) -> list[dict[str, Any]]:
    """Print medians and how many times as fast the first job is as each."""
    print(
        f"{'':<30} {'wall s':>8} {'photos/s':>9} {'CPU s':>8} {'start s':>8} {'CPU s':>8} "
        f"{'kssgan is':>10} {'by CPU':>8}"
    )
    rows = []
    for job in jobs:
        wall, cpu = statistics.median(job.wall), statistics.median(job.cpu)
        # Runs of one round are compared with each other: they met the same other load.
        times = statistics.median(b / a for a, b in zip(jobs[0].wall, job.wall, strict=True))
        by_cpu = statistics.median(b / a for a, b in zip(jobs[0].cpu, job.cpu, strict=True))
        start = statistics.median(job.start_wall)
        start_cpu = statistics.median(job.start_cpu)
        print(
            f"{job.name:<30} {wall:>8.2f} {count / wall:>9.1f} {cpu:>8.2f} {start:>8.2f} {start_cpu:>8.2f} "
            f"{times:>9.2f}x {by_cpu:>7.2f}x"
        )
        rows.append(
            {
                "name": job.name,
                "wall_s": job.wall,
                "cpu_s": job.cpu,
                "start_photos": job.start_photos,
                "start_wall_s": job.start_wall,
                "start_cpu_s": job.start_cpu,
                "photos_per_s": count / wall,
                "kssgan_times_as_fast": times,
                "kssgan_times_as_fast_by_cpu": by_cpu,
            }
        )
    return rows


def _photos(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES)


def _link(photos: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, photo in enumerate(photos):
        (folder / f"{number:05d}{photo.suffix}").symlink_to(photo.resolve())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="folder of photos, searched with its folders")
    parser.add_argument(
        "--deface", type=Path, help="its executable; left out, kssgan alone runs"
    )
    parser.add_argument(
        "--only-480", action="store_true", help="leave out deface as it comes, which is slow"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    every = _photos(args.photos)
    jobs = [Job("kssgan", kssgan_command, _FEWEST)]
    if args.deface:
        for options in ([], ["--scale", "480x480"])[args.only_480 :]:
            name = " ".join(["deface", *options])
            jobs.append(Job(name, deface_command(args.deface, options), 1))
    with tempfile.TemporaryDirectory(prefix="kssgan-bench-") as folder:
        few = Path(folder) / "few"
        for job in jobs:
            _link(every[: job.start_photos], few / job.name.replace(" ", "_"))
        _link(every, Path(folder) / "all")
        measure(jobs, Path(folder) / "all", few, args.repeats)
    print(f"\n{len(every)} photos, medians of {args.repeats}; {os.cpu_count()} cores")
    rows = table(jobs, len(every))
    if args.json:
        version = None
        if args.deface:
            said = subprocess.run([args.deface, "--version"], capture_output=True, text=True)
            version = (said.stdout + said.stderr).strip()
        result = {
            "photos": len(every),
            "machine": {
                "cores": os.cpu_count(),
                "processor": _processor(),
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
            "kssgan": kssgan.__version__,
            "deface": version,
            "jobs": rows,
        }
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((s.split(":", 1)[1].strip() for s in lines if s.startswith("model name")), "")


if __name__ == "__main__":
    main()
