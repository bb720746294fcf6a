"""The measurement rejects every broken release, whoever planned it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kssgan.deidentification.certificate import Measured, check_sealed, measure, statement
from kssgan.deidentification.map import MapRow, encode_map, encode_table
from kssgan.deidentification.png import encode_png
from kssgan.deidentification.release import EPOCH, FILES, random_name
from kssgan.errors import PromiseError

K = 3


def _picture(number: int) -> bytes:
    return encode_png(np.full((256, 256, 3), 40 * number, np.uint8))


class Written:
    """Two pictures, three people each, labels by picture; then broken by a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "images").mkdir(parents=True)
        self.names = sorted(random_name() for _ in range(6))
        self.rows = []
        self.labels = []
        for i, name in enumerate(self.names):
            (folder / name).write_bytes(_picture(i % 2))
            self.labels.append([name, ("female", "male")[i % 2]])
            self.rows.append(MapRow(f"{i}/a.jpg", f"person {i}", name, ""))
            self.rows.append(MapRow(f"{i}/b.jpg", f"person {i}", name, ""))
        self.rows.append(MapRow("blind.jpg", "", "", "no face found"))
        self.header = ["file", "gender"]

    def file(self, i: int) -> Path:
        return self.folder / self.names[i]

    def measure(self, k: int = K, **options: object) -> Measured:
        (self.folder / "manifest.csv").write_bytes(encode_table(self.header, self.labels))
        return measure(
            self.folder,
            encode_map(self.rows),
            k=k,
            attributes=("gender",),
            **options,  # type: ignore[arg-type]
        )


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "partial")


def test_what_is_sound_is_measured(written: Written) -> None:
    found = written.measure()
    assert (found.k, found.k_declared, found.max_share) == (3, 3, pytest.approx(1 / 3))
    assert [p.people for p in found.pictures] == [3, 3]
    assert {p.attributes["gender"] for p in found.pictures} == {"female", "male"}
    assert sorted(f for p in found.pictures for f in p.files) == written.names


def test_fewer_than_k(written: Written) -> None:
    with pytest.raises(PromiseError, match="stands for 3 people, 4 were promised"):
        written.measure(k=4)


def test_names_of_one_human_count_once(written: Written) -> None:
    with pytest.raises(PromiseError, match="2 people"):
        written.measure(one_human=[("person 0", "person 2")])
    written.measure(one_human=[("person 0", "person 1")])  # in different pictures
    # Two names behind one file count once toward k and twice as declared.
    written.rows.append(MapRow("alias.jpg", "alias", written.names[0], ""))
    found = written.measure(one_human=[("person 0", "alias")])
    assert (found.k, found.k_declared) == (3, 3)
    assert sorted(p.people for p in found.pictures) == [3, 3]


def _second_file(w: Written) -> None:
    name = "images/" + "f" * 32 + ".png"
    (w.folder / name).write_bytes(_picture(0))
    w.labels.append([name, "female"])
    w.labels.sort()
    w.rows.append(MapRow("0/c.jpg", "person 0", name, ""))


def _label_no_function(w: Written) -> None:
    w.labels[0][1] = "male"


def _file_of_nobody(w: Written) -> None:
    w.rows = [row for row in w.rows if row.subject != "person 0"]


def _map_names_nothing(w: Written) -> None:
    w.rows.append(MapRow("x.jpg", "person 0", "images/" + "e" * 32 + ".png", ""))


def _refused_copied(w: Written) -> None:
    w.rows[-1] = MapRow("blind.jpg", "person 0", w.names[0], "no face found")


def _neither(w: Written) -> None:
    w.rows[-1] = MapRow("blind.jpg", "", "", "")


def _no_subject(w: Written) -> None:
    w.rows[0] = MapRow("0/a.jpg", "", w.names[0], "")


def _metadata(w: Written) -> None:
    for i in (0, 2, 4):
        w.file(i).write_bytes(_picture(0) + b"Ann")


def _other_picture(w: Written) -> None:
    w.file(0).write_bytes(_picture(3))


def _extra_column(w: Written) -> None:
    w.header.append("diagnosis")
    w.labels = [[*row, "healthy"] for row in w.labels]


def _not_listed(w: Written) -> None:
    w.labels.pop()


def _listed_twice(w: Written) -> None:
    w.labels.append(w.labels[-1])


def _in_order_of_people(w: Written) -> None:
    w.labels.reverse()


