"""Files: there whole or not at all, and told of in our words where they cannot be read or written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kssgan.errors import KssganError, StorageError, UsageError

__all__ = ["in_one_step", "is_part", "read_toml", "reveal", "storage", "write_whole"]


@contextmanager
def storage(what: str) -> Iterator[None]:
    """Turn an ``OSError`` into a :class:`StorageError` that quotes no path.

    Args:
        what: could not be done, for example "the release could not be written".
    """
    try:
        yield
    except KssganError:
        raise
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        cause = "the disk is full" if full else (error.strerror or type(error).__name__)
        step = "free some space" if full else "check the disk and its permissions"
        problem = StorageError(f"{what}: {cause}; {step} and run again")
        problem.errno = error.errno
        # The original error quotes a path.
        raise problem from None


def is_part(path: Path) -> bool:
    """Whether :func:`in_one_step` gives such a name to what is not whole yet.

    >>> is_part(Path("run/.config.json.part")), is_part(Path("run/config.json"))
    (True, False)
    """
    return path.name.startswith(".") and path.suffix == ".part"


@contextmanager
def in_one_step(
    path: Path, *, mode: int | None = None, flush: bool = False, rivals: bool = False
) -> Iterator[Path]:
    """The hidden path to write to; it gets its name when the body ends, in place of an earlier file.

    Nothing is left behind where the body fails.

    Args:
        path: the name that the file gets.
        mode: of the file; the user's usual one by default.
        flush: bring it to the disk before it gets its name, so that a power cut cannot leave it empty.
        rivals: other processes may write the same file at this moment. Without them a killed run's remains
            are overwritten by the next.

    Raises:
        OSError: it cannot be written.
    """
    own = f".{os.getpid()}" if rivals else ""
    part = path.with_name(f".{path.name}{own}.part")
    try:
        yield part
        if mode is not None:
            part.chmod(mode)
        if flush:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(
    path: Path,
    content: str | bytes,
    *,
    mode: int | None = None,
    flush: bool = False,
    rivals: bool = False,
) -> None:
    """Write a text, as UTF-8, or bytes in one step; the rest as of :func:`in_one_step`."""
    with in_one_step(path, mode=mode, flush=flush, rivals=rivals) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def reveal(hidden: Path, path: Path) -> None:
    """Give a file its name; fails rather than overwrites.

    Raises:
        FileExistsError: the name is taken.
        OSError: the disk refuses.
    """
    try:
        os.link(hidden, path)
    except FileExistsError:
        raise
    except OSError:
        # A disk without hard links (exFAT): a rename, after looking whether the name is free.
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        hidden.rename(path)
    else:
        hidden.unlink()


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """A TOML file.

    Args:
        path: of the file.
        what: it is, for example "the configuration".

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{what} cannot be read ({type(error).__name__}); give a TOML file"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{what} is no TOML: {error}") from None
