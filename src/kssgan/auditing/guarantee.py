"""Rules 1, 2 and 5 from files and map alone: how many people stand behind every distinct picture.

For every SHA-256 the files and the subjects they stand for form a two-sided graph; each of its connected
components is one person, so that subjects who share a file count once and a person with several files is
seen. The work is linear in files and rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kssgan.auditing._pictures import ReleaseFiles
from kssgan.auditing._tables import MapRow
from kssgan.auditing.report import Problem

__all__ = ["Guarantee", "PictureCount", "coverage", "measure", "people"]

Linked = tuple[set[Hashable], set[Hashable]]
"""One of what :func:`people` finds."""


@dataclass(frozen=True, slots=True)
class PictureCount:
    """Who stands behind one distinct picture.

    Attributes:
        files: its files.
        people: subjects of each person, and that person's number of files.
        unmapped: files that no row of the map names; they stand for nobody.
    """

    files: int
    people: tuple[tuple[frozenset[str], int], ...]
    unmapped: int = 0

    @property
    def subjects(self) -> frozenset[str]:
        """All subjects behind the picture."""
        return frozenset().union(*(subjects for subjects, _ in self.people))

    @property
    def max_share(self) -> float:
        """Largest share of the picture's files that belongs to one person."""
        known = self.files - self.unmapped
        return max((files for _, files in self.people), default=0) / known if known else 1.0


@dataclass(frozen=True, slots=True)
class Guarantee:
    """The count behind every picture.

    Attributes:
        pictures: by SHA-256.
        k_measured: fewest people behind a picture; 0 without pictures.
        max_share: see :class:`PictureCount`; 1 without pictures.
        problems: what contradicts rules 1, 2, 5 and 7.
    """

    pictures: Mapping[str, PictureCount]
    k_measured: int
    max_share: float
    problems: tuple[Problem, ...]


def people(
    edges: Iterable[tuple[Hashable, Hashable]],
) -> list[Linked]:
    """Connected components of a two-sided graph.

    Args:
        edges: (left, right) pairs.

    Returns:
        The left and right nodes of every component.

    >>> [(sorted(f), sorted(s)) for f, s in people([(1, "a"), (1, "b"), (2, "b"), (3, "c")])]
    [([1, 2], ['a', 'b']), ([3], ['c'])]
    """
    parent: dict[tuple[int, Hashable], tuple[int, Hashable]] = {}

    def root(node: tuple[int, Hashable]) -> tuple[int, Hashable]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in edges:
        a, b = root((0, left)), root((1, right))
        parent[b] = a
    parts: dict[tuple[int, Hashable], tuple[set[Hashable], set[Hashable]]] = {}
    for node in list(parent):
        parts.setdefault(root(node), (set(), set()))[node[0]].add(node[1])
    return list(parts.values())


def measure(
    release: ReleaseFiles,
    rows: Sequence[MapRow],
    *,
    labels: Mapping[str, tuple[str, ...]],
    variant: int | None = None,
    common: Mapping[str, tuple[str, ...]] | None = None,
) -> Guarantee:
    """Count the people behind every distinct picture.

    Args:
        release: the files.
        rows: the map.
        labels: by file what the manifest says of its picture; files without any share the empty label.
        variant: place of a variant's number among these cells; None where pictures have no variants.
        common: by file what the manifest says of its group.

    Returns:
        The counts, and what is wrong with them whatever k was claimed.
    """
    stands_for: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.released:
            stands_for[row.released].add(row.subject)
    counts: dict[str, PictureCount] = {}
    for sha, picture in release.pictures.items():
        parts = people((f, s) for f in picture.files for s in stands_for.get(f, ()))
        counts[sha] = PictureCount(
            files=len(picture.files),
            people=tuple(
                (frozenset(map(str, subjects)), len(files)) for files, subjects in parts
            ),
            unmapped=sum(f not in stands_for for f in picture.files),
        )
    twice = [
        *_two_groups(release, stands_for, labels),
        *_parted_variants(release, stands_for, labels, variant),
    ]
    told = {name for problem in twice for name in problem.private}
    # Pictures that are linked by the people they share, and these people.
    linked = people((sha, s) for sha, c in counts.items() for s in c.subjects)
    problems = [
        *_uneven(counts),
        *_unequal_bytes(release),
        *twice,
        *_parted_groups(release, linked, labels, told),
        *_unequal_groups(release, linked, common or {}),
        *_strangers(release, stands_for),
    ]
    return Guarantee(
        pictures=counts,
        k_measured=min((len(c.people) for c in counts.values()), default=0),
        max_share=max((c.max_share for c in counts.values()), default=1.0),
        problems=tuple(problems),
    )


