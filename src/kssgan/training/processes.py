"""Several processes or GPUs on one run: each takes its part of every batch, gradients are averaged.

Started by ``torchrun``, which sets WORLD_SIZE, RANK and LOCAL_RANK. The result is that of one process with
the same batch, but for the order of sums, for labels that are known of more photographs in one part than in
another (each part's classification is a mean over what it knows), and for injected noise: each process draws
its own, other than one process would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from kssgan.errors import UsageError

__all__ = ["ALONE", "Processes", "processes"]

_Batch = TypeVar("_Batch", bound=tuple[Any, ...])


class Processes:
    """This process among those of a run.

    Attributes:
        rank: number of this one; 0 alone writes files.
        count: how many there are.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def check_batch(self, batch: int) -> None:
        """Refuse a batch that cannot be shared out evenly.

        Raises:
            UsageError: it is no multiple of the number of processes.
        """
        if batch % self.count:
            raise UsageError(
                f"a batch of {batch} came for {self.count} processes; give a multiple of {self.count}"
            )

    def own(self, batch: _Batch) -> _Batch:
        """This process's part of a batch: a named tuple of tensors with equal first sides, or None."""
        if self.count == 1:
            return batch

        def part(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.chunk(self.count)[self.rank]

        values: list[Any] = [part(value) for value in batch]
        return type(batch)(*values)

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Replace tensors by their mean over all processes."""
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def agree(self, word: bool, device: torch.device) -> bool:
        """The first process's word, for all."""
        if self.count == 1:
            return word
        told = torch.tensor([int(word)], device=device)
        dist.broadcast(told, 0)
        return bool(told.item())


ALONE = Processes()
"""One process."""


@contextmanager
def processes(device: str) -> Iterator[tuple[Processes, str]]:
    """Join the others, if ``torchrun`` started this process; yields also the device that is ours.

    Args:
        device: as asked for; "cuda" becomes the GPU of this process's number.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count < 2:
        yield ALONE, device
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    dist.init_process_group("nccl" if gpu else "gloo", rank=rank, world_size=count)
    try:
        yield Processes(rank, count), f"cuda:{local}" if gpu else device
    finally:
        dist.destroy_process_group()
