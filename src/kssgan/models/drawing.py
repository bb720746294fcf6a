"""How a release draws with a network: alone on one thread, so that bytes depend on nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from kssgan.types import U8Array

__all__ = ["on_one_thread", "picture_u8"]


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Inside, torch works on one thread and keeps no graph; afterwards it has its threads again."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def picture_u8(planes_pm1: Tensor) -> U8Array:
    """Planes (3, H, W) in [-1, 1] as a picture (H, W, 3) uint8; what lies outside is held inside."""
    grey = ((planes_pm1.clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(grey.permute(1, 2, 0).cpu().numpy())
