"""What lies in a collection: plain folders, and the layouts in which RaFD and CelebA are distributed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from kssgan.errors import BadTable, UsageError
from kssgan.grouping.labels import LabelTable, read_labels
from kssgan.grouping.rafd import rafd_camera, rafd_subject
from kssgan.grouping.subjects import declared_subjects
from kssgan.preparation.celeba import find_tables, read_landmarks, read_partition
from kssgan.types import FloatArray

__all__ = ["FORMATS", "Collection", "Format", "Part", "read_collection"]

Format = Literal["folder", "rafd", "celeba"]
FORMATS: tuple[Format, ...] = ("folder", "rafd", "celeba")

Part = Literal["train", "held out", "left out"]

_FRONTAL = 90


@dataclass(frozen=True)
class Collection:
    """The photos of a collection and what is told about them, before any is opened.

    Attributes:
        root: the folder.
        files: POSIX paths relative to ``root``, in the order of their bytes.
        ignored: files that are hidden or have no image suffix.
        subjects: the declared subject of each photo; None altogether where the recogniser shall decide.
        labels: of each photo.
        parts: the official split of each photo; None where there is none.
        points: where the face lies according to the collection, by file name, (5, 2) in photo pixels.
        passed_over: photos that are not wanted, by reason.
    """

    root: Path
    files: tuple[str, ...]
    ignored: int
    subjects: list[str | None] | None
    labels: LabelTable
    parts: list[Part] | None = None
    points: Mapping[str, FloatArray] = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)


def read_collection(
    root: Path,
    kind: Format,
    *,
    subjects: str | Path,
    labels: str | Path | None,
    suffixes: frozenset[str],
) -> Collection:
    """List a collection.

    "folder" is any folder of photos. "rafd" takes the frontal camera's photos with RaFD's names, which tell
    subject, expression, gender and age. "celeba" wants the official tables beside the photos.

    Args:
        root: the folder.
        kind: its layout.
        subjects: "auto", "folder", "file" or the path of a CSV; for RaFD and CelebA "auto" means what their
            names and tables say.
        labels: CSV, or None; RaFD and CelebA bring their own.
        suffixes: of image files.

    Raises:
        UsageError: no folder, no photos, or photos of another layout.
        BadTable: a table is not usable.
    """
    if kind not in FORMATS:
        raise UsageError(f"format {kind!r} came; choose one of {', '.join(FORMATS)}")
    if not root.is_dir():
        raise UsageError("DATA is not a folder that can be read; give the folder of the photos")
    files, ignored = _listed(root, suffixes)
    if not files:
        raise UsageError(f"no photos in DATA ({ignored} other files); check the folder")
    if kind == "rafd":
        return _rafd(root, files, ignored, subjects, labels)
    if kind == "celeba":
        return _celeba(root, files, ignored, subjects, labels)
    declared = declared_subjects(files, subjects, root=root)
    table = read_labels(labels, files, root=root, subjects=declared)
    return Collection(root, tuple(files), ignored, declared, table)


def _listed(root: Path, suffixes: frozenset[str]) -> tuple[list[str], int]:
    files, ignored = [], 0
    for folder, below, names in os.walk(root, followlinks=False):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or Path(name).suffix.lower() not in suffixes:
                ignored += 1
            else:
                files.append(Path(folder, name).relative_to(root).as_posix())
    return sorted(files, key=os.fsencode), ignored


def _rafd(
    root: Path,
    files: Sequence[str],
    ignored: int,
    subjects: str | Path,
    labels: str | Path | None,
) -> Collection:
    named = [name for name in files if rafd_camera(name) is not None]
    if not named:
        raise UsageError(
            "no photo is named like RaFD's (Rafd090_01_Caucasian_female_angry_frontal.jpg); "
            "use --format folder"
        )
    frontal = [name for name in named if rafd_camera(name) == _FRONTAL]
    passed = {"not named like RaFD's": len(files) - len(named)}
    passed["not from the frontal camera"] = len(named) - len(frontal)
    if not frontal:
        raise UsageError("no photo of RaFD's frontal camera (Rafd090_...); these train best")
    declared = (
        [rafd_subject(name) for name in frontal]
        if subjects == "auto"
        else declared_subjects(frontal, subjects, root=root)
    )
    table = read_labels(labels, frontal, root=root, subjects=declared)
    kept = {reason: count for reason, count in passed.items() if count}
    return Collection(root, tuple(frontal), ignored, declared, table, passed_over=kept)


def _celeba(
    root: Path,
    files: Sequence[str],
    ignored: int,
    subjects: str | Path,
    labels: str | Path | None,
) -> Collection:
    tables = find_tables(root)
    declared = declared_subjects(
        files, tables.identities if subjects == "auto" else subjects, root=root
    )
    if declared is None:
        raise BadTable(
            "CelebA's identity_CelebA.txt is not there; put it beside the photos or into Anno/"
        )
    parts: list[Part] | None = None
    passed = {}
    if tables.partition is not None:
        parts = _split(files, declared, read_partition(tables.partition))
        kept = [row for row, part in enumerate(parts) if part != "left out"]
        passed = {"of the official test part": len(files) - len(kept)}
        files = [files[row] for row in kept]
        declared = [declared[row] for row in kept]
        parts = [parts[row] for row in kept]
        if not files:
            raise BadTable("list_eval_partition.txt leaves no photo to train on or to validate")
    table = read_labels(labels or tables.attributes, files, root=root, subjects=declared)
    points: dict[str, FloatArray] = {}
    if tables.landmarks is not None:
        # They are of the aligned photos; those in the wild have others.
        aligned = {PurePosixPath(f).name for f in files if "img_celeba" not in Path(f).parts}
        found = read_landmarks(tables.landmarks)
        points = {name: found[name] for name in sorted(aligned & found.keys())}
    passed = {reason: count for reason, count in passed.items() if count}
    return Collection(root, tuple(files), ignored, declared, table, parts, points, passed)


def _split(
    files: Sequence[str], subjects: Sequence[str | None], partition: Mapping[str, int]
) -> list[Part]:
    """The official part of each photo: 0 training, 1 validation, 2 test; the rest is left out."""
    numbers = np.array([partition.get(PurePosixPath(name).name, 2) for name in files])
    # A person who occurs in two parts belongs to the one that is kept further away from training.
    furthest: dict[str, int] = {}
    for subject, number in zip(subjects, numbers.tolist(), strict=True):
        if subject is not None:
            furthest[subject] = max(number, furthest.get(subject, 0))
    words: tuple[Part, Part, Part] = ("train", "held out", "left out")
    return [
        words[number if subject is None else furthest[subject]]
        for subject, number in zip(subjects, numbers.tolist(), strict=True)
    ]
