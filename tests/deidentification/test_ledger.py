"""The ledger's file: nothing in clear, nothing changed unseen, one run at a time, before or after."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kssgan
from kssgan.deidentification import ledger_schema as schema
from kssgan.deidentification.keys import key_of, new_key
from kssgan.deidentification.ledger import Ledger
from kssgan.deidentification.ledger_records import Draft, Edition, NewCell, NewPerson
from kssgan.errors import LedgerRefused, StorageError, UsageError

FACE = np.full(4, 0.5, np.float32)


def draft(first: int = 1, *, name: str = "Anna", cells: int = 1) -> Draft:
    """Two new people in one new group, with a picture or more."""
    people = [NewPerson(first, first), NewPerson(first + 1, first)]
    return Draft(
        {"k": 2},
        people,
        [
            NewCell(
                first + n,
                first,
                {"expression": "happy"},
                frozenset({first, first + 1}),
                lambda n=n: b"\x89PNG picture %d %d" % (first, n),
            )
            for n in range(cells)
        ],
        [(first, FACE)],
        [(f"{name} {first}", first), (f"Bert {first}", first + 1)],
        [(hashlib.sha256(b"%d" % n).hexdigest(), n) for n in (first, first + 1)],
        [first + n for n in range(cells)],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.ledger"


@pytest.fixture
def hidden(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """A hidden folder with a file, and the name it will get."""

    def make(name: str) -> tuple[Path, Path]:
        folder = tmp_path / f".{name}.partial"
        folder.mkdir()
        (folder / "manifest.csv").write_text(name)
        return folder, tmp_path / name

    return make


def release(
    path: Path, places: tuple[Path, Path], added: Draft, *, rename: bool = True
) -> None:
    with Ledger(path, create=True) as ledger, ledger.pending(added, *places):
        if rename:
            places[0].rename(places[1])


def content(path: Path) -> list[tuple[Any, ...]]:
    """Everything but what differs each time: seals of one thing are never equal."""
    with Ledger(path):
        pass
    with sqlite3.connect(path) as con:
        rows = []
        for table, columns in {
            "releases": "id, state, digest",
            "people": "id, grp, since",
            "templates": "id, person, since",
            "names": "*",
            "photos": "*",
            "cells": "id, grp, since",
            "holders": "*",
            "shown": "*",
        }.items():
            rows += [(table, *row) for row in con.execute(f"SELECT {columns} FROM {table}")]
    con.close()
    return sorted(rows, key=repr)


def test_what_was_entered_is_there_again(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft(1, cells=2))
    release(path, hidden("two"), draft(3))
    with Ledger(path) as ledger:
        assert ledger.parameters == {"k": 2}
        assert ledger.releases == 2
        assert ledger.next_numbers() == (5, 4, 4)
        assert ledger.person_by_name("Anna 3") == 3
        assert ledger.person_by_name("anna 3") is None
        assert ledger.person_by_photo(hashlib.sha256(b"2").hexdigest()) == 2
        assert ledger.picture(2) == b"\x89PNG picture 1 1"
        people, faces = ledger.templates()
        assert people == [1, 3]
        assert (faces == FACE).all()
        frozen = ledger.frozen()
        assert frozen.groups == {1: frozenset({1, 2}), 3: frozenset({3, 4})}
        assert frozen.cells[3].label == {"expression": "happy"}
        one, two = ledger.editions()
    assert isinstance(one, Edition)
    assert len(one.pictures) == 2
    assert two.pictures == {
        hashlib.sha256(b"\x89PNG picture 3 0").hexdigest(): frozenset({3, 4})
    }
    assert two.groups == {3: 3, 4: 3}


def test_files_are_private_and_hold_nothing_in_clear(path: Path, hidden: Any) -> None:
    release(path, hidden("secret-place"), draft(1, name="Wintermantel"))
    for file in (path, key_of(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    data = path.read_bytes()
    digest = hashlib.sha256(b"1").hexdigest()
    picture = hashlib.sha256(b"\x89PNG picture 1 0").hexdigest()
    for clear in (b"Wintermantel", b"secret-place", b"PNG", b"happy", FACE.tobytes()):
        assert clear not in data
    for text in (digest, picture):
        assert text.encode() not in data
        assert bytes.fromhex(text) not in data
    assert hashlib.sha256(b"Wintermantel 1").digest() not in data


def test_another_key_and_no_key(path: Path, hidden: Any, tmp_path: Path) -> None:
    release(path, hidden("one"), draft())
    new_key(tmp_path / "other.key")
    with pytest.raises(LedgerRefused, match="another key"):
        Ledger(path, tmp_path / "other.key")
    key_of(path).unlink()
    for create in (False, True):
        with pytest.raises(LedgerRefused, match="key is not there"):
            Ledger(path, create=create)
    assert not key_of(path).exists()


def test_a_key_of_the_callers_own(path: Path, hidden: Any, tmp_path: Path) -> None:
    new_key(tmp_path / "mine.key")
    with Ledger(path, tmp_path / "mine.key", create=True):
        pass
    assert not key_of(path).exists()


def test_no_ledger(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not there"):
        Ledger(path)
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_ledger(path: Path, tmp_path: Path) -> None:
    new_key(key_of(path))
    path.write_bytes(os.urandom(5000))
    with pytest.raises(LedgerRefused):
        Ledger(path)
    path.unlink()
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE other (a)")
    con.commit()
    con.close()
    with pytest.raises(LedgerRefused, match="another program"):
        Ledger(path, create=True)


def test_a_newer_version_is_refused(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft())
    con = sqlite3.connect(path)
    con.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    con.close()
    with pytest.raises(LedgerRefused, match="newer"):
        Ledger(path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM names WHERE person = 1",
        "DELETE FROM releases WHERE id = 2",
        "UPDATE people SET grp = 1",
        "UPDATE releases SET digest = 'x' WHERE id = 1",
        "DELETE FROM holders WHERE person = 1",
        "INSERT INTO shown VALUES (1, 3)",
        "UPDATE meta SET value = '{\"k\": 1}' WHERE name = 'parameters'",
        "DELETE FROM meta WHERE name = 'seal'",
        "UPDATE cells SET facts = (SELECT facts FROM cells WHERE id = 3)",
        "UPDATE cells SET since = since + 1",
        "DROP TABLE photos",
    ],
)
def test_whatever_is_changed_is_noticed(path: Path, hidden: Any, change: str) -> None:
    release(path, hidden("one"), draft(1))
    release(path, hidden("two"), draft(3))
    con = sqlite3.connect(path)
    con.execute(change)
    con.commit()
    con.close()
    with pytest.raises(LedgerRefused, match="damaged"):
        Ledger(path)


def test_pictures_that_changed_places_are_noticed(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft(1, cells=2))
    con = sqlite3.connect(path)
    con.execute("UPDATE cells SET picture = (SELECT picture FROM cells WHERE id = 2)")
    con.commit()
    con.close()
    with Ledger(path) as ledger:
        assert ledger.picture(2)
        with pytest.raises(LedgerRefused, match="damaged"):
            ledger.picture(1)


def test_flipped_bits_are_refused_or_harmless(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft(1))
    whole, before = path.read_bytes(), content(path)
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.choice(len(whole), 150, replace=False).tolist():
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            with Ledger(path) as ledger:
                assert ledger.picture(1) == b"\x89PNG picture 1 0"
            # Unused bytes of a page.
            assert content(path) == before
        except (LedgerRefused, StorageError):
            refused += 1
    assert refused


def test_a_rename_that_fails_takes_the_release_back(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft(1))
    before = content(path)
    places = hidden("two")
    with (
        pytest.raises(OSError, match="full"),
        Ledger(path) as ledger,
        ledger.pending(draft(3), *places),
    ):
        raise OSError("full")
    assert content(path) == before


def test_a_first_release_that_fails_leaves_no_parameters(path: Path, hidden: Any) -> None:
    places = hidden("one")
    with (
        pytest.raises(KeyboardInterrupt),
        Ledger(path, create=True) as ledger,
        ledger.pending(draft(1), *places),
    ):
        raise KeyboardInterrupt
    with Ledger(path) as ledger:
        assert ledger.parameters == {}
        assert ledger.releases == 0


def _version_1(path: Path, places: tuple[Path, Path]) -> None:
    """A ledger with a release, as the first version of the format wrote it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "VERSION", 1)
        patch.setattr(schema, "migrate", lambda con, version=1: None)
        with Ledger(path, create=True) as ledger:
            real = ledger._con

            class Old:
                """The first version had no column for the program, and a template in a person's row."""

                def execute(self, query: str, values: tuple[Any, ...] = ()) -> Any:
                    if query.startswith("INSERT INTO releases"):
                        query = (
                            "INSERT INTO releases (id, state, digest, place) "
                            "VALUES (?, 'pending', ?, ?)"
                        )
                        values = values[:3]
                    return real.execute(query, values)

                def executemany(self, query: str, rows: Iterable[tuple[Any, ...]]) -> Any:
                    if query.startswith("INSERT INTO templates"):
                        query = "UPDATE people SET template = ? WHERE id = ?"
                        rows = [(sealed, person) for person, _, sealed in rows]
                    return real.executemany(query, rows)

                def __getattr__(self, name: str) -> Any:
                    return getattr(real, name)

            ledger._con = Old()  # type: ignore[assignment]
            with ledger.pending(draft(1), *places):
                places[0].rename(places[1])
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA user_version").fetchone() == (1,)
    assert len(con.execute("SELECT * FROM releases").fetchone()) == 4
    con.close()


