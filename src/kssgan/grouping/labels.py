"""Utility labels: what a photo shows and who it shows, in words that a release may carry.

Labels come from a CSV of the user's, from the file names of RaFD or from CelebA's attribute table. What they
may say is fixed in :mod:`kssgan.grouping.attributes`; every other column stays on the private side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.grouping._csv import Table, lines_in_words, parse_table, raise_problems, read_text
from kssgan.grouping._match import match_paths, match_stems, tidy
from kssgan.grouping.attributes import (
    ALIASES,
    KNOWN,
    UNKNOWN,
    Attribute,
    is_missing,
    understand,
)
from kssgan.grouping.celeba import is_attribute_table, read_attributes
from kssgan.grouping.rafd import rafd_labels
from kssgan.types import FloatArray

__all__ = [
    "KNOWN",
    "UNKNOWN",
    "Attribute",
    "LabelScheme",
    "LabelTable",
    "read_labels",
    "replace_labels",
]


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """Names and categories of labels, and their one-hot encoding.

    The encoding is the one-hot vectors of the attributes, one behind the other.

    Attributes:
        attributes: each name once.

    Raises:
        UsageError: an attribute comes twice.

    >>> scheme = LabelScheme((KNOWN["gender"], Attribute("glasses", ("no", "yes"), "photo")))
    >>> scheme.encode({"gender": "male"}).tolist()
    [0.0, 1.0, 0.0, 0.0]
    >>> scheme.decode(np.array([0.2, 0.8, 0.0, 0.0]))
    {'gender': 'male'}
    """

    attributes: tuple[Attribute, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, times in Counter(self.names).items() if times > 1]
        if twice:
            raise UsageError(f"attributes came twice: {', '.join(twice)}; list each once")

    @classmethod
    def of(cls, values: Sequence[Mapping[str, str]]) -> LabelScheme:
        """The known attributes and categories that occur in ``values``, in their usual order."""
        attributes = []
        for attribute in KNOWN.values():
            seen = {value[attribute.name] for value in values if attribute.name in value}
            kept = tuple(category for category in attribute.categories if category in seen)
            if kept:
                attributes.append(replace(attribute, categories=kept))
        return cls(tuple(attributes))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def width(self) -> int:
        """C, the length of the encoding."""
        return sum(len(attribute.categories) for attribute in self.attributes)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each attribute lies in the encoding."""
        found: dict[str, slice] = {}
        begin = 0
        for attribute in self.attributes:
            found[attribute.name] = slice(begin, begin + len(attribute.categories))
            begin += len(attribute.categories)
        return found

    def encode(self, values: Mapping[str, str]) -> FloatArray:
        """One-hot encoding of a photo's labels.

        Args:
            values: category by attribute; an attribute that is absent or "unknown" becomes zeros.

        Returns:
            (C,) float32, zeros and ones.

        Raises:
            UsageError: attributes or categories that the scheme does not have; all are told at once.
        """
        encoded = np.zeros(self.width, np.float32)
        problems = []
        if strange := sorted(set(values) - set(self.names)):
            problems.append(
                f"no attribute {', '.join(map(repr, strange))}; there are "
                f"{', '.join(self.names) or 'none'}"
            )
        slices = self.slices
        for attribute in self.attributes:
            value = values.get(attribute.name, UNKNOWN)
            if value in attribute.categories:
                encoded[slices[attribute.name].start + attribute.categories.index(value)] = 1.0
            elif value != UNKNOWN:
                problems.append(
                    f"{attribute.name} has no category {value!r}; there are "
                    f"{', '.join(attribute.categories)}"
                )
        if problems:
            raise UsageError("; ".join(problems))
        return encoded

    def decode(self, encoded: npt.ArrayLike) -> dict[str, str]:
        """Labels of an encoding, the inverse of :meth:`encode`.

        Args:
            encoded: (C,) one-hot or scores; the highest score of an attribute wins, the first of equals.

        Returns:
            Category by attribute, without attributes that have no positive score.

        Raises:
            UsageError: another shape, or a score that is not a number.
        """
        scores = np.asarray(encoded, np.float64)
        if scores.shape != (self.width,) or np.isnan(scores).any():
            raise UsageError(
                f"an encoding of shape {scores.shape} came; {self.width} numbers were wanted"
            )
        values = {}
        slices = self.slices
        for attribute in self.attributes:
            part = scores[slices[attribute.name]]
            if part.max() > 0:
                values[attribute.name] = attribute.categories[int(part.argmax())]
        return values


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The labels of all photos, and what became of the table's rows. For the private side.

    Attributes:
        scheme: attributes and categories that occur.
        values: per photo, category by attribute; attributes that are not known are absent.
        matched: rows that mean a photo of PHOTOS (with a subject column: a subject that has photos).
        outside: rows that were ignored because they do not.
        unmatched: photos without a row.
        unknown: cells that were neither empty nor understood, by attribute.
        ignored_columns: columns of the table that are never released.
        source: "csv", "celeba", "rafd" or "none".
    """

    scheme: LabelScheme
    values: list[dict[str, str]]
    matched: int = 0
    outside: int = 0
    unmatched: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    ignored_columns: tuple[str, ...] = ()
    source: str = "none"

    def words(self) -> str:
        """One line for the user, without any cell of the table.

        >>> LabelTable(LabelScheme(), [{}, {}], matched=1, outside=3, unmatched=1).words()
        'labels: nothing known; 1 photo without labels, 3 rows outside PHOTOS ignored'
        """
        known = ", ".join(
            f"{name} of {sum(name in value for value in self.values):,}"
            for name in self.scheme.names
        )
        notes = []
        if self.unmatched:
            notes.append(f"{_count(self.unmatched, 'photo')} without labels")
        if self.outside:
            notes.append(f"{_count(self.outside, 'row')} outside PHOTOS ignored")
        for name, number in self.unknown.items():
            notes.append(f"{_count(number, 'value')} of {name} not understood")
        if self.ignored_columns:
            notes.append(f"{_count(len(self.ignored_columns), 'other column')} never released")
        tail = f"; {', '.join(notes)}" if notes else ""
        photos = _count(len(self.values), "photo")
        return f"labels: {f'{known} of {photos}' if known else 'nothing known'}{tail}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def read_labels(
    path: str | Path | None,
    files: Sequence[str],
    *,
    root: Path,
    subjects: Sequence[str | None] | None = None,
) -> LabelTable:
    """Find the labels of all photos.

    ``path`` is a CSV in UTF-8 with a column ``file`` (relative to PHOTOS or to the folder of the CSV) or, if
    there is none, ``subject``; then one column per attribute. Other words for a category ("smile", "f") and
    ages in years are understood. Or it is CelebA's ``list_attr_celeba.txt``. Without a path, photos with
    names like RaFD's are labelled by them. The result does not depend on the order of rows.

    Args:
        path: the table; None where the user gave none.
        files: POSIX paths relative to PHOTOS.
        root: PHOTOS.
        subjects: the declared subject of each photo, needed for tables keyed by subject.

    Returns:
        LabelTable; its ``values`` has one entry per photo.

    Raises:
        BadTable: unreadable; no column that says which photo, or none that can be released; no row that
            means a photo; a column of which no value is understood; one photo (or subject) with two
            categories of one attribute. All problems are told at once, by line, without contents.
    """
    if path is None:
        return _from_names(files)
    path = Path(path)
    text = read_text(path, "labels")
    if is_attribute_table(text):
        return _from_celeba(text, files)
    return _from_csv(parse_table(text, "labels"), path.parent, files, root, subjects)


def _from_names(files: Sequence[str]) -> LabelTable:
    values = [rafd_labels(name) or {} for name in files]
    matched = sum(map(bool, values))
    return LabelTable(
        LabelScheme.of(values),
        values,
        matched=matched,
        unmatched=len(files) - matched,
        source="rafd" if matched else "none",
    )


def _from_celeba(text: str, files: Sequence[str]) -> LabelTable:
    table = read_attributes(text)
    photos = match_stems(table.files, files)
    rows = [[] if number is None else [number] for number in photos]
    return _gather(
        rows, table.labels, table.lines, files, "file", {}, table.ignored_columns, "celeba"
    )


def _from_csv(
    table: Table,
    folder: Path,
    files: Sequence[str],
    root: Path,
    subjects: Sequence[str | None] | None,
) -> LabelTable:
    heads = {name: name for name in KNOWN if name in table.keys}
    for alias, name in ALIASES.items():
        if alias in table.keys:
            heads.setdefault(name, alias)
    key = next((name for name in ("file", "subject") if name in table.keys), None)
    problems = [
        f"two columns are called {name!r}"
        for name in table.repeated(("file", "subject", *heads.values()))
    ]
    if key is None:
        problems.append(
            f"no column 'file' or 'subject' among the {len(table.columns)} of its first line "
            f"(columns are separated by commas)"
        )
    if key == "subject" and subjects is None:
        problems.append(
            "it names subjects, but none are declared; add a column 'file', or declare them with "
            "--subjects folder, file or a CSV"
        )
    if not heads:
        problems.append(
            f"no column that can be released; known are {', '.join(KNOWN)} (all others stay private)"
        )
    raise_problems("labels", problems)
    assert key is not None
    keys = table.column(key)
    assert keys is not None
    if key == "file":
        found = match_paths(keys, files, root=root, folder=folder)
        rows = [[] if number is None else [number] for number in found]
    else:
        photos: dict[str, list[int]] = {}
        for number, subject in enumerate(subjects or ()):
            if subject is not None:
                photos.setdefault(tidy(subject), []).append(number)
        rows = [photos.get(tidy(name), []) for name in keys]
    labels: list[dict[str, str]] = [{} for _ in keys]
    unknown: Counter[str] = Counter()
    for name in (name for name in KNOWN if name in heads):
        cells = table.column(heads[name])
        assert cells is not None
        for i, cell in enumerate(cells):
            if rows[i] and not is_missing(cell):
                category = understand(name, cell)
                if category is None:
                    unknown[name] += 1
                else:
                    labels[i][name] = category
    used = {"file", "subject", *heads.values()}
    ignored = tuple(c for c, k in zip(table.columns, table.keys, strict=True) if k not in used)
    return _gather(rows, labels, table.lines, files, key, unknown, ignored, "csv")


def _gather(
    rows: Sequence[Sequence[int]],
    labels: Sequence[Mapping[str, str]],
    lines: Sequence[int],
    files: Sequence[str],
    key: str,
    unknown: Mapping[str, int],
    ignored_columns: tuple[str, ...],
    source: str,
) -> LabelTable:
    """Hand each row's labels to its photos; raise everything that is wrong with the whole."""
    values: list[dict[str, str]] = [{} for _ in files]
    told: dict[tuple[int, str], int] = {}
    clashes: dict[str, set[int]] = {}
    for photos, row, line in zip(rows, labels, lines, strict=True):
        for number in photos:
            for name, category in row.items():
                before = values[number].setdefault(name, category)
                first = told.setdefault((number, name), line)
                if before != category:
                    clashes.setdefault(name, set()).update((first, line))
    problems = []
    matched = sum(map(bool, rows))
    if files and not matched:
        what = "photos" if key == "file" else "declared subjects' photos"
        problems.append(
            f"none of its {len(rows)} rows names one of the {len(files)} {what}; write {key} names as "
            + (
                "paths relative to PHOTOS or to the table's folder"
                if key == "file"
                else "they are declared"
            )
        )
    for name, number in unknown.items():
        if number and not any(name in row for row in labels):
            years = ", or a number of years" if name == "age" else ""
            problems.append(
                f"column {name!r}: none of its {_count(number, 'value')} is understood; known are "
                f"{', '.join(KNOWN[name].categories)}{years}"
            )
    for name, where in clashes.items():
        what = "photo" if key == "file" else "subject"
        problems.append(
            f"{lines_in_words(sorted(where))}: one {what} with two values of {name!r}"
        )
    raise_problems("labels", problems)
    # In the order of KNOWN, whatever the order of rows.
    ordered = [{name: value[name] for name in KNOWN if name in value} for value in values]
    return LabelTable(
        LabelScheme.of(ordered),
        ordered,
        matched=matched,
        outside=len(rows) - matched,
        unmatched=len(files) - len({number for photos in rows for number in photos}),
        unknown=dict(unknown),
        ignored_columns=ignored_columns,
        source=source,
    )


