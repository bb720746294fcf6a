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

    def merged(groups: list[list[int]]) -> int:
        """How many rows are not a person of their own."""
        return len(rows) - sum(graph.people(members) for members in groups)

    first = draft(sow)
    if not first.left:
        return first.groups
    settled = settle(rows, graph, k, first.groups, first.left, merge=False)
    if settled is not None and not merged(settled):
        return settled

    def hardest_first(made: Draft) -> None:
        _fill_hardest(made)
        sow(made)

    second = draft(hardest_first)
    other = settle(rows, graph, k, second.groups, second.left, merge=False)
    found = [groups for groups in (settled, other) if groups is not None]
    if found:
        return min(found, key=merged)
    # Crowds of look-alikes from here on: any grouping at all is welcome.
    if len(rows) <= MOST_ROWS:
        best = best_groups(rows, graph, k)
        candidates = [] if best is None else [best]
    else:
        drafts = (first, second)
        tried = (settle(rows, graph, k, made.groups, made.left, merge=True) for made in drafts)
        candidates = [groups for groups in tried if groups is not None]
    if candidates:
        return [cut for members in candidates[0] for cut in split(rows, graph, k, members)]
    everyone = list(range(len(rows)))
    people = graph.people(everyone)
    if people < k:
        raise TooFewPeople(people, k)
    return split(rows, graph, k, everyone)


def _fill_hardest(draft: Draft) -> None:
    """Group those with so many look-alikes that waiting could leave no place, the worst first."""
    degrees = draft.graph.degrees
    order = np.argsort(-degrees, kind="stable")
    for row in order[2 * draft.k * (degrees[order] + 1) > degrees.size].tolist():
        if draft.remaining.count < 2 * draft.k:
            return
        if row in draft.remaining:
            draft.fill(row)
