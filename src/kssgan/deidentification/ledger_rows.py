"""The rows of a release in a ledger: written when it is entered, erased when it never appeared."""

from __future__ import annotations

import hashlib
import json
import sqlite3

import numpy as np

from kssgan.deidentification.ledger_records import Draft, NewCell
from kssgan.deidentification.ledger_vault import Vault
from kssgan.types import FloatArray

__all__ = ["add_rows", "erase_rows"]


def add_rows(con: sqlite3.Connection, vault: Vault, draft: Draft, release: int) -> None:
    """Write what a release adds, inside the caller's transaction.

    Args:
        con: the ledger.
        vault: hides what the rows hold.
        draft: what the release adds.
        release: its number.
    """
    con.executemany(
        "INSERT INTO people (id, grp, since) VALUES (?, ?, ?)",
        ((person.number, person.group, release) for person in draft.people),
    )
    con.executemany(
        "INSERT INTO templates (person, since, sealed) VALUES (?, ?, ?)",
        ((number, release, _sealed(vault, number, face)) for number, face in draft.templates),
    )
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


def _sealed(vault: Vault, person: int, template: FloatArray) -> bytes:
    return vault.sealed(b"template %d\n" % person + np.asarray(template, "<f4").tobytes())


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
    for table in ("cells", "people", "templates", "names", "photos"):
        con.execute(f"DELETE FROM {table} WHERE since = ?", one)  # noqa: S608
    con.execute("DELETE FROM shown WHERE release = ?", one)
    con.execute("DELETE FROM releases WHERE id = ?", one)
    if release == 1:
        con.execute("DELETE FROM meta WHERE name = 'parameters'")
