"""Pictures of nobody whom the weights were trained on: looked at while they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from kssgan.deidentification.draw import group_seed
from kssgan.errors import PromiseError, WeightsError
from kssgan.faces.align import chips_of_crops
from kssgan.faces.distances import to_all
from kssgan.faces.embed import DIMENSIONS, Recogniser
from kssgan.faces.thresholds import COPY
from kssgan.models.drawing import on_one_thread
from kssgan.types import FloatArray, U8Array

__all__ = ["ATTEMPTS", "Nobody"]

ATTEMPTS = 16
"""Draws of one group before its release is given up."""

_MARGIN = 0.04
"""Of the distance: an audit finds the face in the picture anew and cuts it a little differently (of 480
pictures by at most 0.038)."""


class Nobody:
    """Draws again what comes out as somebody whom the weights were trained on.

    Args:
        trained_on: (N, 128) unit embeddings of the photos trained on.

    Raises:
        WeightsError: embeddings of another recogniser.
    """

    def __init__(self, trained_on: FloatArray) -> None:
        if trained_on.shape[1:] != (DIMENSIONS,):
            raise WeightsError(
                f"weights with embeddings of shape {trained_on.shape} came, (N, {DIMENSIONS}) was wanted; "
                "take the shipped ones, or train without"
            )
        self._trained_on = trained_on

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser()

    def distance(self, picture_u8: U8Array) -> float:
        """From a drawn head crop, (256, 256, 3) uint8, to the nearest photo trained on: 0..2."""
        with on_one_thread():
            seen = self._recogniser.embed_one(chips_of_crops(picture_u8[None])[0])
        return float(to_all(seen[None], self._trained_on).min())

    def drawn(self, draw: Callable[[int], Sequence[U8Array]], seed: int) -> Sequence[U8Array]:
        """All pictures of a group, none of them a near copy of a face trained on.

        Where one is within ``thresholds.COPY`` (and a margin) of somebody, all are drawn with another seed,
        so that they show one face.

        Args:
            draw: the pictures for a seed.
            seed: of the group; the first that is tried.

        Raises:
            PromiseError: none of :data:`ATTEMPTS` seeds gives pictures of nobody.
        """
        for attempt in range(ATTEMPTS):
            pictures = draw(group_seed(seed, [str(attempt)]) if attempt else seed)
            if all(self.distance(picture) > COPY + _MARGIN for picture in pictures):
                return pictures
        raise PromiseError(
            f"a group's picture came out as a face that the weights were trained on, {ATTEMPTS} times over, "
            "so nothing was released; release with another --seed or other weights"
        )
