from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.errors import UsageError
from kssgan.training.config import resolve
from kssgan.training.gallery_config import GalleryConfig
from kssgan.tuning.declared import GALLERY_SPACE, fitting
from kssgan.tuning.space import Choice, Range, Space
from kssgan.tuning.space_file import changed_space, read_space

LABELS = {"expression": ("neutral", "happy"), "gender": ("female", "male")}


@given(st.lists(st.floats(0, 1), min_size=13, max_size=13))
def test_every_place_is_an_allowed_value_and_back(places: list[float]) -> None:
    values = GALLERY_SPACE.at(places)
    GALLERY_SPACE.check(values)
    again = GALLERY_SPACE.at(GALLERY_SPACE.places(values))
    for name, value in values.items():
        if isinstance(value, float):
            assert again[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
        else:
            assert again[name] == value


def test_scales_spread_values_as_they_say() -> None:
    places = np.linspace(0, 1, 1001)[:-1] + 0.0005
    log = [Range(1e-4, 1.0, "log").at(p) for p in places]
    assert np.median(log) == pytest.approx(1e-2, rel=0.02)
    complement = [1 - float(Range(0.9, 0.9999, "complement").at(p)) for p in places]
    assert np.median(complement) == pytest.approx(np.sqrt(0.1 * 1e-4), rel=0.02)
    whole = [Range(1, 4, whole=True).at(p) for p in places]
    assert all(240 <= whole.count(n) <= 260 for n in (1, 2, 3, 4))
    words = [Choice(("a", "b")).at(p) for p in places]
    assert words.count("a") == 500


def test_the_declared_space_is_of_options_that_exist_and_may_have_these_values() -> None:
    for preset in ("paper", "stargan"):
        base = resolve(preset)
        assert isinstance(base, GalleryConfig)
        for end in (0.0, 0.5, 1.0):
            values = GALLERY_SPACE.at([end] * len(GALLERY_SPACE.parameters))
            options = {k: v for k, v in values.items() if k != "attributes"}
            GalleryConfig.from_json(base.to_json() | options)
        space = fitting(GALLERY_SPACE, LABELS, siamese=preset == "paper")
        names = space.parameters.keys() - {"attributes"}
        space.check({name: getattr(base, name) for name in names} | {"attributes": "all"})
    assert all(known.unit for known in GALLERY_SPACE.parameters.values())


def test_what_is_not_allowed_is_refused_with_what_is() -> None:
    space = Space({"rate": Range(1e-5, 1e-2, "log", unit="Adam's"), "kind": Choice(("a", "b"))})
    with pytest.raises(UsageError) as told:
        space.check({"rate": 0.5, "kind": "c", "more": 1})
    message = str(told.value)
    assert "rate is 0.5, a number from 1e-05 to 0.01 (Adam's) was wanted" in message
    assert "kind is 'c', one of a, b was wanted" in message
    assert "no parameter 'more'" in message
    for value in (True, "1e-3", None, float("nan")):
        with pytest.raises(UsageError):
            space.check({"rate": value, "kind": "a"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Range(2, 1),
        lambda: Range(0, 1, "log"),
        lambda: Range(0.5, 1.0, "complement"),
        lambda: Range(0.5, 3, whole=True),
        lambda: Range(0, float("inf")),
        lambda: Choice(("a",)),
        lambda: Choice(("a", "a")),
    ],
)
def test_ranges_that_cannot_be(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


def test_a_file_overrides_and_tells_all_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        'beta1 = false\nrate = {low = 1e-4}\ngrouping = {options = ["mdav", "x"]}\n'
    )
    space = read_space(file, GALLERY_SPACE)
    assert "beta1" not in space.parameters
    assert space.parameters["rate"] == Range(
        1e-4, 3e-3, "log", unit=GALLERY_SPACE.parameters["rate"].unit
    )
    assert space.parameters["grouping"].at(0.9) == "x"
    file.write_text(
        'rat = {low = 1}\nrate = {lo = 1}\nbeta1 = {high = "x"}\nbeta2 = {high = 2}\n'
    )
    with pytest.raises(UsageError) as told:
        read_space(file, GALLERY_SPACE)
    for word in ("no parameter 'rat'", "no 'lo'", "beta1: high = 'x'", "numbers below 1"):
        assert word in str(told.value)
    file.write_text("rate =")
    with pytest.raises(UsageError, match="no TOML"):
        read_space(file, GALLERY_SPACE)
    with pytest.raises(UsageError, match="cannot be read"):
        read_space(tmp_path / "none", GALLERY_SPACE)
    with pytest.raises(UsageError, match="nothing is left"):
        changed_space(Space({"x": Range(0, 1)}), {"x": False})


def test_what_makes_no_difference_is_left_out() -> None:
    assert fitting(GALLERY_SPACE, LABELS, siamese=True).parameters == GALLERY_SPACE.parameters
    one = fitting(GALLERY_SPACE, {"expression": ("a", "b"), "gender": ("f",)}, siamese=True)
    assert one.parameters["attributes"] == Choice(("all", "expression"), "labels G is told")
    none = fitting(GALLERY_SPACE, {}, siamese=False).parameters
    assert GALLERY_SPACE.parameters.keys() - none.keys() == {
        "attributes",
        "margin",
        "lambda_released",
    }
