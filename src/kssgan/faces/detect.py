"""Find every face in a photo: several scales, quarter turns, overlaps removed.

Reference: Xu et al. 2020, "CenterFace: Joint Face Detection and Alignment Using Face as Point".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from kssgan.faces._centerface import CenterFace
from kssgan.faces._load import ready
from kssgan.faces.align import HEAD_TEMPLATE, cut, similarity
from kssgan.types import CROP_SIZE, DetectedFace, FloatArray, U8Array

__all__ = ["BASE_SIDE", "LARGE_SIDE", "QUICK_SIDE", "SCORE", "Detector"]

SCORE = 0.5
"""Least confidence of a face."""

OVERLAP = 0.3
"""Of two boxes that share more than this part of their union, the surer one stays."""

BASE_SIDE = 480
"""Long side of the first look, pixels: finds faces from about 1/60 of the photo's long side (by the
distance of the eyes) upwards."""

LARGE_SIDE = 1280
"""Long side of the second look into large photos, for small faces."""

SMALL_SIDE = 256
"""Long side of the last look, for a face that fills the picture."""

QUICK_SIDE = 224
"""Long side of the quick look, which is enough for a portrait."""

QUICK_EYES = 20.0
"""Eye distance in the quick look, pixels, from which on it is enough."""

SURE = 0.7
"""Least confidence of a face for the quick look to be enough."""

SMALL_EYES = 24.0
"""Eye distance at the scale of the look, pixels, below which a face is looked at again by itself."""

LARGEST_ROLL = 15.0
"""Degrees a head may lean before it is looked at again, upright: at 60 degrees the points of the first look
are off by a third of the eye distance, upright by a tenth."""

_PATCH_SIDE = 256
_PATCH_TEMPLATE: FloatArray = HEAD_TEMPLATE * np.float32(0.7) + np.float32(0.15 * CROP_SIZE)
_LOOKS_AGAIN = 3
_NEAR = 40.0

_STRIDE = 4
_MULTIPLE = 32
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detector:
    """CenterFace with shipped weights.

    Attributes:
        network: ready to run; left out, the shipped weights are loaded and verified.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """

    network: CenterFace

    def __init__(self, network: CenterFace | None = None) -> None:
        object.__setattr__(
            self, "network", ready(CenterFace(), "detector") if network is None else network
        )

    def detect(self, image_u8: U8Array) -> tuple[DetectedFace, ...]:
        """Find the faces of a photo.

        A quick look at a long side of 224 is enough for a portrait (see :meth:`portrait`). Other photos are
        looked at with a long side of 480; when nothing is found, also at quarter turns, larger (if the photo
        is larger) and smaller. A face that is small or leans is then looked at again by itself, upright and
        enlarged, for better points.

        Args:
            image_u8: (H, W, 3) uint8 RGB, any size.

        Returns:
            Faces in pixels of the photo, largest first; empty when there is none. Beside the face of a
            portrait, faces of less than a third of its size may be left out.
        """
        return self.portrait(image_u8) or self.search(image_u8)

    def portrait(self, image_u8: U8Array) -> tuple[DetectedFace, ...]:
        """Find the faces of a photo in a quick look, if the largest is near, sure and upright.

        Args:
            image_u8: (H, W, 3) uint8 RGB, any size; a reduced one serves as well.

        Returns:
            Faces in pixels of the photo, largest first; empty when :meth:`search` has to look closer.
        """
        found = self._look(image_u8, QUICK_SIDE)
        if not found or found[0].score < SURE or abs(_roll(found[0].points)) > LARGEST_ROLL:
            return ()
        scale = QUICK_SIDE / max(image_u8.shape[:2])
        return found if found[0].eye_distance * scale >= QUICK_EYES else ()

    def search(self, image_u8: U8Array, *, quarters: bool = True) -> tuple[DetectedFace, ...]:
        """Find the faces of a photo without the quick look; see :meth:`detect`.

        Args:
            image_u8: (H, W, 3) uint8 RGB, any size.
            quarters: whether a photo that shows no face as it stands is turned by quarters.

        Returns:
            Faces in pixels of the photo, largest first; empty when there is none.
        """
        longest = max(image_u8.shape[:2])
        turns = (0, 1, 3, 2) if quarters else (0,)
        looks = [(BASE_SIDE, quarter) for quarter in turns]
        if longest > BASE_SIDE:
            looks.append((min(longest, LARGE_SIDE), 0))
        looks.append((SMALL_SIDE, 0))
        for side, quarter in looks:
            found = self._look(image_u8, side, quarter)
            if found:
                scale = side / longest
                return tuple(self._again(image_u8, face, scale) for face in found)
        return ()

    def _again(self, image_u8: U8Array, face: DetectedFace, scale: float) -> DetectedFace:
        """Better points from an upright, enlarged patch, where the first look was not good enough."""
        if face.eye_distance * scale >= SMALL_EYES and abs(_roll(face.points)) <= LARGEST_ROLL:
            return face
        points = face.points
        for _ in range(_LOOKS_AGAIN):
            if not np.ptp(points, axis=0).any():
                return face
            matrix, shift = similarity(points, _PATCH_TEMPLATE)
            _, _, found = self._raw(
                cut(image_u8, points, _PATCH_TEMPLATE, _PATCH_SIDE), _PATCH_SIDE
            )
            away = np.linalg.norm(found.mean(axis=1) - _PATCH_TEMPLATE.mean(axis=0), axis=1)
            if not away.size or away.min() > _NEAR:
                break
            again = found[away.argmin()]
            points = ((again - shift) @ np.linalg.inv(matrix).T).astype(np.float32)
            if abs(_roll(again)) <= LARGEST_ROLL / 2:
                break
        return DetectedFace(face.box, face.score, points)

    def _look(self, image_u8: U8Array, side: int, quarter: int = 0) -> tuple[DetectedFace, ...]:
        turned = np.rot90(image_u8, quarter)
        scores, boxes, points = self._raw(turned, side)
        keep = _suppress(boxes, scores)
        boxes, points = _turn_back(boxes[keep], points[keep], turned.shape, quarter)
        faces = [
            DetectedFace(
                (float(b[0]), float(b[1]), float(b[2]), float(b[3])),
                float(s),
                np.ascontiguousarray(p, dtype=np.float32),
            )
            for b, s, p in zip(boxes, scores[keep], points, strict=True)
        ]
        return tuple(sorted(faces, key=_area, reverse=True))

    def _raw(self, image_u8: U8Array, side: int) -> tuple[_Array, _Array, _Array]:
        """Scores (M,), boxes (M, 4) and points (M, 5, 2) above the threshold, in the image's pixels."""
        height, width = image_u8.shape[:2]
        scale = side / max(height, width)
        rows, columns = (max(1, round(length * scale)) for length in (height, width))
        canvas = np.zeros(
            (-(-rows // _MULTIPLE) * _MULTIPLE, -(-columns // _MULTIPLE) * _MULTIPLE, 3),
            np.float32,
        )
        small = Image.fromarray(np.ascontiguousarray(image_u8)).resize(
            (columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
        canvas[:rows, :columns] = np.asarray(small)
        tensor = torch.from_numpy(canvas).permute(2, 0, 1)[None]
        with torch.inference_mode():
            heat, size, offset, points = (out[0].numpy() for out in self.network(tensor))
        y, x = np.nonzero(heat[0] >= SCORE)
        # Everything below is in pixels of the canvas, edges at whole numbers, (y, x) as the network says.
        extent = np.exp(size[:, y, x].astype(np.float64)) * _STRIDE
        centre = (np.stack([y, x]) + 0.5 + offset[:, y, x]) * _STRIDE
        corner = centre - extent / 2
        relative = points[:, y, x].astype(np.float64).reshape(5, 2, -1)
        marks = relative * extent[None] + corner[None]
        # To pixels of the photo, where the centre of the first pixel is 0.
        stretch = np.array([height / rows, width / columns])[:, None]
        low, high = corner * stretch - 0.5, (corner + extent) * stretch - 0.5
        boxes = np.stack([low[1], low[0], high[1], high[0]], axis=1)
        five = (marks * stretch[None] - 0.5)[:, ::-1].transpose(2, 0, 1)
        return heat[0][y, x].astype(np.float64), boxes, five


def _roll(points: npt.NDArray[np.floating]) -> float:
    """Degrees by which a face leans, all five points considered."""
    if not np.ptp(points, axis=0).any():
        return 0.0
    matrix, _ = similarity(points, HEAD_TEMPLATE)
    return float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))


def _area(face: DetectedFace) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)


def _suppress(boxes: _Array, scores: _Array) -> list[int]:
    """Greedy non-maximum suppression; indices of the boxes that stay, surest first."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        keep.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        order = order[shared <= OVERLAP * (area[best] + area[order] - shared)]
    return keep


def _turn_back(
    boxes: _Array, points: _Array, turned: tuple[int, ...], quarter: int
) -> tuple[_Array, _Array]:
    """From pixels of ``np.rot90(photo, quarter)`` to pixels of the photo."""
    corners = boxes.reshape(-1, 2, 2)
    height, width = turned[:2]
    for _ in range(quarter):
        # np.rot90 moves (x, y) to (y, W - 1 - x); here the way back, one quarter at a time.
        corners, points = (
            np.stack([height - 1 - a[..., 1], a[..., 0]], axis=-1) for a in (corners, points)
        )
        height, width = width, height
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.concatenate([low, high], axis=1), points
