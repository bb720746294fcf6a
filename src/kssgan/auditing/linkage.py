"""Linkage without looking at faces: what labels, names, order, times and metadata of a release give away.

Problems come from :mod:`labels`, :mod:`names` and :mod:`leaks`; here are the figures beside them, so that a
release without a problem also says what was tried and how near it came to chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kssgan.auditing._tables import Manifest

__all__ = ["label_linkage", "order_linkage"]


def label_linkage(
    people: Mapping[str, Collection[str]], manifest: Manifest | None, digests: Mapping[str, str]
) -> dict[str, Any]:
    """How few people somebody is hidden among who is known by the released labels alone.

    The attacker knows a person's gender, age band, expression, and looks at all pictures that carry these
    labels: everybody behind them could be the person. Since each picture stands for k people, it is never
    fewer; labels that differ from picture to picture never help to go below.

    Args:
        people: by distinct picture, the people behind it, one name for each.
        manifest: what the release says of its files; None says nothing.
        digests: distinct picture of every file.

    Returns:
        ``label_combinations`` that occur; ``fewest_people_with_one``; ``expected_people``, mean over people
        of how many share their labels; ``named_by_labels``, how often the person is named by drawing one of
        them; ``fewest_people_by`` each column alone.
    """
    everybody = {person for behind in people.values() for person in behind}
    if not everybody:
        return {}
    columns = [name.strip().lower() for name in manifest.columns] if manifest else []
    labels: dict[tuple[str, ...], set[str]] = defaultdict(set)
    alone: list[dict[str, set[str]]] = [defaultdict(set) for _ in columns]
    for file, picture in digests.items():
        cells = manifest.rows.get(file) if manifest else None
        shown = tuple(cells) if cells is not None else ("",) * len(columns)
        labels[shown] |= set(people.get(picture, ()))
        for place, value in enumerate(shown[: len(columns)]):
            alone[place][value] |= set(people.get(picture, ()))
    # A person whose photos fell into several pictures is behind several labels, and found by any of them.
    sets = {who: [len(s) for s in labels.values() if who in s] for who in everybody}
    smallest = [min(found) for found in sets.values() if found]
    return {
        "label_combinations": len(labels),
        "fewest_people_with_one": min(len(s) for s in labels.values()),
        "expected_people": sum(smallest) / len(smallest),
        "named_by_labels": sum(1 / size for size in smallest) / len(smallest),
        "people": len(everybody),
        **{
            f"fewest_people_by_{name}": min(len(s) for s in values.values())
            for name, values in zip(columns, alone, strict=True)
            if values
        },
    }


def order_linkage(
    pairs: Sequence[tuple[str, str, str]], orders: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """An attacker lays the released files beside the photos, both in order, and names people by place.

    Args:
        pairs: (original, subject, released) of every released photo.
        orders: released files in an order that a recipient can see, by its name in words.

    Returns:
        For the best of the orders, forwards or backwards: ``matched_by_order``, share of files that lie
        beside their own person where people are in the order of their first photos' names;
        ``matched_by_chance``, what a shuffled order gives on average; ``orders_tried``.
    """
    owner: dict[str, str] = {}
    for original, subject, released in sorted(pairs):
        del original
        owner.setdefault(released, subject)
    hidden = list(owner.values())
    if not hidden:
        return {}
    found = []
    for files in orders.values():
        seen = [owner[file] for file in files if file in owner]
        for way in (seen, seen[::-1]):
            found.append(sum(a == b for a, b in zip(way, hidden, strict=False)) / len(hidden))
    counts: dict[str, int] = defaultdict(int)
    for subject in hidden:
        counts[subject] += 1
    chance = sum(n * n for n in counts.values()) / len(hidden) ** 2
    return {
        "orders_tried": len(found),
        "matched_by_order": max(found, default=0.0),
        "matched_by_chance": chance,
    }
