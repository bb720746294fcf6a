"""Random collections of painted people, with everything that makes a collection difficult."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from PIL import Image

import kssgan
from kssgan.errors import TooFewPeople
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import EXPRESSIONS, PaintedAnalyser, PaintedLabels, paint_photo

from ._checker import Case, Truth, stems

AWAY = 0.75 * LOOK_ALIKE
SURNAMES = (
    "Wintermantel",
    "Ó Súilleabháin",
    "van der Quast, jr",
    'Holl"under',
    "=Lindqvist",
    "Zażółć",
    "Mbeki & Tyrrell",
    "Yağmuroğlu",
    "Kowalczyk\nVorname",
    "Petrosyan'",
)
REASONS = ("no_face", "several_faces", "face_too_small")


@dataclass(frozen=True)
class Photo:
    """One photo: ``kind`` as in ``paint_photo``, or "broken" for a file that is no picture."""

    kind: str = "face"
    expression: str = ""
    declared: bool = True


@dataclass(frozen=True)
class Person:
    """``like``: None, or "look-alike" or "copy" of the person before."""

    photos: tuple[Photo, ...] = (Photo(),)
    gender: str = ""
    age: str = ""
    like: str | None = None


@dataclass(frozen=True)
class Collection:
    """People, junk beside their photos, and how the program is asked."""

    people: tuple[Person, ...]
    subjects: str = "folder"
    k: int = 3
    grouping: str = "mdav"
    seed: int = 0
    draws: bool = False
    within: tuple[str, ...] = ("gender", "age")
    forced: str | None = None
    junk: int = 0


PHOTO = st.builds(
    Photo,
    kind=st.sampled_from(["face"] * 12 + [*REASONS, "broken"]),
    expression=st.sampled_from([*EXPRESSIONS, "neutral", ""]),
    declared=st.sampled_from([True] * 12 + [False]),
)
PERSON = st.builds(
    Person,
    photos=st.lists(PHOTO, min_size=1, max_size=3).map(tuple),
    gender=st.sampled_from(["female", "male", ""]),
    age=st.sampled_from(["young", "senior", ""]),
    like=st.sampled_from([None] * 7 + ["look-alike", "copy"]),
)


def collections(**fixed: Any) -> st.SearchStrategy[Collection]:
    """Collections in which everything is random but what is given."""
    parts: dict[str, st.SearchStrategy[Any]] = {
        "people": st.lists(PERSON, min_size=5, max_size=9).map(tuple),
        "subjects": st.sampled_from(["folder", "file", "csv", "auto"]),
        "k": st.integers(2, 4),
        "grouping": st.sampled_from(["mdav", "k-same"]),
        "seed": st.integers(0, 5),
        "draws": st.booleans(),
        "within": st.sampled_from([("gender", "age"), ("gender",), ()]),
        "forced": st.sampled_from([None, None, "sad"]),
        "junk": st.integers(0, 3),
    }
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(Collection, **parts)


# Nobody looks like anybody: always enough people for k = 3.
PLAIN = Collection(
    tuple(
        Person(
            tuple(Photo(expression=EXPRESSIONS[(i + s) % 2]) for s in range(1 + i % 3)),
            gender=("female", "male")[i % 2],
        )
        for i in range(7)
    ),
    draws=True,
)


@dataclass(frozen=True)
class Naming:
    """How files are called: everything in another order, every photo as often as ``times`` says."""

    turned: bool = False
    times: int = 1


def paint(collection: Collection, folder: Path, naming: Naming = Naming()) -> Truth:
    """Write the photos, ``labels.csv`` and ``subjects.csv`` into ``folder``; returns what is true."""
    human: dict[str, int] = {}
    labels: dict[str, dict[str, str]] = {}
    usable: set[str] = set()
    words: set[str] = {"sarcoidosis"}
    table: list[tuple[str, ...]] = []
    before: str | None = None
    count = len(collection.people)
    for number, person in enumerate(collection.people):
        # No chains: nobody looks like somebody who looks like somebody else.
        like = person.like if number and before is None else None
        before = like
        human_number = number - 1 if like else number
        place = count - number if naming.turned else number
        surname = SURNAMES[place % len(SURNAMES)]
        who = f"{surname} {'Ynez' if naming.turned else 'Xaver'}{place}"
        words |= {surname.split("\n")[0].strip("='"), f"Xaver{place}", f"Ynez{place}"}
        for shot, photo in enumerate(person.photos):
            # Somebody is always declared; nobody at all would be an error of the table.
            told = photo.declared or not (number or shot)
            told |= collection.subjects not in ("folder", "csv")
            for again in range(1 + (naming.times - 1) * (human_number % 2 + 1)):
                turn = 50 - shot - 10 * again if naming.turned else shot
                ending = ("jpg" if photo.kind == "broken" else "png", "PNG")[naming.turned]
                name = f"{who}/Aufnahme {turn}.{ending}"
                if collection.subjects in ("file", "auto", "csv") and number % 3 == 1:
                    name = f"Aufnahme, {who.replace(chr(10), ' ')} {turn}.{ending}"
                if collection.subjects == "folder" and not told:
                    name = f"Aufnahme ohne {place} {turn}.{ending}"
                _paint_one(folder / name, photo, number, shot, like)
                human[name] = human_number
                known = {"gender": person.gender, "age": person.age}
                known["expression"] = photo.expression
                labels[name] = {key: value for key, value in known.items() if value}
                if photo.kind == "face" and told:
                    usable.add(name)
                table.append((name, who if told else "", *known.values(), "sarcoidosis"))
    ignored = _junk(folder, collection.junk)
    if naming.turned:
        table.reverse()
    _table(
        folder / "labels.csv",
        ("file", "gender", "age", "expression", "diagnosis"),
        table,
        (0, 2, 3, 4, 5),
    )
    _table(
        folder / "subjects.csv", ("file", "subject"), [row for row in table if row[1]], (0, 1)
    )
    if collection.forced and collection.draws:
        labels = {
            name: {**own, "expression": collection.forced} for name, own in labels.items()
        }
    found = tuple(sorted(words | set(stems(human))))
    return Truth(human, labels, found, frozenset(usable), ignored + 2)


def _paint_one(path: Path, photo: Photo, number: int, shot: int, like: str | None) -> None:
    kind: Any = photo.kind
    if kind == "broken":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"no picture at all {number} {shot}")
    elif like == "copy":
        # The same pictures, saved again at another size.
        paint_photo(path, number - 1, shot, kind=kind, size=(16, 128)[shot % 2])
    elif like == "look-alike":
        paint_photo(path, number, shot, like=number - 1, away=AWAY, kind=kind)
    else:
        paint_photo(path, number, shot, kind=kind)
    os.utime(path, (1234567890 + number, 1234567890 + 7 * shot))


def _junk(folder: Path, count: int) -> int:
    names = (".DS_Store", ".Wintermantel/secret.png", "Befund Wintermantel.pdf")[:count]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            Image.new("RGB", (8, 8)).save(path)
        else:
            path.write_bytes(b"junk")
    return len(names)


def _table(
    path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], columns: tuple[int, ...]
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([row[c] for c in columns] for row in rows)


def asked(collection: Collection, folder: Path) -> dict[str, Any]:
    """Arguments of ``kssgan.deidentify`` beside places."""
    how = folder / "subjects.csv" if collection.subjects == "csv" else collection.subjects
    known = any(
        p.gender or p.age or any(f.expression for f in p.photos) for p in collection.people
    )
    forced = (
        {"expression": collection.forced} if collection.forced and collection.draws else None
    )
    return {
        "k": collection.k,
        "subjects": how,
        "labels": folder / "labels.csv" if known else None,
        "set_labels": forced,
        "seed": collection.seed,
        "grouping": collection.grouping,
        "within": collection.within,
        "allow_small_k": True,
        "method": PaintedLabels() if collection.draws else MeanSurrogate(),
        "analyser": PaintedAnalyser(),
    }


def release(
    collection: Collection,
    home: Path,
    *,
    name: str = "release",
    photos: str = "photos",
    truth: Truth | None = None,
    **changes: Any,
) -> Case | None:
    """Run the real thing; None where there are rightly too few people, and then nothing is left.

    Args:
        collection: painted into ``home/photos`` unless ``truth`` says it was.
        home: an empty folder, or the same again.
        name: of the release.
        photos: folder of the photos.
        truth: of photos that are painted already.
        changes: other arguments for ``kssgan.deidentify``.
    """
    folder = home / photos
    truth = paint(collection, folder) if truth is None else truth
    there = {path.name for path in home.iterdir()}
    options = {**asked(collection, folder), **changes}
    table = home / f"{name}.map.csv"
    try:
        made = kssgan.deidentify(
            folder, out=home / name, map_path=table, cache=home / "cache", **options
        )
    except TooFewPeople:
        assert {path.name for path in home.iterdir()} - {"cache"} == there - {"cache"}
        humans = {truth.human[photo] for photo in truth.usable}
        assert len(humans) < 6 * collection.k, "enough people for any look-alikes of ours"
        return None
    assert made.certificate["holds"] is True
    drawn: Mapping[str, tuple[str, ...]] = (
        {"expression": EXPRESSIONS} if collection.draws else {}
    )
    forced = options["set_labels"] or {}
    return Case(home / name, folder, table, collection.k, truth, drawn, forced)
