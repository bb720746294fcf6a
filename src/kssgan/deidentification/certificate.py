"""The certificate: what holds, counted on the files that were written, not on what was planned.

Everything here starts from bytes read back from the disk: the pictures, the manifest, the private map. A
rule that does not hold raises :class:`~kssgan.errors.PromiseError`, and then nothing is released.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from kssgan.deidentification.map import parse_table
from kssgan.deidentification.png import decode_png
from kssgan.deidentification.release import EPOCH, FILES, IMAGES, contents, is_release_file
from kssgan.deidentification.reports import WrittenPicture
from kssgan.errors import PromiseError
from kssgan.faces.threads import in_order

__all__ = ["Measured", "check_sealed", "measure", "statement"]

_MANIFEST, _CERTIFICATE, _REPORT = FILES


@dataclass(frozen=True, slots=True)
class Measured:
    """What the written files say.

    Attributes:
        k: fewest people behind a distinct picture; files that share a subject, or whose subjects may be
            one human, count once.
        k_declared: fewest subject names behind a distinct picture.
        max_share: largest share of one picture's files that belongs to one person, 0..1.
        pictures: the distinct pictures, by their first file's name.
    """

    k: int
    k_declared: int
    max_share: float
    pictures: tuple[WrittenPicture, ...]


def measure(
    folder: Path,
    map_csv: bytes,
    *,
    k: int,
    attributes: Sequence[str],
    one_human: Iterable[tuple[str, str]] = (),
) -> Measured:
    """Read a written release back and verify the promise on it.

    Args:
        folder: holds ``images/`` and ``manifest.csv``.
        map_csv: content of the private map.
        k: people that every distinct picture must stand for.
        attributes: columns that the manifest may have beside ``file``.
        one_human: pairs of subject names that may be one human and so must count once.

    Returns:
        The measured figures.

    Raises:
        PromiseError: lists every rule that does not hold, without a name.
    """
    problems: list[str] = []
    files = {path.relative_to(folder).as_posix(): path for path in contents(folder)}
    images = {name: path for name, path in files.items() if name.startswith(f"{IMAGES}/")}
    if not all(map(is_release_file, files)):
        problems.append("a file is there that no release may hold")
    rows = parse_table(map_csv)
    labels = _labels(folder, images, attributes, problems)
    subjects = _subjects(rows, images, problems)
    alike = _neighbours(one_human)
    pictures: list[WrittenPicture] = []
    k_least, declared_least, share = [], [], 0.0
    for digest, names in sorted(
        _by_content(images, problems).items(), key=lambda item: item[1]
    ):
        if len({labels.get(name, ()) for name in names}) > 1:
            problems.append(
                "a label is no function of the picture: equal pictures are labelled differently"
            )
        named = [subjects.get(name, frozenset()) for name in names]
        people = _people(named, alike)
        if len(people) < len(names):
            problems.append("a person has more than one file of one picture")
        share = max(share, *(count / len(names) for count in people))
        k_least.append(len(people))
        declared_least.append(len(frozenset().union(*named)))
        label = dict(zip(attributes, labels.get(names[0], ()), strict=False))
        pictures.append(WrittenPicture(digest, tuple(names), len(people), label))
    if not pictures:
        problems.append("there is no picture")
    if k_least and min(k_least) < k:
        problems.append(f"a picture stands for {min(k_least)} people, {k} were promised")
    if share * k > 1:
        problems.append(
            f"a person has {share:.3f} of a picture's files, at most 1/{k} was promised"
        )
    _raise(problems)
    return Measured(min(k_least), min(declared_least), share, tuple(pictures))


def check_sealed(
    folder: Path, *, certificate: Mapping[str, Any], suffixes: Collection[str]
) -> None:
    """Last look at a release before it gets its name: nothing else is in it and nothing tells a name.

    Args:
        folder: complete and sealed.
        certificate: what ``certificate.json`` must say.
        suffixes: of image files: no word of the texts may end in one, but the random names.

    Raises:
        PromiseError: lists every rule that does not hold, without a name.
    """
    problems: list[str] = []
    paths = contents(folder)
    names = {path.relative_to(folder).as_posix() for path in paths}
    if not names >= set(FILES) or not all(map(is_release_file, names)):
        problems.append("a file is missing, or one is there that no release may hold")
    folders = {path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()}
    if folders != {folder / IMAGES}:
        problems.append("a folder is there that no release may hold")
    for path in (*paths, *folders, folder):
        found = path.lstat()
        if found.st_mtime_ns != EPOCH * 1_000_000_000:
            problems.append("a file carries the time of its making")
        if not stat.S_ISDIR(found.st_mode) and (
            not stat.S_ISREG(found.st_mode) or found.st_nlink != 1
        ):
            problems.append("a file is a link")
    endings = "|".join(re.escape(suffix) for suffix in sorted(suffixes))
    word = re.compile(rf"""[^\s"'<>\\,;:()=]+(?:{endings})(?![\w-])""", re.IGNORECASE)
    for name in FILES:
        text = (folder / name).read_text("utf-8") if name in names else ""
        if any(match not in names for match in word.findall(text)):
            problems.append(f"{name} names a picture that is not in the release")
    # What was counted has been listed; a picture that came later was not.
    images = sorted(name for name in names if name.startswith(f"{IMAGES}/"))
    if _MANIFEST in names and _listed(folder / _MANIFEST) != images:
        problems.append("the pictures are not those that were counted")
    if _CERTIFICATE in names and json.loads((folder / _CERTIFICATE).read_text()) != certificate:
        problems.append("the certificate is not the one that was computed")
    _raise(problems)


