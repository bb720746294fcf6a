"""Codes z: what a head looks like around the face. Learned per donor, mixed afresh for every surrogate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kssgan.models.generator import GeneratorConfig
from kssgan.types import BoolArray, FloatArray, IntArray

__all__ = [
    "CLOSE",
    "FIRSTS",
    "LEAST",
    "LENGTHS",
    "NEAREST",
    "PARTS",
    "RARER",
    "TONES",
    "WALL",
    "CodeTable",
    "Codes",
    "mix_codes",
    "mixed_codes",
    "mixture",
]

PARTS = 3
"""Donors whose codes make one fresh code."""

LEAST = 0.3
"""No donor of a mixture weighs less, and so none more than 1 - (PARTS - 1) * this."""

CLOSE = 16
"""Heads most like the first of a mixture, from which the others are drawn."""

ALIKE = 0.28
"""How differently two heads of a mixture may look (logarithms of tones): beyond, outlines give fog."""

MORE = 2
"""Heads like the first of a mixture beyond the least that it needs."""

WALL = 0.12
"""How far apart the colours of two walls may lie in one mixture: a grey and a blue one give clouds."""

LENGTHS = 8.0
"""How much farther one head of a mixture may reach beyond its face than another, pixels: of a bob and of tied
hair nothing would come that anybody wears, and stumps beside the jaw of ends of hair and none."""

FIRSTS = 24
"""Donors of one kind that are enough to draw a mixture's first from: of fewer the same heads come again."""

NEAREST = 0.5
"""How likely a mixture's first is of the kind that is wanted most, where others are not passed over."""

RARER = 3.0
"""Most by which a rare wall makes a head likelier to be a mixture's first: one alone would come again."""

TONES = 0.11
"""How far a head's skin may lie from a face's tone, colours in [0, 1]: a mean of many people is near many."""

# What may differ first, where too few donors agree with a label in everything.
_DROPPED = ("age", "expression", "gender")


