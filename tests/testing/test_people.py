"""Synthetic people: the folder that is written, and what the recogniser makes of it."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kssgan import weights
from kssgan.errors import OutputExists, UsageError
from kssgan.testing import _people_model
from kssgan.testing._people_model import View
from kssgan.testing.people import (
    PEOPLE,
    SHOTS,
    SyntheticPhoto,
    draw,
    draw_person,
    write_people,
)

ROOT = Path(__file__).parents[2]


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[SyntheticPhoto]]:
    root = tmp_path_factory.mktemp("people") / "photos"
    return root, write_people(root)


class TestFolder:
    def test_cardinality(self, folder: tuple[Path, list[SyntheticPhoto]]) -> None:
        root, photos = folder
        assert len(photos) == PEOPLE * 2
        assert len({photo.subject for photo in photos}) == PEOPLE
        written = {name for name in _hashes(root) if name != "labels.csv"}
        assert written == {photo.file for photo in photos}
        assert len(set(_hashes(root).values())) == len(photos) + 1
        assert {Path(name).suffix for name in written} == {".jpg", ".png"}

    def test_table_says_what_the_list_says(
        self, folder: tuple[Path, list[SyntheticPhoto]]
    ) -> None:
        root, photos = folder
        with (root / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["file", "subject", "expression", "gender", "age"]
        assert rows[1:] == [
            [p.file, p.subject, p.expression, p.gender, str(p.age)] for p in photos
        ]
        for name, *_ in rows[1:]:
            with Image.open(root / name) as picture:
                assert (picture.size, picture.mode) == ((512, 512), "RGB")
                assert picture.format == {".jpg": "JPEG", ".png": "PNG"}[Path(name).suffix]

    def test_labels_are_balanced(self, folder: tuple[Path, list[SyntheticPhoto]]) -> None:
        _, photos = folder
        assert sum(photo.gender == "male" for photo in photos) == PEOPLE
        assert sum(photo.expression == "happy" for photo in photos) == PEOPLE
        assert all(18 <= photo.age <= 60 for photo in photos)

    def test_same_bytes_again(
        self, folder: tuple[Path, list[SyntheticPhoto]], tmp_path: Path
    ) -> None:
        write_people(tmp_path / "again", people=3)
        first, again = _hashes(folder[0]), _hashes(tmp_path / "again")
        assert {name: first[name] for name in again if name != "labels.csv"} == {
            name: digest for name, digest in again.items() if name != "labels.csv"
        }

    def test_uneven_shots(self, tmp_path: Path) -> None:
        photos = write_people(tmp_path, people=3, shots=(1, 3, 2))
        assert [photo.subject[-1] for photo in photos] == list("122233")

    def test_never_writes_into_a_full_folder(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("kept")
        with pytest.raises(OutputExists, match="not empty"):
            write_people(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"people": PEOPLE + 1}, "25 synthetic people"),
            ({"people": 0}, "0 synthetic people"),
            ({"shots": SHOTS + 1}, "5 photos"),
            ({"people": 3, "shots": (1, 0, 2)}, "give 1 to 4"),
            ({"people": 3, "shots": (1, 2)}, "one each"),
        ],
    )
    def test_more_than_was_measured(
        self, tmp_path: Path, arguments: dict[str, object], words: str
    ) -> None:
        with pytest.raises(UsageError, match=words):
            write_people(tmp_path / "new", **arguments)  # type: ignore[arg-type]
        assert not (tmp_path / "new").exists()


class TestDraw:
    def test_smoke(self) -> None:
        picture = draw(0, 0, size=96)
        assert picture.shape == (96, 96, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 20

    def test_zero_is_the_average_face(self) -> None:
        """Computed apart from the renderer: the middle of the stored mean picture, no warp needed."""
        model = _people_model.face_model()
        plain = draw_person(np.zeros(14), view=View(grain=0), size=288).astype(float)
        stored = model.colours
        middle = (slice(110, 200), slice(100, 190))
        assert np.abs(plain[middle] - stored[middle]).mean() < 6

    def test_a_component_moves_points_and_colours(self) -> None:
        one = np.eye(14)[0]
        view = View(grain=0)
        away = draw_person(one, view=view, size=96).astype(float)
        back = draw_person(-one, view=view, size=96).astype(float)
        middle = draw_person(0 * one, view=view, size=96).astype(float)
        assert np.abs(away - back).mean() > 1.2 * np.abs(away - middle).mean() > 1

    def test_smile_changes_the_mouth_more_than_the_brow(self) -> None:
        view = View(grain=0)
        shown = [
            draw_person(np.zeros(14), smile=smile, view=view, size=96).astype(float)
            for smile in (0, 1)
        ]
        change = np.abs(shown[1] - shown[0]).mean(2)[:, 34:62]
        points = _people_model.face_model().points
        eyes = points[:2, 1].mean()
        mouth = slice(int(eyes + 18), int(eyes + 28))
        brow = slice(int(eyes - 14), int(eyes - 4))
        assert change[mouth].mean() > 2 * change[brow].mean()

    @pytest.mark.parametrize(("person", "shot"), [(24, 0), (-1, 0), (0, 4), (0, -1)])
    def test_no_such_photo(self, person: int, shot: int) -> None:
        with pytest.raises(UsageError):
            draw(person, shot)

    @pytest.mark.parametrize("row", [np.zeros(13), np.full(14, np.nan)])
    def test_no_such_person(self, row: np.ndarray) -> None:
        with pytest.raises(UsageError, match="14 finite numbers"):
            draw_person(row)


class TestModel:
    def test_neighbouring_landmarks_move_together(self) -> None:
        """Landmarks stored in another order would fold every face; a detector may not notice."""
        model = _people_model.face_model()
        apart = np.linalg.norm(model.places[:, None] - model.places, axis=-1)
        neighbour = (apart + 99 * np.eye(len(apart))).argmin(1)
        for component in model.points_by:
            beside = np.linalg.norm(component - component[neighbour], axis=1)
            anywhere = np.linalg.norm(component[:, None] - component, axis=-1)
            assert np.median(beside) < 0.35 * np.median(anywhere)

    @pytest.mark.parametrize("person", range(PEOPLE))
    def test_no_face_folds(self, person: int) -> None:
        """Going right and down in a photo goes right and down in the mean face, everywhere."""
        model = _people_model.face_model()
        row = weights.load("people")["people"][person].astype(float)
        for smile in (0.0, 1.0):
            points = model.points + np.tensordot(row, model.points_by, 1)
            points = points + smile * model.points_smile
            where = _people_model._backward(model.places, points, View())
            right, down = np.diff(where, axis=1)[:-1], np.diff(where, axis=0)[:, :-1]
            area = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
            assert (area <= 0).mean() < 0.002

    def test_stays_small_and_coarse(self) -> None:
        stored = weights.load("people")
        assert sum(array.nbytes for array in stored.values()) < 1_000_000
        components = stored["colours_by"]
        assert components.shape == (14, 96, 96, 3)
        assert stored["colours_smile"].shape == (96, 96, 3)
        assert stored["people"].shape == (PEOPLE, 14)


def _seen(shots: range) -> np.ndarray:
    """Embeddings of these photos of all people, (24, shots, 128), by the shipped networks."""
    from kssgan.faces.align import recogniser_chip
    from kssgan.faces.detect import Detector
    from kssgan.faces.embed import Recogniser

    detector, recogniser = Detector(), Recogniser()
    chips = []
    for person in range(PEOPLE):
        for shot in shots:
            picture = draw(person, shot)
            faces = detector.detect(picture)
            assert len(faces) == 1, f"person {person}, shot {shot}: {len(faces)} faces"
            chips.append(recogniser_chip(picture, faces[0].points))
    return recogniser.embed(np.stack(chips)).reshape(PEOPLE, len(shots), -1)


def _apart(seen: np.ndarray) -> float:
    """Smallest distance between photos of two different people."""
    between = [
        np.linalg.norm(one[:, None] - two, axis=-1).min()
        for i, one in enumerate(seen)
        for two in seen[:i]
    ]
    return float(min(between))


@pytest.fixture(scope="module")
def seen() -> np.ndarray:
    """The two photos of each person that are written when nobody asks for more."""
    return _seen(range(2))


class TestRecognised:
    def test_a_person_is_known_again(self, seen: np.ndarray) -> None:
        from kssgan.faces.thresholds import SAME_PERSON

        assert np.linalg.norm(seen[:, 0] - seen[:, 1], axis=-1).max() < SAME_PERSON

    def test_people_are_no_look_alikes(self, seen: np.ndarray) -> None:
        from kssgan.faces.thresholds import LOOK_ALIKE

        assert _apart(seen) > LOOK_ALIKE

    @pytest.mark.slow
    def test_further_photos(self, seen: np.ndarray) -> None:
        from kssgan.faces.thresholds import LOOK_ALIKE, SAME_PERSON

        both = np.concatenate([seen, _seen(range(2, SHOTS))], axis=1)
        assert np.linalg.norm(both[:, :, None] - both[:, None], axis=-1).max() < SAME_PERSON
        assert _apart(both) > LOOK_ALIKE

    @pytest.mark.faces
    def test_nobody_is_a_training_person(self, seen: np.ndarray) -> None:
        """Nearest real face no nearer than real people are to each other; never a near-copy."""
        from kssgan.faces.align import recogniser_chip
        from kssgan.faces.embed import Recogniser
        from kssgan.faces.thresholds import COPY

        faces = Path(os.environ.get("KSSGAN_FACES", ROOT.parent / "shared" / "faces"))
        if not (faces / "landmarks.npz").exists():
            pytest.skip("no real photos: set KSSGAN_FACES to a folder with landmarks.npz")
        stored = np.load(faces / "landmarks.npz")
        london = [i for i, name in enumerate(stored["files"]) if "neutral" in str(name)]
        chips = []
        for i in london:
            with Image.open(faces / str(stored["files"][i])) as photo:
                photo.draft("RGB", (512, 512))
                small = np.asarray(photo.convert("RGB"))
                points = stored["five"][i] * (small.shape[0] / 1024)
            chips.append(recogniser_chip(small, points))
        real = Recogniser().embed(np.stack(chips))
        among = np.linalg.norm(real[:, None] - real, axis=-1) + 9 * np.eye(len(real))
        nearest = np.linalg.norm(seen[:, :, None] - real, axis=-1).min((1, 2))
        assert nearest.min() > COPY
        assert nearest.min() > among.min()
