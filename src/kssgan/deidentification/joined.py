"""Old groups and new ones as one plan, and what the ledger is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kssgan.deidentification.draw import Drawn
from kssgan.deidentification.ledger_records import Draft, NewCell, NewPerson
from kssgan.deidentification.look import Seen
from kssgan.deidentification.plan import Plan, mean_embeddings
from kssgan.deidentification.returning import Returning
from kssgan.faces.distances import pairs_below
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.grouping.attributes import UNKNOWN
from kssgan.grouping.cells import Cells
from kssgan.grouping.ledger import Frozen
from kssgan.grouping.loss import information_loss
from kssgan.grouping.subjects import Subjects
from kssgan.types import FloatArray, Groups, IntArray

__all__ = ["Joined", "join", "part_of"]


@dataclass(frozen=True, slots=True)
class Joined:
    """One plan of two parts, the old groups before the new ones. U units (names of the plan's subjects).

    Attributes:
        photos: all that are released.
        plan: of these photos.
        rows: the newcomers' photos among them.
        old_pictures: pictures of the ledger, the first ones of the plan.
        old_groups: groups of the ledger, the first ones of the plan.
        old_people: people of the ledger, the first units of the plan.
        numbers: (U,) number of the person in the ledger, new ones counted on.
        templates: of people, for the ledger; see :class:`~kssgan.deidentification.ledger_records.Draft`.
    """

    photos: Sequence[Seen]
    plan: Plan
    rows: tuple[int, ...]
    old_pictures: tuple[int, ...]
    old_groups: tuple[int, ...]
    old_people: tuple[int, ...]
    numbers: tuple[int, ...]
    templates: tuple[tuple[int, FloatArray], ...]

    @property
    def new_groups(self) -> int:
        """Number of groups that were in no release before."""
        return self.plan.groups.count - len(self.old_groups)

    @property
    def new_people(self) -> int:
        """Number of people who were in no release before."""
        return len(set(self.numbers)) - len(self.old_people)

    def draft(
        self,
        parameters: Mapping[str, Any],
        declared: Mapping[str, str | None],
        first: tuple[int, int, int],
    ) -> Callable[[Drawn], Draft]:
        """What the ledger is told, once the pictures are drawn.

        Args:
            parameters: see :func:`~kssgan.deidentification.stable.asked_parameters`.
            declared: subject of each photo, None where nothing was declared.
            first: free numbers of a person, a group and a picture.
        """
        plan = self.plan
        olds = len(self.old_pictures) // plan.variants  # cells
        group_of = [first[1] + g - len(self.old_groups) for g in range(plan.groups.count)]
        people: dict[int, NewPerson] = {}
        for unit in range(len(self.old_people), len(self.numbers)):
            number, group = self.numbers[unit], group_of[int(plan.groups.labels[unit])]
            people[number] = NewPerson(number, group)
        on_photo = [self.numbers[unit] for unit in plan.subjects.photo_subject.tolist()]
        holders: dict[int, set[int]] = {}
        for cell, number in zip(plan.cells.photo_cell.tolist(), on_photo, strict=True):
            holders.setdefault(cell, set()).add(number)
        names = [
            (declared[photo.name] or found_name(number), number)
            for photo, number in zip(self.photos, on_photo, strict=True)
        ]
        contents = [
            (photo.content, number) for photo, number in zip(self.photos, on_photo, strict=True)
        ]

        def filled(pictures: Drawn) -> Draft:
            cells = [
                NewCell(
                    first[2] + number - len(self.old_pictures),
                    group_of[int(plan.cells.group[at])],
                    plan.shown(number),
                    frozenset(holders[at]),
                    lambda number=number: pictures[number],  # type: ignore[misc]
                )
                for at in range(olds, plan.cells.count)
                for number in plan.pictures(at)
            ]
            shown = [*self.old_pictures, *(cell.number for cell in cells)]
            return Draft(
                parameters,
                list(people.values()),
                cells,
                self.templates,
                names,
                contents,
                shown,
            )

        return filled


def found_name(number: int) -> str:
    """What a person of the ledger is called in maps where nobody is declared.

    >>> found_name(7)
    'person-0007'
    """
    return f"person-{number:04d}"


def part_of(subjects: Subjects, photos: Sequence[Seen], rows: Sequence[int]) -> Subjects:
    """The subjects of some photos alone."""
    own, unit = np.unique(subjects.photo_subject[list(rows)], return_inverse=True)
    names = tuple(subjects.names[i] for i in own.tolist())
    nobody = np.zeros((0, 2), np.int64)
    part = Subjects(names, unit.astype(np.int64), nobody, 0, len(names), subjects.how)
    return _with_look_alikes(part, [photos[row] for row in rows])


def join(
    photos: Sequence[Seen],
    subjects: Subjects,
    returning: Returning,
    frozen: Frozen,
    fresh: Plan | None,
    new: Sequence[int],
    attributes: tuple[str, ...],
    drawn: tuple[str, ...],
    *,
    k: int,
    variants: int,
    first_person: int,
) -> Joined:
    """Put two parts together.

    Args:
        photos: P usable photos.
        subjects: who is on them, as this release tells people apart.
        returning: what people of the ledger are shown.
        frozen: what the ledger has settled.
        fresh: the newcomers' plan.
        new: their photos, in the order of that plan.
        attributes: what the releases of this ledger say of a picture.
        drawn: those that change from photo to photo.
        k: people of a group.
        variants: pictures of a cell.
        first_person: free number of a person.
    """
    old = sorted(returning.shown)
    old_people = sorted({int(returning.person[row]) for row in old})
    cells = set(returning.shown.values())
    old_cells = sorted(cells, key=lambda cell: (frozen.cells[cell].group, cell))
    old_groups = sorted({frozen.cells[cell].group for cell in old_cells})
    parts = [_old_part(returning, frozen, old, old_people, old_cells, old_groups)]
    if fresh is not None:
        counted = _numbers(fresh.groups, first_person)
        called = (
            [found_name(number) for number in counted]
            if subjects.how == "auto"
            else list(fresh.subjects.names)
        )
        sizes = len(old_people), len(old_groups), len(old_cells)
        parts.append(_new_part(fresh, called, counted, attributes, sizes))
    kept = sorted([*old, *new])
    place = {row: at for at, row in enumerate(kept)}
    rows = [place[row] for row in new]
    photo_unit, photo_cell = np.zeros(len(kept), np.int64), np.zeros(len(kept), np.int64)
    for part, own in zip(parts, ([place[row] for row in old], rows), strict=False):
        photo_unit[own], photo_cell[own] = part.photo_unit, part.photo_cell
    shown = [photos[row] for row in kept]
    names = tuple(name for part in parts for name in part.names)
    both = _with_look_alikes(replace(subjects, names=names, photo_subject=photo_unit), shown)
    groups = Groups(
        np.array([group for part in parts for group in part.groups], np.int64),
        np.array([person for part in parts for person in part.people], np.int64),
        k,
    )
    of_cell = tuple(label for part in parts for label in part.cell_labels)
    numbers = tuple(number for part in parts for number in part.numbers)
    plan = Plan(
        both,
        groups,
        groups.labels[photo_unit],
        groups.people[photo_unit],
        Cells(
            drawn,
            photo_cell,
            np.array([group for part in parts for group in part.cell_groups], np.int64),
            tuple(tuple(own[n] for n in drawn) for own in of_cell),
            0 if fresh is None else fresh.cells.merged,
        ),
        attributes,
        of_cell,
        information_loss(mean_embeddings(shown, both), groups),
        variants,
    )
    return Joined(
        shown,
        plan,
        tuple(rows),
        tuple(number for cell in old_cells for number in frozen.cells[cell].pictures),
        tuple(old_groups),
        tuple(old_people),
        numbers,
        _templates(photos, subjects, returning, kept, [numbers[unit] for unit in photo_unit]),
    )


def _templates(
    photos: Sequence[Seen],
    subjects: Subjects,
    returning: Returning,
    kept: Sequence[int],
    numbers: Sequence[int],
) -> tuple[tuple[int, FloatArray], ...]:
    """What found people are known again by: a mean of each found subject with a new photo.

    Those who count as one person may look unlike, and so may a face of today and the one in the ledger.

    Args:
        photos: P usable photos.
        subjects: who is on them, as this release tells people apart.
        returning: which of them the ledger knows.
        kept: photos that are released.
        numbers: person of each of these.
    """
    if subjects.how != "auto":
        return ()
    whose = list(zip(numbers, subjects.photo_subject[list(kept)].tolist(), strict=True))
    found = sorted(set(whose))
    number_of = {own: at for at, own in enumerate(found)}
    unit = np.array([number_of[own] for own in whose], np.int64)
    apart = replace(
        subjects, names=tuple(found_name(number) for number, _ in found), photo_subject=unit
    )
    means = mean_embeddings([photos[row] for row in kept], apart)
    new = set(unit[~returning.known[list(kept)]].tolist())
    return tuple((found[at][0], means[at]) for at in sorted(new))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One side of a joined plan, in the whole's numbers of units, groups and cells.

    Attributes:
        names: of its units.
        groups: of its units.
        people: the person that each of its units counts as.
        numbers: of its units' people in the ledger.
        cell_labels: what is released of each of its cells.
        cell_groups: of its cells.
        photo_unit: of its photos.
        photo_cell: of its photos.
    """

    names: Sequence[str]
    groups: Sequence[int]
    people: Sequence[int]
    numbers: Sequence[int]
    cell_labels: Sequence[Mapping[str, str]]
    cell_groups: Sequence[int]
    photo_unit: IntArray
    photo_cell: IntArray


def _old_part(
    returning: Returning,
    frozen: Frozen,
    rows: Sequence[int],
    people: Sequence[int],
    cells: Sequence[int],
    groups: Sequence[int],
) -> _Part:
    """People of the ledger, as it has settled them; ``rows`` are their photos."""
    group_at = {group: at for at, group in enumerate(groups)}
    group_of = {p: group_at[g] for g in groups for p in frozen.groups[g]}
    unit_at = {person: at for at, person in enumerate(people)}
    cell_at = {cell: at for at, cell in enumerate(cells)}
    return _Part(
        [found_name(person) for person in people],
        [group_of[person] for person in people],
        range(len(people)),
        people,
        [frozen.cells[cell].label for cell in cells],
        [group_at[frozen.cells[cell].group] for cell in cells],
        np.array([unit_at[int(returning.person[row])] for row in rows], np.int64),
        np.array([cell_at[returning.shown[row]] for row in rows], np.int64),
    )


def _new_part(
    fresh: Plan,
    names: Sequence[str],
    numbers: Sequence[int],
    attributes: Sequence[str],
    before: tuple[int, int, int],
) -> _Part:
    """Newcomers, counted on from the units, groups and cells ``before`` them."""
    units, groups, cells = before
    return _Part(
        names,
        (fresh.groups.labels + groups).tolist(),
        (fresh.groups.people + units).tolist(),
        numbers,
        # What none of the newcomers' labels tells is unknown.
        [{n: own.get(n, UNKNOWN) for n in attributes} for own in fresh.labels],
        (fresh.cells.group + groups).tolist(),
        fresh.subjects.photo_subject + units,
        fresh.cells.photo_cell + cells,
    )


def _numbers(groups: Groups, first: int) -> list[int]:
    """Number of each subject's person, group by group; who counts as one has one."""
    found: dict[int, int] = {}
    order: IntArray = np.lexsort((groups.people, groups.labels))
    for person in groups.people[order].tolist():
        found.setdefault(person, first + len(found))
    return [found[person] for person in groups.people.tolist()]


def _with_look_alikes(subjects: Subjects, photos: Sequence[Seen]) -> Subjects:
    """The same with the pairs of subjects that these photos make look-alikes."""
    if not photos:
        return subjects
    pairs, _ = pairs_below(np.stack([photo.embedding for photo in photos]), LOOK_ALIKE)
    both = np.sort(subjects.photo_subject[pairs], axis=1)
    apart = both[both[:, 0] != both[:, 1]]
    return replace(subjects, look_alikes=np.unique(apart, axis=0).reshape(-1, 2))
