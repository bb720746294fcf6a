"""What a training run can be told, with presets."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kssgan.errors import UsageError
from kssgan.files import read_toml
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.options import MOST_SEED, Options
from kssgan.training.precision import PRECISIONS, PrecisionName

__all__ = [
    "PRESETS",
    "Config",
    "CriticName",
    "TrainingConfig",
    "Turn",
    "check_takes_groups",
    "read_changes",
    "resolve",
]

CriticName = Literal["bands", "features"]
_CRITICS: tuple[CriticName, ...] = ("bands", "features")


@dataclass(frozen=True)
class Turn:
    """Whose turn a step is: first the drawer learns, then the refiner of what the drawer then draws.

    Attributes:
        refining: the refiner's.
        done: steps of this turn before this one.
        steps: of this turn.
    """

    refining: bool
    done: int
    steps: int


@dataclass(frozen=True)
class TrainingConfig(Options):
    """A training run.

    Attributes:
        preset: where the values started from.
        seed: of weights, groups, examples and noise.
        steps: how many, of both turns.
        refine_from: share of the steps that are the drawer's turn; the others are the refiner's. Schedules
            are parts of a turn.
        batch: examples per step.
        precision: "fp32", "tf32", "fp16" or "bf16".
        label: the attribute that the generator draws.
        size: side of the pictures; 256 is the only one that a prepared file holds.
        widths: of the drawer, which makes the head at half size.
        refine_coarse: of the refiner, channels at a quarter of the size.
        refine_fine: of the refiner, channels at half of it.
        refine_blocks: of the refiner.
        critic: of the drawer: "bands" learns to see from pixels and wants many steps, "features" judges what
            the landmark network sees and wants few.
        critic_widths: of critics that learn from pixels.
        feature_width: of the other's judges.
        style: length of a code's vector.
        layout: channels of a code's map.
        donors: how many heads are learnt, 0 for all. Each code is learnt by itself, so a short run does
            better with few: a head should come up a hundred times.
        bank: lessons held in memory (one S_g with ``pictures`` composites each, 1 MB).
        refresh: new lessons per step.
        pictures: composites per lesson.
        ghosted: share of the lessons that are a donor's photograph, to be found in its average with warped
            copies of itself, in place of composites.
        rate: Adam's, of the generator.
        rate_codes: of the codes.
        rate_critic: of the critic.
        warmup: steps over which rates rise; then they fall along a cosine to a fiftieth.
        clip: largest norm of a gradient.
        bands: weight of the fine Haar bands in the reconstruction.
        colour: weight of the colours in the drawer's reconstruction.
        shrink: weight of the codes' mean square.
        critic_from: share of the drawer's turn after which its critic takes part.
        critic_ramp: share of a turn over which a critic's weight rises.
        anew: factor on the drawer's rates with which their schedule begins anew where its critic comes in; 0
            goes on along the one schedule of the turn.
        adversarial: weight of the critic in the drawer's loss.
        matching: weight, beside the critic's, of agreement in its features where the answer is known.
        crops: photographs that the refiner learns from in a step.
        drawings: drawings that it learns from beside them, a quarter of lessons, the others with fresh codes.
        crop: side of the square that it sees of each, a multiple of 16.
        refine_rate: Adam's, of the refiner.
        refine_critic_from: share of the refiner's turn after which its critic takes part.
        refine_drawings_from: share of it after which it learns from drawings too.
        refine_adversarial: weight of the critic in the refiner's loss.
        refine_drawings: factor on that weight for drawings.
        texture: weight of agreement in texture in the refiner's loss.
        mixed: weight of drawings with mixed codes beside those with a donor's.
        coarse: weight that keeps the face of those drawings where S_g has it.
        r1: weight of the gradient penalty of the drawer's critic; 0 leaves it out.
        refine_r1: the same of the refiner's.
        r1_every: steps between penalties.
        ema: decay of the averaged weights, which are what is exported.
        log_every: steps between lines of the log.
        check_every: steps between looks at the people held out.
        save_every: steps between checkpoints.
        check: lessons of people held out.
    """

    preset: str = "robust"
    seed: int = 0
    steps: int = 3000
    refine_from: float = 0.6
    batch: int = 8
    precision: PrecisionName = "fp32"
    label: str = "expression"
    size: int = 256
    widths: tuple[int, ...] = (32, 64, 128, 192)
    refine_coarse: int = 48
    refine_fine: int = 24
    refine_blocks: int = 3
    critic: CriticName = "bands"
    critic_widths: tuple[int, ...] = (24, 48, 96, 128)
    feature_width: int = 64
    style: int = 64
    layout: int = 16
    donors: int = 120
    bank: int = 300
    refresh: float = 0.2
    pictures: int = 4
    ghosted: float = 0.0
    rate: float = 1e-3
    rate_codes: float = 1e-2
    rate_critic: float = 2e-4
    warmup: int = 100
    clip: float = 1.0
    bands: float = 1.0
    colour: float = 2.0
    shrink: float = 1e-4
    critic_from: float = 0.5
    critic_ramp: float = 0.1
    anew: float = 0.0
    adversarial: float = 0.01
    matching: float = 10.0
    crops: int = 6
    drawings: int = 4
    crop: int = 128
    refine_rate: float = 6e-4
    refine_drawings_from: float = 0.3
    refine_drawings: float = 0.3
    refine_critic_from: float = 0.1
    refine_adversarial: float = 0.03
    texture: float = 0.5
    mixed: float = 0.5
    coarse: float = 1.0
    r1: float = 10.0
    refine_r1: float = 1.0
    r1_every: int = 8
    ema: float = 0.998
    log_every: int = 20
    check_every: int = 200
    save_every: int = 200
    check: int = 12

    def __post_init__(self) -> None:
        problems = self._not_finite()
        if self.donors != 0 and self.donors < 3:
            problems.append(f"donors is {self.donors}; 3 or more, or 0 for all, was wanted")
        for name in (
            *("steps", "batch", "bank", "pictures", "check", "style", "layout"),
            *("refine_coarse", "refine_fine", "crops", "drawings", "feature_width"),
        ):
            if getattr(self, name) < 1:
                problems.append(f"{name} is {getattr(self, name)}, at least 1 was wanted")
        for name in ("log_every", "check_every", "save_every", "r1_every"):
            if getattr(self, name) < 1:
                problems.append(f"{name} is {getattr(self, name)}, at least 1 was wanted")
        for name in ("rate", "rate_codes", "rate_critic", "refine_rate", "clip"):
            if not getattr(self, name) > 0:
                problems.append(f"{name} is {getattr(self, name)}, above 0 was wanted")
        if not 0 <= self.seed < MOST_SEED:
            problems.append(f"seed is {self.seed}, 0 to {MOST_SEED - 1} was wanted")
        if self.size != 256:
            problems.append(f"size is {self.size}, but prepared crops are 256")
        for name, least in (("widths", 4), ("critic_widths", 2)):
            widths = getattr(self, name)
            if not least <= len(widths) <= 6 or min(widths, default=0) < 1:
                problems.append(f"{name} wants {least} to 6 numbers above 0")
        if not 0 <= self.ghosted <= 1:
            problems.append(f"ghosted is {self.ghosted}, 0 to 1 was wanted")
        if not 0 <= self.ema < 1:
            problems.append(f"ema is {self.ema}, 0 up to 1 was wanted")
        for name in (
            "refresh",
            "critic_from",
            "refine_from",
            "refine_critic_from",
            "refine_drawings_from",
            "refine_drawings",
            "texture",
            "refine_blocks",
            "anew",
            "r1",
            "refine_r1",
        ):
            if not getattr(self, name) >= 0:
                problems.append(f"{name} is {getattr(self, name)}, 0 or more was wanted")
        if not 32 <= self.crop <= self.size or self.crop % 16:
            problems.append(
                f"crop is {self.crop}, a multiple of 16 from 32 to {self.size} was wanted"
            )
        if self.critic not in _CRITICS:
            problems.append(f"critic {self.critic!r}; choose one of {', '.join(_CRITICS)}")
        if self.precision not in PRECISIONS:
            problems.append(
                f"precision {self.precision!r}; choose one of {', '.join(PRECISIONS)}"
            )
        if problems:
            raise UsageError("; ".join(problems))

    def turn(self, step: int) -> Turn:
        """Whose turn a step is."""
        first = round(min(self.refine_from, 1) * self.steps)
        if step < first:
            return Turn(False, step, first)
        return Turn(True, step - first, max(1, self.steps - first))

    def schedule(self, step: int) -> tuple[float, Turn]:
        """Along which part of its turn a step's rates rise and fall, and the factor on all of them."""
        turn = self.turn(step)
        first = math.ceil(
            min(self.critic_from, 1) * turn.steps
        )  # as a critic's weight counts it
        if turn.refining or not self.anew or first >= turn.steps:
            return 1.0, turn
        if turn.done < first:
            return 1.0, Turn(False, turn.done, first)
        return self.anew, Turn(False, turn.done - first, turn.steps - first)


