"""Methods against each other on one folder of photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kssgan.auditing import OnnxSettings
    from kssgan.evaluation import Evaluation
    from kssgan.types import FaceAnalyser, PathLike, Progress

__all__ = ["evaluate"]


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
    """Compare methods on one folder of photos, by k and seed: attacks and utility.

    Writes ``results.csv``, ``index.html``, ``results.md`` and ``figures/``, which show nobody, and
    ``private/figure6.png``, which shows originals. A run that was stopped goes on where it was.

    Args:
        data: folder of photos; read, never changed.
        out: RESULTS; new, or of an earlier evaluation.
        methods: of "k-same-pixel", "k-same-eigen", "k-same-select", "k-same-m", "k-same-furthest",
            "k-same-net", "kss-gan", "blur", "pixelation", "black-box".
        k: people who share a picture; the last three methods have no k and are measured once.
        seeds: how many, from 0 up.
        subjects: "auto", "folder", "file", or the path of a CSV with the columns ``file,subject``.
        weights: RUN of :func:`train` for "kss-gan", in place of the shipped weights.
        jobs: processes; as many as there are cores by default. A script of yours that asks for more than one
            needs the usual ``if __name__ == "__main__":``.
        cache: private folder that keeps the analysed faces for the next run.
        analyser: finds and compares faces; by default the shipped networks.
        recognizer: an ONNX file with a recogniser of your own, or
            :class:`kssgan.auditing.OnnxSettings` where it does not want ArcFace's input: a second attacker,
            whose figures stand beside the others. Needs the extra ``onnx``.
        progress: shows progress.

    Returns:
        The table, what was compared, and which files must be kept secret.

    Raises:
        UsageError: an argument is wrong, or RESULTS is there and is no evaluation.
        TooFewPeople: fewer than four people.
        KssganError: the attacks got a known answer wrong; no figures are shown.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.evaluation import evaluate as run

    return run(
        data,
        out=out,
        methods=methods,
        k=k,
        seeds=seeds,
        subjects=subjects,
        weights=weights,
        jobs=jobs,
        cache=cache,
        analyser=analyser,
        recognizer=recognizer,
        progress=progress,
    )
