"""The intersection attack: what several releases of the same people tell together.

The attacker finds the group of a target in every release (by any recogniser, with the target's photos) and
knows who is in which release. What belongs to one target in two releases (a study number, a row of another
table) belongs to somebody with the same group in each of them, and with the same absences. Few people share
such a course, unless groups stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kssgan.auditing.guarantee import people

__all__ = ["Intersection", "groups_of", "intersect"]


@dataclass(frozen=True, slots=True)
class Intersection:
    """What an intersection of releases finds.

    Attributes:
        releases: that were intersected.
        people: in any of them.
        targets: people who are in more than one.
        least: fewest people who share a course; 0 without people.
        identified: share of the targets who share theirs with nobody.
        chance: mean chance to name a target, given the course; at most 1/k where the promise holds.
    """

    releases: int
    people: int
    targets: int
    least: int
    identified: float
    chance: float


def groups_of(pictures: Iterable[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    """The group of each person in one release, as anybody sees it who knows who holds which picture.

    Args:
        pictures: (person, picture) pairs. People who share a picture, or are joined by others who do, are a
            group.

    >>> groups_of([("ann", 1), ("bob", 1), ("bob", 2), ("cyn", 3)])
    {'ann': 0, 'bob': 0, 'cyn': 1}
    """
    parts = people(pictures)
    found = {person: number for number, (who, _) in enumerate(parts) for person in who}
    return dict(sorted(found.items(), key=lambda item: (item[1], str(item[0]))))


def intersect(releases: Sequence[Mapping[Hashable, Hashable]]) -> Intersection:
    """Intersect releases.

    Args:
        releases: the group of everybody, for each release; who is not in it has none.

    >>> one, two = {"a": 1, "b": 1, "c": 2, "d": 2}, {"a": 1, "b": 2, "c": 2, "d": 1}
    >>> intersect([one, two]).identified, intersect([one, one]).identified
    (1.0, 0.0)
    """
    everybody = {person for release in releases for person in release}
    course = {person: tuple(r.get(person) for r in releases) for person in everybody}
    share = Counter(course.values())
    targets = [own for own in course.values() if len(releases) - own.count(None) > 1]
    alone = sum(share[own] == 1 for own in targets)
    return Intersection(
        releases=len(releases),
        people=len(everybody),
        targets=len(targets),
        least=min(share.values(), default=0),
        identified=alone / len(targets) if targets else 0.0,
        chance=sum(1 / share[own] for own in targets) / len(targets) if targets else 0.0,
    )
