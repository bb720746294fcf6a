"""Ctrl-C, termination and SIGKILL at random moments: RELEASE is complete or absent, and never private."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ._helpers import assert_private

SERVER = """
import os, signal, sys, time
from pathlib import Path
import kssgan.api, kssgan.reporting, kssgan.deidentification, kssgan.faces.copies, scipy.sparse.csgraph
from kssgan.deidentification import pipeline, release
from kssgan.cli import main
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser

pipeline._standard_analyser = PaintedAnalyser
pipeline._method = lambda *asked: MeanSurrogate()

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
signal.signal(signal.SIGINT, signal.default_int_handler)
# Before the program has begun and after it has ended a signal does not reach its own handler.
signal.signal(signal.SIGTERM, lambda *_: os._exit(130))
SIGNALS = (signal.SIGINT, signal.SIGTERM)
for line in sys.stdin:
    after, number, *args = line.rstrip("\\n").split("\\t")
    began = time.perf_counter()
    # A signal in the midst of the fork would be told on this server's own output.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    else:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        status = 130
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            status = main(["deidentify", *args])
        finally:
            os._exit(status)
    if float(after) >= 0:
        time.sleep(float(after))
        os.kill(child, int(number))
    _, status = os.waitpid(child, 0)
    print(time.perf_counter() - began, os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_ended_at_random_moments(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, name: str
) -> None:
    out, table = tmp_path / "release", tmp_path / "map.csv"
    args = [photos, "--out", out, "--map", table, "-k", 3, "--subjects", "folder"]
    number = getattr(signal, name)
    statuses: Counter[int] = Counter()
    rng = np.random.default_rng()

    def left() -> set[str]:
        return {path.name for path in tmp_path.iterdir()} - {"photos", "home"}

    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:

        def go(after: float) -> tuple[float, int]:
            assert server.stdin is not None
            assert server.stdout is not None
            print(after, int(number), *args, sep="\t", file=server.stdin, flush=True)
            took, status = server.stdout.readline().split()
            return float(took), int(status)

        usual, status = go(-1)
        assert status == 0
        for _ in range(5):
            if out.exists():
                assert json.loads((out / "certificate.json").read_text())["holds"]
                assert {"release", "map.csv", "map.report.html"} <= left()
                shutil.rmtree(out)
                table.unlink()
                (tmp_path / "map.report.html").unlink()
            _, status = go(float(rng.uniform(0, 1.1 * usual)))
            statuses[status] += 1
            assert status in ({0, -signal.SIGKILL} if name == "SIGKILL" else {0, 130})
            assert_private(out, photos)
            if not out.exists():
                # An interrupted run tidies up; what a killed one leaves is hidden or an orphaned map.
                shown = {n for n in left() if not n.startswith(".")}
                assert shown <= ({"map.csv", "map.report.html"} if name == "SIGKILL" else set())
                assert name == "SIGKILL" or not left()
            for hidden in tmp_path.glob(".release.partial-*"):
                # What a killed run leaves holds surrogates and counts, no originals.
                kept = {p.name for p in photos.rglob("*.png")}
                assert not kept & {p.name for p in hidden.rglob("*")}
                originals = {p.read_bytes() for p in photos.rglob("*.png")}
                assert not originals & {
                    p.read_bytes() for p in hidden.rglob("*") if p.is_file()
                }
    if out.exists():
        shutil.rmtree(out)
        table.unlink()
        (tmp_path / "map.report.html").unlink()
    assert kssgan("deidentify", *args).status == 0, statuses
    assert left() == {"release", "map.csv", "map.report.html"}, statuses
    assert_private(out, photos)


@pytest.mark.parametrize("where", ["_put_away", "in_words"])
def test_an_interrupt_after_the_release_says_that_it_is_complete(
    kssgan: Callable[..., Any],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"kssgan.deidentification.pipeline.{where}", interrupt)
    said = kssgan("deidentify", photos, "--out", tmp_path / "release", "-k", 3)
    assert said.status == 130
    assert "RELEASE was already complete" in said.err
    assert "nothing was released" not in said.err
    assert_private(tmp_path / "release", photos)


def test_a_failed_run_does_not_keep_the_faces_of_the_next(photos: Path, tmp_path: Path) -> None:
    """The exception is still at hand when the next run succeeds and removes the private cache."""
    import kssgan
    from kssgan.errors import KssganError
    from kssgan.surrogate import MeanSurrogate
    from kssgan.testing.fakes import PaintedAnalyser

    options: dict[str, Any] = {"out": tmp_path / "release", "analyser": PaintedAnalyser()}
    options["method"] = MeanSurrogate()
    try:
        kssgan.deidentify(photos, k=9, **options)
    except KssganError as error:
        kept = error
    assert list((tmp_path / "home" / "kssgan").iterdir())
    made = kssgan.deidentify(photos, k=3, **options)
    assert kept.__traceback__ is not None
    assert made.private_paths == ()
    assert not list((tmp_path / "home" / "kssgan").iterdir())
