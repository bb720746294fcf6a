"""One pass over the originals and one over the release's distinct pictures; only small things are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kssgan.auditing._pictures import ReleaseFiles, digest_of, pixels_of
from kssgan.auditing._prints import PRINT, centre_square, print_of
from kssgan.faces.align import face_only
from kssgan.faces.decode import IMAGE_SUFFIXES
from kssgan.types import FaceAnalyser, FloatArray, PhotoFace, Progress, U8Array

__all__ = [
    "Embedder",
    "Gallery",
    "Surrogates",
    "embedder_of",
    "list_photos",
    "look_at_photos",
    "look_at_pictures",
    "small_grey",
]

Embedder = Callable[[U8Array], FloatArray]
"""(N, 256, 256, 3) uint8 head crops to (N, D) unit vectors."""

_BATCH = 16
GREY = 64


@dataclass
class Gallery:
    """The attacker's knowledge: every photo among the originals.

    Attributes:
        photos: relative paths.
        digests: SHA-256 of every photo's bytes; empty where unreadable.
        prints: (photos, 3, 576) float16: whole photo, its middle square, its head crop.
        flat: (photos,) decoded, but without any detail.
        faces: photo number of every embedding.
        embeddings: (F, D) float32.
        masked: the same on face-only crops; None without an embedder.
        own: by the user's own recogniser; None without one.
        sample: some head crops for the controls, and their rows in ``embeddings``.
        sample_rows: see ``sample``.
        greys: mean grey head crop, (64, 64) float32, of every key asked for.
    """

    photos: tuple[str, ...]
    digests: tuple[str, ...]
    prints: np.ndarray[Any, np.dtype[np.float16]]
    flat: np.ndarray[Any, np.dtype[np.bool_]]
    faces: np.ndarray[Any, np.dtype[np.int64]]
    embeddings: FloatArray
    masked: FloatArray | None
    sample: U8Array
    sample_rows: np.ndarray[Any, np.dtype[np.int64]]
    greys: dict[tuple[str, str], FloatArray] = field(default_factory=dict)
    own: FloatArray | None = None


@dataclass
class Surrogates:
    """What a recogniser sees of the release's distinct pictures.

    Attributes:
        digests: SHA-256 of each.
        detected: (P,) whether a face is found.
        embeddings: (P, D) float32; zeros where there is no face.
        masked: the same on face-only crops; None without an embedder.
        own: by the user's own recogniser; None without one.
        prints: (P, 3, 576) float16: whole, middle square, head crop.
        flat: (P,) without any detail.
        greys: (P, 64, 64) float32 of the picture as released, for the reconstructions.
    """

    digests: tuple[str, ...]
    detected: np.ndarray[Any, np.dtype[np.bool_]]
    embeddings: FloatArray
    masked: FloatArray | None
    prints: np.ndarray[Any, np.dtype[np.float16]]
    flat: np.ndarray[Any, np.dtype[np.bool_]]
    greys: Mapping[str, FloatArray]
    own: FloatArray | None = None


def list_photos(root: Path, *, without: Collection[Path]) -> tuple[tuple[str, ...], int]:
    """Image files below a folder, and the number of files ignored.

    Hidden files and folders and other endings are ignored; folders reached by links are not entered.

    Args:
        root: the originals.
        without: folders to leave out (a release that lies inside).
    """
    skipped = {path.resolve() for path in without}
    photos, ignored = [], 0
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        hidden = any(part.startswith(".") for part in here.relative_to(root).parts)
        folders[:] = [n for n in sorted(folders) if (here / n).resolve() not in skipped]
        for name in sorted(names):
            if (
                hidden
                or name.startswith(".")
                or Path(name).suffix.lower() not in IMAGE_SUFFIXES
            ):
                ignored += 1
            else:
                photos.append((here / name).relative_to(root).as_posix())
    return tuple(sorted(photos)), ignored


def embedder_of(analyser: FaceAnalyser) -> Embedder | None:
    """The part of an analyser that embeds head crops, if it has one.

    Any analyser may offer ``embed_crops(crops_u8) -> embeddings``; for the standard one the same recogniser
    is used directly.
    """
    own = getattr(analyser, "embed_crops", None)
    if callable(own):
        return lambda crops: np.asarray(own(crops), np.float32)
    from kssgan.faces.analyse import StandardAnalyser

    if not isinstance(analyser, StandardAnalyser):
        return None
    from kssgan.faces.align import chips_of_crops
    from kssgan.faces.embed import Recogniser

    recogniser = Recogniser()
    return lambda crops: recogniser.embed(chips_of_crops(crops))


def small_grey(picture_u8: U8Array) -> FloatArray:
    """(64, 64) float32 grey, area means."""
    # From float planes: eight-bit steps would be multiplied by the size of the group.
    planes = picture_u8.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    image = Image.fromarray(planes).resize((GREY, GREY), Image.Resampling.BOX)
    return np.asarray(image, np.float32)


def look_at_photos(
    root: Path,
    photos: Sequence[str],
    analyser: FaceAnalyser,
    embedder: Embedder | None,
    *,
    keys: Mapping[str, Sequence[tuple[str, str]]],
    sample: int,
    progress: Progress | None,
    stage: str = "originals",
    own: Embedder | None = None,
) -> Gallery:
    """Analyse every original, or every donor, once.

    Args:
        root: folder of the photos.
        photos: relative paths.
        analyser: finds and embeds faces.
        embedder: for face-only crops.
        keys: by photo, under which keys its head crop is averaged.
        sample: how many head crops to keep for the controls.
        progress: shows progress.
        stage: what it says.
        own: the user's own recogniser.
    """
    digests, prints, flat = [], np.zeros((len(photos), 3, PRINT), np.float16), []
    faces: list[int] = []
    masked, others = _Batches(embedder, face_only), _Batches(own)
    vectors: list[FloatArray] = []
    kept: list[U8Array] = []
    sums: dict[tuple[str, str], tuple[FloatArray, int]] = {}
    every = max(1, len(photos) // max(1, sample))
    kept_rows: list[int] = []
    with _bar(progress, stage, len(photos)) as step:
        results = analyser.analyse(root / name for name in photos)
        for number, (name, result) in enumerate(zip(photos, results, strict=True)):
            digests.append(_digest(root / name))
            whole = pixels_of(root / name)
            flat.append(whole is not None and not print_of(whole).any())
            if whole is not None:
                prints[number, 0] = print_of(whole)
                prints[number, 1] = print_of(centre_square(whole))
            if isinstance(result, PhotoFace):
                prints[number, 2] = print_of(result.crop)
                if len(kept) < sample and number % every == 0:
                    kept.append(result.crop)
                    kept_rows.append(len(faces))
                faces.append(number)
                vectors.append(np.asarray(result.embedding, np.float32))
                masked.add(result.crop)
                others.add(result.crop)
                for key in keys.get(name, ()):
                    total, count = sums.get(key, (np.zeros((GREY, GREY), np.float32), 0))
                    sums[key] = (total + small_grey(result.crop), count + 1)
            step(1)
    width = vectors[0].size if vectors else 1
    return Gallery(
        photos=tuple(photos),
        digests=tuple(digests),
        prints=prints,
        flat=np.array(flat, bool),
        faces=np.array(faces, np.int64),
        embeddings=np.stack(vectors) if vectors else np.zeros((0, width), np.float32),
        masked=masked.stacked(),
        sample=np.stack(kept) if kept else np.zeros((0, 256, 256, 3), np.uint8),
        sample_rows=np.array(kept_rows, np.int64),
        greys={key: total / np.float32(count) for key, (total, count) in sums.items()},
        own=others.stacked(),
    )


def look_at_pictures(
    release: ReleaseFiles,
    gallery: Gallery,
    analyser: FaceAnalyser,
    embedder: Embedder | None,
    *,
    greys: Collection[str],
    progress: Progress | None,
    own: Embedder | None = None,
) -> Surrogates:
    """Analyse every distinct picture of a release once.

    Args:
        release: the files.
        gallery: the photos, with embeddings of the same kinds.
        analyser: finds and embeds faces.
        embedder: for face-only crops.
        greys: pictures (SHA-256) whose grey version is wanted.
        progress: shows progress.
        own: the user's own recogniser.
    """
    digests = tuple(release.pictures)
    prints = np.zeros((len(digests), 3, PRINT), np.float16)
    detected = np.zeros(len(digests), bool)
    flat = np.zeros(len(digests), bool)
    vectors: dict[int, FloatArray] = {}
    masked, others = _Batches(embedder, face_only), _Batches(own)
    small: dict[str, FloatArray] = {}
    paths = [release.root / release.pictures[sha].files[0] for sha in digests]
    with _bar(progress, "release", len(digests)) as step:
        for number, result in enumerate(analyser.analyse(iter(paths))):
            whole = pixels_of(paths[number])
            if whole is not None:
                prints[number, 0] = print_of(whole)
                prints[number, 1] = print_of(centre_square(whole))
                flat[number] = not prints[number, 0].any()
                if digests[number] in greys:
                    small[digests[number]] = small_grey(whole)
            if isinstance(result, PhotoFace):
                prints[number, 2] = print_of(result.crop)
                detected[number] = True
                vectors[number] = np.asarray(result.embedding, np.float32)
                masked.add(result.crop)
                others.add(result.crop)
            step(1)
    width = next(iter(vectors.values())).size if vectors else gallery.embeddings.shape[1]
    embeddings = np.zeros((len(digests), width), np.float32)
    for number, vector in vectors.items():
        embeddings[number] = vector
    return Surrogates(
        digests,
        detected,
        embeddings,
        masked.spread(detected, gallery.masked),
        prints,
        flat,
        small,
        others.spread(detected, gallery.own),
    )


class _Batches:
    """Embeddings of crops, made in small batches so that no crops pile up; none without an embedder.

    Args:
        embedder: embeds crops.
        shown: what becomes of crops before.
    """

    def __init__(
        self, embedder: Embedder | None, shown: Callable[[U8Array], U8Array] | None = None
    ) -> None:
        self._embedder = embedder
        self._shown = shown
        self._waiting: list[U8Array] = []
        self._done: list[FloatArray] = []

    def add(self, crop: U8Array) -> None:
        if self._embedder is not None:
            self._waiting.append(crop)
            if len(self._waiting) == _BATCH:
                self._flush()

    def _flush(self) -> None:
        if self._waiting and self._embedder is not None:
            crops = np.stack(self._waiting)
            self._done.append(
                self._embedder(crops if self._shown is None else self._shown(crops))
            )
            self._waiting = []

    def stacked(self) -> FloatArray | None:
        """One row for each crop."""
        self._flush()
        if self._embedder is None:
            return None
        return np.concatenate(self._done) if self._done else np.zeros((0, 1), np.float32)

    def spread(
        self, detected: np.ndarray[Any, np.dtype[np.bool_]], like: FloatArray | None
    ) -> FloatArray | None:
        """One row for each picture, as wide as those of photos; zeros where no face was found."""
        found = self.stacked()
        if found is None or like is None:
            return None
        rows = np.zeros((len(detected), (found if len(found) else like).shape[1]), np.float32)
        if len(found):
            rows[detected] = found
        return rows


def _digest(path: Path) -> str:
    try:
        return digest_of(path) if path.is_file() else ""
    except OSError:
        return ""


class _Silent:
    def __call__(self, count: int) -> None:
        del count


def _bar(progress: Progress | None, stage: str, total: int) -> AbstractContextManager[Any]:
    return progress(stage, total=total) if progress is not None else nullcontext(_Silent())