def test_an_older_ledger_is_migrated(path: Path, hidden: Any) -> None:
    _version_1(path, hidden("one"))
    with Ledger(path) as ledger:
        assert ledger.person_by_name("Anna 1") == 1
        assert ledger.picture(1) == b"\x89PNG picture 1 0"
        people, faces = ledger.templates()
        assert people == [1]
        assert (faces == FACE).all()
        assert ledger.frozen().groups == {1: frozenset({1, 2})}
    release(path, hidden("two"), draft(3))
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    programs = [program for (program,) in con.execute("SELECT program FROM releases")]
    con.close()
    assert programs == ["", kssgan.__version__]
    with Ledger(path) as ledger:
        assert ledger.releases == 2
        # It had one picture of each group and label.
        assert ledger.parameters == {"k": 2, "variants": 1}
        assert [cell.pictures for cell in ledger.frozen().cells.values()] == [(1,), (3,)]


def test_an_older_ledger_that_was_changed_is_not_migrated(path: Path, hidden: Any) -> None:
    _version_1(path, hidden("one"))
    con = sqlite3.connect(path)
    con.execute("DELETE FROM names")
    con.commit()
    con.close()
    with pytest.raises(LedgerRefused, match="damaged"):
        Ledger(path)
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA user_version").fetchone() == (1,)
    con.close()


