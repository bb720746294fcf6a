"""What a run on one gallery of fixed groups can be told: the paper's own training, and StarGAN's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kssgan.errors import UsageError
from kssgan.models.siamese import SiameseConfig
from kssgan.models.star_critic import StarCriticConfig
from kssgan.models.star_generator import StarGeneratorConfig, Upsampling
from kssgan.training.options import MOST_SEED
from kssgan.training.precision import PRECISIONS, PrecisionName
from kssgan.training.siamese_settings import Adversarial, Reconstruction, SiameseSettings

__all__ = ["GalleryConfig", "Grouping"]

Grouping = Literal["mdav", "k-same"]


@dataclass(frozen=True)
class GalleryConfig(SiameseSettings):
    """A run of Algorithm 2 on a gallery: settings of a step and what else a run needs; as preset ``paper``.

    Attributes:
        preset: where the values started from.
        seed: of weights, batches, z and noise.
        steps: updates of the generator; the critic has ``n_critic`` times as many.
        batch: photographs per update.
        precision: "fp32", "tf32", "fp16" or "bf16".
        k: people of each group, for whoever forms the groups; 0 leaves it to ``--groups``.
        grouping: how they are gathered, "mdav" or "k-same".
        attributes: of the file's labels, those that G is told and D tells; () takes all.
        size: side of the pictures: 256 divided by a power of two.
        strict: share of a batch for which G reads S_g; for the others it reads a photograph, as in utility
            mode. 1 never shows it a photograph.
        z: length of z, drawn anew for every picture, and once for each group when a release is drawn.
        modulate: whether z modulates every layer of G (style); else it is a part of c, and the networks have
            StarGAN's shape.
        noise: whether noise is injected into G.
        upsample: "transposed" as StarGAN, or "resize".
        width: channels of G and D at their largest size.
        blocks: residual ones of G.
        depth: steps down of D.
        twin_widths: channels of the Siamese twin.
        twin_features: length of its features.
        ema: decay of the averaged generator, which is what is exported.
        replay: record a step once on a GPU and replay it (:class:`kssgan.training.replay.Replay`); False
            launches every operation by itself.
        log_every: steps between lines of the log.
        check_every: steps between looks.
        save_every: steps between checkpoints.
        check: pictures of a look.

    Reference: kSS-GAN (Pan et al. 2019), Algorithm 2; StarGAN (Choi et al. 2018).
    """

    preset: str = "paper"
    seed: int = 0
    steps: int = 40000
    batch: int = 16
    precision: PrecisionName = "fp32"
    k: int = 0
    grouping: Grouping = "mdav"
    attributes: tuple[str, ...] = ()
    size: int = 128
    strict: float = 0.5
    z: int = 8
    modulate: bool = False
    noise: bool = False
    upsample: Upsampling = "transposed"
    width: int = 64
    blocks: int = 6
    depth: int = 6
    twin_widths: tuple[int, ...] = (32, 64, 128, 256)
    twin_features: int = 128
    ema: float = 0.999
    replay: bool = True
    log_every: int = 20
    check_every: int = 500
    save_every: int = 500
    check: int = 32

    def __post_init__(self) -> None:
        problems = self._not_finite()
        least = {"steps": 1, "batch": 1, "width": 1, "depth": 1, "n_critic": 1, "check": 1}
        least |= {"blocks": 0, "z": 0, "k": 0, "seed": 0, "twin_features": 1}
        least |= {"log_every": 1, "check_every": 1, "save_every": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                problems.append(
                    f"{name} is {getattr(self, name)}, at least {lowest} was wanted"
                )
        if self.seed >= MOST_SEED:
            problems.append(f"seed is {self.seed}, below {MOST_SEED} was wanted")
        for name in ("lambda_gp", "lambda_cls", "lambda_rec", "lambda_released", "twin_margin"):
            if not getattr(self, name) >= 0:
                problems.append(f"{name} is {getattr(self, name)}, 0 or more was wanted")
        for name in ("strict", "margin"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(f"{name} is {getattr(self, name)}, 0 to 1 was wanted")
        for name in ("beta1", "beta2", "ema"):
            if not 0 <= getattr(self, name) < 1:
                problems.append(f"{name} is {getattr(self, name)}, 0 up to 1 was wanted")
        if self.modulate and not self.z:
            problems.append("modulate wants z above 0")
        if not self.rate > 0:
            problems.append(f"rate is {self.rate}, above 0 was wanted")
        if self.size not in (16, 32, 64, 128, 256):
            problems.append(f"size is {self.size}; 16, 32, 64, 128 or 256 was wanted")
        elif self.depth >= 1 and self.size % 2**self.depth:
            problems.append(
                f"depth is {self.depth}, but a picture of {self.size} cannot be halved so often"
            )
        if not self.twin_widths or min(self.twin_widths) < 1:
            problems.append("twin_widths wants numbers above 0")
        choices = {
            "precision": PRECISIONS,
            "grouping": get_args(Grouping),
            "adversarial": get_args(Adversarial),
            "reconstruction": get_args(Reconstruction),
            "upsample": get_args(Upsampling),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                problems.append(
                    f"{name} {getattr(self, name)!r}; choose one of {', '.join(known)}"
                )
        if problems:
            raise UsageError("; ".join(problems))

    def generator(self, conditions: int) -> StarGeneratorConfig:
        """Shape of G for so many conditions."""
        return StarGeneratorConfig(
            conditions=conditions,
            width=self.width,
            blocks=self.blocks,
            style=self.z if self.modulate else 0,
            noise=self.noise,
            upsample=self.upsample,
        )

    def critic(self, attributes: tuple[int, ...], groups: int) -> StarCriticConfig:
        """Shape of D."""
        return StarCriticConfig(
            size=self.size,
            width=self.width,
            depth=self.depth,
            attributes=attributes,
            groups=groups,
        )

    def twin(self) -> SiameseConfig | None:
        """Shape of the twin, None where nothing asks it."""
        if self.reconstruction != "siamese":
            return None
        return SiameseConfig(widths=self.twin_widths, features=self.twin_features)
