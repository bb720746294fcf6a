"""The verbs as Python functions with the command line's defaults; here the rooms meet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kssgan.auditing import AuditReport
    from kssgan.deidentification import Release
    from kssgan.types import FaceAnalyser, Progress, SurrogateMethod

__all__ = ["audit", "deidentify"]

PathLike = str | os.PathLike[str]


def deidentify(
    photos: PathLike,
    *,
    out: PathLike,
    k: int = 5,
    subjects: PathLike = "auto",
    labels: PathLike | None = None,
    set_labels: Mapping[str, str] | None = None,
    seed: int = 0,
    map_path: PathLike | None = None,
    cache: PathLike | None = None,
    allow_small_k: bool = False,
    grouping: Literal["mdav", "k-same"] = "mdav",
    within: Sequence[str] = ("gender", "age"),
    method: SurrogateMethod | None = None,
    analyser: FaceAnalyser | None = None,
    progress: Progress | None = None,
) -> Release:
    """Write a release of 256-pixel head crops in which every picture is shared by at least k people.

    The release appears in one step, complete and measured, or not at all.

    Args:
        photos: folder of photos, searched with its folders.
        out: the release folder to write; must not exist.
        k: people who share a picture, at least; 3 or more unless ``allow_small_k``.
        subjects: who is on which photo: "auto" (the recogniser decides), "folder", "file", or the path of a
            CSV with the columns ``file,subject``.
        labels: CSV with a column ``file`` or ``subject``, then attributes. Expression, gender and age are
            used; every other column is ignored.
        set_labels: draw and label every picture so, where the surrogate can (``{"expression": "neutral"}``).
        seed: of grouping and pictures, never of file names; 0 or more.
        map_path: private CSV that says which photo became which file; must not exist. A page with originals
            above surrogates is written beside it. Without it nobody can audit the release or be withdrawn.
        cache: private folder that keeps faces for the next run; by default they are kept in a private
            folder until the run succeeds.
        allow_small_k: permit k = 2.
        grouping: "mdav" or "k-same".
        within: form groups inside equal values of these attributes where each part has k people.
        method: draws the surrogates; by default :class:`kssgan.surrogate.MeanSurrogate`.
        analyser: finds the faces; by default :class:`kssgan.faces.analyse.StandardAnalyser`.
        progress: shows progress; nothing by default.

    Returns:
        The release: its path, the certificate as measured on the written files, what must be kept secret.

    Raises:
        UsageError: an argument is wrong, a CSV is not usable, or an output is already there.
        PromiseError: fewer than k people, or the written files do not keep the promise; nothing is released.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.deidentification import deidentify as run
    from kssgan.reporting import Reports

    return run(
        photos,
        out=out,
        k=k,
        subjects=subjects,
        labels=labels,
        set_labels=set_labels,
        seed=seed,
        map_path=map_path,
        cache=cache,
        allow_small_k=allow_small_k,
        grouping=grouping,
        within=within,
        method=method,
        analyser=analyser,
        progress=progress,
        reports=Reports(),
    )


def audit(
    release: PathLike,
    *,
    originals: PathLike,
    map_path: PathLike,
    labels: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Measure what a release really gives away, from its files and the private map.

    Works on anybody's release, and believes nothing that it says of itself.

    Args:
        release: the folder that was released.
        originals: the private photos; read, never changed.
        map_path: private CSV ``original,subject,released,reason``.
        labels: CSV that was given to :func:`deidentify`, to check what became of the labels.
        analyser: finds and compares faces; by default the shipped networks.
        progress: shows progress; nothing by default.

    Returns:
        The report: whether the promise holds, each problem, every figure.

    Raises:
        UsageError: a folder or the map is not usable.
    """
    from kssgan.auditing import audit as run

    return run(
        release,
        originals=originals,
        map_path=map_path,
        labels=labels,
        analyser=analyser,
        progress=progress,
    )
