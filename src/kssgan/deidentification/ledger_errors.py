"""Errors of a ledger's database and disk in our words, without a path."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from kssgan.deidentification.ledger_vault import changed
from kssgan.errors import StorageError
from kssgan.files import storage

__all__ = ["LedgerBusy", "is_busy", "ledger_storage"]


class LedgerBusy(StorageError):
    """Another run holds the ledger."""


@contextmanager
def ledger_storage() -> Iterator[None]:
    """Turn what SQLite and the system raise into errors of ours.

    Raises:
        LedgerBusy: another run holds the ledger.
        LedgerRefused: it is damaged, or no ledger.
        StorageError: the disk refuses.
    """
    try:
        with storage("the ledger could not be written"):
            yield
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise LedgerBusy(
                "another run holds the ledger; wait until it has ended and run again"
            ) from None
        if (
            error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR
        ):  # a table or column is not there
            raise changed() from None
        raise StorageError(
            f"the ledger could not be read or written ({error.sqlite_errorname}); check the disk and its "
            f"permissions"
        ) from None
    except sqlite3.DatabaseError:
        raise changed() from None


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether somebody else holds the database."""
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