def _uneven(counts: Mapping[str, PictureCount]) -> Iterable[Problem]:
    uneven = [c for c in counts.values() if any(files > 1 for _, files in c.people)]
    if uneven:
        names = tuple(
            " + ".join(sorted(s)) for c in uneven for s, files in c.people if files > 1
        )
        yield Problem(
            1,
            "breaks",
            f"{len(uneven)} of {len(counts)} distinct pictures have more than one file for a person; "
            f"every person must have exactly one, or copies tell people apart",
            names,
        )
    shared = [c for c in counts.values() if any(len(s) > 1 for s, _ in c.people)]
    if shared:
        yield Problem(
            7,
            "warns",
            f"in {len(shared)} distinct pictures a file stands for several subjects, who count as one "
            f"person; that is right only for subjects who may be one human",
            tuple(" + ".join(sorted(s)) for c in shared for s, _ in c.people if len(s) > 1),
        )


def _unequal_bytes(release: ReleaseFiles) -> Iterable[Problem]:
    by_pixels: dict[str, list[str]] = defaultdict(list)
    for sha, picture in release.pictures.items():
        if picture.pixels:
            by_pixels[picture.pixels].append(sha)
    split = [shas for shas in by_pixels.values() if len(shas) > 1]
    if split:
        yield Problem(
            1,
            "breaks",
            f"{len(split)} pictures are equal in every pixel but were written as "
            f"{sum(map(len, split))} different files; the difference in bytes can mark a person",
        )
    broken = sum(not p.pixels for p in release.pictures.values())
    if broken:
        yield Problem(
            4,
            "breaks",
            f"{broken} files with an image ending cannot be read as pictures, so nobody can say what "
            f"they hold",
            tuple(f for p in release.pictures.values() if not p.pixels for f in p.files),
        )


def _two_groups(
    release: ReleaseFiles,
    stands_for: Mapping[str, set[str]],
    labels: Mapping[str, tuple[str, ...]],
) -> Iterable[Problem]:
    """A subject belongs to one group, which has one picture per label."""
    seen: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for file, sha in release.digest.items():
        for subject in stands_for.get(file, ()):
            seen[subject, labels.get(file, ())].add(sha)
    twice = {subject for (subject, _), shas in seen.items() if len(shas) > 1}
    if twice:
        yield Problem(
            1,
            "breaks",
            f"{len(twice)} subjects have two different pictures under one label, so they belong to two "
            f"groups; groups must part people, not photos",
            tuple(sorted(twice)),
        )


def _parted_variants(
    release: ReleaseFiles,
    stands_for: Mapping[str, set[str]],
    labels: Mapping[str, tuple[str, ...]],
    variant: int | None,
) -> Iterable[Problem]:
    """Variants of a picture stand for the same people: else they would part them in two ways."""
    if variant is None:
        return
    behind: dict[str, set[str]] = defaultdict(set)
    shown: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for file, sha in release.digest.items():
        label = labels.get(file, ())
        rest = (*label[:variant], *label[variant + 1 :])
        for subject in stands_for.get(file, ()):
            behind[sha].add(subject)
            shown[subject, rest].add(sha)
    parted = {
        subject
        for (subject, _), shas in shown.items()
        if len({frozenset(behind[sha]) for sha in shas}) > 1
    }
    if parted:
        yield Problem(
            1,
            "breaks",
            f"{len(parted)} subjects share the variants of a picture with different people, so they belong "
            f"to two groups; all variants of a picture must stand for the same people",
            tuple(sorted(parted)),
        )


def _parted_groups(
    release: ReleaseFiles,
    linked: Sequence[Linked],
    labels: Mapping[str, tuple[str, ...]],
    told: set[str],
) -> Iterable[Problem]:
    """Groups part people alike for every label: pictures that share people are of one group.

    A group has one picture per label. Where pictures that are linked by the people they share include two of
    one label, people who hold pictures of both labels belong to two groups. ``told`` are subjects of whom
    that is reported already.
    """
    shown = {
        sha: {labels.get(file, ()) for file in picture.files}
        for sha, picture in release.pictures.items()
    }
    parted: set[str] = set()
    for shas, behind in linked:
        subjects = {str(subject) for subject in behind}
        pictures = Counter(label for sha in shas for label in shown[str(sha)])
        if max(pictures.values()) > 1 and not subjects & told:
            parted |= subjects
    if parted:
        yield Problem(
            1,
            "breaks",
            f"{len(parted)} subjects are in groups that overlap: pictures of one label part them in another "
            f"way than those of another; a group must be the same people for every label",
            tuple(sorted(parted)),
        )


