"""Who is who: what the user declared, or what the recogniser finds, before anybody is grouped.

The promise counts people. A person under two names is the worst case, because grouping puts look-alikes
together; so near-identical pictures are one subject whatever was declared, and two subjects that the
recogniser cannot tell apart for certain are listed as look-alikes, which never count as two toward k.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from kssgan.errors import UsageError
from kssgan.grouping._csv import lines_in_words, parse_table, raise_problems, read_text
from kssgan.grouping._linkage import Distances, complete_linkage, components, distinct
from kssgan.grouping._match import match_paths, match_stems, tidy
from kssgan.grouping.celeba import is_identity_table, read_identities
from kssgan.types import IntArray

__all__ = [
    "SubjectTable",
    "Subjects",
    "declared_subjects",
    "read_subjects",
    "resolve_subjects",
]


@dataclass(frozen=True, slots=True)
class SubjectTable:
    """What a subjects table says about the photos.

    Attributes:
        subjects: the subject of each photo, None for photos without a row.
        matched: rows that name a photo.
        outside: rows that were ignored, since no photo of PHOTOS is meant.
    """

    subjects: list[str | None]
    matched: int
    outside: int


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of a collection.

    Attributes:
        names: one per subject, private. Declared subjects are numbered in the order of their names, found
            ones in the order of their first photo.
        photo_subject: (P,) int64, the subject of each photo, values 0..N-1.
        look_alikes: (M, 2) int64, pairs of subjects that may be one human; sorted, each pair once, the
            smaller number first.
        copies_merged: subjects that joined another because near-identical pictures show both. Without
            declared names every photo starts as a subject of its own.
        declared: subjects before copies were joined; without declared names those that were found.
        how: "declared" or "auto".
    """

    names: tuple[str, ...]
    photo_subject: IntArray
    look_alikes: IntArray
    copies_merged: int
    declared: int
    how: str

    def words(self) -> str:
        """One line for the user: what was counted, and on whose word. Holds no names.

        >>> two = np.array([[0, 1]])
        >>> Subjects(("a", "b"), np.array([0, 0, 1]), two, 0, 2, "declared").words()
        '3 photos, 2 people as you said; 1 pair looks alike and counts once'
        """
        photos = _count(self.photo_subject.size, "photo", "photos")
        people = _count(self.declared, "person", "people")
        if self.how == "auto":
            text = f"{photos}, {people} found by the recogniser"
            if self.copies_merged:
                text += (
                    f"; {_count(self.copies_merged, 'photo is a copy', 'photos are copies')}"
                )
                text += " of another"
        else:
            text = f"{photos}, {people} as you said"
            if self.copies_merged:
                text += f"; {_count(self.copies_merged, 'of them shares', 'of them share')} a picture"
                text += f" with another, so {_count(len(self.names), 'person', 'people')} count"
                text += "s" if len(self.names) == 1 else ""
        if pairs := len(self.look_alikes):
            text += f"; {_count(pairs, 'pair looks', 'pairs look')} alike"
            text += " and counts once" if pairs == 1 else " and count once"
        return text


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def declared_subjects(
    files: Sequence[str], how: str | Path, *, root: Path
) -> list[str | None] | None:
    """The subject that the user declared for each photo.

    Args:
        files: POSIX paths relative to PHOTOS.
        how: "auto" (nothing is declared), "folder" (one folder per person directly under PHOTOS), "file"
            (every photo is a person of its own), or the path of a CSV with columns ``file,subject``; see
            :func:`read_subjects`. A :class:`~pathlib.Path` is always a CSV.
        root: PHOTOS.

    Returns:
        One name per photo, None where nothing is declared; None altogether for "auto".

    Raises:
        UsageError: "folder", but no photo lies in a folder.
        BadTable: see :func:`read_subjects`.

    >>> declared_subjects(["ann/1.jpg", "ann/old/2.jpg", "3.jpg"], "folder", root=Path("photos"))
    ['ann', 'ann', None]
    """
    if how == "auto":
        return None
    if how == "file":
        # As for every name: one photo is one person on whatever system it is listed.
        spelt = [unicodedata.normalize("NFC", name) for name in files]
        often = Counter(spelt)
        return [
            own if often[own] == 1 else name for own, name in zip(spelt, files, strict=True)
        ]
    if how == "folder":
        names = [_folder(name) for name in files]
        if names and not any(names):
            raise UsageError(
                f"--subjects folder needs one folder per person inside PHOTOS, but none of the "
                f"{len(names)} photos lies in one; sort them into folders, or use --subjects file, auto "
                f"or a CSV"
            )
        return names
    return read_subjects(Path(how), files, root=root).subjects