def statement(k: int, pictures: int, files: int, people: int, how: str) -> str:
    """What the certificate means, in one plain sentence.

    Args:
        k: measured.
        pictures: distinct ones.
        files: released.
        people: in the release.
        how: "auto" or "declared".
    """
    counted = (
        "people as the recogniser tells them apart"
        if how == "auto"
        else "people as the data holder declared them, look-alikes once"
    )
    return (
        f"Each of the {pictures} distinct pictures among the {files} files stands for at least {k} of "
        f"{people} people, who hold one byte-identical file of it each, so that no picture can be linked "
        f"to one of them with a probability above 1/{k}; it counts {counted}."
    )


def _labels(
    folder: Path, images: Collection[str], attributes: Sequence[str], problems: list[str]
) -> dict[str, tuple[str, ...]]:
    rows = parse_table((folder / _MANIFEST).read_bytes())
    labels = {row["file"]: tuple(row[name] for name in attributes) for row in rows}
    if any(list(row) != ["file", *attributes] for row in rows):
        problems.append("the manifest has a column that must not be released")
    if len(labels) != len(rows) or set(labels) != set(images):
        problems.append("the manifest does not list every picture file once")
    if list(labels) != sorted(labels):
        problems.append("the manifest is not in the order of the random names")
    return labels


def _listed(manifest: Path) -> list[str]:
    """The files that the manifest names, sorted; none if it is damaged."""
    try:
        return sorted(row["file"] for row in parse_table(manifest.read_bytes()))
    except (ValueError, KeyError):
        return []


def _subjects(
    rows: Sequence[Mapping[str, str]], images: Collection[str], problems: list[str]
) -> dict[str, frozenset[str]]:
    """Who is behind each file, by the private map."""
    behind: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if bool(row["released"]) == bool(row["reason"]):
            problems.append("a photo is neither refused nor released, or both")
        if row["released"]:
            behind[row["released"]].add(row["subject"])
    if set(behind) != set(images):
        problems.append(
            "a file belongs to no photo of the map, or the map names a file that is not there"
        )
    if any("" in names for names in behind.values()):
        problems.append("a released photo has no subject")
    inputs = {PurePosixPath(row["original"]).stem.lower() for row in rows}
    if any(PurePosixPath(name).stem in inputs for name in images):
        problems.append("a file is named like an original")
    return {name: frozenset(names) for name, names in behind.items()}


def _by_content(images: Mapping[str, Path], problems: list[str]) -> dict[str, list[str]]:
    """Files by the digest of their bytes; one of each is looked into."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, path in sorted(images.items()):
        found[hashlib.sha256(path.read_bytes()).hexdigest()].append(name)
    looks = (
        partial(_damage, images[names[0]], digest) for digest, names in sorted(found.items())
    )
    problems.extend(sorted({problem for problem in in_order(looks) if problem}))
    return found


def _damage(path: Path, digest: str) -> str:
    """What is wrong with a picture, empty where nothing is."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        return "a picture changed while it was measured"
    try:
        decode_png(data)
    except ValueError as error:
        return f"a picture holds more than its pixels or is damaged ({error})"
    return ""


def _neighbours(one_human: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    alike: dict[str, set[str]] = defaultdict(set)
    for one, other in one_human:
        alike[one].add(other)
    return alike


def _people(named: Sequence[frozenset[str]], alike: Mapping[str, set[str]]) -> list[int]:
    """Files per person: files whose subjects are, or may be, one human are one person's."""
    owner = list(range(len(named)))

    def root(i: int) -> int:
        while owner[i] != i:
            owner[i] = owner[owner[i]]
            i = owner[i]
        return i

    first: dict[str, int] = {}
    for i, names in enumerate(named):
        for name in names:
            owner[root(i)] = root(first.setdefault(name, i))
    for one in first:
        for other in alike.get(one, ()):
            if other in first:
                owner[root(first[one])] = root(first[other])
    counts: dict[int, int] = defaultdict(int)
    for i in range(len(named)):
        counts[root(i)] += 1
    return list(counts.values())


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise PromiseError(
            "the written files do not keep the promise, so nothing was released: "
            + "; ".join(dict.fromkeys(problems))
            + ". This is a fault of the program: please report it"
        )
