"""The rows that are not in a group yet, and exact answers about who is near and who is far.

A group builder asks for the nearest rows of one row after another. Asking one at a time reads the whole
table each time and waits for memory; so a *survey* measures a whole batch of rows by one matrix product
in float32 and keeps, for each, the few nearest (and farthest) rows. Rows that leave later only make such
a list shorter, never wrong, so a list serves whenever its turn comes.

float32 only preselects: everything within its rounding bound of the cut is measured again in float64,
and a list ends where a row that was not preselected could come. Ties go to the smaller row number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from kssgan.grouping._input import Embeddings
from kssgan.types import BoolArray, FloatArray, IntArray

__all__ = ["Remaining"]

_Float64 = npt.NDArray[np.float64]
_UNIT_ROUNDOFF = 2.0**-24  # of float32
_COMPACT_AT = 0.9  # copy the table when fewer than this part of its rows remain
_AHEAD = 256  # rows known to be far from the centre before the table is read again
_GONE = np.float32(1e30)  # added to the distance of rows that left: behind all that remain


class Remaining:
    """Rows (N, D) without a group. ``listed`` is how many neighbours a survey keeps of each row."""

    def __init__(self, rows: Embeddings, *, listed: int) -> None:
        n, d = rows.shape
        self._listed = listed
        self._rows = rows
        self._mean = self._exact(np.arange(n)).mean(axis=0) if n else np.zeros(d)
        # Column d holds the squared length, so that one product gives |x|^2 - 2 x.c
        self._table = np.empty((n, d + 1), dtype=np.float32)
        for at in range(0, n, 8192):
            part = self._exact(np.arange(at, min(at + 8192, n))) - self._mean
            self._table[at : at + 8192, :d] = part
            self._table[at : at + 8192, d] = np.einsum("ij,ij->i", part, part)
        self._ids: IntArray = np.arange(n, dtype=np.int64)
        # How far a squared distance of the product may be from the exact one: rounding of the centred
        # rows, of the products and of their sum, all bounded by the longest row.
        longest = float(self._table[:, d].max()) if n else 0.0
        self._slack = _UNIT_ROUNDOFF * (6 * d + 32) * longest
        self._flags = bytearray(b"\x01") * n
        self._alive: BoolArray = np.frombuffer(self._flags, dtype=np.bool_)
        self.count = n
        self._sum = self._mean * n
        self._near: dict[int, tuple[list[int], bool]] = {}
        self._far: dict[int, tuple[list[int], bool]] = {}
        self._outer: IntArray = np.empty(0, dtype=np.int64)
        self._outer_order: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._outer_rows: _Float64 = np.empty((0, d))
        self._outer_rest = np.inf
        self._outer_centre: _Float64 = np.zeros(d)

    def __contains__(self, row: int) -> bool:
        return bool(self._flags[row])

    def all(self) -> list[int]:
        """The rows that remain, ascending."""
        found: list[int] = np.flatnonzero(self._alive).tolist()
        return found

    def take(self, rows: Sequence[int]) -> None:
        """Rows leave: they are in a group now, or set aside."""
        for row in rows:
            self._flags[row] = 0
            self._near.pop(row, None)
        self._sum -= self._exact(np.asarray(rows, dtype=np.int64)).sum(axis=0)
        self.count -= len(rows)
        if self.count < _COMPACT_AT * len(self._ids):
            kept = np.flatnonzero(self._alive[self._ids])
            self._table, self._ids = self._table[kept], self._ids[kept]
            for lists in (self._near, self._far):
                for row in [row for row in lists if not self._flags[row]]:
                    del lists[row]

    def surveyed(self, row: int) -> bool:
        """Whether the nearest rows of ``row`` are known without reading the table again."""
        return row in self._near

    def nearest(self, row: int) -> Iterator[int]:
        """The remaining rows but ``row``, nearest first. Nothing may leave while this is read."""
        known = self._near.get(row)
        if known is None:
            self.survey([row])
            known = self._near[row]
        given, wanted = 0, self._listed
        while True:
            here = [other for other in known[0] if self._flags[other]]
            yield from here[given:]
            given = max(given, len(here))
            if known[1]:
                return
            wanted = 4 * max(wanted, given)
            self.survey([row], listed=wanted)
            known = self._near[row]

    def farthest(self, row: int) -> int:
        """The remaining row that is farthest from ``row`` (which need not remain itself)."""
        wanted = self._listed
        while True:
            ids, complete = self._far.get(row, ([], False))
            for other in ids:
                if self._flags[other] and other != row:
                    return other
            assert not complete, "asked for the farthest of nothing"
            self.survey([row], listed=wanted, far=True)
            wanted *= 4

    def farthest_list(self, row: int) -> list[int]:
        """The far rows of ``row`` that are known and remain, farthest first; may be empty."""
        return [other for other in self._far.get(row, ([], False))[0] if self._flags[other]]

    def survey(
        self, rows: Sequence[int], *, listed: int | None = None, far: bool = False
    ) -> None:
        """Learn the nearest (and with ``far`` the farthest) rows of each of ``rows`` at once."""
        wanted = self._listed if listed is None else listed
        d = self._table.shape[1] - 1
        at = np.asarray(rows, dtype=np.int64)
        centred = (self._exact(at) - self._mean).astype(np.float32)
        queries = np.empty((at.size, d + 1), dtype=np.float32)
        np.multiply(centred, -2, out=queries[:, :d])
        queries[:, d] = 1
        own: _Float64 = np.einsum("ij,ij->i", centred, centred, dtype=np.float64)
        table: FloatArray = queries @ self._table.T  # (B, M): squared distance less own
        gone = np.where(self._alive[self._ids], np.float32(0), _GONE)
        if self.count < self._ids.size:
            table += gone
        cut = self._cut(table, wanted)
        self._near.update(self._lists(at, table, cut, own, sign=1))
        if far:
            np.subtract(2 * gone, table, out=table)
            cut = self._cut(table, wanted)
            self._far.update(self._lists(at, table, cut, own, sign=-1))

    def farthest_from_centre(self) -> int:
        """The remaining row that is farthest from the mean of the remaining rows.

        Distances to an earlier mean bound those to the present one (triangle inequality), so only a few
        rows are measured until the mean has moved too far.
        """
        centre = self._sum / self.count
        wanted = _AHEAD
        while True:
            if self._outer.size:
                offset = self._outer_rows - centre
                distance = np.sqrt(np.einsum("ij,ij->i", offset, offset))
                distance[~self._alive[self._outer]] = -1.0
                at = int(distance.argmax())  # the first of equals: they are in ascending order
                moved = float(np.linalg.norm(centre - self._outer_centre)) * (1 + 1e-9) + 1e-12
                if distance[at] > self._outer_rest + moved:
                    return int(self._outer[at])
            self._measure_outer(centre, wanted)
            wanted *= 4

    def outer_rows(self, count: int) -> list[int]:
        """Up to ``count`` remaining rows far from the centre: a guess at who will be asked about."""
        here = self._outer[self._outer_order]
        found: list[int] = here[self._alive[here]][:count].tolist()
        return found

    def _exact(self, ids: IntArray) -> _Float64:
        return self._rows[ids].astype(np.float64)

    def _measure_outer(self, centre: _Float64, wanted: int) -> None:
        d = self._table.shape[1] - 1
        query = np.append(-2 * (centre - self._mean), 1).astype(np.float32)
        rough = np.where(self._alive[self._ids], -(self._table @ query), _GONE)
        cut = float(self._cut(rough[None], wanted)[0])
        chosen = np.flatnonzero((rough <= cut) & self._alive[self._ids])
        self._outer = self._ids[chosen]
        self._outer_order = np.argsort(rough[chosen])
        self._outer_rows = self._exact(self._outer)
        self._outer_centre = centre
        own = float(np.square(query[:d].astype(np.float64) / 2).sum())
        # Whoever was not chosen is at most this far.
        rest = float(np.sqrt(max(own - cut + self._slack, 0)))
        self._outer_rest = -np.inf if chosen.size == self.count else rest

    @staticmethod
    def _cut(table: FloatArray, wanted: int) -> FloatArray:
        """(B,) a value that at least ``wanted`` entries of each row of (B, M) do not exceed.

        The smallest of each of a few hundred classes stand for all: one pass without sorting.
        """
        width = table.shape[1]
        classes = max(4 * wanted, 512)
        if width < 2 * classes:
            if width <= wanted:
                return np.full(len(table), np.inf, dtype=np.float32)
            return np.asarray(np.partition(table, wanted - 1, axis=1)[:, wanted - 1])
        depth = width // classes
        whole = depth * classes
        least = table[:, :whole].reshape(len(table), depth, classes).min(axis=1)
        np.minimum(least[:, : width - whole], table[:, whole:], out=least[:, : width - whole])
        return np.asarray(np.partition(least, wanted - 1, axis=1)[:, wanted - 1])

    def _lists(
        self, at: IntArray, table: FloatArray, cut: FloatArray, own: _Float64, *, sign: int
    ) -> Iterable[tuple[int, tuple[list[int], bool]]]:
        owner, column = np.nonzero(table <= cut[:, None])
        ids = self._ids[column]
        known = self._alive[ids] & (ids != at[owner])
        owner, ids = owner[known], ids[known]
        offset = self._exact(ids) - self._exact(at)[owner]
        distance = sign * np.einsum("ij,ij->i", offset, offset)
        order = np.lexsort((ids, distance, owner))
        owner, ids, distance = owner[order], ids[order], distance[order]
        # Whoever was not preselected is at least this far (sign 1), or at most (sign -1).
        limit = cut + sign * own - self._slack
        sure = distance < limit[owner]
        ends = np.searchsorted(owner, np.arange(at.size + 1))
        for i, row in enumerate(at.tolist()):
            here = slice(int(ends[i]), int(ends[i + 1]))
            everyone = here.stop - here.start == self.count - self._flags[row]
            kept: list[int] = (ids[here] if everyone else ids[here][sure[here]]).tolist()
            yield row, (kept, everyone)
