"""Dense landmarks: the 468 points of the MediaPipe face mesh topology on a head crop.

A coarse network says where the face lies in the crop; a similarity brings it upright and to full size into a
window; a fine network finds the points there, once, and once more mirrored after aligning again. The two
fits are averaged. How far they differ and how large the network expects its own error to be give an
estimated error; a fit whose estimate is too large is not reliable, and the five points serve instead.

Reference: the topology is that of Kartynnik et al. 2019, "Real-time facial surface geometry from monocular
video on mobile GPUs"; network and weights are our own (``weights/PROVENANCE.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from kssgan import weights
from kssgan.faces._load import ready
from kssgan.faces._mesh_net import POINTS, MeshNets
from kssgan.types import CROP_SIZE, BoolArray, FloatArray, U8Array

__all__ = [
    "BATCH",
    "LEFT_EYE",
    "POINTS",
    "RIGHT_EYE",
    "WINDOW",
    "LandmarkFit",
    "Landmarker",
    "Window",
    "aligned",
    "mean_shape",
    "two_fits",
]

BATCH = 8
"""Crops that run together. Always that many, padded with black, so that a face's points do not depend on
its neighbours (see :data:`kssgan.faces.embed.BATCH`)."""

LEFT_EYE, RIGHT_EYE = 33, 263
"""Outer corners of the eyes (the picture's left and right); errors are measured by their distance."""


@dataclass(frozen=True, slots=True)
class LandmarkFit:
    """Points of N faces and how far they may be trusted.

    Attributes:
        points: (N, 468, 2) float32, (x, y) in pixels of the crop.
        error: (N,) float32, estimated mean error over the distance of the outer eye corners.
        reliable: (N,) whether ``error`` is small enough to use the points; fall back to the five points
            of the detector where it is not.
    """

    points: FloatArray
    error: FloatArray
    reliable: BoolArray


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a head crop that the fine network sees when the face has the mean shape.

    Attributes:
        x: left edge, in crop pixels from the crop's edge.
        y: upper edge.
        step: crop pixels per window pixel.
        size: side in window pixels.
    """

    x: float = 32.0
    y: float = 57.0
    step: int = 2
    size: int = 96

    def to_window(self, points: torch.Tensor) -> torch.Tensor:
        """Crop pixels to window pixels.

        >>> WINDOW.to_window(torch.tensor([[31.5, 56.5], [33.5, 56.5]])).tolist()
        [[-0.5, -0.5], [0.5, -0.5]]
        """
        corner = torch.tensor([self.x, self.y], dtype=points.dtype)
        return (points + 0.5 - corner) / self.step - 0.5


WINDOW = Window()


def mean_shape() -> FloatArray:
    """The mean face that the fine network starts from, read from the shipped weights.

    Returns:
        (468, 2) float32, pixels of a head crop.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """
    part = weights.load("landmarks")["fine.mean"].astype(
        np.float32
    )  # in units of the window's side
    corner = np.array([WINDOW.x, WINDOW.y], np.float32)
    shape: FloatArray = part * WINDOW.size * WINDOW.step - np.float32(0.5) + corner
    return shape


def aligned(points: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Least-squares similarities (turn, scale, shift) that bring each face's points to ``goal``.

    Args:
        points: (B, M, 2).
        goal: (M, 2).

    Returns:
        (B, 2, 3) matrices; ``points @ matrix[:, :, :2].mT + matrix[:, None, :, 2]`` lies near ``goal``.

    >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> turned = torch.stack([-square[:, 1], square[:, 0]], 1) * 2 + 5
    >>> aligned(turned[None], square)[0].round(decimals=3).tolist()
    [[0.0, 0.5, -2.5], [-0.5, 0.0, 2.5]]
    """
    middle, target = points.mean(1, keepdim=True), goal.mean(0)
    p, q = points - middle, goal - target
    spread = (p**2).sum((1, 2)).clamp(min=1e-6)
    c = (p * q).sum((1, 2)) / spread
    s = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / spread
    linear = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)
    return torch.cat([linear, target[:, None] - linear @ middle.mT], 2)


