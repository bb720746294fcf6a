from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssgan.errors import BadTable, OutputExists, UsageError
from kssgan.preparation import Preparation, prepare
from kssgan.preparation.celeba import read_landmarks, read_partition
from kssgan.preparation.split import hold_out
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import BoolArray, FloatArray, U8Array

# Where the painted analyser says that the five points of every photo are.
FIVE = [(98, 122), (158, 122), (128, 156), (104, 190), (152, 190)]


@dataclass
class Fit:
    points: FloatArray
    reliable: BoolArray


class Grid:
    """Points in a grid; unreliable on pictures whose first pixel is dark."""

    def locate(self, crops_u8: U8Array) -> Fit:
        grid = np.stack(np.meshgrid(np.arange(26), np.arange(18)), -1).reshape(-1, 2)
        points = np.tile((grid * 8 + 20).astype(np.float32), (len(crops_u8), 1, 1))
        return Fit(points, crops_u8[:, 0, 0, 0] > 100)


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., tuple[Preparation, Prepared]]:
    def run(data: Path, **options: Any) -> tuple[Preparation, Prepared]:
        options = {"analyser": PaintedAnalyser(), "landmarker": Grid(), **options}
        done = prepare(data, out=tmp_path / "out.safetensors", **options)
        return done, load_prepared(done.path)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve people, two photos each; a picture without a face, a broken file, a note."""
    root = tmp_path / "data"
    rows = ["file,subject,expression,gender,diagnosis"]
    for person in range(12):
        for shot in range(2):
            name = f"p{person}/secret-{shot}.png"
            paint_photo(root / name, person, shot)
            rows.append(f"{name},s{person},{('neutral', 'happy')[shot]},{'fm'[person % 2]},flu")
    paint_photo(root / "p0" / "wall.png", kind="no_face")
    (root / "p1" / "broken.png").write_bytes(b"nothing")
    (root / "notes.txt").write_text("x")
    (tmp_path / "table.csv").write_text("\n".join(rows).replace("p", str(root) + "/p", 0))
    (root / "table.csv").write_text("\n".join(rows))
    return root


def test_a_folder_becomes_one_file(
    folder: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    done, data = go(folder, subjects="folder", labels=folder / "table.csv", held_out=0.3)
    assert len(data) == 24
    assert data.subjects == 12
    assert done.photos["found"] == 28
    assert done.photos["ignored"] == 2
    assert done.photos["refused"] == {"no face found": 1, "unreadable file": 1}
    assert done.exit_status == 3
    assert data.scheme == {"expression": ("neutral", "happy"), "gender": ("female", "male")}
    assert done.labels["expression"] == {"neutral": 12, "happy": 12}
    # Every row still says who it is: equal crops are what the analyser saw of that file.
    seen = PaintedAnalyser().analyse([folder / "p3" / "secret-1.png"])
    face = next(iter(seen))
    distances = np.linalg.norm(data.embedding - face.embedding, axis=1)  # type: ignore[union-attr]
    row = int(distances.argmin())
    assert distances[row] < 1e-3
    assert data.labels[row].tolist() == [1, 1]
    mates = np.flatnonzero(data.subject == data.subject[row])
    assert sorted(data.labels[mates, 0].tolist()) == [0, 1]
    grey = np.array([0.299, 0.587, 0.114])
    assert np.abs(data.crop(row) @ grey - face.crop @ grey).max() < 2.5  # type: ignore[union-attr]


def test_nothing_in_the_file_names_anybody(
    folder: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    done, _ = go(folder, subjects="folder", labels=folder / "table.csv")
    data = done.path.read_bytes()
    for word in (b"secret", b"p3", b"flu", b"diagnosis", str(folder).encode()):
        assert word not in data


def test_people_are_held_out_whole_and_by_who_they_are(
    folder: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    done, data = go(folder, subjects="folder", held_out=0.4)
    away = set(data.subject[data.held_out])
    assert 0 < done.held_out == len(away) < 12
    assert not away & set(data.subject[~data.held_out])
    names = [f"p{i}" for i in range(12)]
    wanted = {n for n, out in zip(names, hold_out(names, 0.4), strict=True) if out}
    assert {sorted(names)[s] for s in away} == wanted


def test_holding_out_does_not_depend_on_the_others() -> None:
    names = [f"n{i}" for i in range(400)]
    whole = hold_out(names, 0.2)
    assert 50 < whole.sum() < 110
    assert hold_out(names[100:], 0.2).tolist() == whole[100:].tolist()
    assert hold_out(names, 0.2, seed=1).tolist() != whole.tolist()
    assert not hold_out(names, 0.0).any()


def test_found_people_are_split_alike_however_files_are_called(tmp_path: Path) -> None:
    chosen = []
    for names in ("abcdefghij", "jihgfedcba"):
        root = tmp_path / names
        for person, name in enumerate(names):
            paint_photo(root / f"{name}.png", person)
        done = prepare(
            root,
            out=tmp_path / f"{names}.safetensors",
            held_out=0.5,
            analyser=PaintedAnalyser(),
            landmarker=Grid(),
        )
        data = load_prepared(done.path)
        assert data.subjects == 10
        chosen.append({data.packed[i] for i in np.flatnonzero(data.held_out)})
    assert chosen[0] == chosen[1]


def test_unreliable_landmarks_are_marked(
    folder: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    done, data = go(folder, subjects="folder")
    dark = [data.crop(i)[0, 0, 0] <= 100 for i in range(len(data))]
    assert 0 < done.unreliable == sum(dark) < 24
    assert (~data.reliable).tolist() == dark


def test_given_landmarks_are_moved_into_the_crop(
    folder: Path, tmp_path: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    from kssgan.faces.align import HEAD_TEMPLATE, similarity

    mesh = np.random.default_rng(0).uniform(0, 256, (1, 468, 2)).astype(np.float32)
    np.savez(tmp_path / "l.npz", files=np.array(["p3/secret-1.png"]), mesh468=mesh)
    done, data = go(folder, subjects="folder", landmarks=tmp_path / "l.npz", landmarker=None)
    assert data.reliable.sum() == 1
    assert done.unreliable == 23
    matrix, shift = similarity(FIVE, HEAD_TEMPLATE)
    wanted = np.array([matrix @ point + shift for point in mesh[0]])
    np.testing.assert_allclose(data.landmarks[data.reliable][0], wanted, atol=1e-3)


def test_photos_without_a_declared_subject_are_refused(
    folder: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    paint_photo(folder / "loose.png", 50)
    done, _ = go(folder, subjects="folder")
    assert done.photos["refused"]["no subject given"] == 1


def test_rafd_names_tell_everything(
    tmp_path: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    root = tmp_path / "rafd"
    for model in range(1, 6):
        kind = "Kid" if model == 3 else "Caucasian"
        gender = ("male", "female")[model % 2]
        for shot, expression in enumerate(("neutral", "happy", "angry")):
            for angle in (90, 45):
                name = f"Rafd{angle:03d}_{model:02d}_{kind}_{gender}_{expression}_frontal.jpg"
                paint_photo(root / name, model, shot, quality=95)
    paint_photo(root / "other.png", 60)
    done, data = go(root, format="rafd")
    assert len(data) == 15
    assert data.subjects == 5
    assert data.scheme["expression"] == ("neutral", "happy", "angry")
    assert done.labels["age"] == {"child": 3, "young": 12}
    assert done.photos["passed_over"] == {
        "not from the frontal camera": 15,
        "not named like RaFD's": 1,
    }
    assert done.exit_status == 0
    empty = tmp_path / "none"
    paint_photo(empty / "other.png", 60)
    with pytest.raises(UsageError, match="named like RaFD's"):
        prepare(empty, out=tmp_path / "x.safetensors", format="rafd")


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    """CelebA's own layout: Anno, Eval, Img/img_align_celeba; ten people, three photos each."""
    root = tmp_path / "CelebA"
    names = [f"{i:06d}.jpg" for i in range(1, 31)]
    attributes = ["5_o_Clock_Shadow", "Male", "Smiling", "Young"]
    rows, people, parts, points = [], [], [], []
    for i, name in enumerate(names):
        person = i // 3
        paint_photo(root / "Img" / "img_align_celeba" / name, person, i % 3, quality=95)
        values = (-1, 1 if person % 2 else -1, 1 if i % 3 else -1, 1)
        rows.append(f"{name} " + " ".join(f"{v:2d}" for v in values))
        people.append(f"{name} {person + 2000}")
        parts.append(f"{name} {0 if person < 6 else 1 if person < 8 else 2}")
        xy = [c + (200 if i == 4 else 0) for p in FIVE for c in p]
        points.append(f"{name}  " + " ".join(f"{v:3d}" for v in xy))
    heads = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y"
    tables = {
        "Anno/list_attr_celeba.txt": ["30", " ".join(attributes) + " ", *rows],
        "Anno/identity_CelebA.txt": people,
        "Anno/list_landmarks_align_celeba.txt": [
            "30",
            f"{heads} rightmouth_x rightmouth_y ",
            *points,
        ],
        "Eval/list_eval_partition.txt": parts,
    }
    for name, lines in tables.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("\n".join(lines) + "\n")
    return root


