"""What goes into a ledger and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kssgan.types import FloatArray

__all__ = ["Draft", "Edition", "NewCell", "NewPerson"]


class NewPerson(NamedTuple):
    """Somebody who is released for the first time.

    Attributes:
        number: of the person, not in the ledger yet.
        group: number of the group.
    """

    number: int
    group: int


class NewCell(NamedTuple):
    """A picture that is released for the first time.

    Attributes:
        number: of the cell, not in the ledger yet.
        group: number of its group.
        label: what is released of it.
        holders: who gets a file of it.
        picture: reads its PNG.
    """

    number: int
    group: int
    label: Mapping[str, str]
    holders: frozenset[int]
    picture: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a release adds to the ledger.

    Attributes:
        parameters: what later releases must ask for as well; used by the first one.
        people: the new ones.
        cells: the new ones.
        templates: (person, (D,) float32 mean embedding), where people are told apart by it: one of each found
            subject with a photo that the ledger did not know.
        names: (name, person) of everybody in the release.
        photos: (SHA-256, person) of every photo in the release.
        shown: all cells of the release, new or not.
    """

    parameters: Mapping[str, Any]
    people: Sequence[NewPerson] = ()
    cells: Sequence[NewCell] = ()
    templates: Sequence[tuple[int, FloatArray]] = ()
    names: Iterable[tuple[str, int]] = ()
    photos: Iterable[tuple[str, int]] = ()
    shown: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """One release, as the ledger remembers it.

    Attributes:
        number: from 1.
        digest: of all its files, see :func:`~kssgan.deidentification.ledger.release_digest`.
        pictures: SHA-256 of each distinct picture, and who has a file of it.
        groups: the group of everybody in it.
    """

    number: int
    digest: str
    pictures: Mapping[str, frozenset[int]] = field(default_factory=dict)
    groups: Mapping[int, int] = field(default_factory=dict)
