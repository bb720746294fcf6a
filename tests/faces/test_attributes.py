"""Probes: hand cases, what is declined, and that neighbours do not matter; real faces where they are."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssgan import weights
from kssgan.errors import WeightsError
from kssgan.faces.attributes import PROBES, Probes, Reading
from kssgan.faces.embed import BATCH, DIMENSIONS, MAP_SHAPE
from kssgan.grouping.attributes import KNOWN
from kssgan.types import PhotoFace

ROOT = Path(__file__).parents[2]


def _arrays(**changes: Any) -> dict[str, Any]:
    """Probes that see nothing: all categories alike, nothing declined."""
    made: dict[str, Any] = {}
    for name, kind in PROBES.items():
        count = len(kind.categories)
        made[f"{name}.weight"] = np.zeros((count, kind.width), np.float32)
        made[f"{name}.bias"] = np.zeros(count, np.float32)
        made[f"{name}.least"] = np.array(0.0, np.float32)
    return made | changes


def _features(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, np.maximum(rng.normal(size=(count, *MAP_SHAPE)), 0).astype(np.float32)


def test_categories_are_words_that_a_table_knows() -> None:
    for name, kind in PROBES.items():
        assert set(kind.categories) <= set(KNOWN[name].categories)


def test_a_hand_case() -> None:
    """One feature decides: twice its value is the logarithm of the odds."""
    weight = np.zeros((2, DIMENSIONS), np.float32)
    weight[1, 5] = 2.0
    probes = Probes(_arrays(**{"gender.weight": weight, "gender.least": np.array(0.7)}))
    vectors, maps = _features(3)
    vectors[:] = 0
    vectors[:, 5] = (0.9, -0.9, 0.1)
    read = probes.read(vectors, maps)["gender"]
    wanted = 1 / (1 + np.exp(-2 * vectors[:, 5].astype(float)))
    np.testing.assert_allclose(read.probability[:, 1], wanted, atol=1e-6)
    np.testing.assert_allclose(read.probability.sum(1), 1, atol=1e-6)
    assert read.declined.tolist() == [False, False, True]
    assert read.labels == ("male", "female", None)
    assert [face.get("gender") for face in probes.labels(vectors, maps)] == [
        "male",
        "female",
        None,
    ]


def test_declined_means_absent() -> None:
    probes = Probes(_arrays(**{f"{name}.least": np.array(1.0) for name in PROBES}))
    assert probes.labels(*_features(2)) == [{"expression": "neutral"}] * 2


def test_an_expression_is_told_however_unlikely_but_not_of_nothing() -> None:
    weight = np.zeros((2, PROBES["expression"].width), np.float32)
    bias = np.array([0.0, 0.1], np.float32)
    never = {f"{name}.least": np.array(1.0) for name in PROBES}
    probes = Probes(_arrays(**never, **{"expression.weight": weight, "expression.bias": bias}))
    vectors, maps = _features(2)
    maps[1, 0, 0, 0] = np.nan
    assert probes.read(vectors, maps)["expression"].declined.all()
    assert probes.labels(vectors, maps) == [{"expression": "happy"}, {}]


def test_what_is_no_number_is_declined() -> None:
    vectors, maps = _features(2)
    vectors[0] = np.nan
    with np.errstate(invalid="ignore"):
        read = Probes().read(vectors, maps)
    assert read["gender"].declined[0]
    assert not read["gender"].declined.all() or read["gender"].declined[1]


def test_neighbours_do_not_matter_to_the_last_bit(recogniser: Any) -> None:
    chips = np.random.default_rng(3).integers(0, 256, (BATCH + 3, 150, 150, 3), np.uint8)
    vectors, maps = recogniser.embed_with_maps(chips)
    assert maps.shape == (BATCH + 3, *MAP_SHAPE)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    np.testing.assert_array_equal(vectors, recogniser.embed(chips))
    probes = Probes()
    together = probes.read(vectors, maps)
    turned = probes.read(vectors[::-1], maps[::-1])
    for n in (0, BATCH - 1, BATCH, BATCH + 2):
        one, map_of_one = recogniser.embed_with_maps(chips[n : n + 1])
        np.testing.assert_array_equal(map_of_one[0], maps[n])
        alone = probes.read(one, map_of_one)
        for name, reading in together.items():
            np.testing.assert_array_equal(alone[name].probability[0], reading.probability[n])
            np.testing.assert_array_equal(
                turned[name].probability[-1 - n], reading.probability[n]
            )


def test_nobody_in_nobody_out() -> None:
    vectors, maps = _features(0)
    assert Probes().labels(vectors, maps) == []
    assert Probes().read(vectors, maps)["age"].probability.shape == (0, 3)


@pytest.mark.parametrize(
    ("vectors", "maps"),
    [
        (np.zeros((2, 64), np.float32), np.zeros((2, *MAP_SHAPE), np.float32)),
        (np.zeros((2, DIMENSIONS), np.float32), np.zeros((2, 128, 8, 8), np.float32)),
        (np.zeros((2, DIMENSIONS), np.float32), np.zeros((3, *MAP_SHAPE), np.float32)),
    ],
)
def test_other_shapes_are_refused(vectors: np.ndarray, maps: np.ndarray) -> None:
    with pytest.raises(ValueError, match="were wanted"):
        Probes().read(vectors, maps)


@pytest.mark.parametrize(
    "change",
    [
        {"age.weight": np.zeros((2, DIMENSIONS), np.float32)},
        {"expression.bias": np.zeros(3, np.float32)},
        {"gender.least": np.array([0.5], np.float32)},
        {"gender.bias": np.array([np.nan, 0], np.float32)},
    ],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=next(iter(change))):
        Probes(_arrays(**change))
    missing = _arrays()
    del missing[next(iter(change))]
    with pytest.raises(WeightsError, match="nothing came"):
        Probes(missing)


def test_shipped_weights_are_small() -> None:
    arrays = weights.load("probes")
    assert sum(array.nbytes for array in arrays.values()) <= 500_000
    for name in PROBES:
        assert 0.5 <= float(arrays[f"{name}.least"]) < 1


def test_the_first_of_equals_is_said() -> None:
    even = Reading(("a", "b"), np.full((1, 2), 0.5, np.float32), np.array([False]))
    assert even.labels == ("a",)


def test_the_analyser_reads_and_can_be_told_not_to(analyser: Any, tmp_path: Path) -> None:
    from kssgan.faces.analyse import StandardAnalyser
    from kssgan.testing.people import write_people

    write_people(tmp_path, people=3)
    photos = sorted(tmp_path.rglob("*.jpg")) or sorted(tmp_path.rglob("*.png"))
    seen = [face for face in analyser.analyse(photos[:4]) if isinstance(face, PhotoFace)]
    assert seen
    for face in seen:
        for name, category in face.attributes.items():
            assert category in PROBES[name].categories
    assert any("gender" in face.attributes for face in seen)
    blind = StandardAnalyser(probes=False, landmarks=False)
    assert blind.version != analyser.version
    assert weights.digest("probes")[:16] in analyser.version
    (found,) = blind.analyse(photos[:1])
    assert isinstance(found, PhotoFace)
    assert found.attributes == {}


def test_the_trainer_keeps_people_apart_and_finds_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Made-up faces of which one number tells the gender, and those near its middle tell nothing."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from probe_data import Faces
    from probe_fit import cross_validate, fit_all, folds

    rng = np.random.default_rng(0)
    who = np.repeat(np.array([f"p{n}" for n in range(60)]), 2)
    fold = folds(who, 5, seed=0)
    assert (fold[::2] == fold[1::2]).all()
    assert np.bincount(fold).tolist() == [24] * 5
    embeddings, _ = _features(len(who))
    embeddings[:, 16:] = 0
    gender = np.repeat(np.arange(60) % 2, 2)
    embeddings[:, 7] = np.where(gender, 0.5, -0.5) + rng.normal(0, 0.2, len(who))
    none = np.full(len(who), -1)
    faces = Faces(
        embeddings[None],
        np.zeros((1, len(who), 1), np.float32),
        np.zeros((len(who), 468, 2), np.float32),
        np.ones(len(who), bool),
        who,
        np.full(len(who), "made up"),
        np.full(len(who), ""),
        {
            "expression": none,
            "gender": np.where(np.arange(len(who)) < 118, gender, -1),
            "age": none,
        },
        0,
    )
    unseen, fitted = cross_validate(faces, "gender")
    assert unseen.rows.tolist() == list(range(118))
    right = unseen.probability[0].argmax(1) == unseen.target
    assert right.mean() > 0.9
    assert right[~unseen.declined[0]].mean() >= right.mean()
    probe = fit_all(faces, "gender")
    assert probe.weight.shape == (2, DIMENSIONS)
    assert abs(probe.weight[1]).argmax() == 7
    assert all(0.7 <= f.least < 1 for f in [*fitted, probe])
    again = fit_all(faces, "gender")
    np.testing.assert_array_equal(probe.weight, again.weight)


@pytest.mark.faces
@pytest.mark.slow
def test_right_about_people_they_have_not_seen(
    real_faces: tuple[Path, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Fitted anew on folds disjoint in people, on a third of the people so that it takes a minute."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from probe_data import read_faces
    from probe_fit import cross_validate

    folder, rows = real_faces
    people = set(sorted({row["subject"] for row in rows})[::3])
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row["subject"] in people)
    for place in {row["file"].partition("/")[0] for row in rows}:
        (tmp_path / place).symlink_to(folder / place)
    faces = read_faces(tmp_path)
    for name, floor in (("gender", 0.95), ("expression", 0.75), ("age", 0.6)):
        unseen, _ = cross_validate(faces, name, count=4)
        right = unseen.probability[0].argmax(1) == unseen.target
        said = ~unseen.declined[0]
        assert right.mean() >= floor, name
        assert said.mean() >= 0.5, name
        assert right[said].mean() >= right.mean(), name