def _original_name(w: Written) -> None:
    stem = w.file(0).stem
    w.rows[0] = MapRow(f"x/{stem}.jpg", "person 0", w.names[0], "")


def _stray_file(w: Written) -> None:
    (w.folder / "images" / "thumbs.db").touch()


def _original_left(w: Written) -> None:
    (w.folder / "IMG_1.jpg").write_bytes(b"\xff\xd8")


def _empty(w: Written) -> None:
    for i in range(6):
        w.file(i).unlink()
    w.labels, w.rows = [], []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_second_file, "more than one file"),
        (_label_no_function, "no function of the picture"),
        (_file_of_nobody, "belongs to no photo"),
        (_map_names_nothing, "not there"),
        (_refused_copied, "neither refused nor released, or both"),
        (_neither, "neither refused nor released, or both"),
        (_no_subject, "no subject"),
        (_metadata, "more than its pixels"),
        (_other_picture, "stands for 1 people"),
        (_extra_column, "must not be released"),
        (_not_listed, "every picture file once"),
        (_listed_twice, "every picture file once"),
        (_in_order_of_people, "order of the random names"),
        (_original_name, "named like an original"),
        (_stray_file, "no release may hold"),
        (_original_left, "no release may hold"),
        (_empty, "no picture"),
    ],
)
def test_every_broken_release_is_rejected(
    written: Written, broken: Callable[[Written], None], said: str
) -> None:
    broken(written)
    with pytest.raises(PromiseError, match=said) as caught:
        written.measure()
    assert "person " not in str(caught.value).replace("a person has", "")
    assert ".jpg" not in str(caught.value)


CERTIFICATE = {"holds": True}


@pytest.fixture
def sealed(written: Written) -> Path:
    written.measure()
    (written.folder / "certificate.json").write_text('{"holds": true}\n')
    (written.folder / "report.html").write_text(f'<img src="{written.names[0]}">')
    _stamp(written.folder)
    return written.folder


def _stamp(folder: Path, but: Path | None = None) -> None:
    for path in (*folder.rglob("*"), folder):
        if path != but:
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def _check(folder: Path) -> None:
    check_sealed(folder, certificate=CERTIFICATE, suffixes=(".png", ".jpg"))


def test_a_sound_release_passes_the_last_look(sealed: Path) -> None:
    _check(sealed)


@pytest.mark.parametrize(
    "text", ["Ann.jpg", "photos/Ann 1.JPG", "'1.png'", "<b>Ann.Jpg</b>", "a=b.jpg&c"]
)
@pytest.mark.parametrize("name", FILES)
def test_no_text_names_a_photo(sealed: Path, name: str, text: str) -> None:
    (sealed / name).write_text((sealed / name).read_text() + text)
    _stamp(sealed)
    with pytest.raises((PromiseError, ValueError)) as caught:
        _check(sealed)
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize("target", ["", "images", "manifest.csv", "report.html"])
def test_a_time_is_noticed(sealed: Path, target: str) -> None:
    os.utime(sealed / target, (EPOCH, EPOCH + 1))
    with pytest.raises(PromiseError, match="time"):
        _check(sealed)


def test_links_extra_files_and_folders_are_noticed(sealed: Path) -> None:
    os.link(next((sealed / "images").iterdir()), sealed.parent / "second name")
    (sealed / "images" / "sub").mkdir()
    (sealed / "images" / "note.txt").touch()
    (sealed / "report.html").unlink()
    _stamp(sealed)
    with pytest.raises(PromiseError, match="link") as caught:
        _check(sealed)
    assert "folder" in str(caught.value)
    assert "missing" in str(caught.value)


@pytest.mark.parametrize("change", ["more", "less"])
def test_pictures_that_were_not_counted_are_noticed(sealed: Path, change: str) -> None:
    if change == "more":
        (sealed / random_name()).write_bytes(_picture(0))
    else:
        next((sealed / "images").iterdir()).unlink()
    _stamp(sealed)
    with pytest.raises(PromiseError, match="not those that were counted"):
        _check(sealed)


def test_another_certificate_is_noticed(sealed: Path) -> None:
    (sealed / "certificate.json").write_text('{"holds": true, "k": 9}\n')
    _stamp(sealed)
    with pytest.raises(PromiseError, match="not the one"):
        _check(sealed)


def test_the_statement_is_one_sentence() -> None:
    text = statement(5, 12, 60, 60, "auto")
    assert text.count(".") == 1
    assert "1/5" in text
    assert "12 distinct pictures" in text
