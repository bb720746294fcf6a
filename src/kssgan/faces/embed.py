"""Faces to unit vectors: closer means more alike.

Reference: He et al. 2016 (residual networks); King 2017, "High quality face recognition with deep metric
learning" (dlib), whose published weights are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from kssgan.faces._load import ready
from kssgan.faces._resnet import DlibResNet
from kssgan.faces.align import CHIP_SIZE
from kssgan.types import FloatArray, U8Array

__all__ = ["BATCH", "DIMENSIONS", "Recogniser"]

BATCH = 16
"""Faces that run together. Always that many, padded with black: other sizes may take other kernels, whose
last bits differ, and then a face's vector would depend on its neighbours."""

DIMENSIONS = 128
"""Length of an embedding."""


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
        if chips_u8.dtype != np.uint8 or chips_u8.shape[1:] != (CHIP_SIZE, CHIP_SIZE, 3):
            raise ValueError(
                f"chips of shape {chips_u8.shape} and type {chips_u8.dtype} came; "
                f"(N, {CHIP_SIZE}, {CHIP_SIZE}, 3) uint8 was wanted"
            )
        vectors = np.empty((len(chips_u8), DIMENSIONS), np.float32)
        batch = np.zeros((BATCH, CHIP_SIZE, CHIP_SIZE, 3), np.float32)
        for start in range(0, len(chips_u8), BATCH):
            part = chips_u8[start : start + BATCH]
            batch[: len(part)] = part
            batch[len(part) :] = 0
            with torch.inference_mode():
                raw = self.network(torch.from_numpy(batch).permute(0, 3, 1, 2))
                unit = torch.nn.functional.normalize(raw.double(), dim=1).float()
            vectors[start : start + len(part)] = unit[: len(part)].numpy()
        return vectors
