"""The parrot attack: the attacker learns from de-identified pictures of people she can name.

She runs the method on photos of her own and trains on what comes out, so a change that is the same for
every photo (blur, pixels) is learnt like any other camera. Where k people share a picture, she learns k names
for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.types import FloatArray, IntArray

__all__ = ["head_distances", "lda_distances"]

_Array = npt.NDArray[np.float64]
_SHRINK = 0.1  # of the scatter within people towards a ball: with two pictures each it is not known better
_STEPS = 500  # of the head; the solver stops by itself before
_UNKNOWN = 1e6  # distance to people of whom there is no picture to learn from


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """Training pictures, each once, and people who hold the same pictures as one class.

    People of one class cannot be told apart, so they get the same place in every model; learning it once for
    all of them gives the same answer for a fraction of the work.

    Attributes:
        rows: (R, D) distinct pictures, float64.
        counts: (R, C) how often one person of a class holds a picture.
        known: people of whom there is a picture, ascending.
        place: of each of them, the class.
        sizes: (C,) people of each class.
    """

    rows: _Array
    counts: _Array
    known: IntArray
    place: IntArray
    sizes: _Array

    @property
    def weights(self) -> _Array:
        """(R,) people who hold each picture."""
        return self.counts @ self.sizes


def _lesson(train: FloatArray, who: IntArray) -> _Lesson:
    rows, row = np.unique(train, axis=0, return_inverse=True)
    known, person = np.unique(who, return_inverse=True)
    held = np.zeros((len(rows), len(known)))
    np.add.at(held, (row.ravel(), person.ravel()), 1.0)
    counts, place, sizes = np.unique(held, axis=1, return_inverse=True, return_counts=True)
    return _Lesson(
        rows.astype(np.float64),
        counts,
        known.astype(np.int64),
        place.ravel().astype(np.int64),
        sizes.astype(np.float64),
    )


def lda_distances(
    train: FloatArray, who: IntArray, probes: FloatArray, persons: int, *, most: int = 100
) -> _Array:
    """Distances in the space that tells the training pictures' people apart (PCA, then LDA).

    Args:
        train: (N, D) pixels or embeddings of de-identified pictures.
        who: (N,) the person of each, 0..persons-1.
        probes: (P, D) of released pictures.
        persons: S.
        most: principal components at most; also fewer than there are distinct pictures.

    Returns:
        (P, S) Euclidean distances to each person's mean; large for people without training pictures.

    Reference: Belhumeur, Hespanha, Kriegman 1997, "Eigenfaces vs. Fisherfaces"; the parrot attack is of
    Newton, Sweeney, Malin 2005.
    """
    from scipy.spatial.distance import cdist

    found = np.full((len(probes), persons), _UNKNOWN)
    lesson = _lesson(train, who)
    weights, total = lesson.weights, len(train)
    if len(lesson.rows) < 2:
        return found
    middle = weights @ lesson.rows / total
    x = lesson.rows - middle
    heavy = x * np.sqrt(weights)[:, None]
    # Principal components by the products of rows: pixels are many, pictures are few.
    variances, vectors = np.linalg.eigh(heavy @ heavy.T)
    kept = np.flatnonzero(variances > 1e-9 * max(float(variances[-1]), 1e-300))[::-1][:most]
    axes = (vectors[:, kept] / np.sqrt(variances[kept])).T @ heavy
    low = x @ axes.T
    own = lesson.counts.sum(0)
    means = lesson.counts.T @ low / own[:, None]
    # Scatter around people's means: that of all pictures less that of the means.
    people = own * lesson.sizes
    within = ((low.T * weights) @ low - (means.T * people) @ means) / total
    # One picture a person leaves no scatter within; then all of it stands in for it.
    whole = float((weights[:, None] * low**2).sum() / total)
    spread = np.trace(within) if np.trace(within) > 1e-9 * whole else whole
    size = low.shape[1]
    within = (1 - _SHRINK) * within + _SHRINK * np.eye(size) * max(spread / size, 1e-12)
    values, turn = np.linalg.eigh(within)
    whiten = turn / np.sqrt(values)
    space = whiten
    if len(own) - 1 < size:  # otherwise all directions are kept, and a turn changes no distance
        between = means @ whiten * np.sqrt(people)[:, None]
        _, _, directions = np.linalg.svd(between, full_matrices=False)
        space = whiten @ directions[: max(1, len(own) - 1)].T
    seen = (probes.astype(np.float64) - middle) @ axes.T @ space
    found[:, lesson.known] = cdist(seen, means @ space)[:, lesson.place]
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
    import torch

    lesson = _lesson(train, who)
    x = torch.from_numpy(np.hstack([lesson.rows * scale, np.ones((len(lesson.rows), 1))]))
    target = torch.from_numpy(lesson.counts * lesson.sizes)
    # Equal people share their weights; by the root of their number, steps are those of one head for each.
    sizes = torch.from_numpy(lesson.sizes)
    weights = torch.zeros((x.shape[1], len(sizes)), dtype=torch.float64, requires_grad=True)

    def logs_of(rows: torch.Tensor) -> torch.Tensor:
        scores = rows @ (weights / sizes.sqrt())
        return scores - torch.logsumexp(scores + sizes.log(), 1, keepdim=True)

    solver = torch.optim.LBFGS(
        [weights],
        max_iter=_STEPS,
        max_eval=2 * _STEPS,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = decay * (weights**2).sum() / 2 - (logs_of(x) * target).sum() / len(train)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]
    seen = np.hstack([probes.astype(np.float64) * scale, np.ones((len(probes), 1))])
    with torch.no_grad():
        logs = logs_of(torch.from_numpy(seen)).numpy()
    found = np.full((len(probes), persons), _UNKNOWN)
    found[:, lesson.known] = -logs[:, lesson.place]
    return found
