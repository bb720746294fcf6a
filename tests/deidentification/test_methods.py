"""Choosing a surrogate method, and the generator as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kssgan import weights
from kssgan.deidentification.methods import GeneratorSurrogate, make_method, trained_method
from kssgan.deidentification.result import Release
from kssgan.errors import UsageError, WeightsError
from kssgan.faces.landmarks import mean_shape
from kssgan.models.stored import read_generator
from kssgan.surrogate._mesh import across, brow_line
from kssgan.surrogate.outline import reach
from kssgan.surrogate.restraint import LIKE
from kssgan.surrogate.shape import ShapeMean, skin_tone
from kssgan.surrogate.sight import sight
from kssgan.testing.fakes import PaintedLabels
from kssgan.testing.people import draw
from kssgan.types import DetectedFace, FloatArray, PhotoFace

NOBODY = DetectedFace((0.0, 0.0, 1.0, 1.0), 1.0, np.zeros((5, 2), np.float32))


@pytest.fixture(scope="module")
def drawn() -> GeneratorSurrogate:
    method = make_method("generator")
    assert isinstance(method, GeneratorSurrogate)
    return method


def _faces(count: int = 4) -> list[list[PhotoFace]]:
    """Synthetic people with one photo each, landmarks of one shape, shifted a little."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(count):
        points = mean_shape() + rng.normal(0, 1.5, (1, 2)).astype(np.float32)
        crop = draw(number, size=256)
        found.append([PhotoFace(crop, np.zeros(4, np.float32), NOBODY, landmarks=points)])
    return found