def _unequal_groups(
    release: ReleaseFiles,
    linked: Sequence[Linked],
    common: Mapping[str, tuple[str, ...]],
) -> Iterable[Problem]:
    """What is said of a group is said of all its pictures: else it parts the people behind them."""
    unequal = 0
    for shas, _ in linked:
        files = [file for sha in shas for file in release.pictures[str(sha)].files]
        unequal += len({common[file] for file in files if file in common}) > 1
    if unequal:
        yield Problem(
            2,
            "breaks",
            f"in {unequal} groups the manifest says another gender, age, ethnicity or group of one picture "
            f"than of another of the same people; these belong to a group and must be the same for all",
        )


def _strangers(release: ReleaseFiles, stands_for: Mapping[str, set[str]]) -> Iterable[Problem]:
    unknown = sorted(f for f in release.digest if f not in stands_for)
    if unknown:
        yield Problem(
            5,
            "breaks",
            f"{len(unknown)} pictures in the release are named by no row of the map, so nobody can say "
            f"whom they show",
            tuple(unknown),
        )
    missing = sorted(f for f in stands_for if f not in release.digest)
    if missing:
        yield Problem(
            5,
            "breaks",
            f"{len(missing)} pictures named by the map are not in the release; audit it with its own map",
            tuple(missing),
        )


def _repeated(rows: Sequence[MapRow]) -> list[str]:
    """Photos that stand in the map more than once, but for those with several pictures.

    Whether a person may have these is judged by their labels, which must differ.
    """
    fates: dict[str, list[MapRow]] = defaultdict(list)
    for row in rows:
        fates[row.original].append(row)
    return [
        name
        for name, own in fates.items()
        if len({row.released for row in own if row.released}) < len(own) > 1
        or len({row.subject for row in own}) > 1
    ]


def coverage(rows: Sequence[MapRow], found: Iterable[str]) -> tuple[Problem, ...]:
    """Check that every photo was either released or refused, once.

    Args:
        rows: the map.
        found: image files below the originals, relative paths.
    """
    problems = []
    neither = [r.original for r in rows if not r.released and not r.reason.strip()]
    both = [r.original for r in rows if r.released and r.reason.strip()]
    nameless = [r.original for r in rows if r.released and not r.subject.strip()]
    repeated = _repeated(rows)
    known = {r.original for r in rows}
    on_disk = set(found)
    if neither or both:
        problems.append(
            Problem(
                5,
                "breaks",
                f"{len(neither)} rows of the map say neither released nor refused, {len(both)} say both",
                (*neither, *both),
            )
        )
    if nameless:
        problems.append(
            Problem(
                7,
                "breaks",
                f"{len(nameless)} released photos have no subject in the map, so whom they show is "
                f"unknown; all of them count as one person",
                tuple(nameless),
            )
        )
    refused = {r.original for r in rows if not r.released and r.reason.strip()}
    if torn := sorted(refused & {r.original for r in rows if r.released}):
        problems.append(
            Problem(
                5,
                "breaks",
                f"{len(torn)} photos of the map are refused in one row and released in another",
                tuple(torn),
            )
        )
    if repeated:
        problems.append(
            Problem(
                5, "warns", f"{len(repeated)} photos stand in the map twice", tuple(repeated)
            )
        )
    if outside := sorted(name for name in known if _leaves(name)):
        problems.append(
            Problem(
                5,
                "breaks",
                f"{len(outside)} photos of the map lie outside the originals (an absolute path, or one with "
                f".. in front), so they may be photos of the map under a second name; audit with the folder "
                f"that was released from, and paths below it in the map",
                tuple(outside),
            )
        )
    if uncovered := sorted(on_disk - known):
        problems.append(
            Problem(
                5,
                "warns",
                f"{len(uncovered)} photos among the originals stand nowhere in the map: found must be "
                f"ignored + refused + released",
                tuple(uncovered),
            )
        )
    shown = {r.original for r in rows if r.released}
    if unseen := sorted(shown - on_disk):
        problems.append(
            Problem(
                3,
                "breaks",
                f"{len(unseen)} photos that stand behind released pictures are not among the originals, so "
                f"nobody can say whether a picture shows one of them; audit with the folder that was "
                f"released from",
                tuple(unseen),
            )
        )
    if gone := sorted(known - shown - on_disk):
        problems.append(
            Problem(
                5,
                "warns",
                f"{len(gone)} refused photos of the map are not among the originals, so nothing could be "
                f"measured against them",
                tuple(gone),
            )
        )
    return tuple(problems)


def _leaves(name: str) -> bool:
    """Whether a photo's path leads out of the folder that it should be below."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts
