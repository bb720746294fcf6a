"""Donor compositing as a surrogate method: the group's mean face on the head of a public portrait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kssgan.errors import PromiseError
from kssgan.surrogate.composite import composite
from kssgan.surrogate.donors import Donor, choose
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.types import FloatArray, U8Array

__all__ = ["CompositeSurrogate"]


class CompositeSurrogate(ShapeMeanSurrogate):
    """Composite of S_g and one donor, who is chosen by S_g, the released attributes and the seed alone.

    Hair, clothes and background are the donor's own, so the donor must have agreed to be shown. The face
    shows the mean expression of the group, so no per-photo label is drawn.

    Args:
        donors: screened portraits, in an order that does not depend on file names.
        embeddings: (D, E) float32 unit vectors of the donors, by which members are passed over.
        otherwise: (468, 2) mean shape for a group in which no face has reliable landmarks.
        passed_over: portraits that lend no head, by reason; for the closing words.

    Raises:
        ValueError: no donors, or another number of embeddings.
    """

    name = "composite"

    def __init__(
        self,
        donors: Sequence[Donor],
        embeddings: FloatArray,
        *,
        otherwise: FloatArray,
        passed_over: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(otherwise=otherwise)
        if not donors or len(donors) != len(embeddings):
            raise ValueError(
                f"{len(donors)} donors and {len(embeddings)} embeddings came; one each was wanted"
            )
        self.donors = tuple(donors)
        self.embeddings = embeddings
        self.passed_over: Mapping[str, int] = dict(passed_over or {})

    def without(self, people: FloatArray, *, closer_than: float) -> CompositeSurrogate:
        """Leave out donors who may be one of the people to protect.

        Args:
            people: (M, E) float32 unit vectors.
            closer_than: Euclidean distance below which two faces may be one person.

        Raises:
            PromiseError: no donor is left.
        """
        nearest = np.sqrt(np.maximum(2 - 2 * (self.embeddings @ people.T).max(1), 0))
        kept = np.flatnonzero(nearest >= closer_than)
        if not kept.size:
            raise PromiseError(
                f"each of the {len(self.donors)} donors looks like a person in PHOTOS, and a member's own "
                f"head must not be shown; give portraits of other people"
            )
        passed = dict(self.passed_over)
        if lost := len(self.donors) - len(kept):
            passed["looks like a person in PHOTOS"] = lost
        return CompositeSurrogate(
            [self.donors[i] for i in kept],
            self.embeddings[kept],
            otherwise=self._otherwise,
            passed_over=passed,
        )

    def words(self) -> str:
        """What the user should know of the donors, in one sentence."""
        said = f"{len(self.donors)} portraits lend their heads"
        if self.passed_over:
            why = ", ".join(f"{count} {reason}" for reason, count in self.passed_over.items())
            said += f"; {sum(self.passed_over.values())} were passed over ({why})"
        return said + ": their hair, clothes and background are seen in the release."

    def draw(self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Composite with the donor that suits the group, (256, 256, 3) uint8."""
        donor = self.donors[choose(self.donors, surrogate, label, seed=seed)]
        return composite(surrogate, donor)
