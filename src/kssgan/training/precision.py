"""Arithmetic of training, decided in one place: fp32, fp16 with loss scaling, or bf16."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from kssgan.errors import UsageError
from kssgan.training.processes import ALONE, Processes

__all__ = ["PRECISIONS", "Precision", "PrecisionName", "not_finite"]

PrecisionName = Literal["fp32", "fp16", "bf16"]
PRECISIONS: tuple[PrecisionName, ...] = ("fp32", "fp16", "bf16")


def not_finite(parts: Mapping[str, float], precision: str) -> list[str]:
    """Names of a step's figures that are no numbers but should be.

    In fp16 the norm of a gradient may overflow: its step is then skipped.

    Args:
        parts: figures by name, for example "critic.norm".
        precision: one of :data:`PRECISIONS`.
    """
    return [
        name
        for name, value in parts.items()
        if not math.isfinite(value)
        and not (precision == "fp16" and name.rpartition(".")[2] == "norm")
    ]


class Precision:
    """How steps are computed; master weights stay float32 in every case.

    Args:
        name: one of :data:`PRECISIONS`.
        device: where.
        crew: the processes over which gradients are averaged.

    Attributes:
        name: as given.
        skipped: steps that fp16 left out because a gradient overflowed.

    Raises:
        UsageError: fp16 on a CPU, or an unknown name.
    """

    def __init__(
        self, name: PrecisionName, device: torch.device, crew: Processes = ALONE
    ) -> None:
        if name not in PRECISIONS:
            raise UsageError(f"precision {name!r} came; choose one of {', '.join(PRECISIONS)}")
        if name == "fp16" and device.type == "cpu":
            raise UsageError("fp16 needs a GPU; use fp32 or bf16 on a CPU")
        self.name = name
        self.skipped = 0
        self.crew = crew
        self._device = device
        # One scaler per network: an overflow in one must not halve the other's scale.
        self._scalers: dict[str, torch.amp.GradScaler] = {}

    def autocast(self) -> AbstractContextManager[object]:
        """Where the forward passes run. R1 and other penalties turn it off inside themselves."""
        if self.name == "fp32":
            return nullcontext()
        kind = torch.float16 if self.name == "fp16" else torch.bfloat16
        return torch.autocast(self._device.type, dtype=kind)

    def minimise(
        self,
        loss: Tensor,
        optimiser: torch.optim.Optimizer,
        network: str,
        *,
        clip: float | None,
    ) -> float:
        """One optimiser step on ``loss``; gradients are clipped to a norm of ``clip``.

        Args:
            loss: scalar.
            optimiser: of one network.
            network: its name; each has its own loss scale.
            clip: largest norm of all gradients together; None clips nothing.

        Returns:
            The norm before clipping; not finite where fp16 skipped the step.
        """
        optimiser.zero_grad(set_to_none=True)
        values = [p for group in optimiser.param_groups for p in group["params"]]
        if self.name != "fp16":
            torch.autograd.backward(loss)
            self._average(values)
            norm = _clipped(values, clip)
            optimiser.step()
            return float(norm)
        scaler = self._scaler(network)
        torch.autograd.backward(scaler.scale(loss))
        self._average(
            values
        )  # before it is looked for overflows: one process's are everybody's
        scaler.unscale_(optimiser)
        norm = _clipped(values, clip)
        before = scaler.get_scale()
        scaler.step(optimiser)
        scaler.update()
        self.skipped += scaler.get_scale() < before
        return float(norm)

    def _average(self, values: list[Tensor]) -> None:
        self.crew.average([p.grad for p in values if p.grad is not None])

    def state(self) -> dict[str, object]:
        """Plain values, for a checkpoint."""
        scales = {name: scaler.state_dict() for name, scaler in self._scalers.items()}
        return {"skipped": self.skipped, "scalers": scales}

    def restore(self, state: dict[str, object]) -> None:
        """Inverse of :meth:`state`."""
        self.skipped = int(state.get("skipped", 0))  # type: ignore[call-overload]
        for name, values in dict(state.get("scalers", {})).items():  # type: ignore[call-overload]
            self._scaler(name).load_state_dict(values)

    def _scaler(self, network: str) -> torch.amp.GradScaler:
        if network not in self._scalers:
            self._scalers[network] = torch.amp.GradScaler(self._device.type)
        return self._scalers[network]


def _clipped(values: list[Tensor], clip: float | None) -> Tensor:
    """Norm of the gradients before they are clipped."""
    if clip is not None:
        return torch.nn.utils.clip_grad_norm_(values, clip)
    return torch.nn.utils.get_total_norm([p.grad for p in values if p.grad is not None])
