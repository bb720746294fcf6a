"""Rule 6: releases of one ledger, intersected in every way, never narrow anybody below k people.

Judged from the files and maps of the releases alone, by code of its own.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kssgan
from kssgan.errors import LedgerRefused, TooFewPeople
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import EXPRESSIONS, PaintedAnalyser, PaintedLabels, paint_photo

from ._collections import PLAIN, asked, paint
from ._settings import END_TO_END

Home = Callable[[], AbstractContextManager[Path]]
ROOT = Path(__file__).parents[2]

SHOTS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(EXPRESSIONS[:2])), min_size=1, max_size=3
)
# Most people are there most of the time, so that groups come back, whole or not.
COMING = (
    st.lists(st.one_of(SHOTS, SHOTS, SHOTS, st.none()), min_size=10, max_size=10)
    .map(lambda everybody: [(p, shots) for p, shots in enumerate(everybody) if shots])
    .filter(bool)
)


def _release(folder: Path, number: int, people: list[Any], **changes: Any) -> Path | None:
    """One release of these people; None where there rightly is none. Returns its map."""
    photos = folder / f"photos{number}"
    lines = ["file,expression"]
    for person, shots in people:
        for shot, label in dict(shots).items():
            paint_photo(photos / f"p{person}" / f"{shot}.png", person, shot)
            lines.append(f"p{person}/{shot}.png,{label}")
    (folder / f"labels{number}.csv").write_text("\n".join(lines) + "\n")
    table, out = folder / f"map{number}.csv", folder / f"release{number}"
    options: dict[str, Any] = {"k": 3, "subjects": "folder", "allow_small_k": True, **changes}
    try:
        made = kssgan.deidentify(
            photos,
            out=out,
            map_path=table,
            labels=folder / f"labels{number}.csv",
            cache=folder / "cache",
            analyser=PaintedAnalyser(),
            **options,
        )
    except (LedgerRefused, TooFewPeople):
        assert not out.exists()
        assert not table.exists()
        return None
    counts = made.certificate["photos"]
    assert counts["found"] == counts["ignored"] + counts["refused"] + counts["released"]
    return table


def _holders(table: Path) -> dict[str, set[str]]:
    """Who holds each picture of a release: from its files, and by the names of the photos' folders."""
    release = table.with_name(table.name.replace("map", "release").removesuffix(".csv"))
    found: dict[str, set[str]] = defaultdict(set)
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["released"]:
                data = (release / row["released"]).read_bytes()
                found[hashlib.sha256(data).hexdigest()].add(row["original"].split("/")[0])
    return dict(found)


def _groups(holders: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    """The people with whom each person is joined by shared pictures."""
    groups: list[set[str]] = []
    for who in holders.values():
        joined = [group for group in groups if group & who]
        groups = [group for group in groups if not group & who]
        groups.append(set(who).union(*joined))
    return {person: frozenset(group) for group in groups for person in group}


def _fewest(releases: list[dict[str, frozenset[str]]]) -> int:
    """Fewest people with the same course over the releases, absences included."""
    everybody = {person for release in releases for person in release}
    course = Counter(tuple(r.get(person) for r in releases) for person in everybody)
    return min(course.values())


@pytest.mark.parametrize("subjects", ["folder", "auto"])
@pytest.mark.parametrize("draws", [False, True])
def test_whoever_comes_and_goes(home: Home, subjects: str, *, draws: bool) -> None:
    seen: list[int] = []

    @END_TO_END
    @given(st.lists(COMING, min_size=2, max_size=4), st.integers(2, 4))
    def check(coming: list[list[Any]], k: int) -> None:
        with home() as folder:
            method = PaintedLabels() if draws else MeanSurrogate()
            tables = [
                _release(
                    folder,
                    number,
                    people,
                    k=k,
                    subjects=subjects,
                    method=method,
                    ledger=folder / "l",
                )
                for number, people in enumerate(coming)
            ]
            releases = [_holders(table) for table in tables if table is not None]
            seen.append(len(releases))
            if not releases:
                return
            assert _fewest([_groups(release) for release in releases]) >= k
            held: dict[str, set[str]] = {}
            for release in releases:
                assert min(map(len, release.values())) >= k
                for picture, who in release.items():
                    # Two releases with one picture are about the same people.
                    assert held.setdefault(picture, who) == who

    check()
    assert max(seen) > 1


def test_without_a_ledger_the_same_attack_finds_people(home: Home) -> None:
    """The control: else the test above would prove nothing."""
    with home() as folder:
        releases = []
        for number, people in enumerate((range(12), range(3, 15))):
            coming = [(person, [(0, "happy")]) for person in people]
            table = _release(folder, number, coming, method=MeanSurrogate())
            assert table is not None
            releases.append(_groups(_holders(table)))
        assert _fewest(releases) < 3


def test_without_a_ledger_the_closing_words_warn(home: Callable[[], Any]) -> None:
    with home() as folder:
        paint(PLAIN, folder / "photos")
        made = kssgan.deidentify(
            folder / "photos", out=folder / "release", **asked(PLAIN, folder / "photos")
        )
    (warning,) = [words for words in made.words if "ledger" in words]
    assert "Do not release these people again" in warning
    assert "two releases together can tell them apart" in warning


def test_readme_and_guarantee_say_what_the_ledger_does() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "--ledger" in readme
    guarantee = (ROOT / "docs" / "guarantee.md").read_text(encoding="utf-8")
    assert "not built yet" not in guarantee
    assert "whole or not at all" in guarantee
