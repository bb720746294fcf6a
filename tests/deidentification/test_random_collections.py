"""The promise over random collections: people, photos, names, labels, copies, look-alikes, refusals, k."""

from __future__ import annotations

import csv
import hashlib
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kssgan.deidentification import deidentify
from kssgan.errors import TooFewPeople
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.testing.fakes import EXPRESSIONS, PaintedAnalyser, PaintedVariants, paint_photo

AWAY = 0.75 * LOOK_ALIKE

PHOTO = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["face"] * 9 + ["no_face"]),
        "expression": st.sampled_from([*EXPRESSIONS, ""]),
    }
)
PERSON = st.fixed_dictionaries(
    {
        "photos": st.lists(PHOTO, min_size=1, max_size=3),
        "gender": st.sampled_from(["f", "m", ""]),
        # Most people are themselves; some look like, or are, the one before.
        "like": st.sampled_from([None] * 8 + ["look-alike", "copy"]),
    }
)


def _paint(folder: Path, people: list[dict]) -> dict[str, str]:
    """Photos in folders; returns the true human behind each declared subject."""
    rows = ["file,expression,gender"]
    human: dict[str, str] = {}
    for number, person in enumerate(people):
        name = f"subject{number}"
        # No chains: what is painted like somebody is painted like that person's own pattern.
        like = person["like"] if number and not people[number - 1]["like"] else None
        people[number] = {**person, "like": like}
        human[name] = f"subject{number - 1}" if like else name
        for shot, photo in enumerate(person["photos"]):
            path = folder / name / f"{shot}.png"
            if like == "copy":
                paint_photo(path, number - 1, 0, kind=photo["kind"], size=16)
            elif like == "look-alike":
                paint_photo(path, number, shot, like=number - 1, away=AWAY, kind=photo["kind"])
            else:
                paint_photo(path, number, shot, kind=photo["kind"])
            rows.append(f"{name}/{shot}.png,{photo['expression']},{person['gender']}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return human


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    people=st.lists(PERSON, min_size=4, max_size=10),
    k=st.integers(2, 4),
    grouping=st.sampled_from(["mdav", "k-same"]),
    seed=st.integers(0, 9),
    variants=st.integers(1, 3),
)
def test_whatever_comes_the_promise_holds(
    tmp_path: Path, people: list[dict], k: int, grouping: str, seed: int, variants: int
) -> None:
    home = Path(tempfile.mkdtemp(dir=tmp_path))
    photos, out, table = home / "photos", home / "release", home / "map.csv"
    human = _paint(photos, people)
    people[0]["gender"] = people[0]["gender"] or "f"
    labelled = any(p["gender"] or any(f["expression"] for f in p["photos"]) for p in people)
    try:
        release = deidentify(
            photos,
            out=out,
            k=k,
            subjects="folder",
            labels=photos / "labels.csv" if labelled else None,
            map_path=table,
            grouping=grouping,  # type: ignore[arg-type]
            seed=seed,
            variants=variants,
            allow_small_k=True,
            method=PaintedVariants(),
            analyser=PaintedAnalyser(),
        )
    except TooFewPeople:
        # Rightly so: at most 2k(d + 1) people with at most two look-alikes each always suffice.
        usable = {
            human[f"subject{i}"]
            for i, p in enumerate(people)
            if any(f["kind"] == "face" for f in p["photos"])
        }
        assert len(usable) < 6 * k
        assert {p.name for p in home.iterdir()} == {"photos"}
        return
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (out / "manifest.csv").open(newline="") as file:
        manifest = {row.pop("file"): row for row in csv.DictReader(file)}
    assert {r["original"] for r in rows} == {
        p.relative_to(photos).as_posix() for p in photos.rglob("*.png")
    }
    kinds = {
        f"subject{i}/{j}.png": f["kind"]
        for i, p in enumerate(people)
        for j, f in enumerate(p["photos"])
    }
    assert all(bool(r["released"]) == (kinds[r["original"]] == "face") for r in rows)
    behind: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["released"]:
            behind[row["released"]].add(human[row["subject"]])
    pictures = defaultdict(list)
    for path in (out / "images").iterdir():
        pictures[hashlib.sha256(path.read_bytes()).hexdigest()].append(f"images/{path.name}")
    assert (
        {name for files in pictures.values() for name in files} == set(behind) == set(manifest)
    )
    for files in pictures.values():
        # True humans, not names: a chain of look-alikes may even join more than needed, never fewer.
        everyone = [person for name in files for person in behind[name]]
        assert len(files) >= k
        assert len(set(everyone)) >= k
        assert len(everyone) == len(set(everyone))
        assert len({tuple(manifest[name].items()) for name in files}) == 1
    # Variants of a picture stand for the same people.
    said = {names[0]: manifest[names[0]] for names in pictures.values()}
    shared = defaultdict(set)
    for names in pictures.values():
        label = {n: v for n, v in said[names[0]].items() if n != "variant"}
        people_of = frozenset(person for name in names for person in behind[name])
        shared[people_of, tuple(label.items())].add(said[names[0]].get("variant", "1"))
    assert all(v == {str(n + 1) for n in range(variants)} for v in shared.values())
    assert release.certificate["k_measured"] == min(len(files) for files in pictures.values())
    shutil.rmtree(home)
