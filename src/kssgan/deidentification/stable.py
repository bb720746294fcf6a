"""Plan a release so that it cannot be intersected with earlier ones: rule 6, with a ledger at hand.

People whom the ledger knows are shown as before, group by group and whole, or not at all; newcomers form
groups among themselves or wait. Whoever cannot be shown is refused with a reason of their own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.deidentification.draw import Drawn
from kssgan.deidentification.ledger import Draft, Ledger, LedgerBusy, NewCell, NewPerson
from kssgan.deidentification.look import Seen
from kssgan.deidentification.plan import Plan, mean_embeddings
from kssgan.deidentification.write import Collection, reasons_in_words
from kssgan.errors import LedgerRefused, Reason, TooFewPeople
from kssgan.faces.distances import pairs_below
from kssgan.faces.thresholds import LOOK_ALIKE, SAME_PERSON
from kssgan.grouping.attributes import UNKNOWN
from kssgan.grouping.cells import Cells
from kssgan.grouping.ledger import (
    OTHER_NAME,
    UNSURE,
    Frozen,
    FrozenCell,
    check_parameters,
    match_templates,
    recognise,
    share_out,
    waits_for,
)
from kssgan.grouping.loss import information_loss
from kssgan.grouping.subjects import Subjects
from kssgan.types import Groups, IntArray

__all__ = ["Staged", "asked_parameters", "check_ledger", "stage", "stage_alone"]

MakePlan = Callable[[Sequence[int], Subjects], Plan]
"""Plans the newcomers: rows of the collection's photos, and who is on them."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A release that is planned, the old groups before the new ones.

    Attributes:
        collection: photos that are released; all others are among its refused.
        plan: of those photos.
        old_cells: cells of the ledger, the first ones of ``plan``.
        rows: the newcomers' photos, numbers in ``collection.photos``.
        fresh: the newcomers' own plan, None where nobody is new.
        draft: what is entered in the ledger, once the pictures are drawn; None without one.
        counts: for the certificate; empty without a ledger.
        words: for the user.
    """

    collection: Collection
    plan: Plan
    old_cells: tuple[int, ...]
    rows: tuple[int, ...]
    fresh: Plan | None
    draft: Callable[[Drawn], Draft] | None = None
    counts: Mapping[str, int] | None = None
    words: tuple[str, ...] = ()


def stage_alone(collection: Collection, plan: Plan) -> Staged:
    """A release without a ledger: everybody is new."""
    return Staged(collection, plan, (), tuple(range(len(collection.photos))), plan)


def asked_parameters(
    *,
    k: int,
    seed: int,
    subjects: object,
    surrogate: str,
    auto_labels: Sequence[str],
    set_labels: Mapping[str, str] | None,
    analyser: str,
) -> dict[str, Any]:
    """What all releases of a ledger must have in common, as it is kept there.

    >>> asked_parameters(k=5, seed=0, subjects="folder", surrogate="mean", auto_labels=(),
    ...     set_labels=None, analyser="a")["subjects"]
    'folder'
    """
    how = (
        subjects
        if isinstance(subjects, str) and subjects in ("auto", "folder", "file")
        else "csv"
    )
    asked = {
        "k": k,
        "seed": seed,
        "subjects": how,
        "surrogate": surrogate,
        "auto_labels": sorted(auto_labels),
        "set_labels": dict(set_labels or {}),
        # Names do not depend on it, templates do.
        **({"analyser": analyser} if how == "auto" else {}),
    }
    return dict(json.loads(json.dumps(asked)))


def check_ledger(path: Path, key: Path | None, asked: Mapping[str, Any]) -> None:
    """Look before the long part: settle what a killed run left, and refuse other settings.

    Where another run holds the ledger there is nothing to settle, and the settings are compared later.

    Raises:
        LedgerRefused: other settings, another key, or a changed ledger.
    """
    if path.exists() and path.stat().st_size:
        with suppress(LedgerBusy), Ledger(path, key, wait_s=1.0) as ledger:
            check_parameters(ledger.parameters, asked)


def stage(
    collection: Collection,
    subjects: Subjects,
    labels: Sequence[Mapping[str, str]],
    attributes: Sequence[str],
    drawn: Sequence[str],
    ledger: Ledger,
    asked: Mapping[str, Any],
    make: MakePlan,
) -> Staged:
    """Plan a release that fits the earlier ones of a ledger.

    Args:
        collection: what was found.
        subjects: who is on its photos, as this release tells people apart.
        labels: of each photo.
        attributes: what a release without a ledger would say of a picture.
        drawn: those that change from photo to photo.
        ledger: open.
        asked: see :func:`asked_parameters`.
        make: plans the newcomers.

    Raises:
        LedgerRefused: other settings than before, or nobody can be released beside the earlier releases.
        TooFewPeople: fewer than k people in a first release.
    """
    before = ledger.parameters
    asked = {**asked, "attributes": list(attributes)}
    usual: list[str] = before.get("attributes", asked["attributes"])
    if set(attributes) <= set(usual):
        asked["attributes"] = usual
    check_parameters(before, asked)
    step = _Step(collection, subjects, labels, tuple(usual), tuple(drawn), ledger)
    step.show_known()
    fresh, rows = step.show_newcomers(make, asked["k"])
    if fresh is None and not step.shown:
        if not ledger.releases:
            raise TooFewPeople(step.most, asked["k"])
        raise LedgerRefused(
            f"nobody can be released now ({reasons_in_words(step.refused_by_name())}); nothing was "
            f"written, and nothing changed in the ledger"
        )
    return step.staged(fresh, rows, asked)


class _Step:
    """One planning run; its parts are filled one after the other."""

    def __init__(
        self,
        collection: Collection,
        subjects: Subjects,
        labels: Sequence[Mapping[str, str]],
        attributes: tuple[str, ...],
        drawn: tuple[str, ...],
        ledger: Ledger,
    ) -> None:
        self.collection, self.subjects, self.labels = collection, subjects, labels
        self.attributes = attributes
        self.drawn = tuple(name for name in attributes if name in drawn)
        self.ledger = ledger
        self.frozen: Frozen = ledger.frozen()
        self.photos = collection.photos
        self.auto = subjects.how == "auto"
        self.by_photo = [ledger.person_by_photo(photo.content) for photo in self.photos]
        self.person = self._recognise()
        self.refused: dict[int, str] = {}
        self.shown: dict[int, int] = {}  # photo: cell of the ledger
        self.absent: Counter[str] = Counter()
        self.most = 0
        self.waiting = 0

    def _recognise(self) -> IntArray:
        subject = self.subjects.photo_subject.tolist()
        if not self.auto:
            names = [self.collection.declared[photo.name] or "" for photo in self.photos]
            return recognise(
                subject, list(map(self.ledger.person_by_name, names)), self.by_photo
            )
        people, templates = self.ledger.templates()
        by_face = match_templates(
            mean_embeddings(self.photos, self.subjects),
            templates,
            people,
            same_person=SAME_PERSON,
            look_alike=LOOK_ALIKE,
        )
        return recognise(subject, None, self.by_photo, by_face.tolist())

    def show_known(self) -> None:
        """Give the people of the ledger what they had, group by group."""
        group_of = {p: g for g, people in self.frozen.groups.items() for p in people}
        rows_of: dict[int, list[int]] = {}
        for row, person in enumerate(self.person.tolist()):
            if person == UNSURE:
                self.refused[row] = Reason.LEDGER_UNSURE
            elif person == OTHER_NAME:
                self.refused[row] = Reason.LEDGER_NAME
            elif person >= 0:
                rows_of.setdefault(group_of[person], []).append(row)
        cells_of: dict[int, dict[int, FrozenCell]] = {}
        for number, cell in self.frozen.cells.items():
            cells_of.setdefault(cell.group, {})[number] = cell
        for group, people in sorted(self.frozen.groups.items()):
            rows = rows_of.get(group, [])
            alike = self._alike(rows)
            self.refused |= dict.fromkeys(alike, str(Reason.GROUP_ALIKE))
            rows = [row for row in rows if row not in alike]
            here = {int(self.person[row]) for row in rows}
            if here != people:
                self.absent["groups"] += 1
                self.absent["people"] += len(people - here)
                self.absent["others"] += len(here)
                self.refused |= dict.fromkeys(rows, str(Reason.GROUP_ABSENT))
                continue
            cells = cells_of[group]
            given = share_out(
                {
                    number: (tuple(cell.label.get(n) for n in self.drawn), cell.holders)
                    for number, cell in cells.items()
                },
                [int(self.person[row]) for row in rows],
                [tuple(self.labels[row].get(n) for n in self.drawn) for row in rows],
            )
            if given is None:
                self.absent["groups"] += 1
                self.absent["others"] += len(here)
                self.refused |= dict.fromkeys(rows, str(Reason.GROUP_SHORT))
            else:
                self.shown |= dict(zip(rows, given, strict=True))

    def _alike(self, rows: Sequence[int]) -> set[int]:
        """Photos that make two people of one group look like one; new photos go before known ones."""
        if len(rows) < 2:
            return set()
        pairs, _ = pairs_below(
            np.stack([self.photos[row].embedding for row in rows]), LOOK_ALIKE
        )
        close = [
            (rows[a], rows[b])
            for a, b in pairs.tolist()
            if self.person[rows[a]] != self.person[rows[b]]
        ]
        new = {row for pair in close for row in pair if self.by_photo[row] is None}
        return new | {row for pair in close if not new.intersection(pair) for row in pair}

    def show_newcomers(self, make: MakePlan, k: int) -> tuple[Plan | None, list[int]]:
        """Groups of newcomers; None where they must wait."""
        rows = np.flatnonzero(self.person == -1).tolist()
        subjects = _part(self.subjects, self.photos, rows)
        have = len(subjects.names)
        try:
            if have < k:
                raise TooFewPeople(have, k)
            return make(rows, subjects), rows
        except TooFewPeople as few:
            self.most, self.waiting = few.have, have
            self.refused |= dict.fromkeys(rows, waits_for(max(1, few.need - few.have)))
            return None, []

    def refused_by_name(self) -> dict[str, str]:
        """Photos that cannot be shown now, and why."""
        return {self.photos[row].name: why for row, why in self.refused.items()}

    def staged(self, fresh: Plan | None, new: list[int], asked: Mapping[str, Any]) -> Staged:
        """Both parts as one plan, and what the ledger will be told."""
        first_person, first_group, first_cell = self.ledger.next_numbers()
        old = sorted(self.shown)
        old_people = sorted({int(self.person[row]) for row in old})
        old_cells = sorted(
            set(self.shown.values()), key=lambda c: (self.frozen.cells[c].group, c)
        )
        old_groups = sorted({self.frozen.cells[cell].group for cell in old_cells})
        cell_at = {cell: at for at, cell in enumerate(old_cells)}
        group_at = {p: at for at, g in enumerate(old_groups) for p in self.frozen.groups[g]}
        # New people are numbered group by group, whoever counts as one having one number.
        new_people: dict[int, int] = {}
        if fresh is not None:
            order = np.lexsort((fresh.groups.people, fresh.groups.labels))
            for unit in order.tolist():
                counted = int(fresh.groups.people[unit])
                new_people.setdefault(counted, first_person + len(new_people))
        kept = sorted([*old, *new])
        place = {row: at for at, row in enumerate(kept)}
        unit_of_person = {person: at for at, person in enumerate(old_people)}
        photo_unit = np.zeros(len(kept), np.int64)
        photo_cell = np.zeros(len(kept), np.int64)
        for row in old:
            photo_unit[place[row]] = unit_of_person[int(self.person[row])]
            photo_cell[place[row]] = cell_at[self.shown[row]]
        names = [f"person-{person:04d}" for person in old_people]
        labels = [group_at[person] for person in old_people]
        people = list(range(len(old_people)))
        if fresh is not None:
            photo_unit[[place[row] for row in new]] = fresh.subjects.photo_subject + len(names)
            photo_cell[[place[row] for row in new]] = fresh.cells.photo_cell + len(old_cells)
            numbers = [new_people[p] for p in fresh.groups.people.tolist()]
            own = fresh.subjects.names
            names += [f"person-{n:04d}" for n in numbers] if self.auto else own
            labels += (fresh.groups.labels + len(old_groups)).tolist()
            people += (fresh.groups.people + len(old_people)).tolist()
        photos = [self.photos[row] for row in kept]
        subjects = _with_look_alikes(
            replace(self.subjects, names=tuple(names), photo_subject=photo_unit), photos
        )
        groups = Groups(np.array(labels, np.int64), np.array(people, np.int64), asked["k"])
        plan = Plan(
            subjects,
            groups,
            groups.labels[photo_unit],
            groups.people[photo_unit],
            self._cells(photo_cell, old_cells, old_groups, fresh),
            self.attributes,
            tuple(self._labels(old_cells, fresh)),
            information_loss(mean_embeddings(photos, subjects), groups),
        )
        collection = replace(
            self.collection,
            photos=photos,
            refused={
                **self.collection.refused,
                **self.refused_by_name(),
            },
        )
        number_of_unit = [
            *old_people,
            *(new_people[p - len(old_people)] for p in people[len(old_people) :]),
        ]
        person_of_photo = [number_of_unit[unit] for unit in photo_unit.tolist()]

        def draft(pictures: Drawn) -> Draft:
            return self._draft(
                asked,
                plan,
                photos,
                person_of_photo,
                number_of_unit,
                pictures,
                old_cells=old_cells,
                first_group=first_group,
                first_cell=first_cell,
                first_unit=len(old_people),
                old_groups=len(old_groups),
            )

        return Staged(
            collection,
            plan,
            tuple(old_cells),
            tuple(place[row] for row in new),
            fresh,
            draft,
            {
                "release": self.ledger.releases + 1,
                "groups_as_before": len(old_groups),
                "groups_new": groups.count - len(old_groups),
            },
            tuple(
                self._words(
                    groups.count - len(old_groups), len(new_people), len(old_people), asked["k"]
                )
            ),
        )

    def _cells(
        self,
        photo_cell: IntArray,
        old_cells: Sequence[int],
        old_groups: Sequence[int],
        fresh: Plan | None,
    ) -> Cells:
        group_at = {group: at for at, group in enumerate(old_groups)}
        group = [group_at[self.frozen.cells[cell].group] for cell in old_cells]
        label = [
            tuple(self.frozen.cells[cell].label[n] for n in self.drawn) for cell in old_cells
        ]
        merged = 0
        if fresh is not None:
            group += (fresh.cells.group + len(old_groups)).tolist()
            label += [tuple(own[n] for n in self.drawn) for own in self._fresh_labels(fresh)]
            merged = fresh.cells.merged
        return Cells(self.drawn, photo_cell, np.array(group, np.int64), tuple(label), merged)

    def _fresh_labels(self, fresh: Plan) -> list[dict[str, str]]:
        return [
            {name: label.get(name, UNKNOWN) for name in self.attributes}
            for label in fresh.labels
        ]

    def _labels(self, old_cells: Sequence[int], fresh: Plan | None) -> list[Mapping[str, str]]:
        old = [self.frozen.cells[cell].label for cell in old_cells]
        return [*old, *(self._fresh_labels(fresh) if fresh is not None else ())]

    def _draft(
        self,
        asked: Mapping[str, Any],
        plan: Plan,
        photos: Sequence[Seen],
        person_of_photo: Sequence[int],
        number_of_unit: Sequence[int],
        pictures: Drawn,
        *,
        old_cells: Sequence[int],
        first_group: int,
        first_cell: int,
        first_unit: int,
        old_groups: int,
    ) -> Draft:
        means = mean_embeddings(photos, plan.subjects)
        people: dict[int, NewPerson] = {}
        for unit in range(first_unit, len(number_of_unit)):
            number = number_of_unit[unit]
            group = first_group + int(plan.groups.labels[unit]) - old_groups
            people.setdefault(
                number, NewPerson(number, group, means[unit] if self.auto else None)
            )
        holders: dict[int, set[int]] = {}
        for cell, number in zip(plan.cells.photo_cell.tolist(), person_of_photo, strict=True):
            holders.setdefault(cell, set()).add(number)
        cells = [
            NewCell(
                first_cell + at - len(old_cells),
                first_group + int(plan.cells.group[at]) - old_groups,
                plan.labels[at],
                frozenset(holders[at]),
                lambda at=at: pictures[at],  # type: ignore[misc]
            )
            for at in range(len(old_cells), plan.cells.count)
        ]
        declared = self.collection.declared
        names = (
            (declared[photo.name] or f"person-{number:04d}", number)
            for photo, number in zip(photos, person_of_photo, strict=True)
        )
        contents = (
            (photo.content, number)
            for photo, number in zip(photos, person_of_photo, strict=True)
        )
        shown = [*old_cells, *(cell.number for cell in cells)]
        return Draft(asked, list(people.values()), cells, names, contents, shown)

    def _words(self, new_groups: int, newcomers: int, known: int, k: int) -> list[str]:
        groups = "group" if new_groups == 1 else "groups"
        said = [
            f"Release {self.ledger.releases + 1} of this ledger: {known} people in their groups and with "
            f"their pictures as before, {newcomers} new ones in {new_groups} new {groups}."
        ]
        if self.absent["groups"]:
            said.append(
                f"{self.absent['groups']} groups of the ledger are not in this release: "
                f"{self.absent['people']} of their people are absent or withdrawn (or have no usable "
                f"photo), and the other {self.absent['others']} are refused with them, since a group is "
                f"shown whole or not at all. What is already out does not change: each of its pictures still "
                f"stands for at least {k} people, those who are absent now among them, and their faces "
                f"are still part of it. To take one back, ask recipients to delete every file of its "
                f"pictures."
            )
        if self.waiting:
            said.append(
                f"{self.waiting} newcomers wait: {max(1, k - self.most)} more must come before they can be a "
                f"group."
            )
        unsure = sum(why == Reason.LEDGER_UNSURE for why in self.refused.values())
        if unsure:
            said.append(
                f"{unsure} photos may show somebody of the ledger and were refused; where you know who is "
                f"on them, declare everybody (--subjects folder or a CSV, with a ledger from the start)."
            )
        return said


def _part(subjects: Subjects, photos: Sequence[Seen], rows: Sequence[int]) -> Subjects:
    """The subjects of some photos alone."""
    own, unit = np.unique(subjects.photo_subject[list(rows)], return_inverse=True)
    names = tuple(subjects.names[i] for i in own.tolist())
    part = Subjects(
        names, unit.astype(np.int64), np.zeros((0, 2), np.int64), 0, len(names), subjects.how
    )
    return _with_look_alikes(part, [photos[row] for row in rows])


def _with_look_alikes(subjects: Subjects, photos: Sequence[Seen]) -> Subjects:
    """The same with the pairs of subjects that these photos make look-alikes."""
    if not photos:
        return subjects
    pairs, _ = pairs_below(np.stack([photo.embedding for photo in photos]), LOOK_ALIKE)
    both = np.sort(subjects.photo_subject[pairs], axis=1)
    apart = both[both[:, 0] != both[:, 1]]
    return replace(subjects, look_alikes=np.unique(apart, axis=0).reshape(-1, 2))
