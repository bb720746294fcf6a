"""Network and proxies of k-Same-Net as one safetensors file in half precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse

from kssgan.errors import WeightsError
from kssgan.models.proxy_network import ProxyConfig, ProxyNetwork
from kssgan.models.weights_file import about, half_weights, load_weights, to_bytes
from kssgan.types import FloatArray

__all__ = ["FORMAT", "StoredProxies", "read_proxies", "write_proxies"]

FORMAT = "kssgan-proxies/1"


@dataclass(frozen=True)
class StoredProxies:
    """Everything that k-Same-Net needs to draw.

    Attributes:
        network: in evaluation mode, float32; knows P proxies.
        embeddings: (P, D) float32, unit length: mean of each proxy's photos.
        genders: P categories, "" where it is not known.
        labels: the expressions, in the order of the one-hot label.
        facts: where it came from: data, recipe, seed, steps; no names.
    """

    network: ProxyNetwork
    embeddings: FloatArray
    genders: Sequence[str]
    labels: Sequence[str]
    facts: Mapping[str, Any]


def write_proxies(stored: StoredProxies) -> bytes:
    """Bytes for :func:`read_proxies`; equal content gives equal bytes."""
    tensors = half_weights(stored.network, "network")
    tensors["embeddings"] = torch.from_numpy(
        np.ascontiguousarray(stored.embeddings, np.float16)
    )
    said = {
        "format": FORMAT,
        "config": stored.network.config.to_json(),
        "genders": list(stored.genders),
        "labels": list(stored.labels),
        "facts": dict(stored.facts),
    }
    return to_bytes(tensors, said)


def read_proxies(data: bytes) -> StoredProxies:
    """Read what :func:`write_proxies` wrote.

    Raises:
        WeightsError: not such a file, of another version, or damaged.
    """
    said = about(data)
    if said is None or said.get("format") != FORMAT:
        raise WeightsError(
            f"these are no weights of k-Same-Net ({FORMAT}); give a file that "
            f"tools/train_k_same_net.py wrote"
        )
    try:
        tensors = {name: value.float() for name, value in parse(data).items()}
        network = ProxyNetwork(ProxyConfig.from_json(said["config"]))
        load_weights(network, tensors, "network")
        embeddings = tensors["embeddings"].numpy()
        genders, labels = tuple(said["genders"]), tuple(said["labels"])
        config = network.config
        if embeddings.ndim != 2 or {len(embeddings), len(genders)} != {config.proxies}:
            raise ValueError("proxies, embeddings and genders differ in number")
        if len(labels) != config.labels:
            raise ValueError("expressions differ in number")
        if not all(bool(value.isfinite().all()) for value in tensors.values()):
            raise ValueError("a number is not finite")
        facts = dict(said["facts"])
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"the weights of k-Same-Net are damaged ({type(error).__name__}); copy or train them again"
        ) from None
    return StoredProxies(
        network.eval().requires_grad_(False), embeddings, genders, labels, facts
    )