def test_the_picture_is_a_function_of_group_label_and_seed(drawn: GeneratorSurrogate) -> None:
    people = _faces()
    label = {"gender": "female", "expression": "neutral"}
    one = drawn.draw(drawn.surrogate(people), label, seed=7)
    again = drawn.draw(drawn.surrogate(people[::-1]), label, seed=7)
    assert one.shape == (256, 256, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert (one != drawn.draw(drawn.surrogate(people), label, seed=8)).mean() > 0.2
    happy = drawn.draw(drawn.surrogate(people), {**label, "expression": "happy"}, seed=7)
    assert (one != happy).any()


def test_what_g_sees_is_made_once_and_used_by_all(
    drawn: GeneratorSurrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    surrogate, label = drawn.surrogate(_faces()), {"gender": "female", "expression": "happy"}
    wanted = drawn.draw(surrogate, label, seed=2)
    calls = []
    for module in ("methods", "face_detail", "head_detail"):
        room = "deidentification" if module == "methods" else "surrogate"

        def counted(points: FloatArray) -> FloatArray:
            calls.append(points)
            return sight(points)

        monkeypatch.setattr(f"kssgan.{room}.{module}.sight", counted)
    np.testing.assert_array_equal(drawn.draw(surrogate, label, seed=2), wanted)
    assert len(calls) == 1


def test_bytes_do_not_depend_on_threads_and_the_number_is_put_back(
    drawn: GeneratorSurrogate,
) -> None:
    surrogate = drawn.surrogate(_faces())
    before = torch.get_num_threads()
    try:
        pictures = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            pictures.append(drawn.draw(surrogate, {}, seed=1))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*pictures)


def test_the_head_does_not_change_with_the_expression(drawn: GeneratorSurrogate) -> None:
    """One group is one head: the same donors, mixed alike; another seed has others."""
    surrogate = drawn.surrogate(_faces())
    label = {"gender": "female", "expression": "neutral"}
    seeds = range(6)
    heads = [drawn.head(surrogate, label, seed=seed) for seed in seeds]
    happy = {**label, "expression": "happy"}
    assert heads == [drawn.head(surrogate, happy, seed=seed) for seed in seeds]
    assert len(set(heads)) == len(heads)
    assert len({row for head in heads for row, _ in head}) > 6
    # The wall is the head's, whatever the face does.
    walls = [
        drawn.draw(surrogate, wanted, seed=3)[:12, :40].mean((0, 1))
        for wanted in (label, happy)
    ]
    assert np.abs(walls[0] - walls[1]).max() < 12


def test_a_head_is_mixed_of_hair_of_one_length(drawn: GeneratorSurrogate) -> None:
    """Beside ears and jaw others differ from the first by less than a bob from tied hair (25 pixels)."""
    surrogate = drawn.surrogate(_faces())
    detail = drawn._stored.detail
    assert detail is not None
    for seed in range(40):
        rows = [row for row, _ in drawn.head(surrogate, {"gender": "female"}, seed=seed)]
        found = [reach(detail.coarse[row], detail.points[row]) for row in rows]
        assert (np.ptp(found, axis=0) < 17).all()


def test_below_the_brows_a_head_has_the_layout_of_the_donor_who_lends(
    drawn: GeneratorSurrogate,
) -> None:
    """Three donors' collars and hair beside a neck have no middle; above the brows all three are mixed."""
    stored = drawn._stored
    assert stored.detail is not None
    surrogate = drawn.surrogate(_faces())
    label = {"gender": "female", "expression": "neutral"}
    for seed in range(4):
        mix = drawn.head(surrogate, label, seed=seed)
        lender = stored.detail.lender(mix, drawn._reach[:, 0])
        mixed = sum(weight * stored.codes.layout[row] for row, weight in mix)
        vector, layout = drawn.code(surrogate, label, seed=seed)
        np.testing.assert_allclose(layout[:, :5], mixed[:, :5], atol=1e-5)
        np.testing.assert_allclose(
            layout[:, -4:], stored.codes.layout[lender][:, -4:], atol=1e-5
        )
        style = sum(weight * stored.codes.vector[row] for row, weight in mix)
        np.testing.assert_allclose(vector, style, atol=1e-5)
        happy = drawn.code(surrogate, {**label, "expression": "happy"}, seed=seed)
        np.testing.assert_array_equal(layout, happy[1])
    # Nobody lends: nobody's layout is taken.
    alone = GeneratorSurrogate(replace(stored, detail=None), otherwise=mean_shape())
    mix = alone.head(surrogate, label, seed=0)
    mixed = sum(weight * stored.codes.layout[row] for row, weight in mix)
    np.testing.assert_allclose(alone.code(surrogate, label, seed=0)[1], mixed, atol=1e-5)


def test_above_the_brows_a_smile_changes_little_and_another_seed_much(
    drawn: GeneratorSurrogate,
) -> None:
    surrogate = drawn.surrogate(_faces())
    label = {"gender": "male", "expression": "neutral"}

    def top(expression: str, seed: int) -> np.ndarray:
        picture = drawn.draw(surrogate, {**label, "expression": expression}, seed=seed)
        return picture[:64].reshape(8, 8, 32, 8, 3).mean((1, 3))

    seeds = range(6)
    heads = [top("neutral", seed) for seed in seeds]
    smiles = [np.abs(top("happy", seed) - heads[seed]).mean() for seed in seeds]
    others = [np.abs(heads[a] - heads[b]).mean() for a in seeds for b in range(a)]
    assert np.median(smiles) < 0.5 * np.median(others)


def test_a_label_that_nobody_knows_is_drawn_as_unknown(drawn: GeneratorSurrogate) -> None:
    surrogate = drawn.surrogate(_faces())
    plain = drawn.draw(surrogate, {}, seed=5)
    strange = drawn.draw(surrogate, {"gender": "unknown", "expression": "unknown"}, seed=5)
    np.testing.assert_array_equal(plain, strange)


def test_the_tone_is_that_of_the_cheeks() -> None:
    image = np.zeros((256, 256, 3), np.float32)
    image[100:220, 70:190] = (0.8, 0.5, 0.25)
    tone = skin_tone(ShapeMean(image, mean_shape()))
    np.testing.assert_allclose(tone, (0.8, 0.5, 0.25), atol=1e-6)


def test_few_people_are_drawn_towards_the_public_and_many_are_not(
    drawn: GeneratorSurrogate,
) -> None:
    surrogate = drawn.surrogate(_faces())
    assert surrogate.people == 4
    label = {"gender": "male", "expression": "neutral"}
    few = drawn.draw(surrogate, label, seed=2)
    many = drawn.draw(replace(surrogate, people=LIKE), label, seed=2)
    assert np.abs(few.astype(int) - many).mean() > 1
    assert {gender for gender, _ in drawn.public} == {"", "female", "male"}
    strange = drawn.draw(surrogate, {**label, "gender": "unheard of"}, seed=2)
    assert strange.shape == few.shape


def test_a_group_is_lent_the_features_of_nobody(drawn: GeneratorSurrogate) -> None:
    """Without them faces of several groups resemble each other more."""
    label = {"gender": "female", "expression": "neutral"}
    surrogate = replace(drawn.surrogate(_faces()), people=LIKE)
    plain = GeneratorSurrogate(replace(drawn._stored, space=None), otherwise=mean_shape())

    def apart(method: GeneratorSurrogate) -> float:
        seen = [
            method._prepared(surrogate, label, None, seed)[0].image_01[100:220, 70:190]
            for seed in (1, 2)
        ]
        return float(np.abs(seen[0] - seen[1]).mean())

    assert apart(plain) == 0
    assert apart(drawn) > 0.02


def test_a_group_looks_as_old_as_its_label_or_its_mean(drawn: GeneratorSurrogate) -> None:
    surrogate = drawn.surrogate(_faces())
    ageing = drawn._stored.ageing
    assert ageing is not None
    read = drawn._age(surrogate, {})
    assert read is not None
    assert 0 <= read <= len(ageing.bands) - 1
    label = {"gender": "male", "expression": "neutral"}
    pictures = {
        band: drawn.draw(surrogate, {**label, "age": band}, seed=4) for band in ageing.bands
    }
    for place, band in enumerate(ageing.bands):
        assert drawn._age(surrogate, {"age": band}) == place
    away = np.abs(pictures["young"].astype(int) - pictures["senior"])
    assert away[90:220, 70:190].mean() > 2
    # An unheard-of band is read off S_g as no band is.
    strange = drawn.draw(surrogate, {**label, "age": "unheard of"}, seed=4)
    np.testing.assert_array_equal(strange, drawn.draw(surrogate, label, seed=4))


def test_what_the_public_adds_is_aged_and_a_whole_mean_is_not(
    drawn: GeneratorSurrogate,
) -> None:
    surrogate = drawn.surrogate(_faces())
    public = drawn.public["male", "neutral"]
    young, old = (drawn._younger(public, 4, age) for age in (0.0, 2.0))
    assert young <= 0 < old
    assert old - young == pytest.approx(2 * (1 - 4 / LIKE))
    assert drawn._younger(public, LIKE, 2.0) == 0
    label = {"gender": "male", "expression": "neutral"}
    shapes = [drawn._prepared(surrogate, label, age, 3)[0].points for age in (0.0, 2.0)]
    assert np.abs(shapes[0] - shapes[1]).max() > 0.5
    many = replace(surrogate, people=LIKE)
    means = [drawn._prepared(many, label, age, 3)[0].image_01 for age in (0.0, 2.0)]
    np.testing.assert_array_equal(*means)


def test_a_head_is_at_most_one_band_of_age_away_from_its_face(
    drawn: GeneratorSurrogate,
) -> None:
    """Who is young has young hair, as enough heads have it; half of the others that of a band beside."""
    surrogate = drawn.surrogate(_faces())
    known = drawn._stored.codes.attributes

    def firsts(gender: str, age: str) -> Counter[str]:
        label = {"gender": gender, "age": age}
        drawn_first = (drawn.head(surrogate, label, seed=seed)[0][0] for seed in range(60))
        return Counter(known[row].get("age", "") for row in drawn_first)

    for age, ages in (
        (0.2, ("young", "middle")),
        (1.4, ("middle", "young", "senior")),
        (1.8, ("senior", "middle")),
    ):
        assert drawn._head_ages(age) == ages
    for gender in ("female", "male"):
        assert set(firsts(gender, "young")) == {"young"}
        middle = firsts(gender, "middle")
        assert set(middle) >= {"middle", "young"}  # no woman over 60 has skin of this tone
        assert 20 <= middle["middle"] <= 40
        assert set(firsts(gender, "senior")) <= {"middle", "senior"}
    assert 20 <= firsts("male", "senior")["senior"] <= 40
    # Where nobody's age is known anybody may be the first.
    few = replace(drawn._stored.codes, attributes=[{} for _ in known])
    without = GeneratorSurrogate(replace(drawn._stored, codes=few), otherwise=mean_shape())
    assert len(without.head(surrogate, {"age": "senior"}, seed=0)) == 3


def test_weights_without_ages_draw_no_age(drawn: GeneratorSurrogate) -> None:
    plain = GeneratorSurrogate(replace(drawn._stored, ageing=None), otherwise=mean_shape())
    surrogate = plain.surrogate(_faces())
    assert plain._age(surrogate, {"age": "senior"}) is None
    assert plain.draw(surrogate, {"gender": "male"}, seed=1).shape == (256, 256, 3)


def test_own_weights_take_the_place_of_the_shipped_ones(
    drawn: GeneratorSurrogate, tmp_path: Path
) -> None:
    (tmp_path / "generator.safetensors").write_bytes(weights.read("generator"))
    for path in (tmp_path, tmp_path / "generator.safetensors"):
        method = trained_method(path)
        assert isinstance(method, GeneratorSurrogate)
        assert method.version == f"weights={weights.digest('generator')}"
        assert method.draws == drawn.draws
    with pytest.raises(UsageError, match="cannot be read"):
        trained_method(tmp_path / "nowhere")
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError):
        trained_method(tmp_path / "other.safetensors")


