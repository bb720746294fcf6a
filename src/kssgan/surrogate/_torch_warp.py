"""Sampling of pictures along a field, and enlargement. Imports torch: import it inside functions only.

Nothing here adds up over pixels in an order that threads could change: the same input gives the same bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from kssgan.types import FloatArray, U8Array

__all__ = ["blurred", "enlarge", "interpolate", "sample", "sample_logs", "widened"]

_Array = npt.NDArray[np.float64]


def sample(pictures_u8: U8Array, fields: FloatArray, size: int) -> FloatArray:
    """Bicubic samples, mirrored at the picture's border, held inside 0..255.

    Args:
        pictures_u8: (N, H, W, C) uint8, or float32 of the same range.
        fields: (N, h, w, 2) fractions of the picture, on an even grid.
        size: side of the result.

    Returns:
        (N, C, size, size) float32, planes.
    """
    found = []
    with torch.inference_mode():
        grid = torch.from_numpy(fields).permute(0, 3, 1, 2) * 2 - 1
        if grid.shape[-1] != size:
            grid = functional.interpolate(
                grid, (size, size), mode="bilinear", align_corners=False
            )
        grid = grid.permute(0, 2, 3, 1).contiguous()
        # One at a time: a picture's bytes must not depend on its neighbours in a batch.
        for picture_u8, at in zip(pictures_u8, grid, strict=True):
            planes = torch.from_numpy(np.ascontiguousarray(picture_u8.transpose(2, 0, 1)))
            found.append(
                functional.grid_sample(
                    planes[None].float(),
                    at[None],
                    mode="bicubic",
                    padding_mode="reflection",
                    align_corners=False,
                )
            )
        result: FloatArray = torch.cat(found).clamp_(0, 255).numpy()
    return result


def sample_logs(logs: FloatArray, field: FloatArray, most: np.float32) -> FloatArray:
    """Samples of a picture's logarithms, (H, W) float32 held inside plus or minus ``most``.

    Args:
        logs: (H, H) float32.
        field: (h, w, 2) as of :func:`sample`.
        most: largest logarithm.
    """
    # Samples are held inside 0..255.
    grey = np.clip(logs / most, -1, 1) * np.float32(127.5) + np.float32(127.5)
    sampled = sample(grey[None, ..., None], field[None], len(logs))[0][0]
    found: FloatArray = most * (sampled / np.float32(127.5) - 1)
    return found


def enlarge(planes: FloatArray, size: int) -> FloatArray:
    """Bilinear enlargement of (C, H, W) float32 to (C, size, size)."""
    with torch.inference_mode():
        small = torch.from_numpy(np.ascontiguousarray(planes, np.float32))
        large = functional.interpolate(
            small[None], (size, size), mode="bilinear", align_corners=False
        )
        result: FloatArray = large[0].numpy()
    return result


def blurred(planes: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (C, H, W) float32, mirrored at the border."""
    reach = max(1, round(4 * sigma))
    line = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (line / sigma) ** 2)
    kernel = kernel / kernel.sum()
    with torch.inference_mode():
        image = torch.from_numpy(np.ascontiguousarray(planes, np.float32))[:, None]
        for shape, pad in (((1, -1), (reach, reach, 0, 0)), ((-1, 1), (0, 0, reach, reach))):
            padded = functional.pad(image, pad, mode="reflect")
            image = functional.conv2d(padded, kernel.view(1, 1, *shape))
        result: FloatArray = image[:, 0].numpy()
    return result


def widened(planes: FloatArray, reach: int) -> FloatArray:
    """Largest value within ``reach`` pixels in both directions, (C, H, W)."""
    side = 2 * reach + 1
    with torch.inference_mode():
        image = torch.from_numpy(np.ascontiguousarray(planes, np.float32))[None]
        # One direction after the other: the same maximum from fewer values.
        image = functional.max_pool2d(image, (side, 1), 1, (reach, 0))
        result: FloatArray = functional.max_pool2d(image, (1, side), 1, (0, reach))[0].numpy()
    return result


def interpolate(system: _Array, right: _Array, basis: _Array) -> _Array:
    """``basis`` (P, N) times the solution of ``system`` (N, N) for ``right`` (N, M), in torch's threads.

    numpy would start threads of its own beside those that already draw: twice as slow.
    """
    with torch.inference_mode():
        solved = torch.linalg.solve(torch.from_numpy(system), torch.from_numpy(right))
        found: _Array = (torch.from_numpy(basis) @ solved).numpy()
    return found
