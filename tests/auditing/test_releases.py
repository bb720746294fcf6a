"""Rule 6 judged on hand-made histories: what the ledger says, against files and map, and all together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from kssgan.auditing import AuditReport
from kssgan.auditing.intersection import groups_of, intersect
from kssgan.auditing.releases import KnownRelease, Releases


def six(report: AuditReport) -> str:
    return "\n".join(p.sentence for p in report.problems if p.rule == 6)


def person(name: str) -> int | None:
    """``P-007x`` is person 7."""
    return int(name[2:5]) if name.startswith("P-") else None


def digest(root: Path) -> str:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in sorted(root.rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def known(made: Any) -> KnownRelease:
    """The release at hand as a good ledger remembers it."""
    made.finish()
    pictures: dict[str, set[int | None]] = {}
    for _, subject, released, _ in made.rows:
        if released:
            sha = hashlib.sha256((made.release / released).read_bytes()).hexdigest()
            pictures.setdefault(sha, set()).add(person(subject))
    return KnownRelease(
        digest(made.release),
        {sha: frozenset(p for p in who if p is not None) for sha, who in pictures.items()},
    )


def before(*groups: range | tuple[int, ...], first: int = 0) -> KnownRelease:
    """Another release, of which there is the record alone."""
    pictures = {f"{first + n:064x}": frozenset(group) for n, group in enumerate(groups)}
    return KnownRelease("0" * 64, pictures)


def test_a_release_of_the_ledger(good: Any) -> None:
    report = good.audit(k=3, releases=Releases(3, [known(good)], person))
    assert report.holds, six(report)
    assert report.k_over_time == 3
    assert report.figures["releases"]["this_release"] == 1
    assert "Over all releases of the ledger it is at least 3" in report.statement
    assert report.to_json()["k_over_time"] == 3
    assert "k over all releases of the ledger" in report.table()


def test_groups_that_come_and_go_whole(good: Any) -> None:
    mine = known(good)
    shas = list(mine.pictures)
    older = KnownRelease("0" * 64, {sha: mine.pictures[sha] for sha in shas[:2]})
    report = good.audit(k=3, releases=Releases(3, [older, mine, older], person))
    assert report.holds, six(report)
    assert report.k_over_time == 3
    assert report.figures["releases"]["people_in_several_releases"] == 6
    assert report.figures["releases"]["identified_by_intersection"] == 0


def test_a_release_that_was_never_entered(good: Any) -> None:
    report = good.audit(k=3, releases=Releases(3, [before(range(9))], person))
    assert not report.holds
    assert "none of the 1 of the ledger" in six(report)


def test_a_release_that_was_changed_since(good: Any) -> None:
    releases = Releases(3, [known(good)], person)
    (good.release / "note.txt").write_text("hello")
    assert "changed, added or removed" in six(good.audit(k=3, releases=releases))


def test_a_map_that_names_other_people(good: Any) -> None:
    mine = known(good)
    shas = list(mine.pictures)
    swapped = {shas[0]: mine.pictures[shas[1]], shas[1]: mine.pictures[shas[0]]}
    other = KnownRelease(mine.digest, {**mine.pictures, **swapped})
    report = good.audit(k=3, releases=Releases(3, [other], person))
    assert "other people behind 2 pictures" in six(report)


def test_a_map_of_strangers(good: Any) -> None:
    report = good.audit(k=3, releases=Releases(3, [known(good)], lambda name: None))
    assert "whom the ledger does not know" in six(report)


def test_people_who_were_grouped_anew(good: Any) -> None:
    older = before((0, 3, 6), (1, 4, 7), (2, 5, 8))
    report = good.audit(k=3, releases=Releases(3, [older, known(good)], person))
    assert not report.holds
    assert "9 people of the ledger have been in two different groups" in six(report)
    assert "narrow somebody down to 1 people" in six(report)
    assert report.k_over_time == 1
    assert report.figures["releases"]["identified_by_intersection"] == 1


def test_a_group_without_one_of_its_people(good: Any) -> None:
    """Shown to fewer: the picture's holders differ, and the one who is absent stands out."""
    mine = known(good)
    sha, who = next(iter(mine.pictures.items()))
    older = KnownRelease("0" * 64, {**mine.pictures, sha: who | {77}})
    report = good.audit(k=3, releases=Releases(3, [older, mine], person))
    assert "1 pictures stand for other people" in six(report)
    assert report.k_over_time == 1


def test_intersection_by_hand() -> None:
    assert intersect([]).least == 0
    one = intersect([{"a": 1, "b": 1, "c": 1}])
    assert (one.targets, one.least, one.identified) == (0, 3, 0.0)
    two = intersect([{"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 1, "b": 1, "c": 2, "d": 2}])
    assert (two.targets, two.least, two.identified, two.chance) == (4, 2, 0.0, 0.5)
    # Whoever is absent is known by that alone.
    gone = intersect([{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1}])
    assert (gone.targets, gone.least) == (2, 1)


@pytest.mark.parametrize(
    ("pairs", "groups"),
    [
        ([], 0),
        ([(1, "x"), (2, "x")], 1),
        ([(1, "x"), (2, "y"), (1, "y")], 1),
        ([(1, "x"), (2, "y")], 2),
    ],
)
def test_groups_by_hand(pairs: list[tuple[int, str]], groups: int) -> None:
    assert len(set(groups_of(pairs).values())) == groups
