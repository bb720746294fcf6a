"""Answers that are known before any method is compared; an evaluation that gets one wrong shows nothing.

Two must be easy or impossible (*identity*, *black*), two must be caught: cheats that a look at the pictures,
or a count of equal bytes, would let pass.

- *Per-query average*: each photo gets the mean of its own k nearest people, as much code that is called
  k-Same does. No picture is shared, so the right person is named more often than 1 in k.
- *Member's own photo*: one member's photo for the whole group. Rank-1 is 1/k; that it is somebody's face is
  seen by how often it verifies.
"""

from __future__ import annotations

import numpy as np

from kssgan.auditing.identification import identify
from kssgan.auditing.report import Control
from kssgan.faces.distances import to_all
from kssgan.types import FloatArray, IntArray

__all__ = ["gate", "per_query_groups", "person_distances"]

_IDENTITY = 0.95


def person_distances(probes: FloatArray, gallery: FloatArray, people: IntArray) -> FloatArray:
    """(P, S) distance of each picture to each person's nearest photo.

    Args:
        probes: (P, D) embeddings.
        gallery: (F, D) embeddings of photos.
        people: (F,) the person of each, 0..S-1, nobody left out.
    """
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], np.arange(int(people.max()) + 1))
    if not len(probes):
        return np.zeros((0, len(starts)), np.float32)
    near: FloatArray = np.minimum.reduceat(to_all(probes, gallery[order]), starts, axis=1)
    return near


def per_query_groups(embeddings: FloatArray, k: int) -> IntArray:
    """(N, k) each person with the k - 1 nearest others, nobody's group being another's.

    Args:
        embeddings: (N, D), one row per person.
        k: 2..N.
    """
    apart = to_all(embeddings, embeddings)
    np.fill_diagonal(apart, -1.0)
    found: IntArray = np.argsort(apart, axis=1, kind="stable")[:, :k].astype(np.int64)
    return found


def gate(
    gallery: FloatArray,
    people: IntArray,
    *,
    black: FloatArray | None,
    per_query: FloatArray,
    askers: IntArray,
    own: FloatArray,
    owners: IntArray,
    k: int,
    threshold: float | None,
    view: str = "",
) -> tuple[Control, ...]:
    """Attack four releases whose answers are known.

    Args:
        gallery: (F, D) embeddings of the originals.
        people: (F,) whose, 0..S-1, nobody left out.
        black: (D,) embedding of a black picture; None where no face is found in it.
        per_query: (Q, D) embeddings of some people's per-query averages.
        askers: (Q,) those people.
        own: (G, D) embeddings of pictures, each a photo of one member of a group.
        owners: (G,) that member.
        k: people who are averaged.
        threshold: distance at which two faces verify; None where it is not known, and then the last is not
            asked.
        view: words for the report where it is not the analyser's own look.
    """
    persons = int(people.max()) + 1
    chance = 1.0 / persons
    everybody = [{person: 1} for person in range(persons)]
    as_is = identify(person_distances(gallery, gallery, people), [{int(p): 1} for p in people])
    if black is None:
        dark = np.zeros((persons, persons), np.float32)
    else:
        dark = person_distances(np.tile(black, (persons, 1)), gallery, people)
    empty = identify(dark, everybody)
    averaged = identify(
        person_distances(per_query, gallery, people), [{int(p): 1} for p in askers]
    )
    where = f", {view}" if view else ""
    controls = [
        Control(f"identity{where}", "about 1", as_is.rank(1)[0], as_is.rank(1)[0] >= _IDENTITY),
        Control(
            f"black picture{where}",
            f"chance, {chance:.3f}",
            empty.rank(1)[0],
            empty.rank(1)[0] <= chance + 1e-6,
        ),
        Control(
            f"per-query average{where}",
            f"caught: rank-1 above {1 / k:.3f}",
            averaged.rank(1)[0],
            averaged.rank(1)[0] > 1 / k,
        ),
    ]
    if threshold is not None:
        near = person_distances(own, gallery, people)[np.arange(len(own)), owners]
        caught = float((near <= threshold).mean())
        controls.append(
            Control(
                f"member's own photo{where}",
                "caught: verifies, about 1",
                caught,
                caught >= _IDENTITY,
            )
        )
    return tuple(controls)
