"""Where to train, by name."""

from __future__ import annotations

import torch

from kssgan.errors import UsageError

__all__ = ["device_of"]


def device_of(name: str, threads: int | None = None) -> torch.device:
    """Where to work, by name; on a CPU with so many threads.

    Raises:
        UsageError: no such device here, or fewer than one thread.
    """
    place = _device(name)
    if threads is not None:
        torch.set_num_threads(_threads(threads))
    return place


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(name)
    except RuntimeError:
        place = torch.device("meta")
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda came, but torch sees no GPU here; use --device cpu")
    if place.type == "cuda" and (place.index or 0) >= (count := torch.cuda.device_count()):
        raise UsageError(
            f"device {name} came, but torch sees {count} GPU{'s' * (count > 1)} here; use cuda:0"
            + f" to cuda:{count - 1}" * (count > 1)
        )
    if place.type not in ("cuda", "cpu"):
        raise UsageError(f"device {name!r} came; use auto, cpu, cuda or cuda:N")
    return place


def _threads(threads: int) -> int:
    if threads < 1:
        raise UsageError(f"threads {threads} came, at least 1 was wanted")
    return threads
