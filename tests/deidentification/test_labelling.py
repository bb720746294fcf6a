"""Labels read off faces: the user's own win, nothing unknown gets through, and a probe refuses nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.deidentification import Release
from kssgan.deidentification.labelling import AUTO, Labelled, LabelSource, label_photos
from kssgan.deidentification.look import Seen
from kssgan.deidentification.plan import _filled
from kssgan.errors import UsageError
from kssgan.grouping.attributes import KNOWN
from kssgan.grouping.labels import LabelScheme
from kssgan.grouping.subjects import Subjects
from kssgan.testing.fakes import EXPRESSIONS, PaintedAnalyser, PaintedLabels

Run = Callable[..., Release]
DRAWS = {"expression": ("neutral", "happy")}
NOBODY = np.zeros(2, np.float32)


def _label(
    own: list[dict[str, str]],
    read: list[dict[str, str]],
    who: list[int],
    *,
    draws: Mapping[str, tuple[str, ...]] = DRAWS,
    auto: tuple[str, ...] = AUTO,
) -> Labelled:
    photos = [Seen(str(i), str(i), NOBODY, attributes) for i, attributes in enumerate(read)]
    names = tuple(map(str, range(max(who) + 1)))
    people = Subjects(
        names, np.array(who), np.zeros((0, 2), np.int64), 0, len(names), "declared"
    )
    return label_photos(photos, people, own, LabelScheme.of(own), draws, auto)


def _words(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*KNOWN[name].categories[:3], ""])


LABELS = st.fixed_dictionaries({name: _words(name) for name in KNOWN}).map(
    lambda label: {name: value for name, value in label.items() if value}
)
READ = st.fixed_dictionaries(
    {name: st.sampled_from([*KNOWN[name].categories, "grimace", ""]) for name in KNOWN}
).map(lambda label: {name: value for name, value in label.items() if value})


@given(data=st.data())
def test_a_users_label_always_wins(data: st.DataObject) -> None:
    who = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=8))
    who = [sorted(set(who)).index(w) for w in who]
    own = data.draw(st.lists(LABELS, min_size=len(who), max_size=len(who)))
    read = data.draw(st.lists(READ, min_size=len(who), max_size=len(who)))
    auto = data.draw(st.sampled_from([AUTO, ("gender",), ()]))
    before = [dict(label) for label in own]
    found = _label(own, read, who, auto=auto)
    assert own == before
    for row, value in enumerate(found.values):
        for name, category in value.items():
            assert category in KNOWN[name].categories
            if name in own[row]:
                assert category == own[row][name]
                continue
            fellows = [r for r in range(len(who)) if who[r] == who[row]]
            told = {own[r][name] for r in fellows if name in own[r]}
            if KNOWN[name].scope == "subject" and told:
                assert category in told
                continue
            assert name in auto
            assert category in {read[r].get(name) for r in fellows}
            if name == "expression":
                assert category == read[row]["expression"]
                assert category in DRAWS["expression"]
        assert own[row].keys() <= value.keys()
    for name, source in found.sources.items():
        assert source.total == (len(who) if source.of == "photos" else max(who) + 1)
        assert source.probes == 0 or name in auto


def test_photos_of_a_person_vote_and_may_be_undecided() -> None:
    read = [{"gender": g} for g in ("male", "male", "female", "female", "male")]
    found = _label([{}] * 5, read, [0, 0, 0, 1, 1])
    assert [value.get("gender") for value in found.values] == ["male"] * 3 + [None] * 2
    assert found.sources == {"gender": LabelSource("people", 0, 1, 1)}


def test_one_label_of_a_person_is_for_all_photos_of_the_person() -> None:
    read = [{"gender": "male", "age": "senior"}] * 3
    found = _label([{}, {"gender": "female"}, {}], read, [0, 0, 1])
    assert [value["gender"] for value in found.values] == ["female", "female", "male"]
    assert found.sources["gender"] == LabelSource("people", 1, 1, 0)
    assert found.sources["age"] == LabelSource("people", 0, 2, 0)


def test_only_what_is_in_use_is_read() -> None:
    read = [{"expression": "happy", "gender": "male", "diagnosis": "x"}]
    assert _label([{}], read, [0], draws={}).values == ({"gender": "male"},)
    assert _label([{}], read, [0], auto=("expression",)).values == ({"expression": "happy"},)
    nothing = _label([{}], read, [0], auto=())
    assert nothing.values == ({},)
    assert nothing.sources == {}
    assert nothing.words() == ""


def test_groups_are_formed_inside_what_is_known_of_nearly_everybody() -> None:
    def within(people: int, gender: int, age: int) -> tuple[str, ...]:
        who = list(range(people))
        read = [{"gender": "male", "age": "young"} if i < gender else {} for i in who]
        own = [{"age": "young"} if i < age else {} for i in who]
        return _label(own, read, who).usual_within()

    assert within(20, 20, 0) == ("gender",)  # a probe's age band is not sure enough
    assert within(20, 18, 20) == ("gender", "age")
    assert within(20, 17, 17) == ()


def test_the_nearest_face_fills_in() -> None:
    faces = np.array([[0, 0], [1, 0], [5, 5], [0.6, 0], [4, 4]], np.float32)
    column = ["female", "male", "male", "unknown", "unknown"]
    assert _filled(column, faces) == ["female", "male", "male", "male", "male"]
    # Between two at the same distance the word decides, not the order of rows.
    middle = np.array([[0, 0], [1, 0], [0.5, 0]], np.float32)
    for turned in (["male", "female", "unknown"], ["female", "male", "unknown"]):
        assert _filled(turned, middle)[2] == "female"
    assert _filled(["unknown"] * 2, middle[:2]) == ["unknown"] * 2


# Whole runs, on nine painted people with one to three photos.


def _person(path: Path) -> int:
    return int(path.parent.name.removeprefix("Name").split()[0])


def _reads(path: Path) -> dict[str, str]:
    return {
        "expression": EXPRESSIONS[int(path.stem[-1]) % 2],
        "gender": ("female", "male")[_person(path) % 2],
        "age": "young",
    }


def _manifest(release: Release) -> list[dict[str, str]]:
    return list(csv.DictReader((release.path / "manifest.csv").read_text().splitlines()))


def _table(path: Path, rows: list[tuple[str, ...]]) -> Path:
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


def test_without_a_table_faces_are_read(run: Run) -> None:
    analyser = PaintedAnalyser(reads=_reads)
    release = run(analyser=analyser, method=PaintedLabels())
    rows = _manifest(release)
    assert list(rows[0]) == ["file", "expression", "gender", "age"]
    assert {row["gender"] for row in rows} == {"female", "male"}
    assert {row["age"] for row in rows} == {"young"}
    assert release.certificate["labels"] == {
        "expression": {"of": "photos", "user": 0, "probes": 18, "unknown": 0},
        "gender": {"of": "people", "user": 0, "probes": 9, "unknown": 0},
        "age": {"of": "people", "user": 0, "probes": 9, "unknown": 0},
    }
    assert any("read off the faces" in sentence for sentence in release.words)
    assert release.certificate["holds"] is True


def test_groups_are_of_one_gender_by_default(run: Run, tmp_path: Path) -> None:
    def mixed(release: Release) -> int:
        assert release.map_path is not None
        with release.map_path.open(newline="") as file:
            people = {row["released"]: row["subject"] for row in csv.DictReader(file)}
        by_picture: dict[bytes, set[int]] = {}
        for name, subject in people.items():
            data = (release.path / name).read_bytes()
            by_picture.setdefault(data, set()).add(_person(Path(subject) / "x") % 2)
        return sum(len(genders) > 1 for genders in by_picture.values())

    asked: dict[str, Any] = {"analyser": PaintedAnalyser(reads=_reads)}
    assert mixed(run(**asked)) == 0
    free = run(
        **asked, within=(), out=tmp_path / "free", map_path=tmp_path / "free.csv", seed=1
    )
    assert mixed(free) > 0


def test_a_part_that_is_too_small_joins(run: Run) -> None:
    def reads(path: Path) -> dict[str, str]:
        return {"gender": "male" if _person(path) < 1 else "female"}

    release = run(analyser=PaintedAnalyser(reads=reads))
    assert release.certificate["k_measured"] >= 3
    assert {row["gender"] for row in _manifest(release)} == {"female"}


def test_a_table_goes_before_and_none_turns_reading_off(
    run: Run, tmp_path: Path, photos: Path
) -> None:
    names = sorted(p.name for p in photos.iterdir())
    table = _table(
        tmp_path / "t.csv", [("subject", "gender"), *[(name, "male") for name in names[:8]]]
    )
    asked: dict[str, Any] = {"analyser": PaintedAnalyser(reads=_reads), "labels": table}
    release = run(**asked)
    assert release.certificate["labels"]["gender"] == {
        "of": "people",
        "user": 8,
        "probes": 1,
        "unknown": 0,
    }
    assert {row["gender"] for row in _manifest(release)} == {"male"}
    alone = run(**asked, auto_labels=(), out=tmp_path / "r2", map_path=tmp_path / "m2.csv")
    assert list(_manifest(alone)[0]) == ["file", "gender"]
    assert alone.certificate["labels"] == {
        "gender": {"of": "people", "user": 8, "probes": 0, "unknown": 1}
    }


def test_set_overrides_what_is_read(run: Run) -> None:
    release = run(
        analyser=PaintedAnalyser(reads=_reads),
        method=PaintedLabels(),
        set_labels={"expression": "sad"},
    )
    assert {row["expression"] for row in _manifest(release)} == {"sad"}
    assert release.certificate["labels"]["expression"]["probes"] == 0


@pytest.mark.parametrize("read", ["angry", "grimace", "unknown", ""])
def test_what_cannot_be_drawn_is_no_label_and_no_refusal(run: Run, read: str) -> None:
    release = run(
        analyser=PaintedAnalyser(reads=lambda _: {"expression": read, "gender": read}),
        method=PaintedLabels(),
    )
    assert list(_manifest(release)[0]) == ["file"]
    assert release.certificate["labels"] == {}


def test_a_users_label_that_cannot_be_drawn_is_refused_with_the_list(
    run: Run, tmp_path: Path, photos: Path
) -> None:
    name = sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png"))[0]
    table = _table(tmp_path / "t.csv", [("file", "expression"), (name, "angry")])
    with pytest.raises(UsageError, match=r"'angry' came.*draws only neutral, happy, sad"):
        run(labels=table, method=PaintedLabels(), analyser=PaintedAnalyser(reads=_reads))
    assert not (tmp_path / "release").exists()


def test_a_kept_cache_remembers_what_was_read(run: Run, tmp_path: Path) -> None:
    first = run(analyser=PaintedAnalyser(reads=_reads), cache=tmp_path / "cache")
    again = PaintedAnalyser(reads=_reads)
    second = run(
        analyser=again,
        cache=tmp_path / "cache",
        out=tmp_path / "r2",
        map_path=tmp_path / "m2.csv",
    )
    assert again.looked_at == 0
    assert second.certificate["labels"] == first.certificate["labels"] != {}


def test_an_analyser_without_probes_gives_no_labels(run: Run) -> None:
    release = run()
    assert list(_manifest(release)[0]) == ["file"]
    assert release.certificate["labels"] == {}


@pytest.mark.parametrize("seed", range(6))
def test_the_promise_holds_whatever_is_read(run: Run, seed: int) -> None:
    """Probes that roll dice: cells keep k people, and a label stays a function of the picture."""

    def reads(path: Path) -> dict[str, str]:
        rng = np.random.default_rng([seed, _person(path), int(path.stem[-1])])
        return {
            "expression": str(rng.choice(["neutral", "happy", "sad", "angry", "grimace"])),
            "gender": str(rng.choice(["female", "male", "both", ""])),
            "age": str(rng.choice(["young", "middle", "senior", "107"])),
        }

    release = run(analyser=PaintedAnalyser(reads=reads), method=PaintedLabels(), seed=seed)
    assert release.certificate["k_measured"] >= 3
    assert release.certificate["max_share"] <= 1 / 3
    labels: dict[bytes, set[tuple[str, ...]]] = {}
    for row in _manifest(release):
        data = (release.path / row.pop("file")).read_bytes()
        labels.setdefault(data, set()).add(tuple(row.values()))
        for name, category in row.items():
            assert category in {*KNOWN[name].categories, "unknown"}
    assert all(len(of) == 1 for of in labels.values())


@pytest.mark.parametrize("auto", ["gender", ("diagnosis",)])
def test_other_attributes_cannot_be_asked_for(run: Run, auto: Any) -> None:
    with pytest.raises(UsageError, match="expression, gender, age"):
        run(auto_labels=auto)