def _folder(name: str) -> str | None:
    parts = PurePosixPath(name).parts
    # A folder without a name that can be read names nobody.
    return tidy(parts[0]) or None if len(parts) > 1 else None


def read_subjects(path: Path, files: Sequence[str], *, root: Path) -> SubjectTable:
    """Read a subjects table.

    A CSV in UTF-8 with columns ``file`` and ``subject`` (others are ignored), ``file`` relative to PHOTOS or
    to the folder of the CSV; or CelebA's ``identity_CelebA.txt``. Rows that mean no photo of PHOTOS are
    counted and ignored. Names that differ only in blanks or in how accents are stored are one name.

    Args:
        path: the table.
        files: POSIX paths relative to PHOTOS.
        root: PHOTOS.

    Raises:
        BadTable: unreadable, a column missing or doubled, no row that gives a photo a subject, or one photo
            with two subjects. All problems that can be found are told at once, by line, without names.
    """
    text = read_text(path, "subjects")
    if is_identity_table(text):
        values, names, lines = read_identities(text)
        found = match_stems(values, files)
    else:
        table = parse_table(text, "subjects")
        column_file, column_subject = table.column("file"), table.column("subject")
        problems = [
            f"two columns are called {name!r}" for name in table.repeated(("file", "subject"))
        ]
        if column_file is None or column_subject is None:
            missing = [n for n in ("file", "subject") if n not in table.keys]
            problems.append(
                f"no column {' and no column '.join(map(repr, missing))} among the "
                f"{len(table.columns)} of its first line (wanted: file,subject, separated by commas)"
            )
        raise_problems("subjects", problems)
        assert column_file is not None
        assert column_subject is not None
        values, names, lines = column_file, [tidy(name) for name in column_subject], table.lines
        found = match_paths(values, files, root=root, folder=path.parent)
    subjects: list[str | None] = [None] * len(files)
    first_line: dict[int, int] = {}
    clashes: set[int] = set()
    for number, name, line in zip(found, names, lines, strict=True):
        if number is None or not name:
            continue
        if subjects[number] is None:
            subjects[number], first_line[number] = name, line
        elif subjects[number] != name:
            clashes |= {first_line[number], line}
    matched = sum(number is not None for number in found)
    problems = []
    if files and not first_line:
        problems.append(
            f"none of its {len(values)} rows names the subject of one of the {len(files)} photos"
            f"{' (photos are named, but the subject is empty)' if matched else ''}; write file names "
            f"relative to PHOTOS or to the table's folder"
        )
    if clashes:
        problems.append(f"{lines_in_words(sorted(clashes))}: one photo with different subjects")
    raise_problems("subjects", problems)
    return SubjectTable(subjects, matched, len(values) - matched)


