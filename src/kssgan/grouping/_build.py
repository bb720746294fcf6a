"""From checked input to ``Groups``, whatever the way of choosing seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kssgan.errors import TooFewPeople
from kssgan.grouping._exhaustive import MOST_ROWS, best_groups
from kssgan.grouping._fill import Draft
from kssgan.grouping._input import (
    Embeddings,
    checked_embeddings,
    checked_k,
    checked_pairs,
    value_order,
)
from kssgan.grouping._look_alikes import LookAlikes
from kssgan.grouping._remaining import Remaining
from kssgan.grouping._settle import settle, split
from kssgan.types import Groups

__all__ = ["build_groups"]


def build_groups(
    embeddings: npt.ArrayLike,
    k: int,
    look_alikes: npt.ArrayLike | None,
    sow: Callable[[Draft], None],
) -> Groups:
    """Check the input, let ``sow`` fill groups, settle what look-alikes left over.

    ``sow`` sees the rows in the order of their values, so that the order they came in cannot matter.

    Raises:
        UsageError: see ``_input``.
        TooFewPeople: no grouping was found; ``have`` is the number of people that can be told apart
            in the strictest sense (chains of look-alikes count once), or of rows if those are too few.
    """
    given = checked_embeddings(embeddings)
    k = checked_k(k, rows=len(given))
    pairs = checked_pairs(look_alikes, rows=len(given))
    order = value_order(given)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    rows = given[order]
    graph = LookAlikes.from_pairs(place[pairs], rows=len(rows))
    groups = _grouped(rows, graph, k, sow)
    labels = np.empty(len(rows), dtype=np.int64)
    for number, members in enumerate(groups):
        labels[order[members]] = number
    by_row = LookAlikes.from_pairs(pairs, rows=len(rows))
    return Groups(labels=labels, people=by_row.person_numbers(labels), k=k)


def _grouped(
    rows: Embeddings, graph: LookAlikes, k: int, sow: Callable[[Draft], None]
) -> list[list[int]]:
    def draft(by: Callable[[Draft], None]) -> Draft:
        made = Draft(Remaining(rows, listed=4 * k + 16), graph, k)
        by(made)
        return made

    first = draft(sow)
    if not first.left:
        return first.groups
    settled = settle(rows, graph, k, first.groups, first.left, merge=False)
    if settled is not None:
        return settled
    # Many look-alikes: those with most of them first, while there are many others to choose from.
    second = draft(_hardest_first)
    settled = settle(rows, graph, k, second.groups, second.left, merge=False)
    if settled is None and len(rows) <= MOST_ROWS:
        settled = best_groups(rows, graph, k)
        if settled is None:
            everyone = graph.people(range(len(rows)))
            raise TooFewPeople(everyone, k)
        return [g for members in settled for g in split(rows, graph, k, members)]
    for made in (first, second):
        if settled is None:
            settled = settle(rows, graph, k, made.groups, made.left, merge=True)
    if settled is None:
        everyone = graph.people(range(len(rows)))
        if everyone < k:
            raise TooFewPeople(everyone, k)
        settled = split(rows, graph, k, list(range(len(rows))))
    return settled


def _hardest_first(draft: Draft) -> None:
    order = np.argsort(-draft.graph.degrees, kind="stable").tolist()
    seeds = (row for row in order if row in draft.remaining)
    draft.close(lambda: next(seeds))
