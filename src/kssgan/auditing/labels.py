"""Rule 2: the manifest's labels say nothing that the picture does not."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kssgan.auditing._pictures import ReleaseFiles
from kssgan.auditing._tables import VARIANT, Manifest, MapRow, read_rows, stem
from kssgan.auditing.report import Problem
from kssgan.errors import BadTable

__all__ = ["agreement", "homogeneous", "label_problems", "read_labels"]

_USUAL = frozenset({"expression", "gender", "age", "ethnicity", "pose", "group", VARIANT})


def label_problems(
    release: ReleaseFiles, manifest: Manifest | None, attributes: Sequence[str] | None
) -> tuple[Problem, ...]:
    """Check that every cell of the manifest, and all else that it says of a file, follows from the picture.

    Args:
        release: the files.
        manifest: what the release says of them; without one there is nothing to check.
        attributes: those that the certificate says were released.
    """
    if manifest is None:
        return ()
    problems = []
    split: set[str] = set()
    for number, _ in enumerate(manifest.columns):
        values: dict[str, set[str]] = defaultdict(set)
        for file, cells in manifest.rows.items():
            if file in release.digest:
                values[release.digest[file]].add(cells[number])
        torn = {sha for sha, cells in values.items() if len(cells) > 1}
        split |= torn
        if torn:
            problems.append(
                Problem(
                    2,
                    "breaks",
                    f"column {number + 2} of the manifest is no function of the picture: in {len(torn)} "
                    f"distinct pictures it differs between equal files, and so splits the people behind them",
                    (manifest.columns[number],),
                )
            )
    if unlike := _said_unlike(release, manifest) - split:
        problems.append(
            Problem(
                2,
                "breaks",
                f"in {len(unlike)} distinct pictures the manifest says something else of one file than of an "
                f"equal one (leaves it out, names it twice or in another way, or with other cells), and so "
                f"splits the people behind them; it must have one row for each file",
                tuple(file for sha in sorted(unlike) for file in release.pictures[sha].files),
            )
        )
    allowed = _USUAL if attributes is None else set(attributes)
    extra = [name for name in manifest.columns if name.strip().lower() not in allowed]
    if extra:
        problems.append(
            Problem(
                2,
                "warns",
                f"the manifest has {len(extra)} columns that are no usual attribute of a picture; no other "
                f"column of your tables may enter a release",
                tuple(extra),
            )
        )
    listed, there = set(manifest.rows), set(release.digest)
    if listed != there or manifest.ragged:
        problems.append(
            Problem(
                5,
                "warns",
                f"the manifest names {len(listed - there)} pictures that are not there, leaves out "
                f"{len(there - listed)}, and has {manifest.ragged} damaged rows",
                tuple(sorted(listed ^ there)),
            )
        )
    return tuple(problems)


def _said_unlike(release: ReleaseFiles, manifest: Manifest) -> set[str]:
    """Pictures of whose files the manifest says different things, however a row names its file.

    A recipient is not held by the format: "./images/3F..PNG;41" tells a file's label as well.
    """
    names = Counter(stem(file) for file in release.digest)
    by_stem = {stem(file): file for file in release.digest if names[stem(file)] == 1}
    said: dict[str, list[str]] = defaultdict(list)
    named: set[str] = set()
    for line in manifest.written:
        # What names no file belongs to what does: a cell goes on, or a row is set off by a blank line.
        words = {stem(word) for word in re.split(r"[\s,;|\"']+", line)}
        words |= set(re.findall(r"[\w-]+", line.casefold()))
        if stems := words & by_stem.keys():
            named = {by_stem[own] for own in stems}
            for own in stems:
                rest = re.sub(re.escape(own), "", line, flags=re.IGNORECASE)
                said[by_stem[own]].append(rest)
        else:
            for file in named:
                said[file][-1] += line
    if manifest.written:
        # The very last line may lack its end.
        usual = re.search(r"[\r\n]*\Z", manifest.written[0])
        for file in named:
            if not re.search(r"[\r\n]\Z", said[file][-1]):
                said[file][-1] += usual.group() if usual else ""
    return {
        sha
        for sha, picture in release.pictures.items()
        if len({tuple(sorted(said[file])) for file in picture.files}) > 1
    }


def read_labels(path: Path, originals: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Read the holder's label table.

    Args:
        path: CSV with a column ``file`` or ``subject``, then attributes.
        originals: ``file`` is relative to it or to the CSV's own folder.

    Returns:
        ``{"file": {original: attributes}, "subject": {subject: attributes}}``.

    Raises:
        BadTable: neither column is there.
    """
    rows = read_rows(path, "the labels")
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"file", "subject"} & set(header):
        raise BadTable(
            "the labels have no column file or subject; one of them must say whose they are"
        )
    out: dict[str, dict[str, dict[str, str]]] = {"file": {}, "subject": {}}
    for row in rows[1:]:
        cells = dict(zip(header, row, strict=False))
        attributes = {k: v for k, v in cells.items() if k not in ("file", "subject")}
        if name := cells.get("file", ""):
            try:
                name = (
                    (path.parent / name).resolve().relative_to(originals.resolve()).as_posix()
                )
            except (OSError, ValueError):
                name = PurePosixPath(cells["file"]).as_posix()
            out["file"][name] = attributes
            out["file"].setdefault(PurePosixPath(cells["file"]).as_posix(), attributes)
        elif subject := cells.get("subject", ""):
            out["subject"][subject] = attributes
    return out


def agreement(
    rows: Sequence[MapRow], manifest: Manifest | None, table: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Share of released photos whose released label is their own, by attribute.

    An attribute whose own values never appear in the release (an age in years, released as a band) is left
    out: its labels cannot be compared.
    """
    figures: dict[str, Any] = {}
    columns = [c.strip().lower() for c in manifest.columns] if manifest else []
    same: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in rows:
        own = table["file"].get(row.original) or table["subject"].get(row.subject) or {}
        cells = manifest.rows.get(row.released) if manifest and row.released else None
        for name, value in own.items():
            if value and cells is not None and name in columns:
                total[name] += 1
                same[name] += (
                    cells[columns.index(name)].strip().lower() == value.strip().lower()
                )
    for name in sorted(n for n in total if same[n]):
        figures[f"kept_{name}"] = same[name] / total[name]
    return figures


def homogeneous(
    behind: Mapping[str, Sequence[MapRow]], table: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Share of pictures behind which all known people have one value, by attribute.

    Who knows the picture of a person then knows that value, however large k is (attribute disclosure).

    Args:
        behind: rows of the map by distinct picture.
        table: see :func:`read_labels`.
    """
    one: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for rows in behind.values():
        values: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            own = table["file"].get(row.original) or table["subject"].get(row.subject) or {}
            for name, value in own.items():
                if value:
                    values[name].add(value)
        for name, seen in values.items():
            total[name] += 1
            one[name] += len(seen) == 1
    return {f"one_value_of_{name}": one[name] / total[name] for name in sorted(total)}
