"""Photos to one prepared file: look, tell people apart, find landmarks, hold people out, write."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from safetensors import SafetensorError

from kssgan import weights
from kssgan._version import __version__
from kssgan.errors import BadOutput, OutputExists, StorageError, UsageError
from kssgan.grouping.labels import LabelTable
from kssgan.grouping.subjects import Subjects
from kssgan.preparation.landmarks import LandmarkFinder, locate, moved, read_landmarks
from kssgan.preparation.layouts import Collection, Format, read_collection
from kssgan.preparation.looking import Used, find_people, look
from kssgan.preparation.split import hold_out
from kssgan.training.prepared import Prepared, save_prepared
from kssgan.types import (
    BoolArray,
    FaceAnalyser,
    IntArray,
    PathLike,
    Progress,
    quiet,
)

__all__ = ["Preparation", "prepare"]


@dataclass(frozen=True)
class Preparation:
    """What was written.

    Attributes:
        path: the prepared file; private.
        photos: found, ignored, passed over by reason, refused by reason, used.
        subjects: people.
        held_out: people who are never trained on.
        unreliable: photos whose landmarks are not to be used.
        labels: photos of each category, by attribute.
        seconds: it took.
    """

    path: Path
    photos: Mapping[str, Any]
    subjects: int
    held_out: int
    unreliable: int
    labels: Mapping[str, Mapping[str, int]]
    seconds: float

    @property
    def refused(self) -> int:
        """Photos that could not be used."""
        return sum(self.photos["refused"].values())

    @property
    def exit_status(self) -> int:
        """0, or 3 when photos were refused."""
        return 3 if self.refused else 0


def prepare(
    data: PathLike,
    *,
    out: PathLike,
    format: Format = "folder",  # noqa: A002 - the command line's word
    subjects: PathLike = "auto",
    labels: PathLike | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    landmarks: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    landmarker: LandmarkFinder | None = None,
    progress: Progress | None = None,
) -> Preparation:
    """Make the one file that training needs.

    Args:
        data: folder of photos.
        out: the file to write; must not exist. Private: it holds faces.
        format: "folder", "rafd" or "celeba".
        subjects: "auto", "folder", "file" or the path of a CSV ``file,subject``.
        labels: CSV with ``file`` or ``subject``, then attributes.
        held_out: share of the people who are never trained on, chosen by a hash of who they are; CelebA's
            official split goes before it.
        seed: of that hash.
        landmarks: npz with ``files`` and ``mesh468`` in photo pixels, in place of the landmarker.
        analyser: finds faces; the shipped networks by default.
        landmarker: finds landmarks; the shipped network by default.
        progress: shows progress.

    Raises:
        UsageError: an argument or a table is not usable, the output is there, or nobody can be used.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses.
    """
    begin = perf_counter()
    path = _output(out)
    if not 0 <= held_out < 1:
        raise UsageError(f"held_out {held_out} came; a share from 0 up to 1 was wanted")
    if seed < 0:
        raise UsageError(f"seed {seed} came; 0 or more was wanted")
    from kssgan.faces.decode import IMAGE_SUFFIXES

    how = subjects if subjects in ("auto", "folder", "file") else Path(subjects)
    collection = read_collection(
        Path(data),
        format,
        subjects=how if isinstance(how, Path) else str(how),
        labels=None if labels is None else Path(labels),
        suffixes=IMAGE_SUFFIXES,
    )
    given = None if landmarks is None else read_landmarks(Path(landmarks), collection.files)
    show = progress or quiet
    used, refused = look(collection, analyser or _analyser(), show)
    if not used:
        raise UsageError(
            f"none of {len(collection.files)} photos can be used ({_counts(refused)})"
        )
    people = find_people(used, collection)
    if len(people.names) < 2:
        raise UsageError("all photos show one person; training needs at least 2")
    points, reliable = (
        locate(used, landmarker or _landmarker(), show) if given is None else moved(used, given)
    )
    scheme = {a.name: a.categories for a in collection.labels.scheme.attributes}
    apart = _held_out(used, people, collection, held_out, seed)
    prepared = Prepared(
        [u.crop for u in used],
        people.photo_subject,
        points,
        reliable,
        np.stack([u.embedding for u in used]),
        scheme,
        _numbers(used, collection.labels, scheme),
        apart,
        _facts(collection, used, refused, people, format, held_out, seed, given is not None),
    )
    if apart.all():
        raise UsageError("everybody is held out and nobody is left to train on; lower held_out")
    try:
        save_prepared(path, prepared)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"the prepared file could not be written ({type(error).__name__}); nothing was left behind"
        ) from None
    return _told(path, prepared, perf_counter() - begin)


def _output(out: PathLike) -> Path:
    path = Path(out)
    if os.path.lexists(path):
        raise OutputExists("the prepared file is already there; choose another name")
    if not path.name or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadOutput("the folder that shall hold the prepared file cannot be written")
    return path


def _analyser() -> FaceAnalyser:
    from kssgan.faces import analyse

    return analyse.StandardAnalyser()


def _landmarker() -> LandmarkFinder:
    from kssgan.faces import landmarks

    return landmarks.Landmarker()


def _held_out(
    used: Sequence[Used], people: Subjects, collection: Collection, share: float, seed: int
) -> BoolArray:
    if collection.parts is not None:
        # A person stays in one part even where copies have joined two.
        away = np.array([collection.parts[u.row] == "held out" for u in used])
        return np.isin(people.photo_subject, people.photo_subject[away])
    if people.how == "declared":
        keys = list(people.names)
    else:
        # Names that were found depend on the order of files; what the photos show does not.
        digests: list[list[str]] = [[] for _ in people.names]
        for photo, person in zip(used, people.photo_subject.tolist(), strict=True):
            digests[person].append(hashlib.sha256(photo.crop).hexdigest())
        keys = [min(of_person) for of_person in digests]
    found: BoolArray = hold_out(keys, share, seed)[people.photo_subject]
    return found


def _numbers(
    used: Sequence[Used], table: LabelTable, scheme: Mapping[str, tuple[str, ...]]
) -> IntArray:
    """Category numbers, (N, A), -1 where unknown."""
    found = np.full((len(used), len(scheme)), -1, np.int64)
    for row, photo in enumerate(used):
        for column, (name, categories) in enumerate(scheme.items()):
            if name in table.values[photo.row]:
                found[row, column] = categories.index(table.values[photo.row][name])
    return found


def _facts(
    collection: Collection,
    used: Sequence[Used],
    refused: Mapping[str, int],
    people: Subjects,
    kind: Format,
    held_out: float,
    seed: int,
    given: bool,
) -> dict[str, Any]:
    passed = dict(sorted(collection.passed_over.items()))
    known = weights.names()
    return {
        "made_by": f"kssgan {__version__}",
        "layout": kind,
        "photos": {
            "found": len(collection.files) + collection.ignored + sum(passed.values()),
            "ignored": collection.ignored,
            "passed_over": passed,
            "refused": dict(sorted(refused.items())),
            "used": len(used),
        },
        "subjects": {
            "how": "auto" if collection.subjects is None else "declared",
            "count": len(people.names),
            "copies_merged": people.copies_merged,
        },
        "split": "official"
        if collection.parts is not None
        else {"held_out": held_out, "seed": seed},
        "landmarks": "given" if given else "shipped",
        "weights": {name: weights.digest(name) for name in known},
    }


def _told(path: Path, data: Prepared, seconds: float) -> Preparation:
    labels: dict[str, dict[str, int]] = {}
    for column, (name, categories) in enumerate(data.scheme.items()):
        counts = Counter(data.labels[:, column].tolist())
        labels[name] = {c: counts[i] for i, c in enumerate(categories)}
        if counts[-1]:
            labels[name]["unknown"] = counts[-1]
    return Preparation(
        path,
        data.facts["photos"],
        data.subjects,
        int(np.unique(data.subject[data.held_out]).size),
        int((~data.reliable).sum()),
        labels,
        seconds,
    )


def _counts(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(refused.items())) or "none"
