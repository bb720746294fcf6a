"""Head crops under named conditions, with truth: what the landmark network is judged and calibrated on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from kssgan.types import FloatArray, IntArray, U8Array
from landmark_augment import Trouble, sample, spoil, turn_about
from landmark_data import Canvases

__all__ = ["CONDITIONS", "Condition", "crops_under", "nme", "no_faces"]

_NONE = Trouble(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_CHUNK = 8  # blur and size are drawn per chunk


@dataclass(frozen=True)
class Condition:
    """How far the five points were off, and what happened to the picture.

    Attributes:
        roll: degrees, least and most; the sign is drawn.
        scale: most by which the crop is too large or too small, as a factor.
        shift: most in x and y, in shares of the crop.
        trouble: light, cover, blur and the rest.
    """

    roll: tuple[float, float] = (0, 0)
    scale: float = 1.0
    shift: float = 0.0
    trouble: Trouble = _NONE


CONDITIONS: Mapping[str, Condition] = {
    "clean": Condition(),
    "roll to 15 degrees": Condition(roll=(0, 15)),
    "roll 15 to 30 degrees": Condition(roll=(15, 30)),
    "roll 30 to 45 degrees": Condition(roll=(30, 45)),
    "scale to 1.35": Condition(scale=1.35),
    "shift to 10%": Condition(shift=0.1),
    "light and shadow": Condition(
        trouble=Trouble(1, 1, 0.1, 0, 0, 0, 0, 0, 0, 0),
    ),
    "covered by boxes": Condition(trouble=Trouble(0, 0, 0, 1.5, 0, 0, 0, 0, 0, 0)),
    "drawn glasses": Condition(trouble=Trouble(0, 0, 0, 0, 1, 0, 0, 0, 0, 0)),
    "drawn masks": Condition(trouble=Trouble(0, 0, 0, 0, 0, 1, 0, 0, 0, 0)),
    "blurred or tiny": Condition(trouble=Trouble(0, 0, 0, 0, 0, 0, 1, 0.5, 0, 0)),
    "noise and JPEG": Condition(trouble=Trouble(0, 0, 0, 0, 0, 0, 0, 0, 1, 1)),
    "everything, as trained": Condition(roll=(0, 45), scale=1.35, shift=0.1, trouble=Trouble()),
    "five points lost": Condition(roll=(45, 180), scale=2.2, shift=0.4),
}
"""The last one is meant to fail: there the failure measure has to say so."""


def crops_under(
    condition: Condition, canvases: Canvases, rows: IntArray, *, seed: int
) -> tuple[U8Array, FloatArray]:
    """Cut and spoil the crops of ``rows``.

    Returns:
        (N, 256, 256, 3) uint8 crops and (N, 468, 2) truth in their pixels.
    """
    rng = torch.Generator().manual_seed(seed)
    crops, truths = [], []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        count = len(part)
        low, high = (math.radians(value) for value in condition.roll)
        roll = torch.rand(count, generator=rng) * (high - low) + low
        roll = roll * (1 - 2 * torch.randint(2, (count,), generator=rng))
        factor = (torch.rand(count, generator=rng) * 2 - 1) * math.log(condition.scale)
        shift = (torch.rand(count, 2, generator=rng) * 2 - 1) * condition.shift * 256
        turn = turn_about((127.5, 152.5), roll, factor.exp(), shift)
        linear = turn[:, :, :2] / canvases.scale
        start_at = torch.full((2, 1), -canvases.origin / canvases.scale)
        forward = torch.cat([linear, turn[:, :, :2] @ start_at + turn[:, :, 2:]], 2)
        pictures, truth = sample(
            torch.from_numpy(canvases.images[part]).float() / 255,
            torch.from_numpy(canvases.points[part]),
            forward,
            256,
        )
        pictures = spoil(pictures, truth, condition.trouble, rng)
        crops.append((pictures * 255 + 0.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())
        truths.append(truth.numpy())
    return np.concatenate(crops), np.concatenate(truths)


def no_faces(crops_u8: U8Array, *, seed: int) -> U8Array:
    """Make crops that show no face: shuffled tiles, clouds, the corner of a crop blown up, plain noise."""
    rng = np.random.default_rng(seed)
    out = np.empty_like(crops_u8)
    for n, crop in enumerate(crops_u8):
        kind = n % 4
        if kind == 0:
            tiles = crop.reshape(4, 64, 4, 64, 3).swapaxes(1, 2).reshape(16, 64, 64, 3)
            tiles = tiles[rng.permutation(16)].reshape(4, 4, 64, 64, 3)
            out[n] = tiles.swapaxes(1, 2).reshape(256, 256, 3)
        elif kind == 1:
            out[n] = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((32, 32, 1))).astype(
                np.uint8
            )
        elif kind == 2:
            out[n] = np.kron(crop[:32, 224:], np.ones((8, 8, 1))).astype(np.uint8)
        else:
            out[n] = rng.integers(0, 256, crop.shape, dtype=np.uint8)
    return out


def nme(found: FloatArray, truth: FloatArray, *, by: str = "outer corners") -> FloatArray:
    """Mean distance of the points over the distance of the eyes.

    Args:
        found: (N, 468, 2).
        truth: (N, 468, 2).
        by: "outer corners" (33 and 263) or "centres" (the middle of each eye's two corners).

    Returns:
        (N,) float32.
    """
    if by == "outer corners":
        eyes = truth[:, 33] - truth[:, 263]
    else:
        eyes = (truth[:, 33] + truth[:, 133] - truth[:, 263] - truth[:, 362]) / 2
    distance = np.linalg.norm(found - truth, axis=2).mean(1)
    error: FloatArray = (distance / np.linalg.norm(eyes, axis=1)).astype(np.float32)
    return error
