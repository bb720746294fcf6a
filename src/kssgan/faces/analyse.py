"""Photos to faces: decode, detect, choose one, align, embed, read, locate. Streams; memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from kssgan.types import DetectedFace, FloatArray, PhotoFace, Refused, U8Array

__all__ = ["StandardAnalyser"]

_REVISION = 3
"""Raised whenever the code between a photo and its result changes what comes out."""

_REDUCED_SIDE = 512
"""Least long side of a reduced photo, pixels."""

_ENOUGH = 1.1 * float(np.hypot(*(align.HEAD_TEMPLATE[1] - align.HEAD_TEMPLATE[0])))
"""Eye distance in a reduced photo, pixels, from which on a crop of it is as sharp as one of the photo."""

_FINER = 1.08
"""For :func:`align.cut` from a reduced photo. Variance of Laplacian over that of the whole photo (London):
0.86 at 1, 0.995 at 1.08."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A face that is cut out and waits for its batch."""

    face: PhotoFace
    chip: U8Array


@dataclass(frozen=True, slots=True)
class _Unclear:
    """A photo in which the quick look at its reduced picture was not enough."""

    photo: Path
    seconds: dict[str, float]


class StandardAnalyser:
    """The shipped detector and recogniser behind :class:`kssgan.types.FaceAnalyser`.

    Args:
        max_pixels: larger photos are refused by their header.
        landmarks: whether dense landmarks are found too.
        probes: whether expression, gender and age band are read off the faces.
        quarters: whether a photo without a face is looked at turned by quarters too; pictures that can only
            be upright need not be, and 3 of 5 looks are saved.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """

    def __init__(
        self,
        *,
        max_pixels: int = 100_000_000,
        landmarks: bool = True,
        probes: bool = True,
        quarters: bool = True,
    ) -> None:
        self.max_pixels = max_pixels
        self._quarters = quarters
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
            f"quick={detect.QUICK_SIDE},{detect.QUICK_EYES},{detect.SURE} reduced={_REDUCED_SIDE}",
            f"score={detect.SCORE}",
            f"again={detect.SMALL_EYES},{detect.LARGEST_ROLL}",
            *([] if self._quarters else ["upright"]),
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
        A JPEG is decoded reduced first; if that shows no portrait that is large enough, it is decoded again.
        Embeddings run in batches of 16, one in each thread while others look at the next photos, so that
        one batch more than there are threads may be read before the first result comes.
        """
        for batch in in_order(partial(self._finish, batch) for batch in self._batches(photos)):
            yield from batch

    def _batches(self, photos: Iterable[Path]) -> Iterator[list[_Waiting | Refused]]:
        waiting: list[_Waiting | Refused] = []
        chips = 0
        for result in in_order(self._searches(in_order(self._quick_looks(photos)))):
            waiting.append(result)
            chips += isinstance(result, _Waiting)
            # A long run of refusals must not pile up either.
            if chips == embed.BATCH or len(waiting) == 4 * embed.BATCH:
                yield waiting
                waiting, chips = [], 0
        yield waiting

    def _quick_looks(
        self, photos: Iterable[Path]
    ) -> Iterator[Callable[[], _Waiting | Refused | _Unclear]]:
        for photo in photos:
            begin = perf_counter()
            try:
                # In the calling thread alone: hiding a decoder's warnings is not safe in several.
                image = decode.open_reduced(
                    photo, least=_REDUCED_SIDE, max_pixels=self.max_pixels
                )
            except UnusablePhoto as error:
                yield partial(Refused, error.reason)
            else:
                task = partial(self._quick_look, photo, image, perf_counter() - begin)
                del image
                yield task
                del task

    def _searches(
        self, results: Iterable[_Waiting | Refused | _Unclear]
    ) -> Iterator[Callable[[], _Waiting | Refused]]:
        for result in results:
            if not isinstance(result, _Unclear):
                yield partial(_same, result)
                continue
            seconds, begin = result.seconds, perf_counter()
            try:
                image = decode.open_photo(result.photo, max_pixels=self.max_pixels)
            except UnusablePhoto as error:
                yield partial(Refused, error.reason)
                continue
            seconds["decode"] += perf_counter() - begin
            task = partial(self._search, image, seconds)
            del image
            yield task
            del task

    def _quick_look(
        self, photo: Path, reduced: decode.Reduced, decode_seconds: float
    ) -> _Waiting | Refused | _Unclear:
        seconds, begin = {"decode": decode_seconds, "detect": 0.0}, perf_counter()
        try:
            faces = self._detector.portrait(reduced.image_u8)
            if reduced.factor == 1:
                faces = faces or self._find(reduced.image_u8)
            elif not faces or faces[0].eye_distance < _ENOUGH:
                seconds["detect"] = perf_counter() - begin
                return _Unclear(photo, seconds)
            return _cut(reduced, faces, seconds, begin)
        except MemoryError:
            return Refused(Reason.TOO_MANY_PIXELS)

    def _search(self, image: U8Array, seconds: dict[str, float]) -> _Waiting | Refused:
        begin = perf_counter()
        try:
            # Faces that were found in the reduced photo, but small, are found again here.
            faces = self._detector.portrait(image) or self._find(image)
            return _cut(decode.Reduced(image, 1), faces, seconds, begin)
        except MemoryError:
            return Refused(Reason.TOO_MANY_PIXELS)

    def _find(self, image: U8Array) -> tuple[DetectedFace, ...]:
        return self._detector.search(image, quarters=self._quarters)

    def _finish(self, waiting: list[_Waiting | Refused]) -> list[PhotoFace | Refused]:
        begin = perf_counter()
        chips = [item.chip for item in waiting if isinstance(item, _Waiting)]
        if not chips:
            return [item for item in waiting if isinstance(item, Refused)]
        embeddings, maps = self._recogniser.embed_with_maps(np.stack(chips))
        vectors = iter(embeddings)
        read = iter(
            self._probes.labels(embeddings, maps) if self._probes else [{}] * len(chips)
        )
        each = (perf_counter() - begin) / len(chips)
        points = iter(self._locate(waiting))
        results: list[PhotoFace | Refused] = []
        for item in waiting:
            if isinstance(item, Refused):
                results.append(item)
                continue
            landmarks, spent = next(points)
            seconds = {**item.face.seconds, "embed": each, "landmarks": spent}
            results.append(
                replace(
                    item.face,
                    embedding=next(vectors).copy(),
                    landmarks=landmarks,
                    attributes=next(read),
                    seconds=seconds,
                )
            )
        return results

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


def _cut(
    photo: decode.Reduced,
    faces: Sequence[DetectedFace],
    seconds: dict[str, float],
    begin: float,
) -> _Waiting | Refused:
    """Crop and chip of the one face; its place is told in pixels of the photo as it came."""
    try:
        face = choose.choose_face(faces)
    except UnusablePhoto as error:
        return Refused(error.reason)
    finer = 1.0 if photo.factor == 1 else _FINER
    crop = align.head_crop(photo.image_u8, face.points, finer=finer)
    chip = align.recogniser_chip(photo.image_u8, face.points, finer=finer)
    seconds["detect"] += perf_counter() - begin
    found = PhotoFace(crop, np.empty(0, np.float32), _enlarged(face, photo.factor), seconds)
    return _Waiting(found, chip)


def _enlarged(face: DetectedFace, factor: float) -> DetectedFace:
    """The face in pixels of a photo so many times as large; pixel edges at whole numbers keep their place."""
    if factor == 1:
        return face
    x0, y0, x1, y1 = ((v + 0.5) * factor - 0.5 for v in face.box)
    points = ((face.points + 0.5) * factor - 0.5).astype(np.float32)
    return DetectedFace((x0, y0, x1, y1), face.score, points)


def _same(result: _Waiting | Refused) -> _Waiting | Refused:
    return result
