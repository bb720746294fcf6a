"""Fakes for the seams of the program: an analyser of painted patterns and a painter of labels.

A "person" is a pattern of 8 x 8 coloured blocks. Different people are far apart, photos of one person are
close, and the mean of several people lies between them, so grouping and attacks behave as with faces while a
photo costs a millisecond and needs no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kssgan.errors import Reason
from kssgan.surrogate.mean import MeanSurrogate
from kssgan.types import CROP_SIZE, DetectedFace, FloatArray, PhotoFace, Refused, U8Array

__all__ = [
    "EXPRESSIONS",
    "PaintedAnalyser",
    "PaintedLabels",
    "PaintedVariants",
    "paint_photo",
    "painted_pattern",
]

_BLOCKS = 8
EXPRESSIONS = ("neutral", "happy", "sad")
_FLAT = {"no_face": 0, "several_faces": 255, "face_too_small": 128}
_POINTS = np.array([[98, 122], [158, 122], [128, 156], [104, 190], [152, 190]], np.float32)

Kind = Literal["face", "no_face", "several_faces", "face_too_small"]


def painted_pattern(
    person: int, shot: int = 0, *, like: int | None = None, away: float = 0.3
) -> U8Array:
    """The blocks of one photo, (8, 8, 3) uint8.

    Args:
        person: any number; other numbers are other people.
        shot: which photo of that person; shots differ a little.
        like: look like this other person: embeddings end up about ``away`` apart.
        away: distance to ``like``.
    """
    pattern = np.random.default_rng([7, person]).normal(0.0, 1.0, (_BLOCKS, _BLOCKS, 3))
    if like is not None:
        other = np.random.default_rng([7, like]).normal(0.0, 1.0, pattern.shape)
        pattern = other + pattern * away
    if shot:
        pattern = pattern + np.random.default_rng([8, person, shot]).normal(
            0.0, 0.1, pattern.shape
        )
    return np.clip(128.0 + 36.0 * pattern, 1, 254).astype(np.uint8)


def paint_photo(
    path: Path,
    person: int = 0,
    shot: int = 0,
    *,
    kind: Kind = "face",
    size: int = 64,
    like: int | None = None,
    away: float = 0.3,
    **save: Any,
) -> Path:
    """Write one painted photo that :class:`PaintedAnalyser` can read back.

    Args:
        path: where; the suffix chooses the format (PNG keeps the pattern exactly).
        person: who; see :func:`painted_pattern`.
        shot: which photo of that person.
        kind: "face", or a flat picture that the analyser refuses for that reason.
        size: side in pixels, a multiple of 8.
        like: see :func:`painted_pattern`.
        away: see :func:`painted_pattern`.
        save: further options for ``PIL.Image.save`` (for example ``exif``).

    Returns:
        ``path``.
    """
    from PIL import Image

    if kind == "face":
        blocks = painted_pattern(person, shot, like=like, away=away)
    else:
        blocks = np.full((_BLOCKS, _BLOCKS, 3), _FLAT[kind], np.uint8)
    image = np.kron(blocks, np.ones((size // _BLOCKS, size // _BLOCKS, 1), np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **save)
    return path


class PaintedAnalyser:
    """A :class:`kssgan.types.FaceAnalyser` for painted photos; counts how many it has looked at.

    Args:
        version: what the cache key sees.
        reads: the attributes that it claims to see on a photo; left out, it has no probes and sees none.
        landmarks: as the standard analyser is asked; painted faces have none either way.
    """

    def __init__(
        self,
        version: str = "painted-1",
        *,
        reads: Callable[[Path], Mapping[str, str]] | None = None,
        landmarks: bool = True,
    ) -> None:
        del landmarks
        self._version = version
        self._reads = reads
        self.looked_at = 0

    @property
    def version(self) -> str:
        """Part of the cache key."""
        return self._version

    def analyse(self, photos: Iterable[Path]) -> Iterator[PhotoFace | Refused]:
        """Read the blocks back; flat pictures and undecodable files are refused."""
        for path in photos:
            self.looked_at += 1
            yield self._one(path)

    def embed_crops(self, crops_u8: U8Array) -> FloatArray:
        """(N, 256, 256, 3) uint8 to (N, 192) float32 unit vectors, for attacks on masked crops."""
        return np.stack([_embed(crop) for crop in crops_u8])

    def _one(self, path: Path) -> PhotoFace | Refused:
        from PIL import Image

        try:
            with Image.open(path) as image:
                image_u8 = np.asarray(image.convert("RGB").resize((CROP_SIZE, CROP_SIZE), 0))
        except PermissionError:
            return Refused(Reason.PERMISSION)
        except (OSError, SyntaxError, ValueError):
            return Refused(Reason.UNREADABLE)
        if image_u8.std() < 2.0:
            level = float(image_u8.mean())
            kind = min(_FLAT, key=lambda name: abs(_FLAT[name] - level))
            return Refused(Reason[kind.upper()])
        face = DetectedFace((40.0, 40.0, 216.0, 216.0), 0.99, _POINTS.copy())
        attributes = {} if self._reads is None else dict(self._reads(path))
        crop = np.ascontiguousarray(image_u8)
        return PhotoFace(crop, _embed(image_u8), face, attributes=attributes)


def _embed(image_u8: U8Array) -> FloatArray:
    side = CROP_SIZE // _BLOCKS
    blocks = image_u8.reshape(_BLOCKS, side, _BLOCKS, side, 3).mean((1, 3))
    vector = (blocks - blocks.mean()).ravel()
    unit: FloatArray = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit


class PaintedLabels(MeanSurrogate):
    """A stand-in for a generator that draws expressions: the mean, its label painted on the lowest rows.

    Tests use it to see cells, fall-back and ``--set`` at work where a plain mean shows one a group.
    """

    name = "painted"
    draws: Mapping[str, Sequence[str]] = {"expression": EXPRESSIONS}

    def draw(self, surrogate_01: FloatArray, label: Mapping[str, str], *, seed: int) -> U8Array:
        """The mean, its lowest eight rows filled with a grey that stands for the label."""
        picture_u8 = super().draw(surrogate_01, label, seed=seed)
        grey = (
            EXPRESSIONS.index(label["expression"])
            if label.get("expression") in EXPRESSIONS
            else 9
        )
        picture_u8[-8:] = 20 * (1 + grey)
        return picture_u8


class PaintedVariants(PaintedLabels):
    """The same with a band above the label whose grey the seed chooses, as a generator draws other heads."""

    name = "painted variants"

    def draw(self, surrogate_01: FloatArray, label: Mapping[str, str], *, seed: int) -> U8Array:
        """The mean, a grey that stands for the seed on rows -16 to -9, the label's below."""
        picture_u8 = super().draw(surrogate_01, label, seed=seed)
        picture_u8[-16:-8] = seed % 251
        return picture_u8