def test_celeba_keeps_its_official_split(
    celeba: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    done, data = go(celeba, format="celeba")
    assert done.photos["passed_over"] == {"of the official test part": 6}
    assert done.photos["refused"] == {"another face than the collection says": 1}
    assert len(data) == 23
    assert data.subjects == 8
    assert done.held_out == 2
    assert data.held_out.sum() == 6
    assert done.labels["expression"]["happy"] == 15
    assert data.facts["split"] == "official"


def test_a_person_in_two_official_parts_is_kept_from_training(
    celeba: Path, go: Callable[..., tuple[Preparation, Prepared]]
) -> None:
    table = celeba / "Eval" / "list_eval_partition.txt"
    table.write_text(table.read_text().replace("000001.jpg 0", "000001.jpg 1"))
    _, data = go(celeba, format="celeba")
    assert data.held_out.sum() == 6 + 3 - 0
    assert not set(data.subject[data.held_out]) & set(data.subject[~data.held_out])


def test_celeba_without_its_tables_is_refused(celeba: Path, tmp_path: Path) -> None:
    (celeba / "Anno" / "identity_CelebA.txt").unlink()
    with pytest.raises(BadTable, match=r"identity_CelebA\.txt"):
        prepare(celeba, out=tmp_path / "x.safetensors", format="celeba")


def test_damaged_celeba_tables_name_the_line(tmp_path: Path) -> None:
    table = tmp_path / "t.txt"
    table.write_text("000001.jpg 0\n000002.jpg 3\n")
    with pytest.raises(BadTable, match="line 2"):
        read_partition(table)
    table.write_text("1\nlefteye_x lefteye_y\n000001.jpg 1 2 3\n")
    with pytest.raises(BadTable, match="line 3"):
        read_landmarks(table)


def test_bad_arguments_write_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"held_out": 1.0}, "held_out"),
        ({"seed": -1}, "seed"),
        ({"format": "vgg"}, "format"),
        ({"landmarks": folder / "notes.txt"}, "landmarks"),
        ({"subjects": tmp_path / "none.csv"}, "subjects"),
    ]
    for options, word in cases:
        with pytest.raises(UsageError, match=word):
            prepare(folder, out=out, analyser=PaintedAnalyser(), landmarker=Grid(), **options)
    with pytest.raises(UsageError, match="not a folder"):
        prepare(tmp_path / "nowhere", out=out)
    assert not out.exists()
    out.write_bytes(b"mine")
    with pytest.raises(OutputExists):
        prepare(folder, out=out)
    assert out.read_bytes() == b"mine"


def test_one_person_is_too_few(tmp_path: Path) -> None:
    for shot in range(3):
        paint_photo(tmp_path / "d" / "one" / f"{shot}.png", 1, shot)
    with pytest.raises(UsageError, match="one person"):
        prepare(
            tmp_path / "d",
            out=tmp_path / "x.safetensors",
            subjects="folder",
            analyser=PaintedAnalyser(),
            landmarker=Grid(),
        )
