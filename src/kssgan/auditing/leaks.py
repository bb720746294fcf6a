"""Rule 4, files and folder: metadata, strange files, times, sizes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from stat import S_IMODE

from kssgan.auditing._containers import HARMLESS, extras
from kssgan.auditing._pictures import ReleaseFiles
from kssgan.auditing.report import Problem

__all__ = ["folder_problems", "metadata_kinds", "metadata_problems", "time_problems"]

_EXPECTED = frozenset({"manifest.csv", "certificate.json", "report.html"})
_TEXT = frozenset({".txt", ".md", ".csv", ".json", ".html", ".htm", ".rst", ".xml"})
_PLAIN_NAMES = frozenset({"license", "licence", "readme", "notice"})


def metadata_kinds(release: ReleaseFiles) -> dict[str, frozenset[str]]:
    """Kinds of data beside pixels in every distinct picture; equal files are read once."""
    return {
        sha: extras(release.root / picture.files[0])
        for sha, picture in release.pictures.items()
    }


def metadata_problems(
    release: ReleaseFiles, per_picture: Mapping[str, frozenset[str]]
) -> tuple[Problem, ...]:
    """Look for anything but pixels inside the picture files.

    Kinds that tell nobody apart (colour chunks, ICC profiles) only warn as long as all files have them.

    Args:
        release: the files.
        per_picture: of :func:`metadata_kinds`.
    """
    counted: dict[str, list[str]] = {}
    for sha, kinds in per_picture.items():
        for kind in kinds:
            counted.setdefault(kind, []).append(sha)
    problems = []
    for kind, shas in sorted(counted.items()):
        files = tuple(f for sha in shas for f in release.pictures[sha].files)
        everywhere = len(shas) == len(release.pictures)
        harmless = kind.startswith("a format") or (kind in HARMLESS and everywhere)
        problems.append(
            Problem(
                4,
                "warns" if harmless else "breaks",
                f"{len(files)} released files carry {kind}",
                files,
            )
        )
    sizes = {p.size for p in release.pictures.values() if p.pixels}
    if len(sizes) > 1:
        problems.append(
            Problem(
                4,
                "warns",
                f"released pictures have {len(sizes)} different sizes in pixels; one fixed size says "
                f"nothing about the photos it was made from",
            )
        )
    kinds_of_file = {Path(f).suffix.lower() for f in release.digest}
    if len(kinds_of_file) > 1:
        problems.append(
            Problem(
                4,
                "warns",
                f"released pictures have {len(kinds_of_file)} different file types; one encoder says "
                f"nothing about the photos",
            )
        )
    return tuple(problems)


def folder_problems(release: ReleaseFiles) -> tuple[Problem, ...]:
    """Everything in the folder that a release does not need."""
    problems = []
    if release.links:
        problems.append(
            Problem(
                4,
                "breaks",
                f"{len(release.links)} symbolic links or special files are in the release; a link's "
                f"target names a path of yours",
                release.links,
            )
        )
    problems += _folders(release)
    readable = [n for n in release.others if _is_text(release.root / n)]
    # A photo may bear any name, the report's too.
    opaque = [n for n in release.others if n not in readable]
    strange = [n for n in readable if n not in _EXPECTED]
    if opaque:
        problems.append(
            Problem(
                4,
                "breaks",
                f"{len(opaque)} files beside the pictures are no text in UTF-8 and cannot be judged; "
                f"remove them (such files often hold thumbnails or names)",
                tuple(opaque),
            )
        )
    if strange:
        problems.append(
            Problem(
                4,
                "warns",
                f"{len(strange)} text files beside manifest, certificate and report are in the release; "
                f"read them before they leave",
                tuple(strange),
            )
        )
    modes = {name: S_IMODE((release.root / name).stat().st_mode) for name in release.digest}
    if len(set(modes.values())) > 1:
        problems.append(
            Problem(
                4,
                "breaks",
                f"released pictures have {len(set(modes.values()))} different permissions, which tell files "
                f"apart; give all the same",
            )
        )
    own = {name: _own_attributes(release.root / name) for name in release.digest}
    if marked := [name for name, found in own.items() if found]:
        apart = len(set(own.values())) > 1
        problems.append(
            Problem(
                4,
                "breaks" if apart else "warns",
                f"{len(marked)} released files carry extended file attributes, which may hold an origin"
                f"{', and tell files apart' if apart else ''}",
                tuple(marked),
            )
        )
    return tuple(problems)


def _folders(release: ReleaseFiles) -> Iterator[Problem]:
    """Where a picture lies may tell its copies apart, and a folder's name may name somebody."""
    apart = {
        sha: picture.files
        for sha, picture in release.pictures.items()
        if len({PurePosixPath(file).parent for file in picture.files}) > 1
    }
    if apart:
        yield Problem(
            4,
            "breaks",
            f"the files of {len(apart)} distinct pictures lie in several folders, which splits the people "
            f"behind them; all pictures belong in one folder",
            tuple(file for files in apart.values() for file in files),
        )
    used = {str(folder) for file in release.digest for folder in PurePosixPath(file).parents}
    if bare := [folder for folder in release.folders if folder not in used]:
        yield Problem(
            4,
            "breaks",
            f"{len(bare)} folders of the release hold no picture; remove them, as their names may name "
            f"somebody",
            tuple(bare),
        )


def _is_text(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.suffix.lower() not in _TEXT and path.stem.lower() not in _PLAIN_NAMES:
        return False
    try:
        return "\0" not in path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _own_attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    listing, read = getattr(os, "listxattr", None), getattr(os, "getxattr", None)
    if listing is None or read is None:
        return ()
    try:
        names = [str(name) for name in listing(path) if str(name).startswith("user.")]
        return tuple((name, read(path, name)) for name in sorted(names))
    except OSError:
        return ()


def time_problems(
    release: ReleaseFiles, originals: Path, pairs: Mapping[str, Sequence[str]]
) -> tuple[Problem, ...]:
    """Modification times must say nothing: best all equal, never those of the photos.

    Args:
        release: the files.
        originals: folder of the photos.
        pairs: photos (relative paths) behind every released file.
    """
    times = {f: (release.root / f).stat().st_mtime_ns for f in release.digest}
    problems = []
    copied = [
        f for f, names in pairs.items() if f in times and times[f] in _times(originals, names)
    ]
    if copied and len(set(times.values())) > 1:
        problems.append(
            Problem(
                4,
                "breaks",
                f"{len(copied)} released files bear the very modification time of a photo behind them",
                tuple(copied),
            )
        )
    # Whole seconds: copying a folder onto some file systems rounds, and that separates nobody.
    if len({t // 2_000_000_000 for t in times.values()}) > 1:
        problems.append(
            Problem(
                4,
                "warns",
                "modification times differ between released files; set one for all, since they tell the "
                "order of writing",
            )
        )
    return tuple(problems)


def _times(originals: Path, names: Iterable[str]) -> set[int]:
    found = set()
    for name in names:
        try:
            found.add((originals / name).stat().st_mtime_ns)
        except (OSError, ValueError):
            continue
    return found
