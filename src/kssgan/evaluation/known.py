"""The gate before an evaluation: pictures whose answers are known, drawn from these very photos."""

from __future__ import annotations

import numpy as np

from kssgan.auditing.gate import gate, per_query_groups
from kssgan.auditing.report import Control
from kssgan.evaluation.judging import Judge
from kssgan.evaluation.photos import Photos
from kssgan.surrogate.mean import equal_mean
from kssgan.types import CROP_SIZE

__all__ = ["known_answers"]

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
    """
    askers = np.random.default_rng(seed).permutation(photos.persons)[:_MOST].astype(np.int64)
    around = per_query_groups(photos.means(), min(k, photos.persons))
    averages, own = [], []
    for person in askers.tolist():
        members = [photos.crops[photos.rows(int(other))] for other in around[person]]
        averages.append(np.rint(equal_mean(members) * 255).astype(np.uint8))
        own.append(np.array(photos.crops[photos.rows(person)[0]]))
    black = judge.look(np.zeros((1, CROP_SIZE, CROP_SIZE, 3), np.uint8))
    averaged, shown = judge.look(np.stack(averages)), judge.look(np.stack(own))
    return gate(
        photos.embeddings,
        photos.subject,
        black=black.embeddings[0] if black.detected[0] else None,
        per_query=averaged.embeddings[averaged.detected],
        askers=askers[averaged.detected],
        own=shown.embeddings[shown.detected],
        owners=askers[shown.detected],
        k=k,
        threshold=threshold,
    )
