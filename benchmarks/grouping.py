"""Time and information loss of the group builders on synthetic people.

    python benchmarks/grouping.py [--quick] [--k 5] [--json FILE]

The embeddings are seeded clustered unit vectors, 128-D as the recogniser's: every person lies near one of
n/50 centres. ``random`` is the loss of groups of the same sizes drawn by chance, what any method must beat.
"near pairs" rows repeat the run with as many look-alike pairs as subjects, the nearest ones of each cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.grouping.k_same import k_same_groups
from kssgan.grouping.loss import information_loss
from kssgan.grouping.mdav import mdav_groups
from kssgan.types import FloatArray, Groups, IntArray

METHODS: dict[str, Callable[..., Groups]] = {"mdav": mdav_groups, "k-same": k_same_groups}
DIMENSIONS = 128
PER_CLUSTER = 50


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000 people once")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument(
        "--repeat", type=int, default=None, help="runs of each row (3; 1 if quick)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(arguments)
    sizes = (1_000, 10_000) if asked.quick else (1_000, 10_000, 100_000)
    repeat = asked.repeat or (1 if asked.quick else 3)
    rows = []
    print(
        f"{'n':>7}  {'method':<7} {'look-alikes':<11} {'seconds':>8} {'cpu s':>7} {'loss':>6} {'random':>6}"
    )
    for n in sizes:
        embeddings, clusters = people(n)
        near = near_pairs(embeddings, clusters)
        for name in METHODS:
            for pairs in (None, near):
                row = measure(name, embeddings, asked.k, pairs, repeat)
                rows.append(row)
                kind = "none" if pairs is None else "near pairs"
                print(
                    f"{n:>7}  {name:<7} {kind:<11} {row['seconds_median']:8.2f} "
                    f"{row['cpu_seconds_median']:7.2f} {row['loss']:6.1f} {row['loss_random']:6.1f}",
                    flush=True,
                )
    if asked.json:
        record = {"benchmark": "grouping", "machine": machine(), "rows": rows}
        asked.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def people(n: int) -> tuple[FloatArray, IntArray]:
    """(n, 128) unit vectors and the cluster of each, always the same for one n."""
    rng = np.random.default_rng(n)
    centres = rng.standard_normal((max(2, n // PER_CLUSTER), DIMENSIONS))
    clusters = rng.integers(0, len(centres), n)
    embeddings = centres[clusters] + 0.7 * rng.standard_normal((n, DIMENSIONS))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), clusters


def near_pairs(embeddings: FloatArray, clusters: IntArray) -> IntArray:
    """About n look-alike pairs (M, 2): of each cluster as many of its nearest pairs as it has people."""
    order = np.argsort(clusters, kind="stable")
    found = []
    for members in np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1):
        here = embeddings[members]
        likeness = np.tril(here @ here.T, k=-1)
        best = np.argsort(-likeness, axis=None)[: members.size]
        a, b = np.unravel_index(best, likeness.shape)
        found.append(np.stack([members[a[a > b]], members[b[a > b]]], axis=1))
    return np.concatenate(found)


def measure(
    name: str, embeddings: FloatArray, k: int, pairs: IntArray | None, repeat: int
) -> dict[str, Any]:
    seconds, cpu = [], []
    for _ in range(repeat):
        wall, busy = time.perf_counter(), time.process_time()
        groups = METHODS[name](embeddings, k, look_alikes=pairs)
        seconds.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - busy)
    sizes = np.bincount(groups.labels)
    chance = np.random.default_rng(0).permutation(groups.labels)
    return {
        "n": len(embeddings),
        "dimensions": DIMENSIONS,
        "k": k,
        "method": name,
        "look_alike_pairs": 0 if pairs is None else len(pairs),
        "seconds": seconds,
        "seconds_median": statistics.median(seconds),
        "cpu_seconds_median": statistics.median(cpu),
        "groups": int(sizes.size),
        "smallest": int(sizes.min()),
        "largest": int(sizes.max()),
        "merged": int(len(embeddings) - np.unique(groups.people).size),
        "loss": information_loss(embeddings, groups),
        "loss_random": information_loss(embeddings, Groups(chance, groups.people, k)),
    }


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text("utf-8").splitlines() if "model name" in line]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load_average": load,
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "threads": os.environ.get("OPENBLAS_NUM_THREADS"),
        "commit": commit or None,
    }


if __name__ == "__main__":
    main()
