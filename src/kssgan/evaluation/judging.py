"""What detector, recogniser and probes see of pictures, by the way that any stranger's files would go."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.auditing.detection import landmarks_in_picture
from kssgan.auditing.gallery import Embedder
from kssgan.types import CROP_SIZE, BoolArray, FaceAnalyser, FloatArray, PhotoFace, U8Array

__all__ = ["Judge", "Looked"]

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Looked:
    """Of P pictures.

    Attributes:
        detected: (P,) whether one usable face is found.
        embeddings: (P, D) float32, zeros where none is.
        attributes: what is read off each.
        landmarks: (P, 468, 2) float32 in pixels of each picture, NaN where none are reliable.
        views: (P, D) float32 by the name of a view, zeros where no face is found.
    """

    detected: BoolArray
    embeddings: FloatArray
    attributes: Sequence[Mapping[str, str]]
    landmarks: FloatArray
    views: Mapping[str, FloatArray] = field(default_factory=dict)

    def of(self, rows: Sequence[int]) -> Looked:
        """Of some of the pictures."""
        chosen = list(rows)
        return Looked(
            self.detected[chosen],
            self.embeddings[chosen],
            [self.attributes[row] for row in chosen],
            self.landmarks[chosen],
            {name: vectors[chosen] for name, vectors in self.views.items()},
        )


class Judge:
    """Looks at pictures as files.

    Args:
        analyser: finds and compares faces.
        folder: private, for the files while they are looked at.
        width: length of an embedding.
        views: by name, what embeds head crops in another way.
    """

    def __init__(
        self,
        analyser: FaceAnalyser,
        folder: Path,
        width: int,
        views: Mapping[str, Embedder] | None = None,
    ) -> None:
        self._analyser = analyser
        self._folder = folder
        self._width = width
        self._views = dict(views or {})

    def embed(self, view: str, crops_u8: U8Array) -> FloatArray:
        """(N, D) of (N, 256, 256, 3) uint8 head crops in a view, whether there is a face in them or not."""
        return self._views[view](crops_u8)

    def look(self, pictures_u8: U8Array, *, views: Collection[str] | None = None) -> Looked:
        """Look at (P, 256, 256, 3) uint8 pictures.

        Args:
            pictures_u8: the pictures.
            views: names of those that are wanted; None for all there are.
        """
        detected = np.zeros(len(pictures_u8), bool)
        embeddings = np.zeros((len(pictures_u8), self._width), np.float32)
        landmarks = np.full((len(pictures_u8), 468, 2), np.nan, np.float32)
        attributes: list[Mapping[str, str]] = [{} for _ in pictures_u8]
        asked = {
            name: view for name, view in self._views.items() if views is None or name in views
        }
        seen = {name: _Batches(view) for name, view in asked.items()}
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            paths = [Path(folder) / f"{row}.png" for row in range(len(pictures_u8))]
            for path, picture in zip(paths, pictures_u8, strict=True):
                Image.fromarray(picture).save(path, compress_level=0)
            for row, found in enumerate(self._analyser.analyse(paths)):
                if isinstance(found, PhotoFace):
                    detected[row] = True
                    embeddings[row] = found.embedding
                    attributes[row] = found.attributes
                    points = landmarks_in_picture(found)
                    if points is not None:
                        landmarks[row] = points
                    for batches in seen.values():
                        batches.add(found.crop)
        return Looked(
            detected,
            embeddings,
            attributes,
            landmarks,
            {name: batches.spread(detected) for name, batches in seen.items()},
        )


class _Batches:
    """Embeds crops in small batches, so that no crops pile up."""

    def __init__(self, embed: Embedder) -> None:
        self._embed = embed
        self._waiting: list[U8Array] = []
        self._done: list[FloatArray] = []

    def add(self, crop_u8: U8Array) -> None:
        self._waiting.append(crop_u8)
        if len(self._waiting) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._done.append(self._embed(np.stack(self._waiting)))
            self._waiting = []

    def spread(self, detected: BoolArray) -> FloatArray:
        """One row for each picture, zeros where there was no crop."""
        self._flush()
        # Where no picture shows a face, a blank one tells how long an embedding is.
        blank = np.zeros((1, CROP_SIZE, CROP_SIZE, 3), np.uint8)
        width = (self._done[0] if self._done else self._embed(blank)).shape[1]
        found = np.zeros((len(detected), width), np.float32)
        if self._done:
            found[detected] = np.concatenate(self._done)
        return found
