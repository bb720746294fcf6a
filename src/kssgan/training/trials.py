"""Short runs of the paper's recipe that are scored and forgotten: what a tuner asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch

from kssgan.errors import TrainingFailed, UsageError
from kssgan.training.gallery import Gallery
from kssgan.training.gallery_config import GalleryConfig, Grouping
from kssgan.training.gallery_data import Material, gallery_material
from kssgan.training.precision import Precision, not_finite
from kssgan.training.prepared import Prepared
from kssgan.training.score import validation_score
from kssgan.types import IntArray

__all__ = ["ALL", "GalleryTrials", "Told"]

ALL = "all"
"""The word for all of the file's attributes, where a parameter names a label scheme."""
_LOOKS = 3
_LINES = 15


class Told(Protocol):
    """Hears of a trial while it runs, and may end it by raising."""

    def __call__(self, step: int, score: float, **beside: float) -> None:
        """The score after some steps."""

    def log(self, step: int, **values: float) -> None:
        """Figures that judge nothing."""

    def note(self, **facts: float) -> None:
        """Figures of the whole trial."""


class GalleryTrials:
    """Runs that differ in their options, on one collection.

    Groups are of training people. People held out are the jury, one half of them for the score that is
    tuned; the other half is asked once at the end, so that its opinion was never optimised.

    Args:
        data: the collection.
        base: the configuration, whose ``steps`` are a trial's.
        group: forms the groups, -1 for people held out.
        device: where.

    Raises:
        UsageError: fewer than four people are held out.
    """

    def __init__(
        self,
        data: Prepared,
        base: GalleryConfig,
        group: Callable[[GalleryConfig], IntArray],
        *,
        device: torch.device,
    ) -> None:
        people = np.unique(data.subject[data.held_out])
        if len(people) < 4:
            raise UsageError(
                f"{len(people)} people are held out, at least 4 are needed to judge trials; prepare the file "
                "with a larger --held-out"
            )
        self._data, self._base, self._group, self._device = data, base, group, device
        self._judges, self._others = (
            np.flatnonzero(np.isin(data.subject, people[first::2])) for first in (0, 1)
        )
        self._made: dict[tuple[Grouping, int, int], tuple[IntArray, Material]] = {}

    def config(self, values: Mapping[str, Any]) -> GalleryConfig:
        """The configuration with some values; a label scheme is a word such as "expression+gender".

        Raises:
            UsageError: values that cannot be.
        """
        changes = dict(values)
        if "attributes" in changes:
            named = str(changes["attributes"])
            changes["attributes"] = () if named == ALL else tuple(named.split("+"))
        return replace(self._base, **changes)

    def values(self, names: list[str]) -> dict[str, Any]:
        """Inverse of :meth:`config` for the base: its values of some options."""
        found = {name: getattr(self._base, name) for name in names}
        if "attributes" in found:
            found["attributes"] = "+".join(found["attributes"]) or ALL
        return found

    def score(self, values: Mapping[str, Any], told: Told) -> float:
        """Train and judge; lower is better.

        Args:
            values: options that differ from the base.
            told: hears scores with the training loss, and at the end "held_out", the score by the other half.

        Raises:
            UsageError: values that cannot be.
            TrainingFailed: a loss is no longer a number.
        """
        config = self.config(values)
        groups, material = self._material(config)
        gallery = Gallery(
            self._data,
            config,
            self._device,
            Precision(config.precision, self._device),
            groups=groups,
            judges=self._judges,
            material=material,
        )
        jury = gallery.jury(self._judges)
        looks = math.ceil(config.steps / _LOOKS)
        every = math.ceil(config.steps / _LINES)
        losses: list[float] = []
        score = math.nan
        for step in range(1, config.steps + 1):
            losses.append(_loss(gallery.step(step - 1), config, step))
            if step % every == 0 or step == config.steps:
                told.log(step, loss=float(np.mean(losses)))
                losses.clear()
            if step % looks == 0 or step == config.steps:
                score = validation_score(gallery.figures(jury))
                told(step, score)
        final = gallery.figures(gallery.jury(self._others))
        told.note(held_out=validation_score(final), **final)
        return score

    def _material(self, config: GalleryConfig) -> tuple[IntArray, Material]:
        key = (config.grouping, config.k, config.size)
        if key not in self._made:
            groups = self._group(config)
            self._made[key] = groups, gallery_material(self._data, groups, config.size)
        return self._made[key]


def _loss(parts: Mapping[str, float], config: GalleryConfig, step: int) -> float:
    """Eq. 8 with the trial's own weights (the hinge of the batch's mean): not comparable between trials."""
    bad = not_finite(parts, config.precision)
    if bad:
        raise TrainingFailed(f"{', '.join(bad)} of step {step} is not a number")
    total = parts["generator.generator"]
    total += config.lambda_cls * (
        parts.get("generator.attributes", 0.0) + parts.get("generator.group", 0.0)
    )
    margin = config.margin if config.reconstruction == "siamese" else 0.0
    for name, weight in (("released", config.lambda_released), ("cycle", config.lambda_rec)):
        total += weight * max(0.0, parts.get(f"generator.{name}", margin) - margin)
    return total
