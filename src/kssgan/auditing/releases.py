"""Rule 6: all releases of a ledger together, and the one at hand against what the ledger says of it.

The folder at hand is judged by its files and its map. Of the other releases the ledger's record is all there
is here; each of their folders can be audited in its turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kssgan.auditing._case import Case
from kssgan.auditing._pictures import digest_of
from kssgan.auditing.intersection import groups_of, intersect
from kssgan.auditing.report import Problem

__all__ = ["KnownRelease", "Releases", "check_releases"]


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A release as a ledger recorded it.

    Attributes:
        digest: SHA-256 over ``<SHA-256 of a file>  <its path>`` of all files, a line each, by path.
        pictures: SHA-256 of each distinct picture, and the people who have a file of it.
    """

    digest: str
    pictures: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Releases:
    """All releases of a ledger.

    Attributes:
        k: that the ledger's releases promise.
        known: the releases, the oldest first.
        person: the person of the ledger who has that name, None for a name that it does not know.
    """

    k: int
    known: Sequence[KnownRelease]
    person: Callable[[str], int | None]


def check_releases(case: Case, releases: Releases) -> int:
    """Check the release at hand against the ledger, then all of its releases together.

    Args:
        case: gets problems and figures.
        releases: what the ledger says.

    Returns:
        Fewest people who share their course over all releases; 0 without releases.
    """
    digest = _digest(case.release.root)
    mine = next((r for r in releases.known if r.digest == digest), None)
    if mine is None:
        _broken(
            case,
            f"this release is none of the {len(releases.known)} of the ledger, or a file of it was changed, "
            f"added or removed since; what was never entered can be intersected with the others",
        )
    else:
        _check_people(case, mine, releases)
    found = intersect([_groups(release.pictures) for release in releases.known])
    moved = _regrouped(releases.known)
    if moved:
        _broken(
            case,
            f"{moved} people of the ledger have been in two different groups, so they stand out",
        )
    changed = _changed(releases.known)
    if changed:
        _broken(
            case,
            f"{changed} pictures stand for other people in one release than in another, so their "
            f"difference stands out",
        )
    if found.least < releases.k:
        _broken(
            case,
            f"all releases of the ledger together narrow somebody down to {found.least} people; "
            f"{releases.k} were promised",
        )
    figures: dict[str, Any] = {
        "releases_in_the_ledger": found.releases,
        "this_release": releases.known.index(mine) + 1 if mine else None,
        "people_in_the_ledger": found.people,
        "people_in_several_releases": found.targets,
        "fewest_people_over_all_releases": found.least,
        "identified_by_intersection": found.identified,
        "chance_by_intersection": found.chance,
        "allowed": 1 / releases.k,
    }
    case.figures["releases"] = figures
    case.notes.append(
        "the other releases of the ledger were judged by its record; audit each of their folders as well"
    )
    return found.least


def _check_people(case: Case, mine: KnownRelease, releases: Releases) -> None:
    behind: dict[str, set[int | None]] = {}
    for row in case.rows:
        if row.released in case.release.digest:
            sha = case.release.digest[row.released]
            behind.setdefault(sha, set()).add(releases.person(row.subject))
    if unknown := sum(None in who for who in behind.values()):
        _broken(
            case,
            f"in {unknown} pictures the map names people whom the ledger does not know; audit with the map "
            f"and the ledger of this release",
        )
        return
    other = [
        sha for sha in {*behind, *mine.pictures} if behind.get(sha) != mine.pictures.get(sha)
    ]
    if other:
        _broken(
            case, f"the map names other people behind {len(other)} pictures than the ledger"
        )


def _regrouped(known: Sequence[KnownRelease]) -> int:
    """People who are with some in one release and with others in another.

    A group may be seen in parts, where a picture that joined them is left out; never mixed with others.
    """
    first: dict[Any, set[Any]] = {}
    moved: set[Any] = set()
    for release in known:
        groups = _groups(release.pictures)
        members: dict[int, set[Any]] = {}
        for person, group in groups.items():
            members.setdefault(group, set()).add(person)
        for person, group in groups.items():
            now = members[group]
            earlier = first.setdefault(person, now)
            if not (now <= earlier or earlier <= now):
                moved.add(person)
    return len(moved)


def _changed(known: Sequence[KnownRelease]) -> int:
    """Pictures that had other holders in another release."""
    first: dict[str, frozenset[int]] = {}
    changed = set()
    for release in known:
        for sha, who in release.pictures.items():
            if first.setdefault(sha, who) != who:
                changed.add(sha)
    return len(changed)


def _groups(pictures: Mapping[str, frozenset[int]]) -> dict[Any, int]:
    return groups_of((person, sha) for sha, who in pictures.items() for person in who)


def _digest(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(
        path for path in root.rglob("*") if path.is_symlink() or not path.is_dir()
    ):
        total.update(f"{digest_of(path)}  {path.relative_to(root).as_posix()}\n".encode())
    return total.hexdigest()


def _broken(case: Case, sentence: str) -> None:
    case.problems.append(Problem(6, "breaks", sentence))
