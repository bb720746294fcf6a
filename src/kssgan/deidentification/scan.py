"""Walk PHOTOS: what is a photo, what is ignored, and every file accounted for."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kssgan.errors import UsageError

__all__ = ["Scan", "scan"]

Identity = tuple[int, int]
"""(device, inode) of a folder: the same folder under another name has the same one."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in PHOTOS.

    Attributes:
        root: the folder that was walked.
        photos: names relative to ``root`` with ``/``, ordered by their bytes; undecodable bytes are kept
            by surrogateescape.
        ignored: hidden files, files in hidden folders, and files without an image suffix.
        folders: every folder that was walked, so that the release is not put into one of them.
    """

    root: Path
    photos: tuple[str, ...]
    ignored: int
    folders: frozenset[Identity]

    @property
    def found(self) -> int:
        """Photos and ignored files: every directory entry that is no folder."""
        return len(self.photos) + self.ignored


def scan(root: Path, suffixes: Collection[str]) -> Scan:
    """List the photos of a folder and of the folders below it.

    Real folders are walked first, then those that symbolic links lead to, each once: a link back to a
    folder that was already walked, or to one that holds ``root``, is not followed. Nothing is opened.

    Args:
        root: an existing folder.
        suffixes: of image files, lower case with the dot.

    Returns:
        The photos and the number of files ignored. An entry with an image suffix that is no regular file
        (a dangling link, a pipe) is listed too, so that it is refused rather than overlooked.

    Raises:
        UsageError: a folder cannot be listed; what it holds would be overlooked.
    """
    walk = _Walk(frozenset(suffixes))
    walk.seen.update(_identity(folder) for folder in root.resolve().parents)
    walk.folder(os.fspath(root), "")
    while walk.links:
        # Sorted anew each time, since a linked folder may hold links of its own.
        walk.links.sort(key=lambda link: os.fsencode(link[1]))
        path, name = walk.links.pop(0)
        walk.folder(path, name)
    if walk.closed:
        raise UsageError(
            f"{walk.closed} folder(s) inside PHOTOS cannot be listed (permission?), so their photos "
            f"would be overlooked; make them readable or move them out"
        )
    photos = tuple(sorted(walk.photos, key=os.fsencode))
    return Scan(root, photos, walk.ignored, frozenset(walk.walked))


class _Walk:
    """The state of one walk; a class because folders are many and recursion is not an option."""

    def __init__(self, suffixes: frozenset[str]) -> None:
        self.suffixes = suffixes
        self.photos: list[str] = []
        self.ignored = 0
        self.closed = 0
        self.seen: set[Identity] = set()
        self.walked: set[Identity] = set()
        self.links: list[tuple[str, str]] = []

    def folder(self, path: str, name: str) -> None:
        """Walk one folder and the real folders below it; links to folders are put aside."""
        todo = [(path, name, False)]
        while todo:
            here, prefix, hidden = todo.pop()
            try:
                identity = _identity(Path(here))
                if identity in self.seen:
                    continue
                self.seen.add(identity)
                with os.scandir(here) as entries:
                    listed = list(entries)
            except OSError:
                self.closed += not hidden
                continue
            self.walked.add(identity)
            for entry in listed:
                below = f"{prefix}/{entry.name}" if prefix else entry.name
                secret = hidden or entry.name.startswith(".")
                if entry.is_dir(follow_symlinks=False):
                    todo.append((entry.path, below, secret))
                elif _leads_to_folder(entry):
                    if not secret:
                        self.links.append((entry.path, below))
                elif secret or Path(entry.name).suffix.lower() not in self.suffixes:
                    self.ignored += 1
                else:
                    self.photos.append(below)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(folder: Path) -> Identity:
    found = folder.stat()
    return found.st_dev, found.st_ino


def is_regular(path: Path) -> bool:
    """Whether ``path`` leads to a regular file: opening a pipe would wait for ever."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
