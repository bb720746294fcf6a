"""Photos to faces: decode, detect, choose one, align, embed, read, locate. Streams; memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import PIL
import torch

from kssgan import weights
from kssgan.errors import Reason, UnusablePhoto
from kssgan.faces import align, choose, decode, detect, embed
from kssgan.faces.attributes import Probes
from kssgan.faces.landmarks import Landmarker
from kssgan.faces.threads import in_order
from kssgan.types import FloatArray, PhotoFace, Refused, U8Array

__all__ = ["StandardAnalyser"]

_REVISION = 3
"""Raised whenever the code between a photo and its result changes what comes out."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A face that is cut out and waits for its batch."""

    face: PhotoFace
    chip: U8Array


class StandardAnalyser:
    """The shipped detector and recogniser behind :class:`kssgan.types.FaceAnalyser`.

    Args:
        max_pixels: larger photos are refused by their header.
        landmarks: whether dense landmarks are found too.
        probes: whether expression, gender and age band are read off the faces.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """

    def __init__(
        self, *, max_pixels: int = 100_000_000, landmarks: bool = True, probes: bool = True
    ) -> None:
        self.max_pixels = max_pixels
        self._detector = detect.Detector()
        self._recogniser = embed.Recogniser()
        self._landmarker = Landmarker() if landmarks else None
        self._probes = Probes() if probes else None

    @property
    def version(self) -> str:
        """Changes with the weights, the parameters and the libraries that do the arithmetic."""
        parts = [
            f"standard-{_REVISION}",
            f"detector={weights.digest('detector')[:16]}",
            f"recogniser={weights.digest('recogniser')[:16]}",
            f"landmarks={weights.digest('landmarks')[:16] if self._landmarker else 'none'}",
            f"probes={weights.digest('probes')[:16] if self._probes else 'none'}",
            f"sides={detect.BASE_SIDE},{detect.LARGE_SIDE},{detect.SMALL_SIDE}",
            f"score={detect.SCORE} again={detect.SMALL_EYES},{detect.LARGEST_ROLL}",
            f"faces={choose.COMPARABLE},{choose.SMALLEST_EYE_DISTANCE}",
            f"pixels={self.max_pixels}",
            f"heic={'HEIF' in decode.formats()}",
            f"pillow={PIL.__version__}",
            f"torch={torch.__version__}",
        ]
        return " ".join(parts)

    def analyse(self, photos: Iterable[Path]) -> Iterator[PhotoFace | Refused]:
        """Yield one result per photo, in order; a bad photo is a ``Refused``.

        Photos are decoded here and looked at by as many threads as torch may use, each with one photo:
        faster than many threads on one photo, and the arithmetic does not depend on their number.
        Embeddings run in batches, so up to 16 photos and one for each thread are read before the first
        result comes.
        """
        waiting: list[_Waiting | Refused] = []
        chips = 0
        for result in in_order(self._tasks(photos)):
            waiting.append(result)
            chips += isinstance(result, _Waiting)
            # A long run of refusals must not pile up either.
            if chips == embed.BATCH or len(waiting) == 4 * embed.BATCH:
                yield from self._finish(waiting)
                waiting, chips = [], 0
        yield from self._finish(waiting)

    def _tasks(self, photos: Iterable[Path]) -> Iterator[Callable[[], _Waiting | Refused]]:
        for photo in photos:
            begin = perf_counter()
            try:
                # In the calling thread alone: hiding a decoder's warnings is not safe in several.
                image = decode.open_photo(photo, max_pixels=self.max_pixels)
            except UnusablePhoto as error:
                yield partial(Refused, error.reason)
            else:
                task = partial(self._cut, image, perf_counter() - begin)
                del image
                yield task
                del task

    def _cut(self, image: U8Array, decode_seconds: float) -> _Waiting | Refused:
        begin = perf_counter()
        try:
            face = choose.choose_face(self._detector.detect(image))
            crop = align.head_crop(image, face.points)
            chip = align.recogniser_chip(image, face.points)
        except UnusablePhoto as error:
            return Refused(error.reason)
        except MemoryError:
            return Refused(Reason.TOO_MANY_PIXELS)
        seconds = {"decode": decode_seconds, "detect": perf_counter() - begin}
        nothing = np.empty(0, np.float32)
        return _Waiting(PhotoFace(crop, nothing, face, seconds), chip)

    def _finish(self, waiting: list[_Waiting | Refused]) -> Iterator[PhotoFace | Refused]:
        begin = perf_counter()
        chips = [item.chip for item in waiting if isinstance(item, _Waiting)]
        if chips:
            embeddings, maps = self._recogniser.embed_with_maps(np.stack(chips))
            read = iter(
                self._probes.labels(embeddings, maps) if self._probes else [{}] * len(chips)
            )
            vectors = iter(embeddings)
            each = (perf_counter() - begin) / len(chips)
            points = iter(self._locate(waiting))
        for item in waiting:
            if isinstance(item, Refused):
                yield item
            else:
                landmarks, spent = next(points)
                seconds = {**item.face.seconds, "embed": each, "landmarks": spent}
                yield replace(
                    item.face,
                    embedding=next(vectors).copy(),
                    landmarks=landmarks,
                    attributes=next(read),
                    seconds=seconds,
                )

    def _locate(
        self, waiting: Iterable[_Waiting | Refused]
    ) -> Iterator[tuple[FloatArray | None, float]]:
        """Landmarks of each face, None where they are not reliable, and the seconds that they took."""
        crops = [item.face.crop for item in waiting if isinstance(item, _Waiting)]
        if self._landmarker is None:
            yield from ((None, 0.0) for _ in crops)
            return
        begin = perf_counter()
        fit = self._landmarker.locate(np.stack(crops))
        each = (perf_counter() - begin) / len(crops)
        for points, reliable in zip(fit.points, fit.reliable.tolist(), strict=True):
            yield (points.copy() if reliable else None), each
