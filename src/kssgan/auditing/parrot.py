"""The parrot attack: the attacker learns from de-identified pictures of people she can name.

She runs the method on photos of her own and trains on what comes out, so a change that is the same for
every photo (blur, pixels) is learnt like any other camera. Where k people share a picture, she learns k names
for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.types import FloatArray, IntArray

__all__ = ["head_distances", "lda_distances"]

_Array = npt.NDArray[np.float64]
_SHRINK = 0.1  # of the scatter within people towards a ball: with two pictures each it is not known better
_UNKNOWN = 1e6  # distance to people of whom there is no picture to learn from


def lda_distances(
    train: FloatArray, who: IntArray, probes: FloatArray, persons: int, *, most: int = 100
) -> _Array:
    """Distances in the space that tells the training pictures' people apart (PCA, then LDA).

    Args:
        train: (N, D) pixels or embeddings of de-identified pictures.
        who: (N,) the person of each, 0..persons-1.
        probes: (P, D) of released pictures.
        persons: S.
        most: principal components at most; also no more than N - 1.

    Returns:
        (P, S) Euclidean distances to each person's mean; large for people without training pictures.

    Reference: Belhumeur, Hespanha, Kriegman 1997, "Eigenfaces vs. Fisherfaces"; the parrot attack is of
    Newton, Sweeney, Malin 2005.
    """
    from scipy.spatial.distance import cdist

    x = train.astype(np.float64)
    middle = x.mean(0)
    x = x - middle
    # Principal components by the products of rows: pixels are many, pictures are few.
    variances, vectors = np.linalg.eigh(x @ x.T)
    kept = np.flatnonzero(variances > 1e-9 * max(float(variances[-1]), 1e-300))[::-1][:most]
    if not kept.size:
        return np.full((len(probes), persons), _UNKNOWN)
    axes = (vectors[:, kept] / np.sqrt(variances[kept])).T @ x
    low = x @ axes.T
    known, place = np.unique(who, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    means = np.zeros((len(known), low.shape[1]))
    np.add.at(means, place, low)
    means /= counts[:, None]
    inside = low - means[place]
    within = inside.T @ inside / len(low)
    # One picture a person leaves no scatter within; then all of it stands in for it.
    spread = np.trace(within) if np.trace(within) > 1e-12 else float((low**2).sum() / len(low))
    size = low.shape[1]
    within = (1 - _SHRINK) * within + _SHRINK * np.eye(size) * max(spread / size, 1e-12)
    values, turn = np.linalg.eigh(within)
    whiten = turn / np.sqrt(values)
    between = means @ whiten - (low @ whiten).mean(0)
    _, _, directions = np.linalg.svd(between * np.sqrt(counts)[:, None], full_matrices=False)
    space = whiten @ directions[: max(1, min(len(known) - 1, size))].T
    seen = (probes.astype(np.float64) - middle) @ axes.T @ space
    found = np.full((len(probes), persons), _UNKNOWN)
    centres = means @ space
    found[:, known] = cdist(seen, centres)
    return found


def head_distances(
    train: FloatArray,
    who: IntArray,
    probes: FloatArray,
    persons: int,
    *,
    decay: float = 1e-4,
    scale: float = 16.0,
) -> _Array:
    """A linear head on a recogniser's embeddings, trained to name the people (softmax regression).

    Args:
        train: (N, D) embeddings of de-identified pictures.
        who: (N,) the person of each, 0..persons-1.
        probes: (P, D) embeddings of released pictures.
        persons: S.
        decay: of the weights; makes the optimum unique, so equal people get equal scores.
        scale: of the embeddings, which are unit vectors.

    Returns:
        (P, S) minus the logarithm of each person's probability; large for people without training pictures.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    known, place = np.unique(who, return_inverse=True)
    x = np.hstack([train.astype(np.float64) * scale, np.ones((len(train), 1))])
    target = np.zeros((len(x), len(known)))
    target[np.arange(len(x)), place] = 1.0

    def loss(flat: _Array) -> tuple[float, _Array]:
        weights = flat.reshape(x.shape[1], len(known))
        logs = log_softmax(x @ weights, axis=1)
        slope = x.T @ (np.exp(logs) - target) / len(x) + decay * weights
        value = -(logs * target).sum() / len(x) + decay * (weights**2).sum() / 2
        return float(value), slope.ravel()

    start = np.zeros(x.shape[1] * len(known))
    solved = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    seen = np.hstack([probes.astype(np.float64) * scale, np.ones((len(probes), 1))])
    found = np.full((len(probes), persons), _UNKNOWN)
    found[:, known] = -log_softmax(seen @ solved.x.reshape(x.shape[1], len(known)), axis=1)
    return found
