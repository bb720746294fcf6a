"""RELEASE appears in one step, complete, or not at all.

Everything is written into a hidden folder beside RELEASE, ``.NAME.partial-<nonce>``, that only this user
can enter, and that holds surrogates and counts only, never an original. The last act is one ``rename``.

Private files (the map) become visible just before that rename, so that a complete RELEASE never lacks its
map. They are written as ``.MAP.partial-<nonce>`` (0600), then the hidden folder is renamed so that its own
name carries their digests, then they are linked to their names, which fails rather than overwrites.

A run that is killed may leave that hidden folder and those files, and nothing else. The next run for the
same RELEASE recognises them: the folder has our name, our owner and our files only, and nobody holds its
lock. A MAP is an orphan, and removed, only if such a dead folder names its digest: then its RELEASE never
appeared. Everything in doubt is left alone.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kssgan.errors import OutputExists
from kssgan.files import reveal, storage

__all__ = [
    "EPOCH",
    "FILES",
    "IMAGES",
    "PartialRelease",
    "contents",
    "is_release_file",
    "random_name",
    "sweep",
]

EPOCH = 315_532_800
"""1980-01-01T00:00:00Z, the modification time of everything in a release."""

FILES = ("manifest.csv", "certificate.json", "report.html")
IMAGES = "images"
_IMAGE = re.compile(IMAGES + r"/[0-9a-f]{32}\.png")
# Hex digits of a private file's SHA-256 in the hidden folder's name.
_SHORT = 16


def random_name() -> str:
    """Name of a released file, from the operating system's entropy: ``images/<32 hex>.png``."""
    return f"{IMAGES}/{secrets.token_hex(16)}.png"


class PartialRelease:
    """The hidden folder of one run; a context that removes it unless it was published.

    Args:
        out: RELEASE, absolute; its parent exists.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._nonce = secrets.token_hex(8)
        # The folder's name, and later its second one; the last that exists is where it is.
        self._names = [out.with_name(f".{out.name}.partial-{self._nonce}")]
        self._handle = -1
        self._private: list[_Private] = []

    @property
    def folder(self) -> Path:
        """Where the release is being written."""
        return self._names[-1]

    def __enter__(self) -> Self:
        try:
            with storage("the release could not be written"):
                self.folder.mkdir(mode=0o700)
                self._handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                # Where folders cannot be locked (NFS), no later run will take this one for dead.
                with suppress(OSError):
                    fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (self.folder / IMAGES).mkdir()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def write(self, name: str, data: bytes) -> None:
        """Write one file of the release.

        Args:
            name: relative to the release; must be new.
            data: its content.

        Raises:
            StorageError: the disk is full or refuses.
        """
        with storage("the release could not be written"):
            os.close(_write(self.folder / name, [data], 0o644))

    def write_private(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Write a private file (0600) that :meth:`publish` will give its name.

        Args:
            path: the name it will get; must not exist then.
            pieces: its content.

        Raises:
            StorageError: the disk is full or refuses.
        """
        private = _Private(path, path.with_name(f".{path.name}.partial-{self._nonce}"))
        # Listed before it is written: an interrupt must not leave a file that nobody knows of.
        self._private.append(private)
        digest = hashlib.sha256()

        def seen() -> Iterator[bytes]:
            for piece in pieces:
                digest.update(piece)
                yield piece

        with storage("a private file could not be written"):
            handle = _write(private.hidden, seen(), 0o600)
            private.identity = _identity(os.fstat(handle))
            private.digest = digest.hexdigest()[:_SHORT]
            os.fsync(handle)
            os.close(handle)

    def seal(self) -> None:
        """Set the modes and times that every release has, and flush it all to the disk."""
        with storage("the release could not be written"):
            for path in contents(self.folder):
                _stamp(path, 0o644)
            _stamp(self.folder / IMAGES, 0o755)
            _stamp(self.folder, 0o700)

    def publish(
        self, around: Callable[[Path], AbstractContextManager[None]] | None = None
    ) -> None:
        """Give the private files their names, then RELEASE its own.

        Args:
            around: a context for the very last step; gets the hidden folder, which is complete.

        Raises:
            OutputExists: one of the names was taken meanwhile.
            StorageError: the disk refuses.
        """
        with storage("the release could not be published"):
            digests = "".join(f"-{private.digest}" for private in self._private)
            if digests:
                self._names.append(self.folder.with_name(self.folder.name + digests))
                self._names[0].rename(self.folder)
            for private in self._private:
                private.reveal()
            for folder in {private.path.parent for private in self._private}:
                _flush_folder(folder)
            self.folder.chmod(0o755)
            if os.path.lexists(self.out):
                raise _taken("RELEASE", self.out)
            try:
                with nullcontext() if around is None else around(self.folder):
                    self.folder.rename(self.out)
            except FileExistsError:
                raise _taken("RELEASE", self.out) from None
            except OSError as error:
                if error.errno in {errno.ENOTEMPTY, errno.ENOTDIR}:
                    raise _taken("RELEASE", self.out) from None
                raise
        with suppress(OSError):
            _flush_folder(self.out.parent)

    def _discard(self) -> None:
        """Remove what was written, unless it was published. Safe to call at any point."""
        here = [name for name in self._names if os.path.lexists(name)]
        for name in here:
            # RELEASE has not appeared, so a map that did belongs to nothing.
            for private in self._private:
                private.remove()
            with suppress(OSError):
                _remove(name)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


