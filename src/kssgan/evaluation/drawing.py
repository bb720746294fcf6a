"""What a method would release: pictures, and who is behind each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kssgan.baselines import PhotoMethod
from kssgan.deidentification.draw import group_seed
from kssgan.evaluation.methods import grouping_of
from kssgan.evaluation.photos import PERSONAL, Photos
from kssgan.grouping.cells import vote
from kssgan.types import FloatArray, Groups, IntArray, SurrogateMethod, U8Array

__all__ = ["Drawn", "draw_groups", "form_groups", "redraw"]

_KNOWN = 0.9  # of the people: from there on groups are formed inside gender, as in a release


@dataclass(frozen=True, eq=False)
class Drawn:
    """Distinct pictures.

    Attributes:
        pictures: (P, 256, 256, 3) uint8.
        members: of each picture, the subjects who hold it.
        least: people behind a picture at least, look-alikes once.
        labels: of each picture, what it was asked to show: of a group what most of its people show, of a
            photo what is read off it.
        shapes: (P, 468, 2) float32 landmarks that it was drawn towards, in its pixels: the mean of its
            people, everybody weighing the same, or the photo's own. NaN where none are reliable.
        even: where asked for, of some groups (by row of ``pictures``) the picture and the label with which
            every expression that the method draws is shown by as many of them; it may be the released one.
    """

    pictures: U8Array
    members: Sequence[IntArray]
    least: int
    labels: Sequence[Mapping[str, str]]
    shapes: FloatArray
    even: Mapping[int, tuple[U8Array, Mapping[str, str]]] = field(default_factory=dict)

    @property
    def truths(self) -> list[dict[int, int]]:
        """Files of each person behind each picture: one each."""
        return [dict.fromkeys(people.tolist(), 1) for people in self.members]

    def of(self, rows: Sequence[int]) -> Drawn:
        """Some of the pictures, without those of ``even``."""
        chosen = list(rows)
        return Drawn(
            self.pictures[chosen],
            [self.members[row] for row in chosen],
            self.least,
            [self.labels[row] for row in chosen],
            self.shapes[chosen],
        )


def form_groups(method: SurrogateMethod, photos: Photos, k: int, seed: int) -> Groups:
    """The groups of one cell: the same for all methods that do not form their own.

    Newton's k-Same around random subjects, inside gender where it is known of 9 in 10 people.

    Raises:
        TooFewPeople: fewer than k.
    """
    known = photos.personal()
    method_groups = grouping_of(method)
    wanted = method_groups.within
    if not wanted:
        usual = np.mean([category != "unknown" for category in known["gender"]])
        wanted = ("gender",) if usual >= _KNOWN else ()
    return method_groups.groups(
        photos.means(),
        k,
        attributes={name: known[name] for name in wanted},
        seed=seed,
        look_alikes=photos.look_alikes,
    )


def draw_groups(
    method: SurrogateMethod,
    photos: Photos,
    groups: Groups,
    seed: int,
    *,
    first: bool = False,
    only: Sequence[int] | None = None,
    even: int = 0,
) -> Drawn:
    """One picture for each group, labelled with what most of its people show.

    Args:
        method: fitted.
        photos: the gallery.
        groups: of its subjects.
        seed: of the pictures.
        first: use one photo of each person only.
        only: draw these groups alone.
        even: of how many groups at most a picture is drawn as of :attr:`Drawn.even`.
    """
    pictures, members, labels, shapes = [], [], [], []
    asked = _even_expressions(method, groups.count, even, seed)
    evenly: dict[int, tuple[U8Array, Mapping[str, str]]] = {}
    for group in range(groups.count) if only is None else only:
        subjects = groups.members(group)
        rows_of: dict[int, list[int]] = {}
        for subject in subjects.tolist():
            rows = photos.rows(subject).tolist()
            person = int(groups.people[subject])
            rows_of.setdefault(person, []).extend(rows[:1] if first else rows)
        rows = [row for own in rows_of.values() for row in own]
        surrogate = method.surrogate([photos.faces(own) for own in rows_of.values()])
        own_seed = group_seed(seed, (photos.contents[row] for row in rows))
        label = _label(photos, rows, [p for p, own in rows_of.items() for _ in own], own_seed)
        pictures.append(method.draw(surrogate, label, seed=own_seed))
        if expression := asked.get(group):
            shown = {**label, "expression": expression}
            same = label.get("expression") == expression
            picture = pictures[-1] if same else method.draw(surrogate, shown, seed=own_seed)
            evenly[len(pictures) - 1] = picture, shown
        members.append(subjects)
        labels.append(label)
        shapes.append(_mean_shape(photos, rows_of.values()))
    return Drawn(
        np.stack(pictures), members, min(groups.sizes), labels, np.stack(shapes), evenly
    )


def _even_expressions(
    method: SurrogateMethod, groups: int, most: int, seed: int
) -> dict[int, str]:
    """An expression for some groups by chance, each for as many within one."""
    expressions = method.draws.get("expression", ())
    if not expressions:
        return {}
    chosen = np.random.default_rng(seed).permutation(groups)[:most].tolist()
    return {group: expressions[place % len(expressions)] for place, group in enumerate(chosen)}


def redraw(method: PhotoMethod, photos: Photos, rows: Sequence[int]) -> Drawn:
    """One picture for each photo."""
    pictures = np.stack([method.redraw(photos.face(row)) for row in rows])
    chosen = list(rows)
    return Drawn(
        pictures,
        [photos.subject[[row]] for row in chosen],
        1,
        [photos.attributes[row] for row in chosen],
        photos.landmarks[chosen],
    )


def _mean_shape(photos: Photos, people: Iterable[Sequence[int]]) -> FloatArray:
    """Mean landmarks (468, 2) of people with photos each, NaN where no photo has reliable ones."""
    each = []
    for rows in people:
        known = [p for p in photos.landmarks[list(rows)] if np.isfinite(p).all()]
        each += [np.mean(known, axis=0)] if known else []
    if not each:
        return np.full(photos.landmarks.shape[1:], np.nan, np.float32)
    shape: FloatArray = np.mean(each, axis=0).astype(np.float32)
    return shape


def _label(
    photos: Photos, rows: Sequence[int], people: Sequence[int], seed: int
) -> dict[str, str]:
    """What most of a group shows.

    Where several expressions are shown as often, the seed takes one, so that over the groups all are drawn.
    """
    found = {}
    for name in PERSONAL:
        voted = vote(
            [photos.attributes[row].get(name) for row in rows], np.array(people, np.int64)
        )
        if voted is not None:
            found[name] = voted
    shown = Counter(e for row in rows if (e := photos.attributes[row].get("expression")))
    if shown:
        most = max(shown.values())
        usual = sorted(e for e, count in shown.items() if count == most)
        found["expression"] = usual[seed % len(usual)]
    return found
