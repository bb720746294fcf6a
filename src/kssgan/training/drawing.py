"""The recipe of the shipped generator: the drawer learns from examples, then the refiner of its drawings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import UsageError
from kssgan.models.stored import StoredGenerator, write_generator
from kssgan.training.ageing import ageing
from kssgan.training.bank import Bank
from kssgan.training.check import (
    Examiner,
    category_shapes,
    code_errors,
    code_table,
    fit_codes,
)
from kssgan.training.config import TrainingConfig
from kssgan.training.data import Photos, at_most, learnt_donors
from kssgan.training.face_detail import face_detail
from kssgan.training.face_space import face_space
from kssgan.training.feature_critic import FeatureCritic
from kssgan.training.head_detail import head_detail
from kssgan.training.log import Shown
from kssgan.training.means import public_means
from kssgan.training.networks import Networks, parameters
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared
from kssgan.training.refining import pieces
from kssgan.training.step import train_step
from kssgan.training.teacher import Teacher
from kssgan.types import U8Array

__all__ = ["Drawing"]

_USUAL_LABEL = TrainingConfig().label  # a file without it is trained on without labels
_USUAL = 96  # photographs by which a critic of features learns what is usual


class Drawing:
    """A :class:`kssgan.training.recipe.Recipe`.

    Args:
        data: the collection.
        config: what to do.
        device: where.
        precision: of the arithmetic.
        known: a generator whose weights and codes are the start, where they fit.
        more: of a checkpoint to go on from; None begins.

    Raises:
        UsageError: the collection is too small, or another than ``known`` learnt its donors from.
    """

    def __init__(
        self,
        data: Prepared,
        config: TrainingConfig,
        device: torch.device,
        precision: Precision,
        *,
        known: StoredGenerator | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        photos = Photos(data, device, donors=config.donors)
        theirs = [] if known is None else learnt_donors(known, data)
        kept: list[int] = list((more or {}).get("donors", []))
        if known is not None and config.turn(0).refining:
            # A drawer that stays as it is knows its own donors and no others.
            if not theirs:
                raise UsageError(
                    "the generator to start from was trained on another prepared file, so the drawer that "
                    "stays as it is knows none of these donors; give the file it was trained on, or let the "
                    "drawer learn too"
                )
            kept = theirs
        if kept:
            photos.keep_donors(kept)
        self._data, self._config, self._precision = data, config, precision
        self.photos = photos
        self._kept = kept
        if photos.scheme and config.label not in photos.scheme and config.label != _USUAL_LABEL:
            raise UsageError(
                f"label {config.label!r} came; the prepared file knows {', '.join(photos.scheme)}"
            )
        labels = len(photos.scheme.get(config.label, ()))
        self.networks = Networks(
            config, donors=len(photos.donors), labels=labels, device=device
        )
        if isinstance(self.networks.critic, FeatureCritic):
            usual = photos.crops(at_most(photos.donors, _USUAL))
            self.networks.critic.get_used_to(F.avg_pool2d(usual, 2) * 2 - 1)
        self.left = None
        if known is not None:
            mine = {row: place for place, row in enumerate(photos.donors.tolist())}
            places = [mine.get(row) for row in theirs]
            self.left = self.networks.start_from(known, places)
        self._examiner: Examiner | None = None

    def begin(self, step: int, stopped: Callable[[], bool]) -> bool:
        """Make the examiner's questions and the lessons of the bank."""
        config, photos = self._config, self.photos
        teacher = Teacher(
            photos,
            label=config.label,
            seed=config.seed,
            pictures=config.pictures,
            ghosted=config.ghosted,
        )
        self._bank = Bank(teacher, size=config.bank, refresh=config.refresh, seed=config.seed)
        self._mates = photos.mates(config.label)
        self._shapes = category_shapes(photos, config.label)
        self._public = public_means(photos, config.label)
        self._space = face_space(photos, config.label)
        self._face_detail = face_detail(photos, config.label)
        self._ageing = ageing(photos, config.label, self._space)
        self._examiner = Examiner(teacher, label=config.label, count=config.check)
        # At the end those of the last step: codes are graded by them.
        missing = self._bank.missing(min(step, config.steps - 1))
        with Shown("lessons", len(missing)) as shown:
            for number in missing:
                if stopped():
                    return False
                self._bank.make(number)
                shown.step()
        return True

    def step(self, step: int) -> dict[str, float]:
        """One turn of drawer or refiner."""
        config = self._config
        batch = self._bank.batch(step, config.batch)
        photographs = pieces(self.photos, config, step)
        return train_step(
            self.networks, batch, photographs, self._mates, config, self._precision, step
        )

    def look(self) -> tuple[dict[str, float], U8Array]:
        """Figures on people held out."""
        assert self._examiner is not None, "begin comes first"
        return self._examiner.examine(self.networks)

    def score(self, figures: Mapping[str, float]) -> float:
        """L1 to the teacher, and how far sharpness lies from that of photographs.

        L1 alone prefers fog; sharpness alone prefers noise.
        """
        mixed = figures.get("sharpness_mixed", figures["sharpness"])
        return figures["l1"] + 0.1 * abs(1 - min(mixed, 2.0))

    def state(self) -> dict[str, Tensor]:
        """Of networks and optimisers."""
        return self.networks.state()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`."""
        self.networks.restore(tensors)

    def more(self) -> dict[str, Any]:
        """Which donors this run has, where they are not all."""
        return {"donors": self._kept}

    def export(self, facts: dict[str, Any], *, finished: bool) -> bytes:
        """A generator's file."""
        photos, label = self.photos, self._config.label
        # Grading codes costs a minute, so only at the end.
        rows = fit_codes(photos, code_errors(self.networks, self._bank) if finished else None)
        stored = StoredGenerator(
            self.networks.average_generator,
            code_table(self.networks, photos, rows),
            {label: photos.scheme[label]} if label in photos.scheme else {},
            facts | {"donors": photos.donors[rows].tolist()},
            {label: self._shapes} if self._shapes else {},
            self._public,
            self._space,
            head_detail(photos, rows),
            self._face_detail,
            self._ageing,
        )
        return write_generator(stored)

    def note(self, parts: Mapping[str, float]) -> str:
        """The L1."""
        return f"l1 {parts.get('l1', parts.get('refine.l1', 0)):.4f}"

    def plan(self) -> dict[str, Any]:
        """Sizes."""
        networks, photos, data, config = self.networks, self.photos, self._data, self._config
        return {
            "parameters": {
                "drawer": parameters(networks.generator.drawer),
                "refiner": parameters(networks.generator.refiner),
                "codes": parameters(networks.codes),
                "critic": parameters(networks.critic),
                "refine_critic": parameters(networks.refine_critic),
            },
            "data": {
                "photos": len(data),
                "subjects": data.subjects,
                "train": len(photos.train),
                "held_out": len(photos.held_out),
                "donors": len(photos.donors),
                "labels": {config.label: list(data.scheme.get(config.label, ()))},
            },
            "memory_bytes": self._memory(),
            "bank_bytes": config.bank * (4 * config.pictures + 1) * 3 * (config.size // 2) ** 2,
        }

    def _memory(self) -> int:
        """A lower bound of what a step needs: weights with their optimisers, features of the largest maps."""
        networks, config = self.networks, self._config
        learnt = sum(
            parameters(module) for module in (networks.learner, *networks.critics.values())
        )
        weights = 4 * (4 * learnt + parameters(networks.learner))  # averages are as many
        half = (config.size // 2) ** 2 * config.batch * sum(config.widths[:2]) * 6
        fine = config.crop**2 * (config.crops + config.drawings) * config.refine_fine * 8
        return weights + 4 * max(half, fine)
