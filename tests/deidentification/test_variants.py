"""Several pictures of a group: everybody holds each of them once, and the promise is the same."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kssgan.auditing import audit
from kssgan.deidentification import Release, new_key, reidentify
from kssgan.errors import UsageError
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser, PaintedVariants
from kssgan.types import FloatArray, U8Array

from .conftest import manifest_of, map_rows, people_behind, pictures_of

Run = Callable[..., Release]


def test_everybody_holds_each_variant_once(run: Run) -> None:
    release = run(method=PaintedVariants(), variants=4)
    shared = people_behind(release)
    assert len(shared) == 3 * 4
    for files in shared.values():
        assert len(files) >= 3
        assert all(len(subjects) == 1 for subjects in files)
        assert len(set().union(*files)) == len(files)
    # The same people stand behind all variants of a picture.
    groups = Counter(frozenset().union(*files) for files in shared.values())
    assert set(groups.values()) == {4}
    certificate = release.certificate
    assert (certificate["holds"], certificate["k_measured"]) == (True, 3)
    assert certificate["variants"] == 4
    assert certificate["max_share"] == pytest.approx(1 / 3)
    assert certificate["photos"]["released"] == 18


def test_the_manifest_numbers_them(run: Run) -> None:
    release = run(method=PaintedVariants(), variants=3)
    manifest = manifest_of(release.path)
    assert list(next(iter(manifest.values()))) == ["file", "variant"]
    assert release.certificate["attributes"] == ["variant"]
    numbers = []
    for files in pictures_of(release.path).values():
        assert len({manifest[file]["variant"] for file in files}) == 1
        numbers.append(manifest[files[0]]["variant"])
    assert Counter(numbers) == {"1": 3, "2": 3, "3": 3}


def test_the_map_names_every_file_of_a_photo(run: Run) -> None:
    release = run(method=PaintedVariants(), variants=3)
    assert release.map_path is not None
    rows = map_rows(release.map_path)
    of_photo: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        of_photo[row["original"]].add(row["released"])
    assert len(rows) == 18 * 3
    assert {len(files) for files in of_photo.values()} == {3}
    assert set().union(*of_photo.values()) == {
        f for fs in pictures_of(release.path).values() for f in fs
    }


def test_labels_and_variants_go_together(run: Run, tmp_path: Path, photos: Path) -> None:
    """Each expression that k people show has its own pictures."""
    table = tmp_path / "labels.csv"
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    faces = [("happy" if " 0" in name else "neutral") for name in names]
    lines = [f"{name},{face}" for name, face in zip(names, faces, strict=True)]
    table.write_text("\n".join(["file,expression", *lines]) + "\n")
    one = run(method=PaintedVariants(), labels=table, out=tmp_path / "one", map_path=None)
    release = run(method=PaintedVariants(), labels=table, variants=2)
    assert len(pictures_of(release.path)) == 2 * len(pictures_of(one.path))
    manifest = manifest_of(release.path)
    said = Counter(
        (manifest[files[0]]["expression"], manifest[files[0]]["variant"])
        for files in pictures_of(release.path).values()
    )
    assert said["happy", "1"] == said["happy", "2"] > 0


def test_the_first_variant_is_the_picture_of_a_plain_release(run: Run, tmp_path: Path) -> None:
    plain = run(method=PaintedVariants(), out=tmp_path / "plain", map_path=None)
    several = run(method=PaintedVariants(), variants=3)
    manifest = manifest_of(several.path)
    first = {
        sha
        for sha, files in pictures_of(several.path).items()
        if manifest[files[0]]["variant"] == "1"
    }
    assert first == set(pictures_of(plain.path))
    assert "variant" not in (plain.path / "manifest.csv").read_text()
    assert "variants" not in plain.certificate


def test_an_audit_holds(run: Run, photos: Path) -> None:
    release = run(method=PaintedVariants(), variants=3)
    assert release.map_path is not None
    report = audit(
        release.path, originals=photos, map_path=release.map_path, analyser=PaintedAnalyser()
    )
    assert report.holds, report.problems
    assert not [p for p in report.problems if p.rule in {1, 2, 5}]
    assert (report.k_measured, report.max_share) == (3, pytest.approx(1 / 3))
    assert (report.counts["photos_released"], report.counts["distinct_pictures"]) == (18, 9)


def test_an_escrow_names_the_originals_of_every_variant(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    public = new_key(secret)
    release = run(
        method=PaintedVariants(), variants=2, escrow=tmp_path / "escrow", escrow_key=public
    )
    named = reidentify(release.path, escrow=tmp_path / "escrow", key=secret)
    assert set(named) == {
        file for files in pictures_of(release.path).values() for file in files
    }
    each = Counter(original.original for found in named.values() for original in found)
    assert set(each.values()) == {2}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"variants": 0}, "from 1 up"),
        ({"variants": True}, "from 1 up"),
        ({"variants": 2.0}, "from 1 up"),
        ({"variants": 2, "method": None, "surrogate": "mean"}, "one mean"),
        ({"variants": 2, "method": None, "mode": "utility", "weights": "run"}, "utility mode"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    run: Run, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        run(**asked)
    assert not (tmp_path / "release").exists()


class Few(PaintedVariants):
    """Has three pictures of a group at most, as composites with three donors have."""

    def draw(self, surrogate_01: FloatArray, label: Mapping[str, str], *, seed: int) -> U8Array:
        return super().draw(surrogate_01, label, seed=seed % 3)


def test_a_picture_that_is_there_already_is_drawn_again(run: Run, tmp_path: Path) -> None:
    assert len(pictures_of(run(method=Few(), variants=3).path)) == 9
    with pytest.raises(UsageError, match="only 3 different pictures"):
        run(method=Few(), variants=4, out=tmp_path / "other", map_path=None)


def test_a_method_that_does_not_vary_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only 1 different pictures"):
        run(method=MeanSurrogate(), variants=2)
    assert sorted(
        path.name for path in tmp_path.iterdir() if not path.name.startswith("home")
    ) == ["photos"]


def test_a_method_that_does_not_vary_is_refused_soon(run: Run) -> None:
    with pytest.raises(UsageError, match="variants=1000000 came, but 8 seeds gave only 1"):
        run(method=MeanSurrogate(), variants=10**6)


def test_the_pages_show_them(run: Run) -> None:
    from kssgan.reporting import Reports

    release = run(method=PaintedVariants(), variants=2, reports=Reports())
    page = (release.path / "report.html").read_text()
    assert json.loads((release.path / "certificate.json").read_text())["variants"] == 2
    assert all(
        any(file in page for file in files) for files in pictures_of(release.path).values()
    )
