"""The paper's own recipe: Algorithm 2 on the people of one gallery, whose groups are fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import UsageError
from kssgan.models.drawing import picture_u8
from kssgan.models.star_generator import StarGenerator
from kssgan.models.stored_gallery import StoredGallery, write_gallery
from kssgan.training.data import laplacian_variance
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.gallery_data import GalleryData, Material, Question
from kssgan.training.jury import Jury, held_out_jury, own_jury
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared
from kssgan.training.replay import Replay
from kssgan.training.score import sliced_distance, validation_score
from kssgan.training.siamese_batch import conditions
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.tensors import packed, unpack
from kssgan.types import IntArray, U8Array

__all__ = ["Gallery"]

_SHOWN = 10
_BYTES = 4
_STEP_BITS = 24


class Gallery:
    """A :class:`kssgan.training.recipe.Recipe`.

    Args:
        data: the gallery.
        config: what to do.
        device: where.
        precision: of the arithmetic.
        groups: (N,) group of each photo; -1 takes no part.
        judges: rows of people in no group, for looks; by default all that the file holds out and no group
            has. Without any, people of the gallery judge.
        material: of :func:`kssgan.training.gallery_data.gallery_material`, where it was made before.

    Raises:
        UsageError: no groups, groups of too few people, unknown attributes, or a batch larger than the data.
    """

    def __init__(
        self,
        data: Prepared,
        config: GalleryConfig,
        device: torch.device,
        precision: Precision,
        *,
        groups: IntArray | None,
        judges: IntArray | None = None,
        material: Material | None = None,
    ) -> None:
        if groups is None:
            raise UsageError(
                f"preset {config.preset} learns the groups of one gallery; give --groups K, the people that "
                "each group shall have"
            )
        precision.crew.check_batch(config.batch)
        self._config, self._precision = config, precision
        self.data = GalleryData(data, groups, config, device, material=material)
        self._file = data
        self._judges = (
            np.flatnonzero(data.held_out & (groups < 0)) if judges is None else judges
        )
        counts = self.data.counts
        told = () if config.modulate else (config.z,)
        width = self.data.groups + sum(told) + sum(counts)
        self.networks = SiameseNetworks(
            config.generator(width),
            config.critic(counts, self.data.groups),
            config.twin(),
            config,
            seed=config.seed,
            device=device,
        )
        self.average = StarGenerator(config.generator(width)).to(device).requires_grad_(False)
        self.average.load_state_dict(self.networks.generator.state_dict())
        self._device = device
        self._improve = Replay(self.networks, config, precision, device, record=config.replay)

    def begin(self, step: int, stopped: Callable[[], bool]) -> bool:
        """Call the jury."""
        del step, stopped
        self._jury = self.jury(self._judges)
        return True

    def jury(self, judges: IntArray) -> Jury:
        """Who judges: these rows of the file, or without any the gallery itself."""
        if not len(judges):
            return own_jury(self.data, self._config.check)
        return held_out_jury(self._file, judges, self.data, self._config.size, self._device)

    def step(self, step: int) -> dict[str, float]:
        """Algorithm 2, once."""
        config = self._config
        own = self._precision.crew.own
        batches = [own(self.data.batch(step, turn)) for turn in range(config.n_critic)]
        pairs = own(self.data.pairs(step)) if config.twin() else None
        parts = self._improve(batches, pairs, self._seed(step))
        self._follow(step)
        return parts

    def _seed(self, step: int) -> int:
        """Of a step's noise: every process has its own pictures, so noise of its own."""
        # A generator on a CPU heeds the lower 32 bits alone.
        rank = self._precision.crew.rank << _STEP_BITS
        return (self._config.seed << 32) + rank + step

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        decay = min(self._config.ema, (1 + step) / (10 + step))
        mine: list[Tensor] = list(self.average.parameters())
        theirs: list[Tensor] = list(self.networks.generator.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    @torch.no_grad()
    def look(self) -> tuple[dict[str, float], U8Array]:
        """Pictures of the groups with every attribute asked for in turn, from S_g and from photographs.

        Figures are by people held out, where the file has some that are in no group.
        """
        return self.figures(self._jury), self._sheet()

    @torch.no_grad()
    def figures(self, jury: Jury) -> dict[str, float]:
        """What a jury finds of the averaged generator."""
        config = self._config
        question = self.data.question(config.check, jury.counts)
        drawn = self._answers(question, question.source, jury.told)
        missed = [
            (probe(drawn) != question.wanted[:, column].cpu()).float().mean()
            for column, probe in jury.probes.items()
        ]
        small = max(1, config.size // 16)
        ratio = laplacian_variance((drawn + 1) / 2).median() / laplacian_variance(
            (jury.photographs + 1) / 2
        ).median().clamp(min=1e-9)
        return {
            "sliced": sliced_distance(drawn, jury.photographs),
            "missed": float(torch.stack(missed).mean()) if missed else 0.0,
            "coarse": float(
                (F.avg_pool2d(drawn, small) - F.avg_pool2d(question.surrogate, small))
                .abs()
                .mean()
            ),
            "sharpness": float(ratio),
        }

    def _sheet(self) -> U8Array:
        question = self.data.question(min(_SHOWN, self._config.check))
        told = range(len(self.data.counts))
        drawn = self._answers(question, question.source, told)
        again = self._answers(question, question.real, told)
        rows = (question.surrogate, drawn, question.real, again)
        sheet = torch.cat([torch.cat(list(row), 2) for row in rows], 1)
        return picture_u8(sheet)

    def _answers(self, question: Question, source: Tensor, told: Iterable[int]) -> Tensor:
        code, style = question.code, question.style
        wanted = question.wanted[:, list(told)]
        found = []
        for start in range(0, len(source), 16):
            part = slice(start, start + 16)
            condition = conditions(code[part], wanted[part], self.data.counts)
            own = None if style is None else style[part]
            found.append(self.average(source[part], condition, own).float())
        return torch.cat(found)

    def score(self, figures: Mapping[str, float]) -> float:
        """The validation score of fixed weights."""
        return validation_score(figures)

    def state(self) -> dict[str, Tensor]:
        """Of networks, the average and optimisers."""
        found = packed(self._modules(), self.networks.optimisers)
        groups = np.frombuffer(bytes.fromhex(self._groups_digest()), np.uint8)
        return found | {"groups": torch.from_numpy(groups.copy())}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`."""
        if tensors["groups"].numpy().tobytes().hex() != self._groups_digest():
            raise UsageError(
                "RUN was begun with other groups; give the same --groups to --resume, or a new RUN"
            )
        unpack(tensors, self._modules(), self.networks.optimisers)

    def _modules(self) -> dict[str, nn.Module]:
        return {"average": self.average, **self.networks.modules()}

    def _groups_digest(self) -> str:
        return hashlib.sha256(self.data.group.astype(np.int64).tobytes()).hexdigest()

    def more(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def export(self, facts: dict[str, Any], *, finished: bool) -> bytes:
        """A gallery's file: it holds embeddings of its people, to know them again."""
        del finished
        data, config = self.data, self._config
        return write_gallery(
            StoredGallery(
                self.average,
                config.size,
                config.z,
                data.k,
                data.labels,
                data.embedding,
                data.group,
                data.person,
                strict=config.strict > 0,
                utility=config.strict < 1,
                facts=facts,
            )
        )

    def note(self, parts: Mapping[str, float]) -> str:
        """The critic's estimate of the distance between photographs and drawings."""
        distance = -sum(parts.get(f"critic.critic_{side}", 0.0) for side in ("real", "fake"))
        return f"distance {distance:.2f}"

    def plan(self) -> dict[str, Any]:
        """Sizes, and a lower bound of the memory that a step needs."""
        config, data = self._config, self.data
        counts = {
            name: sum(p.numel() for p in module.parameters())
            for name, module in self.networks.modules().items()
        }
        # Weights, gradients and two moments of Adam; the average; one picture's features there and back.
        weights = _BYTES * (4 * sum(counts.values()) + counts["generator"])
        features = 2 * _BYTES * config.batch * config.size**2 * config.width * 14
        return {
            "parameters": counts,
            "data": {
                "photos": len(data.group),
                "people": int(np.unique(data.person).size),
                "groups": data.groups,
                "k": data.k,
                "labels": {name: list(kinds) for name, kinds in data.labels.items()},
            },
            "memory_bytes": weights + features,
        }
