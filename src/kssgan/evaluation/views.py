"""Other ways to look at a face than the analyser's own: the face alone, and the user's own recogniser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kssgan.auditing._compare import impostor_threshold
from kssgan.auditing.attacks import FAR
from kssgan.auditing.gallery import Embedder, embedder_of
from kssgan.evaluation.photos import Photos
from kssgan.faces import thresholds
from kssgan.faces.align import face_only
from kssgan.faces.onnx_recogniser import OnnxRecogniser, OnnxSettings
from kssgan.types import FaceAnalyser, Progress

__all__ = ["FACE_ONLY", "RECOGNIZER", "drop_view", "limit_of", "store_views", "views_of"]

FACE_ONLY = "face_only"
"""A tight oval, so that no attack lives on hair, clothes and background."""

RECOGNIZER = "recognizer"
"""The user's own."""

_BATCH = 64


def views_of(analyser: FaceAnalyser, recognizer: OnnxSettings | None) -> dict[str, Embedder]:
    """By name, what embeds head crops. An analyser that cannot embed crops has no view of the face alone.

    Raises:
        UsageError: the user's recogniser cannot be used.
    """
    views: dict[str, Embedder] = {}
    embedder = embedder_of(analyser)
    if embedder is not None:
        whole = embedder
        views[FACE_ONLY] = lambda crops: whole(face_only(crops))
    if recognizer is not None:
        views[RECOGNIZER] = OnnxRecogniser(recognizer).embed_crops
    return views


def store_views(
    folder: Path, photos: Photos, views: Mapping[str, Embedder], progress: Progress
) -> Photos:
    """Look at every photo's head crop in every view, once for all cells.

    Args:
        folder: private, where the photos lie.
        photos: as they lie there.
        views: see :func:`views_of`.
        progress: told of every photo and view.

    Returns:
        The photos with their views.
    """
    count = len(photos.subject)
    with progress("views", total=count * len(views)) as step:
        for name, embed in views.items():
            found = []
            for start in range(0, count, _BATCH):
                part = np.array(photos.crops[start : start + _BATCH])
                found.append(embed(part))
                step(len(part))
            np.save(folder / f"view-{name}.npy", np.concatenate(found))
    return Photos.load(folder)


def drop_view(folder: Path, view: str) -> Photos:
    """The photos without a view: its figures are withheld."""
    (folder / f"view-{view}.npy").unlink(missing_ok=True)
    return Photos.load(folder)


def limit_of(photos: Photos, view: str) -> float | None:
    """Distance at which two faces verify in a view, at a false accept rate of 1e-3 on these photos.

    None where there are too few pairs to place it; for the face alone the shipped recogniser's stated one.
    """
    own = impostor_threshold(photos.views[view], photos.subject, far=FAR, seed=0)
    return thresholds.FAR_1E3_FACE_ONLY if own is None and view == FACE_ONLY else own
