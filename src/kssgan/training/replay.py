"""The paper's step as one CUDA graph: launched one by one, its thousands of kernels keep a GPU waiting."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from kssgan.training.precision import Precision
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import SiameseSettings
from kssgan.training.siamese_step import siamese_step
from kssgan.training.tensors import numbers

__all__ = ["RECORDED_AFTER", "Replay"]

RECORDED_AFTER = 3
"""Steps before one is recorded: convolutions are chosen, optimisers get their memory."""


class Replay:
    """Steps of :func:`kssgan.training.siamese_step.siamese_step`, on a GPU recorded once and then replayed.

    The first steps of a process are run as written, then one is recorded; all are steps of the training. What
    is replayed is the same arithmetic on the same memory, so batches are copied to where the recorded ones
    lay. A batch of another shape is run as written.

    Args:
        networks: changed in place. Nobody may exchange their weights' or optimisers' tensors between steps.
        settings: weights and the number of updates.
        precision: of the arithmetic.
        device: where.
        record: False runs every step as written, as a CPU does.
    """

    def __init__(
        self,
        networks: SiameseNetworks,
        settings: SiameseSettings,
        precision: Precision,
        device: torch.device,
        *,
        record: bool = True,
    ) -> None:
        self._networks, self._settings, self._precision = networks, settings, precision
        self._source = torch.Generator(device)
        self._records = record and device.type == "cuda" and precision.crew.count == 1
        self._device = device
        self._aside = _stream(device) if self._records else None
        self._done = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._held: list[Tensor | None] = []
        self._parts: dict[str, Tensor] = {}

    def __call__(
        self, batches: Sequence[SiameseBatch], pairs: TwinPairs | None, seed: int
    ) -> dict[str, float]:
        """Improve the networks by one step.

        Args:
            batches: as :func:`siamese_step` takes them.
            pairs: the same.
            seed: of all chance in the step.

        Returns:
            Unweighted parts of the losses and norms of the gradients.
        """
        self._source.manual_seed(seed)
        if not self._records:
            return self._as_written(batches, pairs)
        given = _tensors(batches, pairs)
        if self._graph is None:
            if self._done < RECORDED_AFTER:
                self._done += 1
                return self._on_the_side(batches, pairs)
            self._record(batches, pairs)
        if [_shape(t) for t in given] != [_shape(t) for t in self._held]:
            return self._as_written(batches, pairs)
        for held, new in zip(self._held, given, strict=True):
            if held is not None and new is not None:
                held.copy_(new)
        assert self._graph is not None
        self._graph.replay()
        return numbers(self._parts)

    def _as_written(
        self, batches: Sequence[SiameseBatch], pairs: TwinPairs | None
    ) -> dict[str, float]:
        return numbers(self._step(batches, pairs))

    def _step(
        self, batches: Sequence[SiameseBatch], pairs: TwinPairs | None
    ) -> dict[str, Tensor]:
        return siamese_step(
            self._networks, batches, pairs, self._settings, self._precision, self._source
        )

    def _on_the_side(
        self, batches: Sequence[SiameseBatch], pairs: TwinPairs | None
    ) -> dict[str, float]:
        """As written, on the stream of the recording, as PyTorch asks of what is run before one."""
        assert self._aside is not None
        here = torch.cuda.current_stream(self._device)
        self._aside.wait_stream(here)
        with torch.cuda.stream(self._aside):
            found = self._as_written(batches, pairs)
        here.wait_stream(self._aside)
        return found

    def _record(self, batches: Sequence[SiameseBatch], pairs: TwinPairs | None) -> None:
        """Record a step; nothing is computed by that."""
        gc.collect()  # a forgotten graph that is taken away meanwhile would end the recording
        for optimiser in self._networks.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["capturable"] = True
        held_batches = [SiameseBatch._make(map(_copy, batch)) for batch in batches]
        held_pairs = None if pairs is None else TwinPairs(*(t.clone() for t in pairs))
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._source)
        with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=self._aside):
            self._parts = self._step(held_batches, held_pairs)
        self._held = _tensors(held_batches, held_pairs)
        self._graph = graph


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all: each has a workspace of the matrix products' of its own, which nobody frees."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _tensors(batches: Sequence[SiameseBatch], pairs: TwinPairs | None) -> list[Tensor | None]:
    found: list[Tensor | None] = [value for batch in batches for value in batch]
    return found if pairs is None else [*found, *pairs]


def _shape(value: Tensor | None) -> tuple[torch.Size, torch.dtype] | None:
    return None if value is None else (value.shape, value.dtype)


def _copy(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.clone()