def replace_labels(
    table: LabelTable, changes: Mapping[str, str], drawable: Mapping[str, Sequence[str]]
) -> LabelTable:
    """Give every photo of a release the same label (``--set expression=neutral``).

    Args:
        table: what the photos showed.
        changes: category by attribute; words that :func:`read_labels` understands are understood here.
        drawable: attributes and categories that the surrogate method draws
            (:attr:`~kssgan.types.SurrogateMethod.draws`).

    Returns:
        A new table; the old one is left as it is.

    Raises:
        UsageError: attributes or categories that the method does not draw: the label would not be true of
            the picture. All are told at once.
    """
    problems = []
    wanted: dict[str, str] = {}
    draws = ", ".join(drawable) if drawable else "no attribute at all"
    for name, value in changes.items():
        if name not in drawable:
            problems.append(f"{name!r} cannot be set: this surrogate method draws {draws}")
            continue
        categories = drawable[name]
        category = (
            value if value in categories or name not in KNOWN else understand(name, value)
        )
        if category is None or category not in categories:
            problems.append(
                f"{name!r} cannot be set to {value!r}: this surrogate method draws "
                f"{', '.join(categories)}"
            )
            continue
        wanted[name] = category
    if problems:
        raise UsageError("; ".join(problems))
    if not wanted:
        return table
    values = [{**value, **wanted} for value in table.values]
    kept = {attribute.name: attribute for attribute in table.scheme.attributes}
    for name, category in wanted.items():
        scope = KNOWN[name].scope if name in KNOWN else "photo"
        kept[name] = Attribute(name, (category,), scope)
    order = [name for name in KNOWN if name in kept] + [
        name for name in kept if name not in KNOWN
    ]
    ordered = [{name: value[name] for name in order if name in value} for value in values]
    return replace(
        table, scheme=LabelScheme(tuple(kept[name] for name in order)), values=ordered
    )