Config = TrainingConfig | GalleryConfig
"""A run's configuration: of a generator that serves any group, or of one gallery."""

# What is shipped: 70 minutes of two CPU cores. 7,000 steps with pairs alone, then 200 with a critic that sees
# already; more of those draw a weave. Fine detail is lent, so the refiner has nothing to add.
_ROBUST = TrainingConfig(
    steps=7200,
    refine_from=1.0,
    donors=240,
    critic="features",
    critic_from=0.9722223,
    critic_ramp=0.02,
    anew=0.3,
    rate_critic=1e-3,
    adversarial=0.02,
    matching=1.0,
    mixed=2.0,
    r1=0.02,
)

PRESETS: Mapping[str, Config] = {
    # Proves that everything runs: a small generator, a handful of lessons.
    "smoke": TrainingConfig(
        preset="smoke",
        steps=16,
        batch=2,
        widths=(8, 12, 16, 24),
        refine_coarse=8,
        refine_fine=8,
        refine_blocks=1,
        critic_widths=(8, 12, 16),
        crops=2,
        drawings=2,
        crop=64,
        style=8,
        layout=4,
        bank=4,
        refresh=0.25,
        pictures=2,
        rate=3e-3,
        warmup=2,
        critic_from=0.5,
        critic_ramp=0.25,
        r1_every=4,
        ema=0.8,
        log_every=4,
        check_every=8,
        save_every=8,
        check=2,
    ),
    # To try things: a ninth as long, with as few heads as so short a run teaches.
    "small": replace(_ROBUST, preset="small", steps=800, donors=32, critic_from=0.9375),
    "robust": _ROBUST,
    # Algorithm 2 with StarGAN's networks, for one gallery.
    "paper": GalleryConfig(),
    # StarGAN: the L1 cycle in place of the Siamese similarity, photographs as they are; the baseline.
    "stargan": GalleryConfig(
        preset="stargan", reconstruction="l1", strict=0.0, z=0, lambda_released=0.0
    ),
}
"""Starting points; minutes on two CPU cores: ``smoke`` less than one, ``small`` 9, ``robust`` 70; the
others want a GPU."""


