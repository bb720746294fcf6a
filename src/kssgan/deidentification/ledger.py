"""The ledger on disk: one SQLite file, a key beside it, and one run at a time.

What is kept, and how it is hidden:

- people, groups, cells and releases are numbers;
- names and the digests of photos are HMAC-SHA256 under the ledger's key, so that they can be recognised and
  not read, and not guessed without the key;
- labels, pictures, templates and places are sealed with it (age), so that they cannot be read;
- everything but the pictures is under one HMAC, the seal; a picture's digest is in its cell's facts. One
  changed bit, or a row that was taken out, and the ledger is refused.

A run holds the file from planning to the end (``locking_mode = EXCLUSIVE``: the system lets go of it when
the process ends, however it ends). A release is entered as *pending* and committed before its folder gets
its name, and marked *out* afterwards. Whoever opens the ledger next finds a pending release only if its run
was killed, and looks whether its hidden folder is still there: if so, RELEASE never appeared, and the ledger
becomes what it was before. In every other case, doubt included, the release counts as out: that its groups
are frozen harms nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any

import numpy as np

from kssgan._version import __version__
from kssgan.deidentification import ledger_schema as schema
from kssgan.deidentification.keys import key_of, write_secret_key
from kssgan.deidentification.ledger_errors import LedgerBusy, is_busy, ledger_storage
from kssgan.deidentification.ledger_records import Draft, Edition
from kssgan.deidentification.ledger_rows import add_rows, erase_rows
from kssgan.deidentification.ledger_vault import Vault, changed
from kssgan.deidentification.plan import VARIANT
from kssgan.deidentification.release import contents
from kssgan.errors import LedgerRefused, OutputExists, StorageError, UsageError
from kssgan.grouping.ledger import Frozen, FrozenCell
from kssgan.types import FloatArray

__all__ = ["Ledger", "LedgerBusy", "release_digest"]

WAIT_S = 300.0
"""Seconds that a run waits for another one that holds the ledger."""

_TRY_S = 0.1


def release_digest(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of all files of a release."""
    total = hashlib.sha256()
    for path in contents(folder):
        own = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{own}  {path.relative_to(folder).as_posix()}\n".encode())
    return total.hexdigest()


