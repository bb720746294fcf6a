"""Arithmetic of training, decided in one place: fp32, tf32, fp16 with loss scaling, or bf16."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from kssgan.errors import UsageError
from kssgan.training.processes import ALONE, Processes

__all__ = ["PRECISIONS", "Precision", "PrecisionName", "not_finite"]

PrecisionName = Literal["fp32", "tf32", "fp16", "bf16"]
PRECISIONS: tuple[PrecisionName, ...] = ("fp32", "tf32", "fp16", "bf16")


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
        crew: as given.

    Raises:
        UsageError: fp16 or tf32 on a CPU, or an unknown name.
    """

    def __init__(
        self, name: PrecisionName, device: torch.device, crew: Processes = ALONE
    ) -> None:
        if name not in PRECISIONS:
            raise UsageError(f"precision {name!r} came; choose one of {', '.join(PRECISIONS)}")
        if name in ("fp16", "tf32") and device.type == "cpu":
            raise UsageError(f"{name} needs a GPU; use fp32 or bf16 on a CPU")
        self.name = name
        self.crew = crew
        self._device = device
        # Where the steps are computed: to ask after each would make a GPU wait.
        self._skipped = torch.zeros((), dtype=torch.int64, device=device)
        # One scaler per network: an overflow in one must not halve the other's scale.
        self._scalers: dict[str, torch.amp.GradScaler] = {}
        self.settle()

    def settle(self) -> None:
        """Set the process's own switches, for who uses several arithmetics in turn.

        What stays in float32 is float32: a GPU's tensor cores would round its factors to 10 bits ("tf32",
        PyTorch's default for convolutions).
        """
        if self._device.type == "cuda":
            with warnings.catch_warnings():
                # torch 2.9 would rather have these by another name, which 2.6 does not know.
                warnings.filterwarnings("ignore", category=UserWarning)
                torch.backends.cudnn.allow_tf32 = self.name == "tf32"
                torch.backends.cuda.matmul.allow_tf32 = self.name == "tf32"

    @property
    def skipped(self) -> int:
        """Steps that fp16 left out because a gradient overflowed."""
        return int(self._skipped)

    @property
    def recomputes(self) -> bool:
        """Whether what the way back needs is made again there, in place of being kept in a GPU's memory."""
        return self.name in ("fp16", "bf16") and self._device.type == "cuda"

    def autocast(self) -> AbstractContextManager[object]:
        """Where the forward passes run. R1 and other penalties turn it off inside themselves."""
        if self.name in ("fp32", "tf32"):
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
    ) -> Tensor:
        """One optimiser step on ``loss``; gradients are clipped to a norm of ``clip``.

        Args:
            loss: scalar.
            optimiser: of one network.
            network: its name; each has its own loss scale.
            clip: largest norm of all gradients together; None clips nothing.

        Returns:
            () the norm before clipping; not finite where fp16 skipped the step.
        """
        optimiser.zero_grad(set_to_none=True)
        values = [p for group in optimiser.param_groups for p in group["params"]]
        if self.name != "fp16":
            torch.autograd.backward(loss)
            self._average(values)
            norm = _clipped(values, clip)
            optimiser.step()
            return norm.detach()
        scaler = self._scaler(network)
        torch.autograd.backward(scaler.scale(loss))
        self._average(
            values
        )  # before it is looked for overflows: one process's are everybody's
        scaler.unscale_(optimiser)
        norm = _clipped(values, clip).detach()
        scaler.step(optimiser)
        scaler.update()
        self._skipped.add_(~norm.isfinite())
        return norm

    def _average(self, values: list[Tensor]) -> None:
        self.crew.average([p.grad for p in values if p.grad is not None])

    def state(self) -> dict[str, object]:
        """Plain values, for a checkpoint."""
        scales = {name: scaler.state_dict() for name, scaler in self._scalers.items()}
        return {"skipped": self.skipped, "scalers": scales}

    def restore(self, state: dict[str, object]) -> None:
        """Inverse of :meth:`state`."""
        self._skipped.fill_(int(state.get("skipped", 0)))  # type: ignore[call-overload]
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