def test_the_mean_is_drawn_as_it_is() -> None:
    method = make_method("mean")
    surrogate = method.surrogate(_faces())
    picture = method.draw(surrogate, {"gender": "female"}, seed=1)
    assert np.abs(picture / 255 - surrogate.image_01).max() <= 0.5 / 255 + 1e-6


def test_shipped_generator_is_small_and_says_where_it_comes_from() -> None:
    data = weights.read("generator")
    assert len(data) <= 16 * 2**20
    facts = read_generator(data).facts
    assert facts["steps"] > 0
    assert facts["data"]


def test_a_release_by_the_generator_holds_and_names_its_weights(
    run: Callable[..., Release],
) -> None:
    """Painted photos have no landmarks: the mean shape serves."""
    made = run(method=None, surrogate="generator")
    assert made.certificate["holds"]
    assert made.certificate["surrogate"] == "generator"
    assert made.certificate["weights"]["generator"] == weights.digest("generator")


def test_a_mean_of_no_weights_names_none(run: Callable[..., Release]) -> None:
    assert run(method=None, surrogate="mean").certificate["weights"].get("generator") is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surrogate": "photo"}, "'photo' came; one of generator, composite, mean"),
        ({"surrogate": "composite"}, "--donors DIR"),
        ({"donors": "heads"}, "uses none"),
        ({"donors": "heads", "method": PaintedLabels()}, "to the method"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(
    run: Callable[..., Release], changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        run(**{"method": None, **changes})
    assert not (tmp_path / "release").exists()


def test_an_expression_that_cannot_be_drawn_is_refused_with_the_list(
    run: Callable[..., Release], photos: Path, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("subject,expression\nName0 Family,angry\nName1 Family,happy\n")
    with pytest.raises(UsageError, match=r"'angry' came.*only neutral, happy, sad.*--set"):
        run(method=PaintedLabels(), labels=table)
    assert not (tmp_path / "release").exists()
    made = run(method=PaintedLabels(), labels=table, set_labels={"expression": "neutral"})
    assert made.certificate["holds"]
    assert photos.exists()


def test_what_is_lent_all_its_detail_is_not_refined(
    drawn: GeneratorSurrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refiner makes up what nobody lends: without the layers of faces it is asked, with them not."""
    surrogate = drawn.surrogate(_faces())
    label = {"gender": "female", "expression": "neutral"}
    with_detail = drawn.draw(surrogate, label, seed=3)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the refiner was asked")

    monkeypatch.setattr(drawn._stored.generator.refiner, "forward", refused)
    assert np.array_equal(drawn.draw(surrogate, label, seed=3), with_detail)
    bare = GeneratorSurrogate(replace(drawn._stored, face=None), otherwise=mean_shape())
    with pytest.raises(AssertionError, match="was asked"):
        bare.draw(surrogate, label, seed=3)


def test_a_smile_has_the_detail_of_smiles(drawn: GeneratorSurrogate) -> None:
    faces = drawn._stored.face
    assert faces is not None
    assert set(faces.layers) == {
        (gender, category)
        for gender in ("female", "male")
        for category in drawn.draws["expression"]
    }
    happy, neutral = (faces.draw("female", c, 0) for c in ("happy", "neutral"))
    assert np.abs(happy - neutral).max() > 0.2


def _beside_eyes(picture_u8: np.ndarray, points: FloatArray) -> FloatArray:
    """(R, C) logarithm of light on both sides of a face, from its brows to its eyes, outwards."""
    logs = np.log(picture_u8.mean(2) / 255 + 0.03)
    rows = slice(int(brow_line(points)), int(points[33, 1]) + 4)
    aside = across(points, np.arange(256, dtype=np.float32))
    first = int(np.argmax(aside > 0.7))
    found: FloatArray = np.concatenate(
        [logs[rows, first : first + 20], logs[rows, ::-1][:, first : first + 20]]
    )
    return found


def test_hair_beside_a_face_ends_and_temples_are_clear(
    drawn: GeneratorSurrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    surrogate = drawn.surrogate(_faces())
    seen: dict[str, list[FloatArray]] = {}
    for how in ("as it is", "fog", "smoke"):
        with monkeypatch.context() as changed:
            if how == "fog":
                changed.setattr(
                    "kssgan.deidentification.methods.parted", lambda smooth_01, *_: smooth_01
                )
            if how == "smoke":
                changed.setattr(
                    "kssgan.surrogate.even_skin.cleared", lambda small, *_: np.zeros_like(small)
                )
            pictures = [drawn.draw(surrogate, {"gender": "female"}, seed=s) for s in range(12)]
        seen[how] = [_beside_eyes(picture, surrogate.points) for picture in pictures]

    def steepest(found: list[FloatArray]) -> FloatArray:
        return np.array([np.abs(x[:, 4:] - x[:, :-4]).max(1).mean() for x in found], np.float32)

    # Of most: what comes near to somebody trained on in one way alone is drawn again, with another head.
    assert np.median(steepest(seen["as it is"]) / steepest(seen["fog"])) > 1.03
    assert np.mean(seen["as it is"]) > np.mean(seen["smoke"]) + 0.03
