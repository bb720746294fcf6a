"""Where a run reads and writes, checked before any work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kssgan.deidentification.keys import key_of
from kssgan.deidentification.scan import Scan
from kssgan.errors import BadOutput, OutputExists, UsageError
from kssgan.types import PathLike

__all__ = ["Places", "check_places", "check_release_outside", "inside"]

# A hidden sibling carries the name, and up to 77 characters more with a map, its page and an escrow.
_LONGEST_NAME = 178


@dataclass(frozen=True, slots=True)
class Places:
    """Resolved paths of one run.

    Attributes:
        photos: the folder of photos.
        out: RELEASE.
        map_path: MAP, if asked for.
        map_report: the private page beside MAP.
        refused: ``RELEASE.refused.csv``, used when there is no MAP.
        cache: home of the cache, if the caller chose one.
        escrow: the sealed map, if asked for.
        ledger: the record of releases, if asked for; it may be there already.
        ledger_key: its key.
    """

    photos: Path
    out: Path
    map_path: Path | None
    map_report: Path | None
    refused: Path
    cache: Path | None
    escrow: Path | None = None
    ledger: Path | None = None
    ledger_key: Path | None = None

    @property
    def private(self) -> tuple[Path, ...]:
        """Private files that this run may write."""
        sealed = () if self.escrow is None else (self.escrow,)
        if self.map_path is None or self.map_report is None:
            return (self.refused, *sealed)
        return (self.map_path, self.map_report, *sealed)

    def check_free(self) -> None:
        """Nothing that the run will write is there yet.

        Raises:
            OutputExists: RELEASE, MAP, the page beside it, the escrow or the list of refused photos exists.
        """
        what = {
            self.out: "RELEASE",
            self.map_path: "MAP",
            self.map_report: "the private report beside MAP",
            self.refused if self.map_path is None else None: "the list of refused photos",
            self.escrow: "the escrow",
        }
        for path, name in what.items():
            if path is not None and os.path.lexists(path):
                raise OutputExists(
                    f"{name} ({path}) is already there and is never overwritten; choose another "
                    f"name or move it away"
                )


def check_places(
    photos: PathLike,
    out: PathLike,
    map_path: PathLike | None,
    cache: PathLike | None,
    *,
    escrow: PathLike | None = None,
    ledger: PathLike | None = None,
    ledger_key: PathLike | None = None,
) -> Places:
    """Resolve the paths of a run and reject those that would leak or overwrite.

    Raises:
        UsageError: PHOTOS is not a folder.
        BadOutput: a parent folder is missing or cannot be written; RELEASE and PHOTOS lie in each other;
            something private would lie in RELEASE, or RELEASE in the cache; two outputs have one name.
    """
    folder = Path(photos)
    # An unset variable of a shell would mean the current folder.
    if not os.fspath(photos) or not folder.is_dir():
        raise UsageError(
            "PHOTOS is not a folder that can be read; give the folder that holds the photos"
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UsageError("PHOTOS cannot be listed; ask for read permission on the folder")
    folder = folder.resolve()
    release = _output(out, "RELEASE")
    table = None if map_path is None else _output(map_path, "MAP")
    page = None if table is None else table.with_name(f"{table.stem}.report.html")
    home = None if cache is None else Path(cache).resolve()
    sealed = None if escrow is None else _output(escrow, "the escrow")
    refused = release.with_name(f"{release.name}.refused.csv")
    record = None if ledger is None else _output(ledger, "the ledger")
    key = None if ledger_key is None else _output(ledger_key, "the ledger's key")
    if record is not None and key is None:
        key = key_of(record)
    places = Places(folder, release, table, page, refused, home, sealed, record, key)
    named = [path for path in (release, table, page, refused, sealed, record, key) if path]
    for path, name in (
        (sealed, "the escrow"),
        (record, "the ledger"),
        (key, "the ledger's key"),
    ):
        if path is not None and named.count(path) > 1:
            raise BadOutput(f"{name} has the name of another output; choose a name of its own")
    if page == release:
        raise BadOutput(
            "RELEASE has the name of the private report beside MAP; choose another for one of them"
        )
    if record is not None and record.is_symlink() and not record.exists():
        raise BadOutput(
            "the ledger is a link to a file that is not there; name the file itself"
        )
    if inside(release.parent, folder):
        raise BadOutput("RELEASE lies inside PHOTOS; choose a folder beside it")
    if inside(folder, release):
        raise BadOutput("PHOTOS lies inside RELEASE; choose another folder for the release")
    kept = ((sealed, "the escrow"), (record, "the ledger"), (key, "the ledger's key"))
    for path, name in ((table, "MAP"), (home, "the cache"), *kept):
        if path is not None and inside(path, release):
            raise BadOutput(
                f"{name} is private and must not lie inside RELEASE; put it elsewhere"
            )
    if home is not None:
        if home.exists() and not home.is_dir():
            raise BadOutput("the cache is a file, a folder was wanted; choose another")
        for path, name in ((release, "RELEASE"), (table, "MAP"), *kept):
            if path is not None and inside(path, home):
                raise BadOutput(f"{name} lies inside the cache; put it elsewhere")
    return places


def check_release_outside(places: Places, found: Scan) -> None:
    """RELEASE is in no folder that was walked as PHOTOS, also not by way of a symbolic link.

    Raises:
        BadOutput: it is.
    """
    for folder in (places.out.parent, *places.out.parent.parents):
        status = folder.stat()
        if (status.st_dev, status.st_ino) in found.folders:
            raise BadOutput(
                "RELEASE lies inside PHOTOS by way of a symbolic link; choose a folder beside it"
            )


def _output(path: PathLike, name: str) -> Path:
    given = Path(path)
    if not given.name or given.name == "..":
        raise BadOutput(f"{name} has no name of its own; give a path that ends in a new name")
    parent = given.parent.resolve()
    if not parent.is_dir():
        raise BadOutput(f"the folder that shall hold {name} does not exist; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise BadOutput(f"the folder that shall hold {name} cannot be written; choose another")
    if len(os.fsencode(given.name)) > _LONGEST_NAME:
        raise BadOutput(f"the name of {name} is too long; use at most {_LONGEST_NAME} bytes")
    return parent / given.name


def inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or below it, also on disks that ignore case."""
    if path == folder or folder in path.parents:
        return True
    return folder.exists() and any(
        place.exists() and place.samefile(folder) for place in (path, *path.parents)
    )
