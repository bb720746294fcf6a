"""Plan a release so that it cannot be intersected with earlier ones: rule 6, with a ledger at hand.

People whom the ledger knows are shown as before, group by group and whole, or not at all (``returning``);
newcomers form groups among themselves or wait; both become one plan (``joined``). Whoever cannot be shown is
refused with a reason of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.deidentification.collection import Collection, reasons_in_words
from kssgan.deidentification.draw import Drawn
from kssgan.deidentification.joined import Joined, join, part_of
from kssgan.deidentification.ledger import Ledger, LedgerBusy
from kssgan.deidentification.ledger_records import Draft
from kssgan.deidentification.plan import Plan
from kssgan.deidentification.returning import Returning, find_returning
from kssgan.errors import LedgerRefused, Reason, TooFewPeople
from kssgan.grouping.ledger import NEWCOMER, check_parameters, waits_for
from kssgan.grouping.subjects import Subjects

__all__ = ["Staged", "asked_parameters", "check_ledger", "stage", "stage_alone"]

MakePlan = Callable[[Sequence[int], Subjects], Plan]
"""Plans the newcomers: rows of the collection's photos, and who is on them."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A release that is planned, the old groups before the new ones.

    Attributes:
        collection: photos that are released; all others are among its refused.
        plan: of those photos.
        old_pictures: pictures of the ledger, the first ones of ``plan``.
        rows: the newcomers' photos, numbers in ``collection.photos``.
        fresh: the newcomers' own plan, None where nobody is new.
        draft: what is entered in the ledger, once the pictures are drawn; None without one.
        counts: for the certificate; empty without a ledger.
        words: for the user.
    """

    collection: Collection
    plan: Plan
    old_pictures: tuple[int, ...]
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
    variants: int,
    subjects: object,
    surrogate: str,
    auto_labels: Sequence[str],
    set_labels: Mapping[str, str] | None,
    analyser: str,
) -> dict[str, Any]:
    """What all releases of a ledger must have in common, as it is kept there.

    >>> asked_parameters(k=5, seed=0, variants=1, subjects="folder", surrogate="mean", auto_labels=(),
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
        "variants": variants,
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
    shown_of_photos = tuple(name for name in usual if name in drawn)
    frozen = ledger.frozen()
    returning = find_returning(collection, subjects, labels, shown_of_photos, ledger, frozen)
    photos = collection.photos
    new: list[int] = np.flatnonzero(returning.person == NEWCOMER).tolist()
    newcomers = part_of(subjects, photos, new)
    refused = dict(returning.refused)
    fresh, missing = _grouped(make, new, newcomers, asked["k"])
    if fresh is None:
        refused |= dict.fromkeys(new, waits_for(missing))
        new = []
    away = {photos[row].name: why for row, why in refused.items()}
    if fresh is None and not returning.shown:
        if not ledger.releases:
            raise TooFewPeople(asked["k"] - missing, asked["k"])
        raise LedgerRefused(
            f"nobody can be released now ({reasons_in_words(away)}); nothing was written, and nothing "
            f"changed in the ledger"
        )
    first = ledger.next_numbers()
    joined = join(
        photos,
        subjects,
        returning,
        frozen,
        fresh,
        new,
        tuple(usual),
        shown_of_photos,
        k=asked["k"],
        variants=asked["variants"],
        first_person=first[0],
    )
    number = ledger.releases + 1
    waiting = len(newcomers.names) if fresh is None else 0
    return Staged(
        replace(collection, photos=joined.photos, refused={**collection.refused, **away}),
        joined.plan,
        joined.old_pictures,
        joined.rows,
        fresh,
        joined.draft(asked, collection.declared, first),
        {
            "release": number,
            "groups_as_before": len(joined.old_groups),
            "groups_new": joined.new_groups,
        },
        (*_of_loss(ledger), *_words(number, joined, returning, waiting, missing, asked["k"])),
    )


def _grouped(
    make: MakePlan, rows: Sequence[int], newcomers: Subjects, k: int
) -> tuple[Plan | None, int]:
    """Groups of newcomers; or None, and how many people they wait for."""
    have = len(newcomers.names)
    try:
        if have < k:
            raise TooFewPeople(have, k)
        return make(rows, newcomers), 0
    except TooFewPeople as few:
        return None, max(1, few.need - few.have)


def _of_loss(ledger: Ledger) -> tuple[str, ...]:
    if not ledger.perhaps_lost:
        return ()
    return (
        "This ledger is new, though its key was there before. If an earlier ledger was lost or emptied, hand "
        "nothing over: put it back and release again, since people are grouped anew here.",
    )


def _words(
    number: int, joined: Joined, returning: Returning, waiting: int, missing: int, k: int
) -> Iterator[str]:
    yield (
        f"Release {number} of this ledger: {len(joined.old_people)} people in their groups and with their "
        f"pictures as before, {joined.new_people} new ones in {joined.new_groups} new "
        f"{'group' if joined.new_groups == 1 else 'groups'}."
    )
    if (absent := returning.absent).groups:
        yield (
            f"{absent.groups} of the ledger's groups {'is' if absent.groups == 1 else 'are'} not in this "
            f"release: {absent.people} of their people are absent or withdrawn (or have no usable photo), "
            f"and the other {absent.others} are refused with them, since a group is shown whole or not at "
            f"all. What is already out does not change: each of its pictures still stands for at least {k} "
            f"people, those who are absent now among them, and their faces are still part of it. To take "
            f"one back, ask recipients to delete every file of its pictures."
        )
    if waiting:
        yield (
            f"{waiting} {'newcomer waits' if waiting == 1 else 'newcomers wait'}: {missing} more must come "
            f"before they can be a group."
        )
    unsure = sum(why == Reason.LEDGER_UNSURE for why in returning.refused.values())
    if unsure and joined.plan.subjects.how == "auto":
        yield (
            f"{unsure} photos may show somebody of the ledger and were refused; where you know who is on "
            f"them, declare everybody (--subjects folder or a CSV, with a ledger from the start)."
        )
