"""The tables of a ledger, and how older ledgers become newer ones.

What the tables hold in clear are numbers, keyed hashes, and the settings of the releases. Names, labels,
pictures, templates and paths are hashed or sealed (``ledger.py``). ``since`` is the release in which a row
was added, so that a release that never appeared can be taken back whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping

from kssgan.errors import LedgerRefused

__all__ = [
    "APPLICATION",
    "MIGRATIONS",
    "VERSION",
    "create",
    "migrate",
    "plain_rows",
    "version_of",
]

APPLICATION = 0x6B737367
"""``PRAGMA application_id`` of a ledger: "kssg"."""

VERSION = 4
"""``PRAGMA user_version`` that this program writes."""

_VERSION_1 = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # state: pending (about to appear) or out; digest: of all files; place: where it appears, sealed.
    """CREATE TABLE releases (
        id INTEGER PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('pending', 'out')),
        digest TEXT NOT NULL, place BLOB NOT NULL)""",
    # template: mean embedding, sealed; only where the recogniser tells people apart.
    """CREATE TABLE people (
        id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, since INTEGER NOT NULL, template BLOB)""",
    """CREATE TABLE names (
        hash BLOB PRIMARY KEY, person INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE photos (
        hash BLOB PRIMARY KEY, person INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID""",
    # facts: labels (a variant's number among them) and SHA-256 of the picture, sealed; picture: the released
    # PNG, sealed.
    """CREATE TABLE cells (
        id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, since INTEGER NOT NULL,
        facts BLOB NOT NULL, picture BLOB NOT NULL)""",
    """CREATE TABLE holders (
        cell INTEGER NOT NULL, person INTEGER NOT NULL, PRIMARY KEY (cell, person)) WITHOUT ROWID""",
    """CREATE TABLE shown (
        release INTEGER NOT NULL, cell INTEGER NOT NULL, PRIMARY KEY (release, cell)) WITHOUT ROWID""",
)


def _add_program(con: sqlite3.Connection) -> None:
    """Which version of kssgan made a release; unknown of those that are there already."""
    con.execute("ALTER TABLE releases ADD COLUMN program TEXT NOT NULL DEFAULT ''")


def _name_variants(con: sqlite3.Connection) -> None:
    """Cells may be variants of one picture now, which older programs do not know; there was one of each."""
    row = con.execute("SELECT value FROM meta WHERE name = 'parameters'").fetchone()
    if row is not None:
        named = json.dumps({**json.loads(row[0]), "variants": 1}, sort_keys=True)
        con.execute("UPDATE meta SET value = ? WHERE name = 'parameters'", (named,))


def _part_templates(con: sqlite3.Connection) -> None:
    """A person may have several templates, of faces that were found apart or of a later release."""
    for statement in (
        """CREATE TABLE templates (
            id INTEGER PRIMARY KEY, person INTEGER NOT NULL, since INTEGER NOT NULL, sealed BLOB NOT NULL)""",
        """INSERT INTO templates (person, since, sealed)
            SELECT id, since, template FROM people WHERE template IS NOT NULL ORDER BY id""",
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, since INTEGER NOT NULL)",
        "INSERT INTO plain (id, grp, since) SELECT id, grp, since FROM people",
        "DROP TABLE people",
        "ALTER TABLE plain RENAME TO people",
    ):
        con.execute(statement)


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    1: _add_program,
    2: _name_variants,
    3: _part_templates,
}
"""By version: the step to the next one. Runs inside the transaction that opens the ledger."""


def create(con: sqlite3.Connection, version: int = VERSION) -> None:
    """Make the tables in an empty database, inside the caller's transaction.

    A new ledger takes the same way as an old one: the first version, and every step since.
    """
    for statement in _VERSION_1:
        con.execute(statement)
    con.execute(f"PRAGMA application_id = {APPLICATION}")
    con.execute("PRAGMA user_version = 1")
    migrate(con, version)


def version_of(con: sqlite3.Connection) -> int:
    """Version of a ledger; 0 for an empty database.

    Raises:
        LedgerRefused: a database of another program, or a ledger of a newer version.
    """
    ((version,),) = con.execute("PRAGMA user_version")
    ((application,),) = con.execute("PRAGMA application_id")
    ((tables,),) = con.execute("SELECT count(*) FROM sqlite_master")
    if not (tables or version or application):
        return 0
    if application != APPLICATION or version < 1:
        raise LedgerRefused(
            "the ledger is a database of another program; give the file that --ledger wrote, or a new name"
        )
    if version > VERSION:
        raise LedgerRefused(
            f"the ledger has version {version}, and this program knows versions up to {VERSION}; use the "
            f"version of kssgan that wrote it, or a newer one"
        )
    return int(version)


def migrate(con: sqlite3.Connection, version: int = VERSION) -> None:
    """Bring a ledger to a newer version, inside the caller's transaction; it must be sealed anew."""
    for before in range(version_of(con), version):
        MIGRATIONS[before](con)
        con.execute(f"PRAGMA user_version = {before + 1}")


def plain_rows(con: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Every row of every table in a fixed order, without the pictures: what the ledger's seal covers.

    Pictures are left out because ``facts`` holds their digests. The columns are those that the ledger has, so
    that the seal of an older version can be checked before it is migrated.
    """
    ((version,),) = con.execute("PRAGMA user_version")
    yield ("version", version)
    tables = sorted(
        name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type='table'")
    )
    for table in tables:
        columns = [
            row[1] for row in con.execute(f"PRAGMA table_info({table})") if row[1] != "picture"
        ]
        yield (table, *columns)
        # No name of a table or column comes from outside.
        order = ", ".join(columns)
        query = f"SELECT {order} FROM {table} ORDER BY {order}"  # noqa: S608
        if table == "meta":
            query = "SELECT name, value FROM meta WHERE name != 'seal' ORDER BY name"
        yield from con.execute(query)
