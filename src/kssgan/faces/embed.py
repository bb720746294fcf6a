"""Faces to unit vectors: closer means more alike.

Reference: He et al. 2016 (residual networks); King 2017, "High quality face recognition with deep metric
learning" (dlib), whose published weights are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kssgan.faces._load import ready
from kssgan.faces._resnet import DlibResNet
from kssgan.faces.align import CHIP_SIZE
from kssgan.types import FloatArray, U8Array

__all__ = ["BATCH", "DIMENSIONS", "MAP_SHAPE", "Recogniser"]

BATCH = 16
"""Faces that run together. Always that many, padded with black: other sizes may take other kernels, whose
last bits differ, and then a face's vector would depend on its neighbours."""

DIMENSIONS = 128
"""Length of an embedding."""

MAP_SHAPE = (128, 5, 4)
"""Of the map of a face: channels, rows, columns. It covers the chip from below the eyes to the chin."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """dlib's ResNet with shipped weights.

    Attributes:
        network: ready to run; left out, the shipped weights are loaded and verified.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """

    network: DlibResNet

    def __init__(self, network: DlibResNet | None = None) -> None:
        object.__setattr__(
            self, "network", ready(DlibResNet(), "recogniser") if network is None else network
        )

    def embed(self, chips_u8: U8Array) -> FloatArray:
        """Embed face chips.

        Args:
            chips_u8: (N, 150, 150, 3) uint8 RGB, cut by :func:`kssgan.faces.align.recogniser_chip`.

        Returns:
            (N, 128) float32, unit length; Euclidean distances run from 0 to 2.

        Raises:
            ValueError: another shape or type.
        """
        return self.embed_with_maps(chips_u8)[0]

    def embed_one(self, chip_u8: U8Array) -> FloatArray:
        """Embed one chip by itself, at a sixteenth of :meth:`embed`'s work; last bits differ from its.

        Args:
            chip_u8: (150, 150, 3) uint8 RGB.

        Returns:
            (128,) float32, unit length.

        Raises:
            ValueError: another shape or type.
        """
        _check(chip_u8[None])
        with torch.inference_mode():
            found: FloatArray = self._run(chip_u8[None].astype(np.float32))[0][0].numpy()
        return found

    def embed_with_maps(self, chips_u8: U8Array) -> tuple[FloatArray, FloatArray]:
        """Embed face chips and keep what the network saw on the way, in the same pass.

        Args:
            chips_u8: as for :meth:`embed`.

        Returns:
            The embeddings, and (N, 128, 5, 4) float32 not below 0: the lower five rows of the network's
            8 x 8 map, with columns averaged in twos. Embeddings forget an expression, the map still shows it.

        Raises:
            ValueError: another shape or type.
        """
        _check(chips_u8)
        vectors = np.empty((len(chips_u8), DIMENSIONS), np.float32)
        maps = np.empty((len(chips_u8), *MAP_SHAPE), np.float32)
        batch = np.zeros((BATCH, CHIP_SIZE, CHIP_SIZE, 3), np.float32)
        for start in range(0, len(chips_u8), BATCH):
            part = chips_u8[start : start + BATCH]
            batch[: len(part)] = part
            batch[len(part) :] = 0
            with torch.inference_mode():
                unit, seen = self._run(batch)
                pooled = torch.nn.functional.avg_pool2d(seen[:, :, -MAP_SHAPE[1] :], (1, 2))
            vectors[start : start + len(part)] = unit[: len(part)].numpy()
            maps[start : start + len(part)] = pooled[: len(part)].numpy()
        return vectors, maps

    def _run(self, batch: FloatArray) -> tuple[Tensor, Tensor]:
        """Unit vectors (B, 128) and maps of chips (B, 150, 150, 3)."""
        raw, seen = self.network.with_map(torch.from_numpy(batch).permute(0, 3, 1, 2))
        return torch.nn.functional.normalize(raw.double(), dim=1).float(), seen


def _check(chips_u8: U8Array) -> None:
    if chips_u8.dtype != np.uint8 or chips_u8.shape[1:] != (CHIP_SIZE, CHIP_SIZE, 3):
        raise ValueError(
            f"chips of shape {chips_u8.shape} and type {chips_u8.dtype} came; "
            f"(N, {CHIP_SIZE}, {CHIP_SIZE}, 3) uint8 was wanted"
        )
