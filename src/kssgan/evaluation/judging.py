"""What detector, recogniser and probes see of pictures, by the way that any stranger's files would go."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.auditing.detection import landmarks_in_picture
from kssgan.types import BoolArray, FaceAnalyser, FloatArray, PhotoFace, U8Array

__all__ = ["Judge", "Looked"]


@dataclass(frozen=True, eq=False)
class Looked:
    """Of P pictures.

    Attributes:
        detected: (P,) whether one usable face is found.
        embeddings: (P, D) float32, zeros where none is.
        attributes: what is read off each.
        landmarks: (P, 468, 2) float32 in pixels of each picture, NaN where none are reliable.
    """

    detected: BoolArray
    embeddings: FloatArray
    attributes: Sequence[Mapping[str, str]]
    landmarks: FloatArray

    def of(self, rows: Sequence[int]) -> Looked:
        """Of some of the pictures."""
        chosen = list(rows)
        return Looked(
            self.detected[chosen],
            self.embeddings[chosen],
            [self.attributes[row] for row in chosen],
            self.landmarks[chosen],
        )


class Judge:
    """Looks at pictures as files.

    Args:
        analyser: finds and compares faces.
        folder: private, for the files while they are looked at.
        width: length of an embedding.
    """

    def __init__(self, analyser: FaceAnalyser, folder: Path, width: int) -> None:
        self._analyser = analyser
        self._folder = folder
        self._width = width

    def look(self, pictures_u8: U8Array) -> Looked:
        """Look at (P, 256, 256, 3) uint8 pictures."""
        detected = np.zeros(len(pictures_u8), bool)
        embeddings = np.zeros((len(pictures_u8), self._width), np.float32)
        landmarks = np.full((len(pictures_u8), 468, 2), np.nan, np.float32)
        attributes: list[Mapping[str, str]] = [{} for _ in pictures_u8]
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
        return Looked(detected, embeddings, attributes, landmarks)
