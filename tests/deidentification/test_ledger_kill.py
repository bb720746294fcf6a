"""SIGKILL at random moments, and two runs at a time: the ledger is as before or as after, never between."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kssgan.deidentification.ledger import Ledger, release_digest
from kssgan.deidentification.ledger_records import Edition
from kssgan.testing.fakes import paint_photo

SERVER = """
import os, signal, sys, time
from pathlib import Path
import pyrage, sqlite3
import kssgan.grouping.labels, kssgan.faces.decode, kssgan.faces.copies, scipy.sparse.csgraph
from kssgan.deidentification import deidentify, ledger, release
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser

def slowly(real):
    # The moments between the steps last long enough to be hit.
    def slow(*args, **kwargs):
        time.sleep(0.01)
        return real(*args, **kwargs)
    return slow

for name in ("_enter", "_confirm", "_settle", "_seal", "_put_meta"):
    setattr(ledger.Ledger, name, slowly(getattr(ledger.Ledger, name)))
Path.rename = slowly(Path.rename)
record = sys.argv[1]
for line in sys.stdin:
    photos, out, table, kill_after = line.split()
    began = time.perf_counter()
    child = os.fork()
    if not child:
        deidentify(
            photos, out=out, k=3, subjects="folder", map_path=table, ledger=record,
            method=MeanSurrogate(), analyser=PaintedAnalyser(),
        )
        os._exit(0)
    if float(kill_after) >= 0:
        time.sleep(float(kill_after))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(time.perf_counter() - began, flush=True)
"""


def _editions(ledger: Path) -> list[Edition]:
    with Ledger(ledger) as opened:
        return opened.editions()


def _pending(ledger: Path) -> int:
    """Releases that were cut off between the two commits."""
    con = sqlite3.connect(ledger)
    ((count,),) = con.execute("SELECT count(*) FROM releases WHERE state = 'pending'")
    con.close()
    return int(count)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Each try goes on from where the last one ended: a first release with three people more than before."""
    ledger = tmp_path / "study.ledger"
    rng = np.random.default_rng(0)
    outcomes: Counter[str] = Counter()
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(ledger)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:

        def go(photos: Path, out: Path, kill_after: float) -> float:
            assert server.stdin is not None
            assert server.stdout is not None
            table = out.with_suffix(".csv")
            server.stdin.write(f"{photos} {out} {table} {kill_after}\n")
            server.stdin.flush()
            return float(server.stdout.readline())

        photos = tmp_path / "photos"
        for person in range(6):
            paint_photo(photos / f"n{person}" / "0.png", person)
        usual = go(photos, tmp_path / "out0", -1)
        before = _editions(ledger)
        assert len(before) == 1
        for number in range(1, 31):
            # Three newcomers more, so that every release would add a group.
            for person in range(3 + 3 * len(before), 6 + 3 * len(before)):
                paint_photo(photos / f"n{person}" / "0.png", person)
            out = tmp_path / f"out{number}"
            if number % 5 == 0:
                usual = go(photos, out, -1)  # it takes longer with every group
            else:
                # Half of the kills near the end, where the ledger is written.
                early = 0.8 if number % 2 else 0.2
                go(photos, out, float(rng.uniform(early, 1.1) * usual))
            outcomes["pending"] += _pending(ledger)
            after = _editions(ledger)
            assert after[: len(before)] == before
            if out.exists():
                # Never a release outside that the ledger does not know.
                assert len(after) == len(before) + 1
                assert after[-1].digest == release_digest(out)
                outcomes["released"] += 1
            else:
                assert after == before
                outcomes["before"] += 1
            before = after
        # All that was killed in between did no harm: the next release works and knows everybody.
        go(photos, tmp_path / "last", -1)
        last = _editions(ledger)[-1]
        assert last.digest == release_digest(tmp_path / "last")
        for edition in before:
            assert set(edition.pictures.items()) <= set(last.pictures.items())
    assert outcomes["released"] >= 6
    assert outcomes["before"], outcomes


RUN = """
import sys
from kssgan.deidentification import deidentify
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser
photos, out, record = sys.argv[1:]
deidentify(
    photos, out=out, k=3, subjects="folder", map_path=out + ".csv", ledger=record,
    method=MeanSurrogate(), analyser=PaintedAnalyser(),
)
"""


def test_two_runs_at_a_time(tmp_path: Path) -> None:
    """Both are first: one makes the ledger, the other waits and finds the groups of the one."""
    photos = tmp_path / "photos"
    for person in range(7):
        paint_photo(photos / f"n{person}" / "0.png", person)
    ledger = tmp_path / "study.ledger"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(photos), str(tmp_path / name), str(ledger)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for run in runs:
        _, said = run.communicate()
        assert run.returncode == 0, said
    first, second = _editions(ledger)
    assert first.pictures == second.pictures
    assert {first.digest, second.digest} == {
        release_digest(tmp_path / name) for name in ("one", "two")
    }
