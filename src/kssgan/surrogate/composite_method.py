"""Donor compositing as a surrogate method: the group's mean face on the head of a public portrait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kssgan.errors import PromiseError
from kssgan.surrogate.composite import composite
from kssgan.surrogate.donors import Donor, ranked
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.types import FloatArray, U8Array

__all__ = ["Composed", "CompositeSurrogate", "FaceReader"]

FaceReader = Callable[[U8Array], FloatArray | None]
"""A picture (256, 256, 3) uint8 to its face's embedding, (E,) float32 of unit length; None without a face."""

_TRIES = 12
"""Donors that are tried for a group, each a quarter of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A composite and where it came from.

    Attributes:
        picture_u8: (256, 256, 3) uint8.
        lenders: numbers of the donors of the head, of the eyes' detail and of the rest of the face's.
        nearest: Euclidean distance of its face to the nearest of all donors; NaN where it was not measured.
    """

    picture_u8: U8Array
    lenders: tuple[int, ...]
    nearest: float


class CompositeSurrogate(ShapeMeanSurrogate):
    """Composite of S_g and one donor, who is chosen by S_g, the released attributes and the seed alone.

    Two more donors lend the fine detail of the face, so that nobody's face is whole. With a recogniser no
    picture shows a donor's face: S_g is compared with all donors first, so that those who look like it anyway
    are tried last; each composite is then compared with all donors, and the first that is ``apart`` from all
    is taken, otherwise the one that is farthest from them.

    Hair, clothes and a background that is not plain are the donor's own, so the donor must have agreed to be
    shown. The face shows the mean expression of the group, so no per-photo label is drawn.

    Args:
        donors: screened portraits, in an order that does not depend on file names.
        embeddings: (D, E) float32 unit vectors of the donors, by which members are passed over.
        otherwise: (468, 2) mean shape for a group in which no face has reliable landmarks.
        passed_over: portraits that lend no head, by reason; for the closing words.
        read_face: embeds the face of a picture, as ``embeddings`` were made; None leaves pictures unchecked.
        apart: Euclidean distance to every donor that is aimed at.
        least: distance to every donor below which a picture is never shown.

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
        read_face: FaceReader | None = None,
        apart: float = 0.0,
        least: float = 0.0,
    ) -> None:
        super().__init__(otherwise=otherwise)
        if not donors or len(donors) != len(embeddings):
            raise ValueError(
                f"{len(donors)} donors and {len(embeddings)} embeddings came; one each was wanted"
            )
        self.donors = tuple(donors)
        self.embeddings = embeddings
        self.passed_over: Mapping[str, int] = dict(passed_over or {})
        self._read_face = read_face
        self._apart, self._least = apart, least

    def without(self, people: FloatArray, *, closer_than: float) -> CompositeSurrogate:
        """Leave out donors who may be one of the people to protect.

        Args:
            people: (M, E) float32 unit vectors.
            closer_than: Euclidean distance below which two faces may be one person.

        Raises:
            PromiseError: no donor is left.
        """
        nearest = _distances(self.embeddings, people).min(1)
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
            read_face=self._read_face,
            apart=self._apart,
            least=self._least,
        )

    def words(self) -> str:
        """What the user should know of the donors, in one sentence."""
        said = f"{len(self.donors)} portraits lend their heads"
        if self.passed_over:
            why = ", ".join(f"{count} {reason}" for reason, count in self.passed_over.items())
            said += f"; {sum(self.passed_over.values())} were passed over ({why})"
        return (
            said
            + ": their hair, clothes and, where it is not plain, background are seen in the release."
        )

    def draw(self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Composite with donors that suit the group, (256, 256, 3) uint8; see :meth:`compose`."""
        return self.compose(surrogate, label, seed=seed).picture_u8

    def compose(self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int) -> Composed:
        """Composite with donors that suit the group and whose faces it does not show.

        Args:
            surrogate: S_g.
            label: what is released of the group.
            seed: draws among donors that suit it equally.

        Raises:
            PromiseError: every composite that was tried shows the face of a donor, or no face.
        """
        order = ranked(self.donors, surrogate, label, seed=seed)
        if self._read_face is None:
            return self._composed(surrogate, order, 0)
        own = self._read_face(super().draw(surrogate, label, seed=seed))
        if own is not None:
            away = _distances(self.embeddings, own[None])[:, 0]
            # Stable: among those who do not look like S_g, and among those who do, the fit decides.
            order.sort(key=lambda i: bool(away[i] < self._apart))
        best: Composed | None = None
        tries = min(len(order), _TRIES)
        for first in range(tries):
            made = self._composed(surrogate, order, first)
            face = self._read_face(made.picture_u8)
            if face is None:
                continue
            made = replace(made, nearest=float(_distances(self.embeddings, face[None]).min()))
            if best is None or made.nearest > best.nearest:
                best = made
            if made.nearest >= self._apart:
                break
        if best is None or best.nearest <= self._least:
            raise PromiseError(
                f"none of {tries} donors lends a head without the face being recognised as a donor's; give "
                f"more portraits, of people who differ more, or use --surrogate generator"
            )
        return best

    def _composed(self, surrogate: ShapeMean, order: Sequence[int], first: int) -> Composed:
        """Head of one donor, detail of the next two in the order; with fewer donors they serve twice."""
        numbers = tuple(order[(first + step) % len(order)] for step in range(3))
        head, *details = (self.donors[number] for number in numbers)
        return Composed(composite(surrogate, head, details=details), numbers, float("nan"))


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Euclidean distances of unit vectors, (N, E) and (M, E) to (N, M)."""
    apart: FloatArray = np.sqrt(np.maximum(2 - 2 * (a @ b.T), 0))
    return apart
