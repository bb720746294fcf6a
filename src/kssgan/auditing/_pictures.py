"""What lies in a release folder, by content: distinct pictures, their copies, and everything else."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from kssgan.errors import UnusablePhoto, UsageError
from kssgan.faces.decode import IMAGE_SUFFIXES, open_photo
from kssgan.types import U8Array

__all__ = ["Picture", "ReleaseFiles", "digest_of", "pixels_of", "scan"]

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Picture:
    """One distinct picture: files with the same bytes.

    Attributes:
        sha256: of the bytes.
        files: paths relative to the release, ascending.
        pixels: SHA-256 of size and decoded pixels; empty when it cannot be decoded.
        size: (width, height); (0, 0) when it cannot be decoded.
    """

    sha256: str
    files: tuple[str, ...]
    pixels: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReleaseFiles:
    """A release as found on the disk.

    Attributes:
        root: the folder.
        pictures: distinct pictures by SHA-256.
        digest: SHA-256 by path, for every picture file.
        others: other files, relative paths.
        links: symbolic links and special files, relative paths.
        folders: relative paths.
    """

    root: Path
    pictures: dict[str, Picture]
    digest: dict[str, str]
    others: tuple[str, ...] = ()
    links: tuple[str, ...] = field(default=())
    folders: tuple[str, ...] = ()


def digest_of(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes, read in blocks."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def pixels_of(path: Path) -> U8Array | None:
    """Decoded pixels (H, W, 3), or None where there is no picture."""
    try:
        return open_photo(path)
    except UnusablePhoto:
        return None


def scan(root: Path) -> ReleaseFiles:
    """Look at every file below ``root`` once; equal files are decoded once.

    Raises:
        UsageError: a file cannot be read.
    """
    by_digest: dict[str, list[str]] = {}
    others, links, inside = [], [], []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        below = [(here / name).relative_to(root).as_posix() for name in folders]
        inside += below
        links += [name for name in below if (root / name).is_symlink()]
        for name in sorted(names):
            path = here / name
            relative = path.relative_to(root).as_posix()
            if path.is_symlink() or not path.is_file():
                links.append(relative)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                try:
                    by_digest.setdefault(digest_of(path), []).append(relative)
                except OSError as error:
                    raise UsageError(
                        f"a file of the release cannot be read ({error.strerror}); "
                        f"give yourself read permission and audit again"
                    ) from None
            else:
                others.append(relative)
    pictures = {}
    for sha, files in sorted(by_digest.items()):
        image = pixels_of(root / files[0])
        if image is None:
            pictures[sha] = Picture(sha, tuple(sorted(files)), "", (0, 0))
            continue
        pixels = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
        pictures[sha] = Picture(
            sha, tuple(sorted(files)), pixels, (image.shape[1], image.shape[0])
        )
    digest = {name: sha for sha, picture in pictures.items() for name in picture.files}
    return ReleaseFiles(
        root,
        pictures,
        digest,
        tuple(sorted(others)),
        tuple(sorted(links)),
        tuple(sorted(inside)),
    )
