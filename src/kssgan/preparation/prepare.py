"""Photos to one prepared file: look, tell people apart, find landmarks, hold people out, write."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from kssgan import weights
from kssgan._version import __version__
from kssgan.errors import BadOutput, OutputExists, Reason, StorageError, UsageError
from kssgan.grouping.labels import LabelTable
from kssgan.grouping.subjects import Subjects, resolve_subjects
from kssgan.preparation.layouts import Collection, Format, read_collection
from kssgan.preparation.split import hold_out
from kssgan.training.crops import pack, unpack
from kssgan.training.prepared import Prepared, save_prepared
from kssgan.types import (
    CROP_SIZE,
    BoolArray,
    FaceAnalyser,
    FloatArray,
    IntArray,
    PathLike,
    PhotoFace,
    Progress,
    Refused,
    U8Array,
)

__all__ = ["LandmarkFinder", "Preparation", "prepare"]

_LOCATED = 32  # crops whose landmarks are found together
_OTHER_FACE = "another face than the collection says"
_POINTS = 468


class LandmarkFinder(Protocol):
    """Finds the 468 points on head crops; see :class:`kssgan.faces.landmarks.Landmarker`."""

    def locate(self, crops_u8: U8Array) -> Any:
        """``points`` (N, 468, 2) and ``reliable`` (N,) of (N, 256, 256, 3) uint8 crops."""
        ...


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


@dataclass(frozen=True)
class _Used:
    """A photo that is used: its row in the collection, its packed crop, its embedding and its five points."""

    row: int
    crop: bytes
    embedding: FloatArray
    points: FloatArray


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
    given = None if landmarks is None else _read_landmarks(Path(landmarks), collection.files)
    show = progress or _quiet
    used, refused = _look(collection, analyser or _analyser(), show)
    if not used:
        raise UsageError(
            f"none of {len(collection.files)} photos can be used ({_counts(refused)})"
        )
    people = _people(used, collection)
    if len(people.names) < 2:
        raise UsageError("all photos show one person; training needs at least 2")
    points, reliable = (
        _locate(used, landmarker or _landmarker(), show)
        if given is None
        else _moved(used, given)
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
    except OSError as error:
        raise StorageError(
            f"the prepared file could not be written ({type(error).__name__}); nothing was left behind"
        ) from None
    return _told(path, prepared, perf_counter() - begin)


def _quiet(stage: str, *, total: int | None = None) -> AbstractContextManager[Any]:
    del stage, total
    return nullcontext(lambda steps: None)


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


def _look(
    collection: Collection, analyser: FaceAnalyser, show: Progress
) -> tuple[list[_Used], Counter[str]]:
    """The one face of each photo; photos that cannot be used are counted by reason."""
    refused: Counter[str] = Counter()
    wanted = []
    for row, _ in enumerate(collection.files):
        if collection.subjects is not None and collection.subjects[row] is None:
            refused[Reason.NO_SUBJECT.value] += 1
        else:
            wanted.append(row)
    used = []
    paths = (collection.root / collection.files[row] for row in wanted)
    with show("faces", total=len(wanted)) as step:
        for row, found in zip(wanted, analyser.analyse(paths), strict=True):
            step(1)
            if isinstance(found, Refused):
                refused[found.reason.value] += 1
            elif not _agrees(found, collection.points.get(_name(collection, row))):
                refused[_OTHER_FACE] += 1
            else:
                used.append(_Used(row, pack(found.crop), found.embedding, found.face.points))
    return used, refused


def _name(collection: Collection, row: int) -> str:
    return PurePosixPath(collection.files[row]).name


def _agrees(found: PhotoFace, told: FloatArray | None) -> bool:
    """Whether the detector's face is the one that the collection means."""
    if told is None:
        return True
    apart = np.linalg.norm(found.face.points - told, axis=1).mean()
    eyes = float(np.linalg.norm(told[1] - told[0]))
    return bool(apart <= 0.5 * max(eyes, 1.0))


def _people(used: Sequence[_Used], collection: Collection) -> Subjects:
    """Who is who; pictures that are near copies belong to one person whatever was declared."""
    from kssgan.faces.copies import same_picture
    from kssgan.faces.distances import pairs_below
    from kssgan.faces.thresholds import COPY, LOOK_ALIKE, SAME_PERSON

    embeddings = np.stack([u.embedding for u in used])
    pairs, distances = pairs_below(embeddings, max(SAME_PERSON, LOOK_ALIKE))

    def crop(number: int) -> U8Array:
        return unpack(used[number].crop, CROP_SIZE, CROP_SIZE)

    names = None
    if collection.subjects is not None:
        names = [str(collection.subjects[u.row]) for u in used]
    near = [
        (a, b)
        for a, b in pairs[distances <= COPY].tolist()
        # Two photos of one declared person are one person already.
        if (names is None or names[a] != names[b])
        and (used[a].crop == used[b].crop or same_picture(crop(a), crop(b)))
    ]
    return resolve_subjects(
        names,
        len(used),
        pairs=pairs,
        distances=distances,
        copies=np.array(near, np.int64).reshape(-1, 2),
        same_person=SAME_PERSON,
    )


def _locate(
    used: Sequence[_Used], landmarker: LandmarkFinder, show: Progress
) -> tuple[FloatArray, BoolArray]:
    points, reliable = [], []
    with show("landmarks", total=len(used)) as step:
        for start in range(0, len(used), _LOCATED):
            part = used[start : start + _LOCATED]
            found = landmarker.locate(
                np.stack([unpack(u.crop, CROP_SIZE, CROP_SIZE) for u in part])
            )
            points.append(found.points)
            reliable.append(found.reliable)
            step(len(part))
    return np.concatenate(points), np.concatenate(reliable)


def _read_landmarks(path: Path, files: Sequence[str]) -> list[FloatArray | None]:
    """(468, 2) of each photo in its pixels, None where the table has none."""
    try:
        with np.load(path, allow_pickle=False) as table:
            names = [str(name) for name in table["files"]]
            mesh = np.asarray(table["mesh468"], np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"landmarks cannot be read ({type(error).__name__}); an npz with files and mesh468 was wanted"
        ) from None
    if mesh.shape != (len(names), _POINTS, 2):
        raise UsageError(f"landmarks of shape {mesh.shape} came for {len(names)} files")
    rows = {name: row for row, name in enumerate(names)}
    found = [mesh[rows[name]] if name in rows else None for name in files]
    if all(points is None for points in found):
        raise UsageError("landmarks name none of the photos; write files relative to DATA")
    return found


def _moved(
    used: Sequence[_Used], given: Sequence[FloatArray | None]
) -> tuple[FloatArray, BoolArray]:
    """Landmarks from photo pixels to crop pixels, as the crop was cut."""
    from kssgan.faces.align import HEAD_TEMPLATE, similarity

    points = np.tile(np.float32(CROP_SIZE / 2), (len(used), _POINTS, 2))
    reliable = np.zeros(len(used), bool)
    for row, photo in enumerate(used):
        mesh = given[photo.row]
        if mesh is not None and np.isfinite(mesh).all():
            matrix, shift = similarity(photo.points, HEAD_TEMPLATE)
            points[row] = mesh @ matrix.T + shift
            reliable[row] = True
    return points, reliable


def _held_out(
    used: Sequence[_Used], people: Subjects, collection: Collection, share: float, seed: int
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
    used: Sequence[_Used], table: LabelTable, scheme: Mapping[str, tuple[str, ...]]
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
    used: Sequence[_Used],
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
