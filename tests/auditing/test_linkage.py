"""What labels and order give away, by hand and on releases made by hand."""

from __future__ import annotations

import pytest

from kssgan.auditing._tables import Manifest
from kssgan.auditing.linkage import label_linkage, order_linkage

PEOPLE = {"x": ["a", "b", "c"], "y": ["d", "e", "f"], "z": ["g", "h", "i", "j"]}
DIGESTS = {f"{sha}{n}": sha for sha, people in PEOPLE.items() for n in range(len(people))}


def _manifest(labels: dict[str, tuple[str, ...]]) -> Manifest:
    return Manifest(("gender", "age"), {file: labels[sha] for file, sha in DIGESTS.items()})


def test_people_of_one_label_hide_among_each_other() -> None:
    labels = {"x": ("f", "adult"), "y": ("f", "adult"), "z": ("m", "adult")}
    found = label_linkage(PEOPLE, _manifest(labels), DIGESTS)
    # Six people share one combination, four the other.
    assert found["label_combinations"] == 2
    assert found["fewest_people_with_one"] == 4
    assert found["expected_people"] == pytest.approx((6 * 6 + 4 * 4) / 10)
    assert found["named_by_labels"] == pytest.approx(2 / 10)
    assert found["fewest_people_by_gender"] == 4
    assert found["fewest_people_by_age"] == 10


def test_labels_never_go_below_a_picture() -> None:
    labels = {"x": ("f", "a"), "y": ("f", "b"), "z": ("m", "c")}  # every picture its own
    found = label_linkage(PEOPLE, _manifest(labels), DIGESTS)
    assert found["fewest_people_with_one"] == 3
    assert found["named_by_labels"] == pytest.approx(3 / 10)


def test_a_person_behind_two_labels_is_found_by_the_rarer() -> None:
    people = {"x": ["a", "b"], "y": ["a", "b", "c", "d"]}
    digests = {"1": "x", "2": "x", "3": "y", "4": "y", "5": "y", "6": "y"}
    manifest = Manifest(
        ("expression",), {f: ({"x": "happy", "y": "sad"}[d],) for f, d in digests.items()}
    )
    found = label_linkage(people, manifest, digests)
    assert found["expected_people"] == pytest.approx((2 + 2 + 4 + 4) / 4)


def test_without_a_manifest_everybody_is_alike() -> None:
    found = label_linkage(PEOPLE, None, DIGESTS)
    assert found["fewest_people_with_one"] == found["people"] == 10
    assert label_linkage({}, None, {}) == {}


def test_order_by_hand() -> None:
    pairs = [(f"{n}.jpg", f"p{n}", f"r{n}") for n in range(4)]
    same = order_linkage(pairs, {"names": ["r0", "r1", "r2", "r3"]})
    assert same["matched_by_order"] == 1.0
    assert same["matched_by_chance"] == 0.25
    assert order_linkage(pairs, {"names": ["r3", "r2", "r1", "r0"]})["matched_by_order"] == 1.0
    half = order_linkage(
        pairs, {"names": ["r0", "r2", "r1", "r3"], "list": ["r1", "r0", "r3", "r2"]}
    )
    assert half == {"orders_tried": 4, "matched_by_order": 0.5, "matched_by_chance": 0.25}
    assert order_linkage([], {"names": []}) == {}


def test_a_good_release_has_figures_of_every_kind_of_linkage(made) -> None:
    for group in range(3):
        numbers = range(3 * group, 3 * group + 3)
        made.columns = ("gender",)
        made.group(made.people(numbers), label=("female" if group else "male",))
    found = made.audit().figures["linkage"]
    assert found["fewest_people_with_one"] == 3
    assert found["expected_people"] == pytest.approx((3 * 3 + 6 * 6) / 9)
    assert found["kinds_of_metadata"] == 0
    assert found["different_times"] == 1
    assert found["orders_tried"] == 4  # names and manifest, both ways
    assert found["matched_by_order"] < 0.8


def test_a_release_in_order_with_text_chunks_shows_it(made) -> None:
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Title", "x")
    names = iter(f"{n:04d}" for n in range(100))
    for group in range(4):
        numbers = range(3 * group, 3 * group + 3)
        made.group(made.people(numbers), name=lambda: next(names), pnginfo=told)
    report = made.audit()
    assert not report.holds
    assert report.figures["linkage"]["matched_by_order"] == 1.0
    assert report.figures["linkage"]["kinds_of_metadata"] == 1
