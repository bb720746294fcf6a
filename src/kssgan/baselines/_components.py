"""Principal components of long rows, for the eigenfaces and the two models of an active appearance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.types import FloatArray

__all__ = ["Components", "principal_components"]

_Array = npt.NDArray[np.float64]
_COLUMNS = 1 << 14  # of the rows that are multiplied together
_LEAST = 1e-10  # share of the largest variance below which a direction is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """A linear model of rows: ``mean + coefficients @ axes``.

    Attributes:
        mean: (D,) float32.
        axes: (C, D) float32, orthonormal, the largest variance first.
    """

    mean: FloatArray
    axes: FloatArray

    def coefficients(self, row: FloatArray) -> _Array:
        """(C,) of a row (D,). Linear, so the mean of coefficients is the mean row's coefficients."""
        found: _Array = self.axes.astype(np.float64) @ (row.astype(np.float64) - self.mean)
        return found

    def row(self, coefficients: _Array) -> FloatArray:
        """The row (D,) float32 that some coefficients describe."""
        found: FloatArray = (self.mean + coefficients @ self.axes).astype(np.float32)
        return found


def principal_components(rows: FloatArray, *, energy: float) -> Components:
    """Directions that hold a share of the variance of rows.

    By the (N, N) products of the rows, since N people are far fewer than D pixels. The order of the rows does
    not matter: they are sorted by their values first.

    Args:
        rows: (N, D), one per person, at least two.
        energy: share of the variance to keep, above 0 and up to 1; 1 keeps every direction there is.

    Raises:
        UsageError: fewer than two rows, or another share.

    >>> found = principal_components(np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], np.float32), energy=1)
    >>> found.mean.tolist(), np.abs(found.axes).tolist()
    ([2.0, 0.0], [[1.0, 0.0]])
    """
    if len(rows) < 2:
        raise UsageError(f"{len(rows)} people came; a model of faces needs at least two")
    if not 0 < energy <= 1:
        raise UsageError(f"energy {energy} came; a share above 0 and up to 1 was wanted")
    rows = rows[sorted(range(len(rows)), key=lambda row: rows[row].tobytes())]
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    products = np.zeros((len(rows), len(rows)))
    for start in range(0, rows.shape[1], _COLUMNS):
        part = rows[:, start : start + _COLUMNS].astype(np.float64)
        part -= mean[start : start + _COLUMNS]
        products += part @ part.T
    variances, vectors = np.linalg.eigh(products)
    variances, vectors = variances[::-1], vectors[:, ::-1]
    known = max(1, int((variances > _LEAST * max(variances[0], 1e-30)).sum()))
    shares = np.cumsum(variances[:known]) / max(float(variances[:known].sum()), 1e-30)
    kept = known if energy == 1 else 1 + int(np.searchsorted(shares, energy))
    kept = min(kept, known)
    turn = (vectors[:, :kept] / np.sqrt(np.maximum(variances[:kept], 1e-30))).T
    axes = np.empty((kept, rows.shape[1]), np.float32)
    for start in range(0, rows.shape[1], _COLUMNS):
        part = rows[:, start : start + _COLUMNS].astype(np.float64)
        axes[:, start : start + _COLUMNS] = turn @ (part - mean[start : start + _COLUMNS])
    return Components(mean, axes)
