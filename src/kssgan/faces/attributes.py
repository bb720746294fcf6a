"""Probes: what a face shows (expression) and whom (gender, age band), read off the recogniser's features.

Each probe is a multinomial logistic classifier on features that are computed anyway: the embedding, or the
map that the recogniser sees on its way to it. It says how likely each category is, and it *declines* where
the likeliest one is not likely enough: then nothing is said of this attribute. The probabilities are
calibrated on people that a probe has not seen, for categories that are equally frequent.

What they get right and whom they get wrong is in ``docs/probes.md``. They know two expressions and no
children. They describe how a face looks to a network, not who somebody is: a user's own labels go before.

Reference: Alain, Bengio 2016, "Understanding intermediate layers using linear classifier probes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from kssgan import weights
from kssgan.errors import WeightsError
from kssgan.faces.embed import DIMENSIONS, MAP_SHAPE
from kssgan.types import BoolArray, FloatArray

__all__ = ["PROBES", "ProbeKind", "Probes", "Reading"]


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """What one probe looks at and what it can say.

    Attributes:
        features: "embedding" (128 numbers) or "map" (2,560).
        categories: in the order of its probabilities.
    """

    features: Literal["embedding", "map"]
    categories: tuple[str, ...]

    @property
    def width(self) -> int:
        """F, the number of features."""
        return DIMENSIONS if self.features == "embedding" else prod(MAP_SHAPE)


PROBES: Mapping[str, ProbeKind] = MappingProxyType(
    {
        "expression": ProbeKind("map", ("neutral", "happy")),
        "gender": ProbeKind("embedding", ("female", "male")),
        "age": ProbeKind("embedding", ("young", "middle", "senior")),
    }
)
"""The probes by attribute. Their categories are some of those that a user's table may name."""


_ALWAYS = ("expression",)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one probe says of N faces.

    Attributes:
        categories: C of them.
        probability: (N, C) float32 in [0, 1]; each row adds up to 1.
        declined: (N,) whether the likeliest category is too unlikely to be said.
    """

    categories: tuple[str, ...]
    probability: FloatArray
    declined: BoolArray

    @property
    def labels(self) -> tuple[str | None, ...]:
        """Per face the likeliest category (the first of equals), None where the probe declined.

        >>> likely = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
        >>> Reading(("neutral", "happy"), likely, np.array([False, True])).labels
        ('neutral', None)
        """
        return tuple(
            None if no else category
            for category, no in zip(self.likeliest, self.declined.tolist(), strict=True)
        )

    @property
    def likeliest(self) -> tuple[str | None, ...]:
        """Per face the likeliest category (the first of equals), None where nothing could be computed."""
        return tuple(
            self.categories[int(row.argmax())] if np.isfinite(row).all() else None
            for row in self.probability
        )


@dataclass(frozen=True, slots=True)
class _Probe:
    """One classifier: a row of ``weight`` (C, F) and an entry of ``bias`` (C,) per category."""

    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    least: float


class Probes:
    """All probes of :data:`PROBES`.

    Args:
        arrays: per attribute ``NAME.weight`` (C, F), ``NAME.bias`` (C,) and ``NAME.least`` (), the
            probability below which the probe declines; left out, the shipped weights are loaded and verified.

    Raises:
        WeightsError: an array is missing or has another shape; shipped weights are missing or damaged.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.generic]] | None = None) -> None:
        arrays = weights.load("probes") if arrays is None else arrays
        self._probes: dict[str, _Probe] = {}
        for name, kind in PROBES.items():
            count = len(kind.categories)
            weight, bias, least = (
                _array(arrays, f"{name}.{part}", shape)
                for part, shape in (
                    ("weight", (count, kind.width)),
                    ("bias", (count,)),
                    ("least", ()),
                )
            )
            self._probes[name] = _Probe(weight, bias, float(least))

    def read(self, embeddings: FloatArray, maps: FloatArray) -> dict[str, Reading]:
        """Ask every probe about N faces.

        Args:
            embeddings: (N, 128) float32, unit length.
            maps: (N, 128, 5, 4) float32, of the same faces; both from
                :meth:`kssgan.faces.embed.Recogniser.embed_with_maps`.

        Returns:
            One reading per attribute. What is said of a face does not depend on the others, to the last bit.

        Raises:
            ValueError: other shapes, or numbers of faces that differ.
        """
        if (
            embeddings.shape[1:] != (DIMENSIONS,)
            or maps.shape[1:] != MAP_SHAPE
            or len(maps) != len(embeddings)
        ):
            raise ValueError(
                f"embeddings of shape {embeddings.shape} and maps of shape {maps.shape} came; "
                f"(N, {DIMENSIONS}) and (N, {', '.join(map(str, MAP_SHAPE))}) were wanted"
            )
        features = {"embedding": embeddings, "map": maps.reshape(len(maps), prod(MAP_SHAPE))}
        found = {}
        for name, probe in self._probes.items():
            kind = PROBES[name]
            probability = np.empty((len(embeddings), len(kind.categories)), np.float32)
            for row, face in enumerate(features[kind.features]):
                probability[row] = _probability(probe, face)
            likeliest = probability.max(1, initial=0)
            found[name] = Reading(
                kind.categories, probability, ~(likeliest >= np.float32(probe.least))
            )
        return found

    def labels(self, embeddings: FloatArray, maps: FloatArray) -> list[dict[str, str]]:
        """Category by attribute of each face; attributes whose probe declined are absent.

        An expression is always told: some expression is drawn for every photo, and the likelier one is
        right more often than the usual one of a group, which would stand in for it.

        Args and errors as of :meth:`read`.
        """
        said = {
            name: reading.likeliest if name in _ALWAYS else reading.labels
            for name, reading in self.read(embeddings, maps).items()
        }
        return [
            {name: label for name, of in said.items() if (label := of[row]) is not None}
            for row in range(len(embeddings))
        ]


def _array(
    arrays: Mapping[str, npt.NDArray[np.generic]], name: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    found = arrays.get(name)
    if found is None or found.shape != shape or not np.isfinite(found.astype(np.float64)).all():
        came = "nothing" if found is None else f"shape {found.shape}"
        raise WeightsError(
            f"weights 'probes' do not fit this version: for {name} {came} came, finite numbers of shape "
            f"{shape} were wanted; reinstall kssgan"
        )
    return found.astype(np.float64)


def _probability(probe: _Probe, face: FloatArray) -> npt.NDArray[np.float64]:
    # A sum of products and no matrix product: its bits do not depend on how many threads or faces there are.
    score = (probe.weight * face).sum(1) + probe.bias
    power = np.exp(score - score.max())
    likely: npt.NDArray[np.float64] = power / power.sum()
    return likely
