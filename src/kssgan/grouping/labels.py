"""Utility labels: what a photo shows and who it shows, in words that a release may carry.

Labels come from a CSV of the user's, from the file names of RaFD or from CelebA's attribute table. What they
may say is fixed in :mod:`kssgan.grouping.attributes`; every other column stays on the private side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

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
from kssgan.grouping.label_table import LabelTable, counted, replace_labels
from kssgan.grouping.rafd import rafd_labels
from kssgan.grouping.scheme import LabelScheme

__all__ = [
    "KNOWN",
    "UNKNOWN",
    "Attribute",
    "LabelScheme",
    "LabelTable",
    "read_labels",
    "replace_labels",
]


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
    heads = _heads(table)
    key = _key(table, heads, declared=subjects is not None)
    keys = table.column(key)
    assert keys is not None
    if key == "file":
        found = match_paths(keys, files, root=root, folder=folder)
        rows = [[] if number is None else [number] for number in found]
    else:
        rows = _photos_of(keys, subjects or ())
    labels, unknown = _understood(table, heads, rows)
    used = {"file", "subject", *heads.values()}
    ignored = tuple(c for c, k in zip(table.columns, table.keys, strict=True) if k not in used)
    return _gather(rows, labels, table.lines, files, key, unknown, ignored, "csv")


def _heads(table: Table) -> dict[str, str]:
    """The column of each attribute that the table has; an alias where the usual name is absent."""
    heads = {name: name for name in KNOWN if name in table.keys}
    for alias, name in ALIASES.items():
        if alias in table.keys:
            heads.setdefault(name, alias)
    return heads


def _key(table: Table, heads: Mapping[str, str], *, declared: bool) -> str:
    """The column that says whom a row means.

    Raises:
        BadTable: there is none, or the columns are not usable otherwise.
    """
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
    if key == "subject" and not declared:
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
    return key


def _photos_of(keys: Sequence[str], subjects: Sequence[str | None]) -> list[list[int]]:
    """The photos of each row's subject."""
    photos: dict[str, list[int]] = {}
    for number, subject in enumerate(subjects):
        if subject is not None:
            photos.setdefault(tidy(subject), []).append(number)
    return [photos.get(tidy(name), []) for name in keys]


def _understood(
    table: Table, heads: Mapping[str, str], rows: Sequence[Sequence[int]]
) -> tuple[list[dict[str, str]], Counter[str]]:
    """Labels of each row that means a photo, and how many cells of an attribute were not understood."""
    labels: list[dict[str, str]] = [{} for _ in rows]
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
    return labels, unknown


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
    raise_problems("labels", _problems(rows, labels, files, key, unknown, clashes))
    matched = sum(map(bool, rows))
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


def _problems(
    rows: Sequence[Sequence[int]],
    labels: Sequence[Mapping[str, str]],
    files: Sequence[str],
    key: str,
    unknown: Mapping[str, int],
    clashes: Mapping[str, set[int]],
) -> list[str]:
    """Everything that is wrong with the whole: nothing matched, nothing understood, contradictions."""
    problems = []
    if files and not any(rows):
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
                f"column {name!r}: none of its {counted(number, 'value')} is understood; known are "
                f"{', '.join(KNOWN[name].categories)}{years}"
            )
    for name, where in clashes.items():
        what = "photo" if key == "file" else "subject"
        problems.append(
            f"{lines_in_words(sorted(where))}: one {what} with two values of {name!r}"
        )
    return problems
