"""Who shares a picture with whom in this release: anew, as weights were trained, or as a ledger has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kssgan.deidentification.asked import Asked
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.gather import Gathered
from kssgan.deidentification.ledger import Ledger
from kssgan.deidentification.look import Seen
from kssgan.deidentification.plan import Plan, make_plan, released_attributes
from kssgan.deidentification.stable import Staged, stage, stage_alone
from kssgan.deidentification.utility import utility_plan
from kssgan.grouping.subjects import Subjects
from kssgan.types import IntArray, SurrogateMethod

__all__ = ["stage_release"]


def stage_release(
    asked: Asked,
    known: Gathered,
    method: SurrogateMethod,
    record: Ledger | None,
    parameters: Mapping[str, Any],
) -> Staged:
    """Plan a release.

    Args:
        asked: k, grouping, mode.
        known: the people and their labels.
        method: says what it can draw, and may know groups already.
        record: the ledger; None without one.
        parameters: what all releases of the ledger have in common.

    Raises:
        PromiseError: fewer than k people, or the ledger, or the weights, know others.
    """
    make = partial(_plan, asked, known, method)
    if record is None:
        everybody = range(len(known.collection.photos))
        return stage_alone(known.collection, make(everybody, known.subjects))
    return stage(
        known.collection,
        known.subjects,
        known.labelled.values,
        released_attributes(known.labelled.scheme, method.draws),
        tuple(method.draws),
        record,
        parameters,
        make,
    )


def _plan(
    asked: Asked,
    known: Gathered,
    method: SurrogateMethod,
    rows: Sequence[int],
    people: Subjects,
) -> Plan:
    """Groups and cells of some of the photos."""
    photos = [known.collection.photos[row] for row in rows]
    labelled = known.labelled
    if asked.mode == "utility":
        return utility_plan(photos, people, labelled.values, labelled.scheme, method.draws)
    return make_plan(
        photos,
        people,
        [labelled.values[row] for row in rows],
        labelled.scheme,
        method.draws,
        k=asked.k,
        grouping=asked.grouping,
        within=labelled.usual_within() if asked.within is None else asked.within,
        seed=asked.seed,
        nearest=asked.within is None,
        fixed=_trained_groups(method, photos, people, asked.k),
        variants=asked.variants,
    )


def _trained_groups(
    method: SurrogateMethod, photos: Sequence[Seen], people: Subjects, k: int
) -> IntArray | None:
    """Groups that the method's weights were trained on; None for weights that serve any."""
    if not isinstance(method, GallerySurrogate):
        return None
    embeddings = np.stack([photo.embedding for photo in photos])
    return method.groups(embeddings, people.photo_subject, k)
