"""Rule 3 for the people whom a generator was trained on: no surrogate may be one of them either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kssgan import weights
from kssgan.auditing._compare import distance_threshold, nearest
from kssgan.auditing._statistics import rate
from kssgan.auditing.gallery import Gallery, Surrogates
from kssgan.auditing.report import Problem
from kssgan.faces import thresholds
from kssgan.types import FaceAnalyser, FloatArray

__all__ = ["OTHER_RECOGNISER", "faces_trained_on", "trained_on_figures"]

_UNKNOWN = "whether a picture shows a face that the generator was trained on was not measured: "
OTHER_RECOGNISER = f"{_UNKNOWN}faces were compared by another recogniser"


def faces_trained_on(
    certificate: Mapping[str, Any] | None, analyser: FaceAnalyser | None
) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Embeddings of the photos that a release's generator was trained on, where they are known.

    Args:
        certificate: of the release; the shipped generator is known by its digest there.
        analyser: who compares faces; embeddings are the shipped recogniser's, and say nothing to others.

    Returns:
        (N, 128) float32 unit vectors, or None; what to note then.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """
    told = certificate or {}
    if told.get("surrogate") != "generator":
        return None, ()
    used = told.get("weights")
    if not isinstance(used, Mapping) or used.get("generator") != weights.digest("generator"):
        return None, (
            f"{_UNKNOWN}the certificate names other weights than this version ships; "
            "kssgan deidentify looks at every picture while it draws, where weights tell it",
        )
    if analyser is not None:
        from kssgan.faces.analyse import StandardAnalyser

        if not isinstance(analyser, StandardAnalyser):
            return None, (OTHER_RECOGNISER,)
    found = weights.load("generator").get("trained_on")
    if found is None:
        return None, (f"{_UNKNOWN}the shipped weights do not tell",)
    vectors = found.astype(np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit, ()


def trained_on_figures(
    seen: Surrogates, gallery: Gallery, faces: FloatArray, *, far: float
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Likeness of the surrogates to the faces trained on, beside that of the originals' own faces.

    With hundreds of faces one is near to anybody: the originals are the yardstick, but for those who were
    trained on themselves.

    Args:
        seen: the release's distinct pictures.
        gallery: the originals, at least one with a face.
        faces: (N, 128) those trained on.
        far: false accept rate of the threshold.

    Returns:
        ``photos``; ``originals_trained_on``: faces of the originals that are as near to one as photos of one
        person; ``near_copies``: pictures within ``thresholds.COPY``; ``nearest`` and ``nearest_least``,
        median and least distance to the nearest face; ``verifies`` at ``far``, with one-sided 95 % bounds;
        ``nearest_unrelated`` and ``verifies_unrelated``, the same of all other originals, None where there is
        none. And the problem, if there is one.
    """
    away = nearest(gallery.embeddings, faces)[0]
    strangers = away > thresholds.SAME_PERSON
    others = away[strangers]
    figures: dict[str, Any] = {
        "photos": len(faces),
        "originals_trained_on": int(np.count_nonzero(~strangers)),
    }
    if not seen.detected.any():
        return figures | {"near_copies": 0}, ()
    own = distance_threshold(gallery.embeddings[strangers], faces, far=far)
    limit = thresholds.FAR_1E3 if own is None else own
    found = nearest(seen.embeddings[seen.detected], faces)[0]
    near = int(np.count_nonzero(found <= thresholds.COPY))
    share, low, high = rate(int(np.count_nonzero(found <= limit)), len(found))
    figures |= {
        "near_copies": near,
        "nearest": float(np.median(found)),
        "nearest_least": float(found.min()),
        "nearest_unrelated": float(np.median(others)) if len(others) else None,
        "threshold": limit,
        "verifies": share,
        "verifies_low": low,
        "verifies_high": high,
        "verifies_unrelated": float((others <= limit).mean()) if len(others) else None,
    }
    if not near:
        return figures, ()
    sentence = (
        f"{near} of {len(seen.digests)} pictures show a face that the generator was trained on (distance at "
        f"most {thresholds.COPY}); a surrogate must be nobody's face: release again with this version"
    )
    return figures, (Problem(3, "breaks", sentence),)