def two_fits(nets: MeshNets, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and the two signs of failure, before calibration.

    Args:
        nets: without norms, in evaluation mode.
        pictures: (B, 3, 256, 256) float in [-0.5, 0.5].

    Returns:
        Points (B, 468, 2) in crop pixels, and signs (B, 2): logarithm of the error that the fine network
        expects, and of the difference between its two fits, both over the distance of the eye corners.
    """
    shrink = CROP_SIZE // nets.coarse.size
    rough = nets.coarse(functional.avg_pool2d(pictures, shrink))[0]
    rough = (rough + 0.5) * shrink - 0.5
    goal = nets.fine.mean * nets.fine.size - 0.5
    first, doubt_1 = _look(nets, pictures, aligned(rough, goal), mirrored=False)
    second, doubt_2 = _look(nets, pictures, aligned(first, goal), mirrored=True)
    points = (first + second) / 2
    eyes = (points[:, LEFT_EYE] - points[:, RIGHT_EYE]).norm(dim=1).clamp(min=1.0)
    apart = (first - second).norm(dim=2).mean(1) / eyes
    return points, torch.stack([(doubt_1 + doubt_2) / 2, apart.clamp(1e-4, 1.0).log()], 1)


def _look(
    nets: MeshNets, pictures: torch.Tensor, maps: torch.Tensor, *, mirrored: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    linear, move = maps[:, :, :2], maps[:, :, 2]
    back = torch.linalg.inv(linear)
    # Two samples per window pixel and side, then their mean: no pixel of the crop is skipped.
    fine = WINDOW.size * WINDOW.step
    line = (torch.arange(fine) + 0.5) / WINDOW.step - 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = torch.stack([x, y], -1).reshape(1, -1, 2)
    source = (grid - move[:, None]) @ back.mT
    at = (2 * (source + 0.5) / CROP_SIZE - 1).unflatten(1, (fine, fine))
    seen = functional.grid_sample(pictures, at, padding_mode="border", align_corners=False)
    seen = functional.avg_pool2d(seen, WINDOW.step)
    if mirrored:
        seen = seen.flip(3)
    found, doubt = nets.fine(seen)
    if mirrored:
        found = found[:, nets.mirror.long()]
        found = torch.stack([WINDOW.size - 1 - found[..., 0], found[..., 1]], -1)
    return (found - move[:, None]) @ back.mT, doubt


class Landmarker:
    """Finds the mesh on head crops with the shipped weights.

    Attributes:
        nets: ready to run; left out, the shipped weights are loaded and verified.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """

    def __init__(self, nets: MeshNets | None = None) -> None:
        self.nets = ready(MeshNets(), "landmarks") if nets is None else nets

    def locate(self, crops_u8: U8Array) -> LandmarkFit:
        """Locate the points of each face.

        Args:
            crops_u8: (N, 256, 256, 3) uint8 head crops, cut by :func:`kssgan.faces.align.head_crop`.

        Returns:
            One fit per crop. A face's fit does not depend on the other crops.

        Raises:
            ValueError: another shape or type.
        """
        if crops_u8.dtype != np.uint8 or crops_u8.shape[1:] != (CROP_SIZE, CROP_SIZE, 3):
            raise ValueError(
                f"crops of shape {crops_u8.shape} and type {crops_u8.dtype} came; "
                f"(N, {CROP_SIZE}, {CROP_SIZE}, 3) uint8 was wanted"
            )
        points = np.empty((len(crops_u8), POINTS, 2), np.float32)
        error = np.empty(len(crops_u8), np.float32)
        offset, by_doubt, by_difference, limit = self.nets.calibration.tolist()
        batch = np.zeros((BATCH, CROP_SIZE, CROP_SIZE, 3), np.uint8)
        for start in range(0, len(crops_u8), BATCH):
            part = crops_u8[start : start + BATCH]
            batch[: len(part)] = part
            batch[len(part) :] = 0
            with torch.inference_mode():
                pictures = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255 - 0.5
                found, signs = two_fits(self.nets, pictures)
            points[start : start + len(part)] = found[: len(part)].numpy()
            logs = offset + signs[: len(part)] @ torch.tensor([by_doubt, by_difference])
            error[start : start + len(part)] = logs.exp().numpy()
        return LandmarkFit(points=points, error=error, reliable=error <= np.float32(limit))
