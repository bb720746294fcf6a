"""A ring of lessons, refreshed as training goes on: the teacher is slower than the generator on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.training.teacher import Lesson, Teacher

__all__ = ["Bank", "Batch", "gather"]


@dataclass(frozen=True)
class Batch:
    """Examples for one step, B of them, float32 on the device.

    Attributes:
        surrogate: (B, 3, H, W) S_g in [-1, 1]; half size where a bank made it.
        picture: (B, 3, 256, 256) composites in [-1, 1].
        donor: (B,) rows of the code table.
        label: (B,) category to draw, -1 where unknown.
        flipped: (B,) bool, mirrored examples.
        face: (B, 1, H, W) what is seen of S_g.
    """

    surrogate: Tensor
    picture: Tensor
    donor: Tensor
    label: Tensor
    flipped: Tensor
    face: Tensor


class Bank:
    """Lessons in memory, S_g at half size, at which heads are drawn.

    What it holds is a function of the step alone, so a resumed run holds the same.

    Args:
        teacher: makes the lessons.
        size: how many lessons are held.
        refresh: new lessons per step.
        seed: of the choice of examples.
    """

    def __init__(self, teacher: Teacher, *, size: int, refresh: float, seed: int) -> None:
        self.teacher = teacher
        self._size = size
        self._refresh = refresh
        self._seed = seed
        self._lessons: list[Lesson | None] = [None] * size
        self._held = [-1] * size

    def wanted(self, step: int) -> range:
        """Numbers of the groups that are held at a step."""
        made = self._size + int(self._refresh * step)
        return range(made - self._size, made)

    def missing(self, step: int) -> list[int]:
        """Numbers of the groups that have to be made for a step."""
        return [n for n in self.wanted(step) if self._held[n % self._size] != n]

    def make(self, number: int) -> None:
        """Make the lesson of one group and put it into its place."""
        self._lessons[number % self._size] = _halved(self.teacher.lesson(number))
        self._held[number % self._size] = number

    def held(self) -> list[Lesson]:
        """Lessons that are there, in a fixed order."""
        return [lesson for lesson in self._lessons if lesson is not None]

    def batch(self, step: int, size: int, *, flips: bool = True) -> Batch:
        """Examples of a step; what is missing is made first."""
        for number in self.missing(step):
            self.make(number)
        rng = np.random.default_rng([self._seed, 5, step])
        chosen = [
            (lesson, int(rng.integers(len(lesson.donors))))
            for slot in rng.choice(self._size, size, replace=size > self._size)
            if (lesson := self._lessons[int(slot)]) is not None
        ]
        flipped = rng.random(size) < 0.5 if flips else np.zeros(size, bool)
        return gather(chosen, flipped)


def gather(
    chosen: list[tuple[Lesson, int]], flipped: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Batch:
    """Put examples (a lesson, the number of its picture) together; mirror those that ``flipped`` names."""
    device = chosen[0][0].surrogate.device
    mirror = torch.from_numpy(flipped).to(device)

    def stack(parts: list[Tensor]) -> Tensor:
        images = torch.stack(parts).float()
        return torch.where(mirror[:, None, None, None], images.flip(3), images)

    face = stack([lesson.face for lesson, _ in chosen]) / 255
    return Batch(
        stack([lesson.surrogate for lesson, _ in chosen]) / 127.5 - 1,
        stack([lesson.pictures[i] for lesson, i in chosen]) / 127.5 - 1,
        torch.stack([lesson.donors[i] for lesson, i in chosen]),
        torch.stack([lesson.labels[i] for lesson, i in chosen]),
        mirror,
        F.interpolate(
            face, chosen[0][0].surrogate.shape[-2:], mode="bilinear", align_corners=False
        ),
    )


def _halved(lesson: Lesson) -> Lesson:
    half = F.avg_pool2d(lesson.surrogate.float(), 2).round().to(torch.uint8)
    return replace(lesson, surrogate=half)
