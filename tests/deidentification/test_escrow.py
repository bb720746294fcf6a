"""The escrow opens for its own release and its own key, and for nothing else."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kssgan.deidentification import Release, new_key, reidentify
from kssgan.deidentification.keys import public_name, read_identities, read_recipients
from kssgan.errors import BadOutput, EscrowRefused, OutputExists, UsageError
from kssgan.testing.fakes import paint_photo

Run = Callable[..., Release]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    secret = tmp_path / "officer.key"
    new_key(secret)
    return secret


@pytest.fixture
def sealed(tmp_path: Path, run: Run, key: Path) -> Path:
    escrow = tmp_path / "r.escrow"
    run(escrow=escrow, escrow_key=public_name(key))
    return escrow


def test_it_tells_what_the_map_tells(tmp_path: Path, sealed: Path, key: Path) -> None:
    found = reidentify(tmp_path / "release", escrow=sealed, key=key)
    with (tmp_path / "map.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["released"]]
    told = {(f, o.original, o.subject) for f, originals in found.items() for o in originals}
    assert told == {(row["released"], row["original"], row["subject"]) for row in rows}
    assert {f"images/{p.name}" for p in (tmp_path / "release" / "images").iterdir()} == set(
        found
    )


def test_it_is_private_and_holds_no_name_in_clear(sealed: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    data = sealed.read_bytes()
    assert data.startswith(b"age-encryption.org/v1\n")
    assert b"Name" not in data
    assert b"images/" not in data
    assert not list((tmp_path / "release").rglob("*escrow*"))


def test_another_key_is_refused(tmp_path: Path, sealed: Path) -> None:
    new_key(tmp_path / "other.key")
    with pytest.raises(EscrowRefused, match="another key"):
        reidentify(tmp_path / "release", escrow=sealed, key=tmp_path / "other.key")


def test_every_flipped_bit_is_refused(tmp_path: Path, sealed: Path, key: Path) -> None:
    data = sealed.read_bytes()
    broken = tmp_path / "broken.escrow"
    for at in (*range(0, 300), *range(300, len(data), 7)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        broken.write_bytes(changed)
        with pytest.raises(EscrowRefused):
            reidentify(tmp_path / "release", escrow=broken, key=key)
    broken.write_bytes(data[:-1])
    with pytest.raises(EscrowRefused):
        reidentify(tmp_path / "release", escrow=broken, key=key)


def test_another_release_is_refused(tmp_path: Path, run: Run, sealed: Path, key: Path) -> None:
    # The same people, groups and pictures; only the random names differ.
    run(out=tmp_path / "again", map_path=None)
    with pytest.raises(EscrowRefused, match="another release"):
        reidentify(tmp_path / "again", escrow=sealed, key=key)


def test_a_sealed_file_that_is_no_escrow(tmp_path: Path, key: Path, sealed: Path) -> None:
    from kssgan.deidentification.keys import seal

    for content in (b"no json", b"{}", b"[]", b'{"format": "kssgan-escrow/9", "rows": []}'):
        (tmp_path / "x").write_bytes(seal(content, read_recipients(public_name(key))))
        with pytest.raises(EscrowRefused):
            reidentify(tmp_path / "release", escrow=tmp_path / "x", key=key)


def test_the_refused_are_not_in_it(tmp_path: Path, photos: Path, run: Run, key: Path) -> None:
    paint_photo(photos / "Name0 Family" / "nobody.png", kind="no_face")
    escrow = tmp_path / "r.escrow"
    release = run(escrow=escrow, escrow_key=public_name(key), map_path=None)
    found = reidentify(release.path, escrow=escrow, key=key)
    assert "nobody.png" not in str(found)
    assert release.private_paths == (tmp_path / "release.refused.csv", escrow)
    assert any("pseudonymised" in words for words in release.words)


def test_the_secret_key_does_not_seal(tmp_path: Path, run: Run, key: Path) -> None:
    with pytest.raises(UsageError, match="secret key"):
        run(escrow=tmp_path / "r.escrow", escrow_key=key)
    assert not (tmp_path / "release").exists()


def test_the_public_key_does_not_open(tmp_path: Path, sealed: Path, key: Path) -> None:
    with pytest.raises(UsageError, match="AGE-SECRET-KEY"):
        reidentify(tmp_path / "release", escrow=sealed, key=public_name(key))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"escrow_key": None}, "without --escrow-key"),
        ({"escrow": None}, "without --escrow;"),
        ({"escrow": "release/r.escrow"}, "does not exist"),
        ({"escrow": "map.csv"}, "name of another output"),
        ({"escrow_key": "photos"}, "not there"),
        ({"escrow_key": "empty"}, "public key"),
        ({"escrow_key": "noise"}, "text file"),
    ],
)
def test_arguments_that_cannot_be_meant(
    tmp_path: Path, run: Run, key: Path, change: dict[str, str | None], says: str
) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "noise").write_bytes(os.urandom(99) + b"\xff")
    asked = {"escrow": "r.escrow", "escrow_key": public_name(key).name, **change}
    places = {name: None if v is None else tmp_path / v for name, v in asked.items()}
    with pytest.raises((UsageError, BadOutput), match=says):
        run(**places)
    assert not (tmp_path / "release").exists()
    assert not (tmp_path / "r.escrow").exists()


def test_an_escrow_is_never_overwritten(tmp_path: Path, run: Run, key: Path) -> None:
    escrow = tmp_path / "r.escrow"
    escrow.write_text("mine")
    with pytest.raises(OutputExists, match="the escrow"):
        run(escrow=escrow, escrow_key=public_name(key))
    assert escrow.read_text() == "mine"


def test_key_files(tmp_path: Path, key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert str(read_identities(key)[0].to_public()) == public_name(key).read_text().strip()
    with pytest.raises(OutputExists):
        new_key(key)
    with pytest.raises(BadOutput):
        new_key(tmp_path / "nowhere" / "x.key")
