"""Names that break shells, tables, terminals and pages: kept in the map, nowhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kssgan.testing.fakes import paint_photo

from ._helpers import assert_private, read_map

NAMES = (
    "Jürgen Größe",
    "山田 太郎",
    "محمد علي",
    "Zoë\u0308 decomposed",
    "comma, and; semicolon",
    'quo"te\'s "all" over',
    "new\nline",
    "carriage\rreturn",
    "tab\tbed",
    "\x1b[31mred\x07bell",
    "=cmd|' /C calc'!A0",
    "-rf --out",
    "back\\slash",
    "<script>alert(1)</script>".replace("/", "\u2215"),
    "%s {0} $HOME `id`",
    "trailing dots...",
    " leading and trailing blanks ",
    "\u202egnp.exe",
    "👩\u200d🔬",
    "x" * 200,
    os.fsdecode(b"latin-1 M\xfcller"),
)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    folder = tmp_path / "photos, \n of"
    for person, name in enumerate(NAMES):
        paint_photo(folder / name / f"{name}.png", person)
    return folder


@pytest.mark.parametrize("subjects", ["folder", "file", "auto"])
def test_odd_names_of_people_and_photos(
    kssgan: Callable[..., Any], odd: Path, tmp_path: Path, subjects: str
) -> None:
    (odd / NAMES[6] / "flat\n.png").write_bytes(b"no picture")
    out, table = tmp_path / 'rel"ease\n1', tmp_path / "map\x1b[1m.csv"
    said = kssgan(
        "deidentify", odd, "--out", out, "--map", table, "-k", 4, "--subjects", subjects
    )
    assert said.status == 3
    rows = read_map(table)
    assert set(rows) == {f"{n}/{n}.png" for n in NAMES} | {f"{NAMES[6]}/flat\n.png"}
    if subjects == "folder":
        assert len({row["subject"] for row in rows.values() if row["released"]}) == len(NAMES)
    words = [name for name in NAMES if len(name) > 5] + ["script", "calc", "alert"]
    assert_private(out, odd, words=[w for w in words if w.isascii() and w != "script"])
    for name in NAMES:
        assert name not in said.out + said.err


def test_odd_names_as_json(kssgan: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"M\xfcller \n")
    said = kssgan("deidentify", odd, "--out", out, "--map", tmp_path / "m", "--json")
    assert said.status == 0
    told = json.loads(said.out)
    assert told["release"] == str(out)
    assert_private(out, odd, words=[name for name in NAMES if len(name) > 5 and name.isascii()])


def test_names_in_tables_are_found_again(
    kssgan: Callable[..., Any], odd: Path, tmp_path: Path
) -> None:
    """The map is a CSV with file and subject: it can be fed back as it is."""
    table = tmp_path / "map.csv"
    options = ["-k", 4, "--subjects", "folder"]
    kssgan("deidentify", odd, "--out", tmp_path / "one", "--map", table, *options)
    rows = read_map(table)
    back = tmp_path / "people.csv"
    text = table.read_bytes().replace(b"original,subject", b"file,subject", 1)
    back.write_bytes(text.replace(b"M\xfcller", b"Mueller"))
    bad = odd / NAMES[-1]
    (bad / f"{NAMES[-1]}.png").rename(bad / "latin-1 Mueller.png")
    bad.rename(odd / "latin-1 Mueller")
    said = kssgan(
        *("deidentify", odd, "--out", tmp_path / "two", "--map", tmp_path / "two.csv", "-k", 4),
        *("--subjects", back),
    )
    assert said.status == 0, said.err
    again = read_map(tmp_path / "two.csv")
    assert len({row["subject"] for row in again.values()}) == len(NAMES)
    assert len(again) == len(rows)
