"""Tables that match nothing, lack columns or are no tables: status 2 before any photo is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ._helpers import SURNAMES, RealDecoder, assert_private

PHOTO = f"{SURNAMES[0]}/Bildnis {SURNAMES[0]} 0.png"
TABLES: dict[str, bytes] = {
    "empty": b"",
    "only a header": b"file,subject,gender\n",
    "no column that is wanted": b"who,what\n1,2\n",
    "matches nothing": b"file,subject,gender\nelsewhere/1.png,Sauerbruch,male\n",
    "only columns that are not used": b"file,diagnosis\n" + PHOTO.encode() + b",sarcoidosis\n",
    "semicolons": b"file;subject;gender\n" + PHOTO.encode() + b";a;male\n",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
    "utf-16": "file,subject,gender\nx.png,a,male\n".encode("utf-16"),
    "an open quote": b'file,subject,gender\n"' + PHOTO.encode() + b",a,male\n",
    "contradiction": b"file,subject,gender\n"
    + b"".join(PHOTO.encode() + b"," + who + b"\n" for who in (b"a,male", b"b,female")),
}


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    def analyse(*_: object) -> None:
        raise AssertionError("a photo was looked at before the tables were checked")

    monkeypatch.setattr(RealDecoder, "analyse", analyse)


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("content", TABLES)
@pytest.mark.parametrize("flag", ["--subjects", "--labels"])
def test_a_table_that_cannot_be_used(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, flag: str, content: str
) -> None:
    table = photos / "table.csv"
    table.write_bytes(TABLES[content])
    options = ["--out", tmp_path / "release", "--map", tmp_path / "map.csv", "-k", 3]
    said = kssgan("deidentify", photos, *options, flag, table)
    assert said.status == 2
    assert flag[2:] in said.err
    assert "table" in said.err
    for word in (*SURNAMES, "Sauerbruch", "sarcoidosis", "elsewhere"):
        assert word not in said.err
    assert {p.name for p in tmp_path.iterdir()} == {"photos"}


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("flag", ["--subjects", "--labels"])
@pytest.mark.parametrize("kind", ["nothing", "folder"])
def test_a_table_that_is_no_file(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, flag: str, kind: str
) -> None:
    table = tmp_path / "table.csv"
    if kind == "folder":
        table.mkdir()
    said = kssgan("deidentify", photos, "--out", tmp_path / "release", flag, table)
    assert said.status == 2
    assert "cannot be read" in said.err
    assert not (tmp_path / "release").exists()


def test_rows_of_other_photos_are_counted_and_ignored(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    rows = [
        f"{p.relative_to(photos).as_posix()},female,sarcoidosis" for p in photos.rglob("*.png")
    ]
    rows += ["gone/1.png,male,asthma", "../outside.png,male,asthma"]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,gender,diagnosis", *rows]) + "\n")
    options = ["--out", tmp_path / "release", "--map", tmp_path / "map.csv", "-k", 3]
    said = kssgan("deidentify", photos, *options, "--labels", table)
    assert said.status == 0
    assert "2 rows" in said.out or "2 of" in said.out
    assert_private(
        tmp_path / "release", photos, words=(*SURNAMES, "sarcoidosis", "diagnosis", "asthma")
    )
