"""Random groups of people, as they come when a user's collection is grouped: k from 2 to 30."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kssgan.training.data import Photos
from kssgan.types import IntArray

__all__ = ["SIZES", "GroupOf", "draw_group"]

SIZES = (2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 30)
_OFTEN = (0.05, 0.18, 0.15, 0.18, 0.10, 0.10, 0.06, 0.08, 0.05, 0.03, 0.02)
_ALIKE = 0.85  # of the groups have members of one gender, as releases have
_LOOK_ALIKE = 0.5  # of the groups gather people who look alike
_KEPT = 0.6  # of the people they are chosen from
_TONES = 6  # classes of skin tone from which their first member is drawn
_ONE_LABEL = 0.35  # of the labelled groups have a mean of one category's photos only


@dataclass(frozen=True)
class GroupOf:
    """Members of a group, by person.

    Attributes:
        members: rows of each person's photos that S_g is made of.
        targets: (category or -1, rows of each person's photos of that category) to be drawn.
        gender: category number of most members, -1 where unknown.
    """

    members: tuple[IntArray, ...]
    targets: tuple[tuple[int, tuple[IntArray, ...]], ...]
    gender: int

    @property
    def rows(self) -> IntArray:
        """All photos of S_g."""
        return np.concatenate(self.members)


def draw_group(photos: Photos, rows: IntArray, label: str, rng: np.random.Generator) -> GroupOf:
    """Draw a group.

    Args:
        photos: the collection.
        rows: photos to draw from, all of people to train on or all of people held out.
        label: the attribute that the generator draws.
        rng: the only source of chance.
    """
    kinds, genders = photos.category(label), photos.category("gender")
    known = kinds[rows] >= 0
    draw = rng.random()
    # Photos with and without labels usually come from different sources, so most groups keep to one.
    if draw < 0.55 and _people(photos, rows[known]) >= 2:
        rows = rows[known]
    elif draw < 0.9 and _people(photos, rows[~known]) >= 2:
        rows = rows[~known]
    if rng.random() < _ALIKE:
        wanted = int(genders[rng.choice(rows)])
        alike = rows[genders[rows] == wanted]
        if wanted >= 0 and _people(photos, alike) >= 2:
            rows = alike
    people = np.unique(photos.subject[rows])
    fits = [(k, p) for k, p in zip(SIZES, _OFTEN, strict=True) if k <= len(people)]
    often = np.array([p for _, p in fits])
    k = int(rng.choice([k for k, _ in fits], p=often / often.sum()))
    chosen = _members(photos, rows, people, k, rng)
    every = tuple(rows[photos.subject[rows] == person] for person in np.sort(chosen))
    known_genders = [g for g in (int(genders[of_one[0]]) for of_one in every) if g >= 0]
    gender = int(np.bincount(known_genders).argmax()) if known_genders else -1
    targets = tuple(
        (category, shown)
        for category in np.unique(kinds[np.concatenate(every)]).tolist()
        if 3 * len(shown := _of(every, kinds, category)) >= 2 * k and len(shown) >= 2
    )
    if not targets:
        targets = ((-1, every),)
    members = every
    if rng.random() < _ONE_LABEL:
        members = targets[int(rng.integers(len(targets)))][1]
    return GroupOf(members, targets, gender)


def _members(
    photos: Photos, rows: IntArray, people: IntArray, k: int, rng: np.random.Generator
) -> IntArray:
    """K people: by chance, or look-alikes as a release groups them, light and dark skin as often."""
    if rng.random() >= _LOOK_ALIKE:
        return rng.choice(people, k, replace=False)
    # Whoever is left out makes the same seed's neighbours others the next time.
    some = rng.choice(people, max(k, int(_KEPT * len(people))), replace=False)
    first = np.array([rows[photos.subject[rows] == person][0] for person in some])
    light = photos.tone[first].mean(1)
    edges = np.linspace(light.min(), light.max() + 1e-6, _TONES + 1)
    bins = np.digitize(light, edges) - 1
    seed = int(rng.choice(np.flatnonzero(bins == rng.choice(np.unique(bins)))))
    means = photos.embedding[first]
    far = np.linalg.norm(means - means[seed], axis=1)
    found: IntArray = some[np.argsort(far, kind="stable")[:k]]
    return found


def _of(members: tuple[IntArray, ...], kinds: IntArray, category: int) -> tuple[IntArray, ...]:
    parts = (rows[kinds[rows] == category] for rows in members)
    return tuple(part for part in parts if len(part))


def _people(photos: Photos, rows: IntArray) -> int:
    return int(np.unique(photos.subject[rows]).size)
