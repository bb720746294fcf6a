"""The rows of a release in a ledger: written when it is entered, erased when it never appeared."""

from __future__ import annotations

import hashlib
import json
import sqlite3

import numpy as np

from kssgan.deidentification.ledger_records import Draft, NewCell, NewPerson
from kssgan.deidentification.ledger_vault import Vault

__all__ = ["add_rows", "erase_rows"]


def add_rows(con: sqlite3.Connection, vault: Vault, draft: Draft, release: int) -> None:
    """Write what a release adds, inside the caller's transaction.

    Args:
        con: the ledger.
        vault: hides what the rows hold.
        draft: what the release adds.
        release: its number.
    """
    for person in draft.people:
        _add_person(con, vault, person, release)
    for cell in draft.cells:
        _add_cell(con, vault, cell, release)
    for table, hashed, pairs in (
        ("names", vault.name_hash, draft.names),
        ("photos", vault.photo_hash, draft.photos),
    ):
        con.executemany(
            f"INSERT OR IGNORE INTO {table} (hash, person, since) VALUES (?, ?, ?)",  # noqa: S608
            ((hashed(value), person, release) for value, person in pairs),
        )
    con.executemany(
        "INSERT INTO shown (release, cell) VALUES (?, ?)",
        ((release, cell) for cell in draft.shown),
    )


def _add_person(con: sqlite3.Connection, vault: Vault, person: NewPerson, release: int) -> None:
    template = None
    if person.template is not None:
        body = np.asarray(person.template, "<f4").tobytes()
        template = vault.sealed(b"template %d\n" % person.number + body)
    con.execute(
        "INSERT INTO people (id, grp, since, template) VALUES (?, ?, ?, ?)",
        (person.number, person.group, release, template),
    )


def _add_cell(con: sqlite3.Connection, vault: Vault, cell: NewCell, release: int) -> None:
    png = cell.picture()
    facts = {
        "cell": cell.number,
        "label": dict(cell.label),
        "sha256": hashlib.sha256(png).hexdigest(),
    }
    sealed = vault.sealed(json.dumps(facts).encode()), vault.sealed(png)
    con.execute(
        "INSERT INTO cells (id, grp, since, facts, picture) VALUES (?, ?, ?, ?, ?)",
        (cell.number, cell.group, release, *sealed),
    )
    con.executemany(
        "INSERT INTO holders (cell, person) VALUES (?, ?)",
        ((cell.number, holder) for holder in sorted(cell.holders)),
    )


def erase_rows(con: sqlite3.Connection, release: int) -> None:
    """Take a release back whole, inside the caller's transaction."""
    one = (release,)
    con.execute("DELETE FROM holders WHERE cell IN (SELECT id FROM cells WHERE since = ?)", one)
    for table in ("cells", "people", "names", "photos"):
        con.execute(f"DELETE FROM {table} WHERE since = ?", one)  # noqa: S608
    con.execute("DELETE FROM shown WHERE release = ?", one)
    con.execute("DELETE FROM releases WHERE id = ?", one)
    if release == 1:
        con.execute("DELETE FROM meta WHERE name = 'parameters'")