def check_takes_groups(config: Config) -> None:
    """Refuse groups where they would say nothing.

    Raises:
        UsageError: the run's generator serves any groups.
    """
    if not isinstance(config, GalleryConfig):
        raise UsageError(
            f"groups came, but preset {config.preset} serves any groups; use paper or stargan, or leave "
            "--groups out"
        )


def resolve(
    preset: str | None,
    *,
    config: Path | None = None,
    changes: Mapping[str, Any] | None = None,
    usual: str = "robust",
) -> Config:
    """The configuration of a run: a preset, then a TOML file, then single options.

    Args:
        preset: one of :data:`PRESETS`; None takes the file's ``preset``, and ``usual`` where it has none.
        config: TOML with names of :class:`TrainingConfig`, or of :class:`GalleryConfig`, at the top level.
        changes: options; those that are None are left out.
        usual: the preset where nobody names one.

    Raises:
        UsageError: a preset among the options, an unknown preset or option, a file that is no TOML, a value
            that cannot be.
    """
    told = {} if config is None else read_toml(config, "the configuration")
    changes = {k: v for k, v in (changes or {}).items() if v is not None}
    if "preset" in changes:
        raise UsageError(f"preset = {changes['preset']} came as an option; give --preset")
    preset = preset or told.get("preset", usual)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise UsageError(f"preset {preset!r} came; choose one of {', '.join(PRESETS)}")
    values = PRESETS[preset].to_json() | told
    values |= changes | {"preset": preset}
    return type(PRESETS[preset]).from_json(values)


def read_changes(pairs: Sequence[str]) -> dict[str, Any]:
    """Options given as NAME=VALUE, values as in TOML.

    Raises:
        UsageError: another form.

    >>> read_changes(["bank=4000", "widths=[32, 64, 96]", "label=expression"])
    {'bank': 4000, 'widths': [32, 64, 96], 'label': 'expression'}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(
                f"--set {pair!r} came, NAME=VALUE was wanted, for example bank=4000"
            )
        try:
            found[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[name.strip()] = value.strip()
    return found