@dataclass(slots=True)
class _Private:
    """A private file under way: hidden first, then under its name."""

    path: Path
    hidden: Path
    identity: tuple[int, int] | None = None
    digest: str = ""

    def reveal(self) -> None:
        """Give the file its name; fails rather than overwrites."""
        try:
            reveal(self.hidden, self.path)
        except FileExistsError:
            raise _taken("a private file", self.path) from None

    def remove(self) -> None:
        """Undo, whatever has been done so far; a file of the same name that is not ours stays."""
        for path in (self.path, self.hidden):
            with suppress(OSError):
                if path == self.hidden or _identity(path.lstat()) == self.identity:
                    path.unlink()


def sweep(out: Path, private: Sequence[Path]) -> int:
    """Remove what killed runs for the same RELEASE have left; call before anything is written.

    Args:
        out: RELEASE; does nothing if it exists.
        private: files that the coming run will write; one is removed only if a dead hidden folder names
            its digest, so that its RELEASE can never have appeared.

    Returns:
        Number of hidden folders removed.
    """
    if os.path.lexists(out):
        return 0
    ours = re.compile(
        re.escape(f".{out.name}.partial-") + f"([0-9a-f]{{16}})((?:-[0-9a-f]{{{_SHORT}}})*)"
    )
    removed = 0
    for name in sorted(path.name for path in out.parent.iterdir()):
        match = ours.fullmatch(name)
        if match is None:
            continue
        folder = out.with_name(name)
        with suppress(OSError), _dead(folder) as dead:
            if dead:
                _sweep_private(private, match[1], set(match[2].split("-")[1:]))
                _remove(folder)
                removed += 1
    return removed


def _sweep_private(private: Sequence[Path], nonce: str, digests: set[str]) -> None:
    for path in private:
        path.with_name(f".{path.name}.partial-{nonce}").unlink(missing_ok=True)
        if path.is_file() and not path.is_symlink():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_SHORT]
            if digest in digests:
                path.unlink()


@contextmanager
def _dead(folder: Path) -> Iterator[bool]:
    """Whether a hidden folder is ours and its run has ended; holds its lock meanwhile."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        # Below a folder with setgid ours has it as well.
        mine = found.st_uid == os.geteuid() and found.st_mode & 0o777 in {0o700, 0o755}
        if not (mine and _only_ours(folder)):
            yield False
            return
        # The system drops the lock when a process ends, however it ends.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield _identity(folder.lstat()) == _identity(found)
    finally:
        os.close(handle)


def contents(folder: Path) -> list[Path]:
    """Every file of a release or of a partial one, sorted; folders are left out."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def is_release_file(name: str) -> bool:
    """Whether a path relative to the release is one that a release may hold."""
    return name in FILES or _IMAGE.fullmatch(name) is not None


def _only_ours(folder: Path) -> bool:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {IMAGES}
    return all(map(is_release_file, names))


def _remove(folder: Path) -> None:
    for path in contents(folder):
        path.unlink()
    with suppress(FileNotFoundError):
        (folder / IMAGES).rmdir()
    folder.rmdir()


def _write(path: Path, pieces: Iterable[bytes], mode: int) -> int:
    """Create a file exclusively and write it; the open handle is the caller's to close."""
    handle = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        os.fchmod(handle, mode)
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(handle, rest) :]
    except BaseException:
        os.close(handle)
        raise
    return handle


def _stamp(path: Path, mode: int) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(handle, mode)
        os.utime(handle, (EPOCH, EPOCH))
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    # Some file systems cannot flush a folder; a release is not lost for that.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _taken(what: str, path: Path) -> OutputExists:
    return OutputExists(
        f"{what} ({path}) appeared while this run was working and is not overwritten; choose another "
        f"name and run again"
    )
