"""Cells in several processes, each with its own networks, all reading the same crops from the disk."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from kssgan.errors import TooFewPeople
from kssgan.evaluation.cells import Cell
from kssgan.evaluation.judging import Judge
from kssgan.evaluation.kept import Kept
from kssgan.evaluation.measuring import measure
from kssgan.evaluation.methods import make
from kssgan.evaluation.photos import Photos
from kssgan.evaluation.views import views_of
from kssgan.faces.onnx_recogniser import OnnxSettings
from kssgan.types import FaceAnalyser, SurrogateMethod

__all__ = ["Worker", "measure_all"]


class Worker:
    """Measures cells; fits each method once.

    Args:
        folder: private, with the photos' arrays.
        analyser: None for the shipped networks.
        weights: for ours.
        threshold: distance at which two faces verify.
        recognizer: the user's own, a second attacker.
    """

    def __init__(
        self,
        folder: Path,
        analyser: FaceAnalyser | None,
        weights: Path | None,
        threshold: float,
        recognizer: OnnxSettings | None = None,
    ) -> None:
        if analyser is None:
            from kssgan.faces.analyse import StandardAnalyser

            # Head crops are upright, and looking at blurs and boxes turned takes most of the time.
            analyser = StandardAnalyser(quarters=False)
        self.photos = Photos.load(folder)
        self.views = views_of(analyser, recognizer)
        self.judge = Judge(analyser, folder, self.photos.embeddings.shape[1], self.views)
        self.kept = Kept(folder)
        self._weights = weights
        self._threshold = threshold
        self._methods: dict[str, Any] = {}

    def method(self, name: str) -> Any:
        """The method of that name, fitted to the gallery."""
        if name not in self._methods:
            method = make(name, weights=self._weights)
            if isinstance(method, SurrogateMethod) and hasattr(method, "fit"):
                everybody = range(self.photos.persons)
                method.fit([self.photos.faces(self.photos.rows(p)) for p in everybody])
            self._methods = {name: method}  # cells come method by method; one model is held
        return self._methods[name]

    def measure(self, cell: Cell) -> dict[str, Any]:
        """Figures of a cell, or why there are none."""
        try:
            return measure(
                self.method(cell.method),
                self.photos,
                self.judge,
                self.kept,
                k=cell.k,
                seed=cell.seed,
                threshold=self._threshold,
            )
        except TooFewPeople as error:
            return {"left_out": f"{error.have} {error.what} are fewer than k"}


_worker: Worker | None = None


def _start(*arguments: Any) -> None:
    global _worker
    import torch

    torch.set_num_threads(1)
    _worker = Worker(*arguments)


def _work(cell: Cell) -> dict[str, Any]:
    assert _worker is not None
    return _worker.measure(cell)


def measure_all(
    cells: Sequence[Cell],
    jobs: int,
    folder: Path,
    analyser: FaceAnalyser | None,
    weights: Path | None,
    threshold: float,
    recognizer: OnnxSettings | None = None,
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Yield cells as they are finished.

    Args:
        cells: to measure, cells of one method one after the other.
        jobs: processes; 1 works in this one.
        folder: see :class:`Worker`.
        analyser: see there; must be picklable where there are several processes.
        weights: see there.
        threshold: see there.
        recognizer: see there.
    """
    if jobs == 1 or len(cells) < 2:
        worker = Worker(folder, analyser, weights, threshold, recognizer)
        yield from ((cell, worker.measure(cell)) for cell in cells)
        return
    # Not forked: torch's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    arguments = (folder, analyser, weights, threshold, recognizer)
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_start, initargs=arguments
    ) as pool:
        try:
            futures = {pool.submit(_work, cell): cell for cell in cells}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
