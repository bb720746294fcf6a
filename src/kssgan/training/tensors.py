"""Named tensors: networks and optimisers, as checkpoints hold them, and figures of a step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kssgan.models.weights_file import load_weights

__all__ = ["numbers", "packed", "unpack"]


def numbers(parts: Mapping[str, Tensor]) -> dict[str, float]:
    """Figures of () each, asked for together, so that a GPU is waited for once."""
    values = torch.stack([value.detach().float() for value in parts.values()]).tolist()
    return dict(zip(parts, values, strict=True))


def packed(
    modules: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """Every tensor of weights and optimisers, by name."""
    found: dict[str, Tensor] = {}
    for name, module in modules.items():
        found |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        for number, values in optimiser.state_dict()["state"].items():
            for key, value in values.items():
                found[f"optimiser.{name}.{number}.{key}"] = torch.as_tensor(value)
    return found


def unpack(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> None:
    """Inverse of :func:`packed`.

    Raises:
        KeyError, RuntimeError, ValueError: tensors of other networks.
    """
    for name, module in modules.items():
        load_weights(module, tensors, name)
    for name, optimiser in optimisers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimiser.{name}."):
                number, entry = key.split(".")[2:]
                state.setdefault(int(number), {})[entry] = value
        whole = optimiser.state_dict()
        whole["state"] = state
        optimiser.load_state_dict(whole)