def resolve_subjects(
    names: Sequence[str] | None,
    n_photos: int,
    *,
    pairs: IntArray,
    distances: Distances,
    copies: IntArray,
    same_person: float,
) -> Subjects:
    """Turn declared names, or the recogniser's distances, into subjects and look-alikes.

    Copies come first: photos that show the same picture are one subject. Declared subjects so joined are
    called by the name that sorts first. Without declared names, photos are joined by complete linkage: two
    clusters become one while no two of their photos are further apart than ``same_person``, so merges do
    not chain; a set of copies enters as one cluster. Every pair of photos in ``pairs`` that is then shown
    by two different subjects makes those look-alikes.

    Args:
        names: the declared subject of each photo; None for "auto".
        n_photos: P.
        pairs: (Q, 2) photo numbers, all pairs closer than the ambiguous threshold, in any order.
        distances: (Q,) their distances.
        copies: (C, 2) pairs of photos that are near-identical pictures.
        same_person: distance up to which "auto" calls two photos one person.

    Returns:
        Subjects; found ones are called ``person-0001`` and so on in the order of their first photo.

    Raises:
        UsageError: arrays that do not fit ``n_photos`` or each other, or too large a cluster of similar
            photos (:data:`~kssgan.grouping._linkage.EDGE_LIMIT`).

    >>> none = np.zeros((0, 2), np.int64)
    >>> close = np.array([[0, 1], [1, 2]])
    >>> found = resolve_subjects(
    ...     None, 3, pairs=close, distances=np.array([0.3, 0.4]), copies=none, same_person=0.5
    ... )
    >>> found.names, found.photo_subject.tolist(), found.look_alikes.tolist()
    (('person-0001', 'person-0002'), [0, 0, 1], [[0, 1]])
    """
    pairs, copies = _checked(pairs, n_photos), _checked(copies, n_photos)
    if distances.shape != (len(pairs),):
        raise UsageError(
            f"{distances.shape} distances came for {len(pairs)} pairs; give one each"
        )
    if names is None:
        unit = components(n_photos, copies)  # a set of copies is one unit
        n_units = int(unit.max()) + 1 if n_photos else 0
        unit_pairs, unit_distances = _between_units(unit, pairs, distances, same_person)
        cluster = complete_linkage(n_units, unit_pairs, unit_distances, same_person)
        photo_subject = cluster[unit]
        count = int(photo_subject.max()) + 1 if n_photos else 0
        digits = max(4, len(str(count)))
        found = tuple(f"person-{i:0{digits}d}" for i in range(1, count + 1))
        alike = _subject_pairs(photo_subject, pairs)
        return Subjects(found, photo_subject, alike, n_photos - n_units, count, "auto")
    if len(names) != n_photos:
        raise UsageError(f"{len(names)} names came for {n_photos} photos; give one each")
    # Sorted, so that the first name of a component is also its first member.
    distinct, named = np.unique(np.asarray(names, dtype=object), return_inverse=True)
    joined = components(distinct.size, named[copies])
    photo_subject = joined[named].astype(np.int64)
    _, first = np.unique(joined, return_index=True)
    alike = _subject_pairs(photo_subject, pairs)
    called = tuple(str(name) for name in distinct[first])
    return Subjects(
        called, photo_subject, alike, distinct.size - len(called), distinct.size, "declared"
    )


def _checked(pairs: IntArray, n_photos: int) -> IntArray:
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise UsageError(f"pairs of shape {pairs.shape} came; (number of pairs, 2) was wanted")
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n_photos):
        raise UsageError(f"a pair names a photo beyond the {n_photos} that there are")
    return pairs.astype(np.int64, copy=False)


def _between_units(
    unit: IntArray, pairs: IntArray, distances: Distances, threshold: float
) -> tuple[IntArray, Distances]:
    """Distances between sets of photos: the largest one, where all of them are within ``threshold``."""
    close = distances <= threshold
    pairs, distances = pairs[close], distances[close]
    n = unit.size
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    _, once = np.unique(
        low * n + high, return_index=True
    )  # a pair listed twice must count once
    low, high, distances = unit[low[once]], unit[high[once]], distances[once]
    apart = low != high
    low, high, distances = low[apart], high[apart], distances[apart]
    code, at = np.unique(np.minimum(low, high) * n + np.maximum(low, high), return_inverse=True)
    widest = np.full(code.size, -np.inf)
    np.maximum.at(widest, at, distances)
    sizes = np.bincount(unit) if n else np.zeros(0, np.int64)
    first, second = code // max(n, 1), code % max(n, 1)
    complete = np.bincount(at, minlength=code.size) == sizes[first] * sizes[second]
    return np.stack([first, second], axis=1)[complete], widest[complete]


def _subject_pairs(photo_subject: IntArray, pairs: IntArray) -> IntArray:
    """Pairs of different subjects that the pairs of photos make, sorted, each once."""
    count = max(int(photo_subject.max(initial=0)) + 1, 1)
    first, second = photo_subject[pairs[:, 0]], photo_subject[pairs[:, 1]]
    apart = first != second
    first, second = first[apart], second[apart]
    code = distinct(np.minimum(first, second) * count + np.maximum(first, second))
    return np.stack([code // count, code % count], axis=1).astype(np.int64)