class Ledger(AbstractContextManager["Ledger"]):
    """An open ledger; nobody else can open it meanwhile.

    Args:
        path: the SQLite file.
        key: file of its key; :func:`~kssgan.deidentification.keys.key_of` by default.
        create: make both where they are absent.
        wait_s: how long to wait for another run.

    Attributes:
        perhaps_lost: made anew beside a key that was there already: an earlier one may have been lost.

    Raises:
        UsageError: it is not there, or its key cannot be read.
        LedgerRefused: another key, a changed or damaged file, or a newer version.
        LedgerBusy: another run holds it.
        StorageError: the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        key: Path | None = None,
        *,
        create: bool = False,
        wait_s: float | None = None,
    ) -> None:
        self.path = path
        self.key_path = key_of(path) if key is None else key
        if not create and not path.is_file():
            raise UsageError("the ledger is not there; give the file that --ledger wrote")
        with ledger_storage():
            fresh = not path.exists() or not path.stat().st_size
            beside = self.key_path == key_of(path) and self.key_path.exists()
            self.perhaps_lost = fresh and beside
            if not self.key_path.exists():
                if not (create and fresh):
                    raise LedgerRefused(
                        "the ledger's key is not there, and without it nobody in the ledger can be "
                        "recognised; put the key file back beside it, or name it with --ledger-key"
                    )
                with suppress(OutputExists):  # another first run was quicker
                    write_secret_key(self.key_path)
            self._vault = Vault(self.key_path)
            if create:
                with suppress(FileExistsError):
                    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            self._con = sqlite3.connect(
                path, timeout=_TRY_S, isolation_level=None, check_same_thread=False
            )
        try:
            with ledger_storage():
                self._hold(WAIT_S if wait_s is None else wait_s)
                self._open(create)
        except BaseException:
            self._con.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others open it."""
        self._con.close()

    @property
    def parameters(self) -> dict[str, Any]:
        """What the first release asked for; empty before it."""
        found = self._meta("parameters")
        return {} if found is None else dict(json.loads(found))

    @property
    def releases(self) -> int:
        """Number of releases."""
        return int(self._one("SELECT count(*) FROM releases"))

    def frozen(self) -> Frozen:
        """Groups and their pictures."""
        groups: dict[int, set[int]] = {}
        for person, group in self._con.execute("SELECT id, grp FROM people"):
            groups.setdefault(group, set()).add(person)
        holders = self._holders()
        cells: dict[int, FrozenCell] = {}
        first = 0
        query = "SELECT id, grp, facts FROM cells ORDER BY id"
        for number, group, facts in self._con.execute(query):
            label = dict(self._facts(number, facts)["label"])
            # Variants of a picture were entered one after the other, the first one first.
            if int(label.pop(VARIANT, 1)) == 1:
                first = number
            own = FrozenCell(group, label, holders[number])
            cell = cells.get(first, own)
            if replace(cell, pictures=()) != own:
                raise changed()
            cells[first] = replace(cell, pictures=(*cell.pictures, number))
        return Frozen({g: frozenset(people) for g, people in groups.items()}, cells)

    def person_by_name(self, name: str) -> int | None:
        """The person with that name."""
        hashes = map(self._vault.name_hash, _spellings(name))
        return _first(self._person("names", own) for own in hashes)

    def recogniser(self) -> Callable[[str], int | None]:
        """:meth:`person_by_name` that goes on to work when the ledger is closed."""
        people = dict(self._con.execute("SELECT hash, person FROM names"))
        return lambda name: _first(
            people.get(self._vault.name_hash(own)) for own in _spellings(name)
        )

    def person_by_photo(self, content: str) -> int | None:
        """The person of a photo whose bytes have the SHA-256 ``content`` (hex)."""
        return self._person("photos", self._vault.photo_hash(content))

    def templates(self) -> tuple[list[int], FloatArray]:
        """Person of each template, and the (L, D) float32 mean embeddings; a person may have several."""
        people, rows = [], []
        query = "SELECT person, sealed FROM templates ORDER BY person, id"
        for person, sealed in self._con.execute(query):
            data = self._vault.unsealed(sealed)
            number, _, body = data.partition(b"\n")
            if number != b"template %d" % person:
                raise changed()
            people.append(int(person))
            rows.append(np.frombuffer(body, "<f4").astype(np.float32))
        return people, np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def picture(self, cell: int) -> bytes:
        """PNG of a cell, as it was released."""
        query = "SELECT facts, picture FROM cells WHERE id = ?"
        with ledger_storage():
            row = self._con.execute(query, (cell,)).fetchone()
        png = self._vault.unsealed(row[1])
        if hashlib.sha256(png).hexdigest() != self._facts(cell, row[0])["sha256"]:
            raise changed()
        return png

    def next_numbers(self) -> tuple[int, int, int]:
        """First free number of a person, a group and a cell."""
        person = self._one("SELECT coalesce(max(id), 0) FROM people")
        group = self._one("SELECT coalesce(max(grp), 0) FROM people")
        cell = self._one("SELECT coalesce(max(id), 0) FROM cells")
        return int(person) + 1, int(group) + 1, int(cell) + 1

    def editions(self) -> list[Edition]:
        """All releases, the oldest first."""
        holders = self._holders()
        group_of = dict(self._con.execute("SELECT id, grp FROM people"))
        facts = {
            number: self._facts(number, sealed)["sha256"]
            for number, sealed in self._con.execute("SELECT id, facts FROM cells")
        }
        found = []
        for number, digest in self._con.execute("SELECT id, digest FROM releases ORDER BY id"):
            query = "SELECT cell FROM shown WHERE release = ? ORDER BY cell"
            pictures = {
                facts[cell]: holders[cell] for (cell,) in self._con.execute(query, (number,))
            }
            people = frozenset().union(*pictures.values())
            groups = {person: int(group_of[person]) for person in people}
            found.append(Edition(int(number), digest, pictures, groups))
        return found

    @contextmanager
    def pending(self, draft: Draft, hidden: Path, out: Path) -> Iterator[None]:
        """Enter a release before its folder gets its name; the body renames it.

        Args:
            draft: what it adds.
            hidden: the folder, complete.
            out: the name that it gets.

        Raises:
            StorageError: the disk refuses before the body began; nothing was entered then. If it refuses
                afterwards the release is out all the same, and the next opening finds that.
        """
        with ledger_storage():
            release = self._enter(draft, release_digest(hidden), hidden, out)
        try:
            yield
        except BaseException:
            with ledger_storage():
                self._settle()
            raise
        with suppress(StorageError), ledger_storage():
            self._confirm(release)

    # Opening.

    def _hold(self, wait_s: float) -> None:
        """Begin a transaction as the only one; the lock stays when it ends."""
        until = monotonic() + wait_s
        while True:
            try:
                # Even a PRAGMA may have to read the file.
                self._con.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._con.execute("PRAGMA synchronous = FULL")
                self._con.execute("PRAGMA secure_delete = ON")
                self._con.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError as error:
                # Tried anew in small steps: SQLite's own waiting would not hear an interrupt.
                if not is_busy(error) or monotonic() >= until:
                    raise
            sleep(_TRY_S)

    def _open(self, create: bool) -> None:
        con = self._con
        with self._transaction(begun=True):
            version = schema.version_of(con)
            if not version:
                if not create:
                    raise UsageError("the ledger is empty; give the file that --ledger wrote")
                schema.create(con)
                self._put_meta("key", self._vault.fingerprint)
            elif self._meta("key") != self._vault.fingerprint:
                raise LedgerRefused(
                    "the ledger belongs to another key; give the key file that was made with it"
                )
            elif not hmac.compare_digest(self._meta("seal") or "", self._seal()):
                raise changed()
            schema.migrate(con)
        self._settle()

    def _settle(self) -> None:
        """Bring every pending release to an end: back to before, or out."""
        query = "SELECT id, place FROM releases WHERE state = 'pending' ORDER BY id DESC"
        for number, place in self._con.execute(query).fetchall():
            where = json.loads(self._vault.unsealed(place))
            if where["release"] == number and os.path.lexists(os.fsencode(where["hidden"])):
                self._undo(number)
            else:
                self._confirm(number)

    # Writing.

    def _enter(self, draft: Draft, digest: str, hidden: Path, out: Path) -> int:
        con = self._con
        with self._transaction():
            number = int(self._one("SELECT coalesce(max(id), 0) FROM releases")) + 1
            where = {"release": number, "hidden": os.fspath(hidden), "out": os.fspath(out)}
            con.execute(
                "INSERT INTO releases (id, state, digest, place, program) "
                "VALUES (?, 'pending', ?, ?, ?)",
                (number, digest, self._vault.sealed(json.dumps(where).encode()), __version__),
            )
            if number == 1:
                self._put_meta("parameters", json.dumps(draft.parameters, sort_keys=True))
            add_rows(con, self._vault, draft, number)
        return number

    def _confirm(self, release: int) -> None:
        with self._transaction():
            self._con.execute("UPDATE releases SET state = 'out' WHERE id = ?", (release,))

    def _undo(self, release: int) -> None:
        with self._transaction():
            erase_rows(self._con, release)

    @contextmanager
    def _transaction(self, *, begun: bool = False) -> Iterator[None]:
        """All of it, with a new seal, or nothing."""
        if not begun:
            self._con.execute("BEGIN EXCLUSIVE")
        try:
            yield
            self._put_meta("seal", self._seal())
            self._con.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._con.execute("ROLLBACK")
            raise

    # Reading.

    def _seal(self) -> str:
        return self._vault.seal_of(schema.plain_rows(self._con))

    def _one(self, query: str) -> Any:
        ((value,),) = self._con.execute(query)
        return value

    def _meta(self, name: str) -> str | None:
        row = self._con.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _put_meta(self, name: str, value: str) -> None:
        self._con.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value)
        )

    def _person(self, table: str, hashed: bytes) -> int | None:
        query = f"SELECT person FROM {table} WHERE hash = ?"  # noqa: S608 - one of our tables
        row = self._con.execute(query, (hashed,)).fetchone()
        return None if row is None else int(row[0])

    def _holders(self) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = {}
        for cell, person in self._con.execute("SELECT cell, person FROM holders"):
            found.setdefault(cell, set()).add(person)
        return {cell: frozenset(people) for cell, people in found.items()}

    def _facts(self, cell: int, sealed: bytes) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self._vault.unsealed(sealed))
        if facts["cell"] != cell:
            raise changed()
        return facts


def _spellings(name: str) -> Iterator[str]:
    """A name, and as names of files were once kept: decomposed where the disk had them so."""
    yield name
    if (other := unicodedata.normalize("NFD", name)) != name:
        yield other


def _first(found: Iterable[int | None]) -> int | None:
    return next((person for person in found if person is not None), None)
