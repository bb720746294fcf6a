"""Which photo does a table mean? Paths in a table against the photos that were found."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path, PurePosixPath

from kssgan.errors import BadTable

__all__ = ["match_paths", "match_stems", "tidy"]


def tidy(name: str) -> str:
    r"""A name in one spelling: composed accents, single blanks, none around.

    The same person typed on two systems must not become two people.

    >>> tidy(" Zoe\u0308  B ") == "Zo\u00eb B"
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def _unique(keys: Iterable[str]) -> dict[str, int | None]:
    """Number of the file behind each key; None where two files share it."""
    found: dict[str, int | None] = {}
    for number, key in enumerate(keys):
        found[key] = None if key in found else number
    return found


class _Photos:
    def __init__(self, files: Sequence[str], root: Path) -> None:
        self.exact = _unique(files)
        self.composed = _unique(unicodedata.normalize("NFC", name) for name in files)
        # Lexical paths on purpose: a photo that is a symlink is meant by its own name.
        roots = {os.path.abspath(root), os.path.realpath(root)}  # noqa: PTH100
        self.prefixes = tuple(sorted(folder.rstrip("/") + "/" for folder in roots))
        self.root = os.path.realpath(root)

    def find(self, value: str, *bases: str) -> int | None:
        for base, text in product(bases, _readings(value)):
            path = os.path.normpath(Path(base) / text)  # an absolute text stays itself
            for prefix in self.prefixes:
                if path.startswith(prefix):
                    inside = path[len(prefix) :]
                    number = self.exact.get(inside)
                    if number is None:
                        number = self.composed.get(unicodedata.normalize("NFC", inside))
                    if number is not None:
                        return number
        return None


def _readings(value: str) -> list[str]:
    """Ways in which a path may be meant; none of an empty one."""
    stripped = value.strip()
    return [value, stripped, stripped.replace("\\", "/")] if stripped else [value] * bool(value)


def match_paths(
    values: Sequence[str], files: Sequence[str], *, root: Path, folder: Path
) -> list[int | None]:
    """Find the photo that each path of a table means.

    Paths are relative to PHOTOS or to the folder of the table: whichever of the two finds more photos
    holds for the whole table, since a table that mixes them would match the wrong photos by accident.
    Absolute paths, ``./``, backslashes and decomposed accents are understood.

    Args:
        values: paths as the table has them.
        files: POSIX paths relative to ``root``, each once.
        root: PHOTOS.
        folder: where the table lies.

    Returns:
        The number of the photo in ``files`` for each value, None for rows outside PHOTOS.

    Raises:
        BadTable: both readings find the same number of photos, but other photos.
    """
    photos = _Photos(files, root)
    by_root = [photos.find(value, photos.root) for value in values]
    bases = dict.fromkeys((os.path.realpath(folder), os.path.abspath(folder)))  # noqa: PTH100
    if next(iter(bases)) == photos.root:
        return by_root
    by_folder = [photos.find(value, *bases) for value in values]
    hits_root = sum(number is not None for number in by_root)
    hits_folder = sum(number is not None for number in by_folder)
    if hits_root == hits_folder and by_root != by_folder:
        raise BadTable(
            f"the table can be read in two ways: {hits_root} rows name a photo relative to PHOTOS "
            f"and {hits_folder} other ones relative to the table's own folder; move the table into "
            f"PHOTOS or write absolute paths"
        )
    return by_folder if hits_folder > hits_root else by_root


def match_stems(values: Sequence[str], files: Sequence[str]) -> list[int | None]:
    """Find photos by file name alone, without folder and suffix.

    For the tables of public collections, which lie beside the folder of photos and name neither; the same
    photos also come as PNG. A name that two photos share matches none.

    >>> match_stems(["000001.jpg", "000002.jpg"], ["images/000002.png", "x/000003.png"])
    [None, 0]
    """
    found = _unique(PurePosixPath(name).stem for name in files)
    return [found.get(PurePosixPath(value).stem) for value in values]