class Codes(nn.Module):
    """One learned code per donor: a vector (texture, tone) and a small map (layout).

    Args:
        donors: D, how many.
        config: of the generator that reads them.
    """

    def __init__(self, donors: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.randn(donors, config.style) * 0.5)
        self.layout = nn.Parameter(
            torch.randn(donors, config.layout, config.grid, config.grid) * 0.3
        )

    def forward(self, donors: Tensor, flipped: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Vectors (B, style) and maps (B, layout, grid, grid) of donors (B,) int64.

        Where ``flipped`` (B,) bool is true the head is mirrored, and so is its map.
        """
        vector, layout = _rows(self.vector, donors), _rows(self.layout, donors)
        if flipped is not None:
            layout = torch.where(flipped[:, None, None, None], layout.flip(3), layout)
        return vector, layout

    def mixed(self, donors: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Fresh codes, as :func:`mix_codes` makes them.

        Args:
            donors: (B, P) int64.
            weights: (B, P), each row adds up to 1.

        Returns:
            Vectors (B, style) and maps (B, layout, grid, grid).
        """
        return (
            torch.einsum("bp,bpc->bc", weights, _rows(self.vector, donors)),
            torch.einsum("bp,bpcyx->bcyx", weights, _rows(self.layout, donors)),
        )


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """``values[rows]``, of which the gradient is the same every time.

    That of an index adds up on several threads, in any order, where a row comes more than once: what was
    trained could not be trained again to the last bit.
    """
    return values.index_select(0, rows.flatten()).reshape(*rows.shape, *values.shape[1:])


@dataclass(frozen=True)
class CodeTable:
    """The codes that are shipped with a generator.

    Attributes:
        vector: (D, style) float32.
        layout: (D, layout, grid, grid) float32.
        tone: (D, 3) float32 in [0, 1], mean colour of the donor's cheeks.
        wall: (D, 3) float32 in [0, 1], median colour behind the donor.
        attributes: per donor, category by attribute where known.
    """

    vector: FloatArray
    layout: FloatArray
    tone: FloatArray
    wall: FloatArray
    attributes: Sequence[Mapping[str, str]]

    def __len__(self) -> int:
        return len(self.vector)


def mixture(
    table: CodeTable,
    wanted: Mapping[str, str],
    seed: int,
    *,
    tone: FloatArray | None = None,
    apart: FloatArray | None = None,
    reach: FloatArray | None = None,
    first: Sequence[Mapping[str, str]] = (),
    alone: bool = True,
    parts: int = PARTS,
) -> tuple[tuple[int, float], ...]:
    """Which donors make a fresh code, and how much of each.

    Args:
        table: the donors; at least ``parts`` of them.
        wanted: category by attribute. Donors of another category are passed over as long as ``parts`` others
            are left; age gives way first, then expression, then gender. Donors of unknown category stay.
        seed: 0 or more; another seed, another head.
        tone: (3,) colour of the face that the head is for; the first is one of the nearest third, or of all
            within :data:`TONES`.
        apart: (D, D) how differently the donors' heads look; left out, how far apart their codes lie.
        reach: (D, R) how far their heads reach beyond their faces in R places, pixels; left out, nobody's
            differs.
        first: kinds that the first donor may be of, categories by attribute, what is wanted most before the
            others. He is of that one with a chance of :data:`NEAREST`, else of one of the others, each as
            likely; kinds of which nobody is fall away, and where none is left anybody may be the first.
        alone: the others are passed over where :data:`FIRSTS` donors are of the first kind.
        parts: how many donors. The first is drawn from all with enough others in front of a like wall, each
            wall as likely as among all who agree where there are such (the men and the women who may be first
            stand mostly before two different walls), a rare one up to :data:`RARER` times. The others come
            from the :data:`CLOSE` of these that are most like it, and like each other where there are such,
            all with hair as long (:data:`LENGTHS`): heads that differ in everything have no clean middle.

    Returns:
        (row, weight) pairs; weights are at least 0.3 (three parts) and add up to 1.

    Raises:
        ValueError: fewer donors than ``parts``.
    """
    if len(table) < parts:
        raise ValueError(f"{len(table)} donors came; a mixture needs {parts}")
    agreeing = _agreeing(table, wanted, parts)
    rows, like = _mixable(agreeing, _alike(table, agreeing, apart, reach), parts)
    kinds = _firsts(table, rows, first, alone)
    rows = np.unique(np.concatenate(kinds))
    if tone is not None:
        far = np.linalg.norm(table.tone[rows] - tone, axis=1)
        near = max(2 * parts, len(rows) // 3, int((far <= TONES).sum()))
        rows = rows[np.argsort(far, kind="stable")[:near]]
    rng = np.random.default_rng([seed, len(table), parts])
    row = rng.choice(rows, p=_chances(rows, kinds, _rarer(table.wall, rows, agreeing)))
    others = agreeing[like[agreeing == row][0] & (agreeing != row)]
    far = _apart(table, others, int(row)) if apart is None else apart[row][others]
    order = np.argsort(far, kind="stable")
    close = others[order[: max(CLOSE, parts - 1)]]
    chosen = [row]
    while len(chosen) < parts:
        free = close[~np.isin(close, chosen)]
        # Those that look like all so far; where there is none, like the first.
        both = free[
            like[np.ix_(np.isin(agreeing, chosen), np.searchsorted(agreeing, free))].all(0)
        ]
        chosen.append(rng.choice(both if len(both) else free))
    least = min(LEAST, 0.9 / parts)
    weights = least + (1 - least * parts) * rng.dirichlet(np.ones(parts))
    return tuple((int(r), float(w)) for r, w in zip(chosen, weights, strict=True))


def _alike(
    table: CodeTable, rows: IntArray, apart: FloatArray | None, reach: FloatArray | None
) -> BoolArray:
    """(R, R) which of some rows may be mixed with each other: before a like wall, looks and lengths alike."""
    walls = table.wall[rows]
    found: BoolArray = np.linalg.norm(walls[:, None] - walls[None], axis=2) <= WALL
    if apart is not None:
        found &= apart[np.ix_(rows, rows)] <= ALIKE
    if reach is not None:
        found &= (np.abs(reach[rows][:, None] - reach[rows]) <= LENGTHS).all(2)
    return found


def _mixable(rows: IntArray, like: BoolArray, parts: int) -> tuple[IntArray, BoolArray]:
    """Those of some rows that have enough others like them, and who is like whom; anybody where none has."""
    # Itself and enough others: with only two it would always be the same three.
    for least in (parts + MORE, parts):
        found = rows[like.sum(1) >= least]
        if len(found):
            return found, like
    return rows, np.ones_like(like)


def _firsts(
    table: CodeTable, rows: IntArray, first: Sequence[Mapping[str, str]], alone: bool
) -> list[IntArray]:
    """Of some rows those of each kind of which there are any; all of them as one where there is none."""
    known = [table.attributes[row] for row in rows]
    kinds = [
        rows[[all(has.get(n) == kind[n] for n in kind) for has in known]] for kind in first
    ]
    if kinds and alone and len(kinds[0]) >= FIRSTS:
        return kinds[:1]
    return [kind for kind in kinds if len(kind)] or [rows]


def _chances(
    rows: IntArray, kinds: Sequence[IntArray], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How likely each of some rows is the first, by kinds of which any are there and by weight within one."""
    inside = [each for each in (weight * np.isin(rows, kind) for kind in kinds) if each.any()]
    others = (1 - NEAREST) / max(len(inside) - 1, 1)
    found = np.zeros(len(rows))
    for number, each in enumerate(inside):
        found += (others if number else NEAREST) * each / each.sum()
    result: npt.NDArray[np.float64] = found / found.sum()
    return result


def _rarer(wall: FloatArray, rows: IntArray, others: IntArray) -> npt.NDArray[np.float64]:
    """How many times as many of some others as of some rows have a wall like each of the rows, to RARER."""

    def like(compared: IntArray) -> npt.NDArray[np.float64]:
        away = wall[rows][:, None] - wall[compared]
        share: npt.NDArray[np.float64] = (np.linalg.norm(away, axis=2) <= WALL).mean(1)
        return share

    return np.minimum(like(others) / like(rows), RARER)


def _apart(table: CodeTable, rows: IntArray, row: int) -> npt.NDArray[np.float64]:
    """Squared distance of some codes from one, vector and map weighing the same."""
    found = np.zeros(len(rows))
    for codes in (table.vector, table.layout):
        away = (codes[rows] - codes[row]).reshape(len(rows), -1).astype(np.float64)
        found += (away**2).mean(1) / max(float(codes.var(0, dtype=np.float64).mean()), 1e-12)
    return found


def _agreeing(table: CodeTable, wanted: Mapping[str, str], parts: int) -> IntArray:
    names = [n for n in (*_DROPPED, *sorted(set(wanted) - set(_DROPPED))) if n in wanted]
    for drop in range(len(names) + 1):
        kept = names[drop:]
        fits = [
            all(a.get(name, wanted[name]) == wanted[name] for name in kept)
            for a in table.attributes
        ]
        if sum(fits) >= parts:
            return np.flatnonzero(fits)
    return np.arange(len(table))


def mix_codes(
    table: CodeTable,
    wanted: Mapping[str, str],
    seed: int,
    *,
    tone: FloatArray | None = None,
    apart: FloatArray | None = None,
    parts: int = PARTS,
) -> tuple[FloatArray, FloatArray]:
    """A fresh code z: a head that no donor has.

    Arguments as of :func:`mixture`.

    Returns:
        Vector (style,) and map (layout, grid, grid), float32.
    """
    return mixed_codes(table, mixture(table, wanted, seed, tone=tone, apart=apart, parts=parts))


def mixed_codes(
    table: CodeTable,
    mix: Sequence[tuple[int, float]],
    *,
    one: tuple[int, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """The code of a :func:`mixture`.

    Args:
        table: the donors.
        mix: (row, weight) pairs.
        one: the row of a donor whose map takes the place of the mixed one, and how far: (grid,) in [0, 1] for
            each row of the map, from the top of the picture.

    Returns:
        Vector (style,) and map (layout, grid, grid), float32.
    """
    vector, layout = _mean(table.vector, mix), _mean(table.layout, mix)
    if one is not None:
        row, share = one
        layout = layout + share.astype(np.float32)[:, None] * (table.layout[row] - layout)
    return vector, layout


def _mean(codes: FloatArray, mix: Sequence[tuple[int, float]]) -> FloatArray:
    rows, weights = [r for r, _ in mix], np.array([w for _, w in mix])
    result: FloatArray = np.tensordot(weights, codes[rows].astype(np.float64), 1).astype(
        np.float32
    )
    return result