def varied(*numbers: int) -> Draft:
    """A group with variants of one picture, numbered so."""
    first = draft(1, cells=len(numbers))
    cells = [
        cell._replace(label={**cell.label, "variant": str(number)})
        for cell, number in zip(first.cells, numbers, strict=True)
    ]
    return replace(first, cells=cells)


def test_variants_are_one_cell(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), varied(1, 2, 3))
    with Ledger(path) as ledger:
        (cell,) = ledger.frozen().cells.values()
        assert cell.pictures == (1, 2, 3)
        assert cell.label == {"expression": "happy"}
        assert [ledger.picture(number)[-1:] for number in cell.pictures] == [b"0", b"1", b"2"]


def test_a_variant_of_nothing_is_damage(path: Path, hidden: Any) -> None:
    one = varied(1, 2)
    other = one.cells[1]._replace(holders=frozenset({1}))
    release(path, hidden("one"), replace(one, cells=[one.cells[0], other]))
    with Ledger(path) as ledger, pytest.raises(LedgerRefused, match="damaged"):
        ledger.frozen()


def test_there_is_a_step_from_every_version() -> None:
    assert set(schema.MIGRATIONS) == set(range(1, schema.VERSION))


@contextmanager
def _killed() -> Iterator[None]:
    """Make ``Ledger`` forget how to settle, as a killed process does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "_settle", lambda self: None)
        patch.setattr(Ledger, "_confirm", lambda self, release: None)
        yield


@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("gone", [False, True])
def test_a_pending_release_is_settled(
    path: Path, hidden: Any, *, renamed: bool, gone: bool
) -> None:
    """Hidden folder still there: before. Anything else, whatever became of RELEASE: after."""
    release(path, hidden("one"), draft(1))
    before = content(path)
    places = hidden("two")
    with _killed():
        release(path, places, draft(3), rename=renamed)
    if gone:  # handed over and removed, or swept by a run that knew of no ledger
        folder = places[renamed]
        (folder / "manifest.csv").unlink()
        folder.rmdir()
    after = content(path)
    if renamed or gone:
        assert ("releases", 2, "out") in [row[:3] for row in after]
        assert len(after) == len(before) + 12
    else:
        assert after == before


def test_a_disk_that_is_full_once_the_release_is_out_changes_nothing(
    path: Path, hidden: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(path, hidden("one"), draft(1))
    places = hidden("two")
    with Ledger(path) as ledger, ledger.pending(draft(3), *places):
        places[0].rename(places[1])
        # Not one page more than there are.
        (pages,) = ledger._con.execute("PRAGMA page_count").fetchone()
        real = ledger._con

        class Full:
            def execute(self, query: str, values: tuple[Any, ...] = ()) -> Any:
                if query.startswith("UPDATE releases"):
                    query, values = "INSERT INTO photos VALUES (randomblob(?), 1, 1)", (10**6,)
                    real.execute(f"PRAGMA max_page_count = {pages}")
                return real.execute(query, values)

            def close(self) -> None:
                real.close()

        monkeypatch.setattr(ledger, "_con", Full())
    assert ("releases", 2, "pending") in [row[:3] for row in _as_it_lies(path)]
    assert ("releases", 2, "out") in [row[:3] for row in content(path)]


def _as_it_lies(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as con:
        found = [("releases", *row) for row in con.execute("SELECT id, state FROM releases")]
    con.close()
    return found


def test_a_second_run_waits_and_then_says_why(path: Path, hidden: Any) -> None:
    release(path, hidden("one"), draft(1))
    with Ledger(path), pytest.raises(StorageError, match="another run holds the ledger"):
        Ledger(path, wait_s=0.1)
    with Ledger(path, wait_s=0.1):
        pass
