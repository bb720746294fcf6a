"""The gate before an evaluation: pictures whose answers are known, drawn from these very photos."""

from __future__ import annotations

import numpy as np

from kssgan.auditing.gate import gate, per_query_groups
from kssgan.auditing.report import Control
from kssgan.evaluation.judging import Judge, Looked
from kssgan.evaluation.photos import Photos
from kssgan.evaluation.views import FACE_ONLY, RECOGNIZER, limit_of
from kssgan.surrogate.mean import equal_mean
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["FACE_ONLY_WORDS", "known_answers"]

FACE_ONLY_WORDS = "face only"
_WORDS = {FACE_ONLY: FACE_ONLY_WORDS, RECOGNIZER: "your recogniser"}

_MOST = 48  # people who are asked about


def known_answers(
    photos: Photos, judge: Judge, *, k: int, threshold: float, seed: int = 0
) -> tuple[Control, ...]:
    """Put four releases with known answers through the attacks; see :mod:`kssgan.auditing.gate`.

    Args:
        photos: the gallery.
        judge: looks at pictures.
        k: people who are averaged.
        threshold: distance at which two faces verify.
        seed: whom to ask about.

    Returns:
        Four answers; after them those of the face alone and of the user's recogniser, where they look.
    """
    askers = np.random.default_rng(seed).permutation(photos.persons)[:_MOST].astype(np.int64)
    around = per_query_groups(photos.means(), min(k, photos.persons))
    averages, own = [], []
    for person in askers.tolist():
        members = [photos.crops[photos.rows(int(other))] for other in around[person]]
        averages.append(np.rint(equal_mean(members) * 255).astype(np.uint8))
        own.append(np.array(photos.crops[photos.rows(person)[0]]))
    dark = np.zeros((1, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    black = judge.look(dark, views=())
    averaged, shown = judge.look(np.stack(averages)), judge.look(np.stack(own))

    def asked(view: str | None) -> tuple[Control, ...]:
        def vectors(seen: Looked) -> FloatArray:
            return (seen.embeddings if view is None else seen.views[view])[seen.detected]

        empty = black.embeddings[0] if black.detected[0] else None
        return gate(
            photos.embeddings if view is None else photos.views[view],
            photos.subject,
            black=empty if view is None else judge.embed(view, dark)[0],
            per_query=vectors(averaged),
            askers=askers[averaged.detected],
            own=vectors(shown),
            owners=askers[shown.detected],
            k=k,
            threshold=threshold if view is None else limit_of(photos, view),
            view="" if view is None else _WORDS[view],
        )

    views = [view for view in _WORDS if view in photos.views]
    return tuple(control for view in (None, *views) for control in asked(view))
