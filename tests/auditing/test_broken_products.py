"""One deliberately broken product per way to break the promise: the audit must reject each for its reason."""

from __future__ import annotations

import json
import os
import random
import secrets
import textwrap
import uuid
import zlib
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kssgan.auditing import AuditReport, audit
from kssgan.auditing.names import link_problems, order_problems
from kssgan.errors import Reason
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.types import Refused


def breaks(report: AuditReport) -> str:
    assert report.exit_status == (0 if report.holds else 4)
    return "\n".join(
        f"{p.rule}: {p.sentence}" for p in report.problems if p.severity == "breaks"
    )


def test_a_good_release_holds(good: Any) -> None:
    report = good.audit(k=3)
    assert report.holds, breaks(report)
    assert not report.problems
    assert (report.k_measured, report.k_lookalikes, report.max_share) == (
        3,
        3,
        pytest.approx(1 / 3),
    )
    assert all(c.passed for c in report.controls)
    assert len(report.controls) == 6
    assert report.counts["photos_refused"] == 1
    assert report.figures["naive_full"]["rank1"] <= 1 / 3
    assert report.figures["reconstruction"]["heaviest_person"] == pytest.approx(1, abs=0.1)


def test_the_same_release_is_too_small_for_a_larger_k(good: Any) -> None:
    report = good.audit(k=4)
    assert "2: 3 of 3 distinct pictures stand for fewer than 4 people" in breaks(report)
    assert "1: one person has 0.333" in breaks(report)


def test_a_members_own_photo_for_its_group(good: Any) -> None:
    people = good.people(range(20, 23))
    good.group(people, picture=good.crop(people["P-021x"][0]).astype(np.uint8))
    report = good.audit(k=3)
    assert "originals are in the release, as a near-copy" in breaks(report)
    assert report.k_measured == 3, "rules 1 and 2 alone do not see it"


@pytest.mark.parametrize(
    "change",
    [
        np.rot90,
        lambda crop: np.rot90(crop, 2),
        lambda crop: np.rot90(crop, 3)[:, ::-1],
        np.flipud,
        lambda crop: 255 - crop,
    ],
    ids=["turned", "upside down", "turned and mirrored", "flipped", "negative"],
)
def test_a_members_own_photo_that_is_turned(
    good: Any, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    people = good.people(range(20, 23))
    own = good.crop(people["P-021x"][0]).astype(np.uint8)
    good.group(people, picture=np.ascontiguousarray(change(own)))
    report = good.audit(k=3)
    assert "1 originals are in the release, as a near-copy" in breaks(report)
    assert report.figures["copies"]["near_copies_of_originals"] == 1


def test_originals_that_are_missing(good: Any) -> None:
    """A member's own photo in the release, and nothing to compare it with."""
    people = good.people(range(20, 23))
    shown = people["P-021x"][0]
    good.group(people, picture=good.crop(shown).astype(np.uint8))
    (good.photos / shown).unlink()
    report = good.audit(k=3)
    assert "3: 1 photos that stand behind released pictures are not among" in breaks(report)
    for photo in good.photos.rglob("*.*"):
        photo.unlink()
    assert not good.audit(k=3).holds


def test_pictures_without_any_face(good: Any) -> None:
    """As of weights that hardly learnt: detection is nought, and the audit says so."""

    class Blind(PaintedAnalyser):
        def _one(self, path: Path) -> Any:
            return (
                Refused(Reason.NO_FACE) if good.release in path.parents else super()._one(path)
            )

    report = good.audit(k=3, analyser=Blind())
    assert report.figures["detection"]["files"] == 0


@pytest.mark.parametrize("change", ["mirror", "jpeg", "relit", "blurred"])
def test_a_members_photo_in_disguise(good: Any, change: str) -> None:
    from PIL import ImageFilter

    people = good.people(range(20, 23))
    image = Image.fromarray(good.crop(people["P-021x"][0]).astype(np.uint8))
    if change == "mirror":
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif change == "jpeg":
        image.save(packed := BytesIO(), "JPEG", quality=40)
        image = Image.open(packed).convert("RGB")
    elif change == "relit":
        image = image.point(lambda v: int(v * 0.7 + 20))
    else:
        image = image.filter(ImageFilter.GaussianBlur(3))
    good.group(people, picture=np.asarray(image))
    assert "near-copy" in breaks(good.audit(k=3))


def test_an_original_byte_for_byte(good: Any) -> None:
    data = (good.photos / good.photo(30)).read_bytes()
    for subject in ("P-030x", "P-031x", "P-032x"):
        target = good.release / "images" / f"{uuid.uuid4().hex}.png"
        target.write_bytes(data)
        good.add(good.photo(int(subject[2:5])), subject, f"images/{target.name}")
        good.manifest.append((f"images/{target.name}",))
    assert "3: 1 originals are in the release, byte for byte" in breaks(good.audit(k=3))


@pytest.mark.parametrize("again", [False, True])
def test_a_refused_photo_copied(good: Any, again: bool) -> None:
    good.photo(40)
    name = "family40_visit0.png"
    good.add(name, "P-040x", "", "face too small")
    people = good.people(range(41, 44))
    if again:
        good.group(people, picture=good.crop(name).astype(np.uint8))
        assert "5: 1 refused photos are in the release, as a near-copy" in breaks(
            good.audit(k=3)
        )
    else:
        (good.release / "images" / f"{uuid.uuid4().hex}.png").write_bytes(
            (good.photos / name).read_bytes()
        )
        text = breaks(good.audit(k=3))
        assert "5: 1 refused photos are in the release, byte for byte" in text
        assert "named by no row of the map" in text


def test_a_flat_refused_photo_written_anew(good: Any) -> None:
    good.file(np.asarray(Image.open(good.photos / "nobody.png").resize((256, 256))))
    assert "5: 1 refused photos are in the release, as a near-copy" in breaks(good.audit(k=3))


def _hexadecimal(seed: int) -> Any:
    generator = random.Random(seed)
    return lambda: f"{generator.getrandbits(128):032x}"


def _uuids(seed: int) -> Any:
    generator = random.Random(seed)
    return lambda: str(uuid.UUID(int=generator.getrandbits(128), version=4))


def _numpy(seed: int) -> Any:
    generator = np.random.default_rng(seed)
    return lambda: generator.bytes(16).hex()


@pytest.mark.parametrize("names", [_hexadecimal(0), _uuids(4711), _numpy(42)])
def test_seeded_names(made: Any, names: Any) -> None:
    made.group(made.people(range(4)), name=names)
    made.group(made.people(range(4, 8)), name=names)
    text = breaks(made.audit(k=4))
    assert "4: " in text
    assert "generator with a small seed" in text


def test_counted_names(made: Any) -> None:
    numbers = iter(range(100))
    made.group(made.people(range(4)), name=lambda: f"img{next(numbers):05d}")
    assert "numbers counted up" in breaks(made.audit(k=4))


def test_names_of_the_photos(made: Any) -> None:
    people = made.people(range(6))
    names = iter([photos[0].removesuffix(".png") for photos in people.values()])
    made.group(people, name=lambda: next(names))
    assert "bear the name of the photo" in breaks(made.audit(k=6))


@pytest.mark.parametrize("length", [32, 16])
@pytest.mark.parametrize("what", ["name", "content", "subject"])
def test_digests_for_names(made: Any, what: str, length: int) -> None:
    import hashlib

    people = made.people(range(4))

    def digest(subject: str, photo: str) -> str:
        if what == "content":
            return hashlib.sha256((made.photos / photo).read_bytes()).hexdigest()[:length]
        return hashlib.md5((photo if what == "name" else subject).encode()).hexdigest()[:length]

    names = iter([digest(subject, photos[0]) for subject, photos in people.items()])
    made.group(people, name=lambda: next(names))
    assert "digests of a photo's name, number, person or content" in breaks(made.audit(k=4))


def test_random_names_in_the_photos_order(made: Any) -> None:
    import secrets

    names = iter(sorted(secrets.token_hex(16) for _ in range(16)))
    made.group(made.people(range(16)), name=lambda: next(names))
    assert "follows the order of the photos" in breaks(made.audit(k=3))


def test_groups_of_photos_instead_of_people(made: Any) -> None:
    """k-Same on rows: a person's look-alike photos fill a group of their own."""
    for n in range(3):
        names = made.person(n, 4)
        picture = made.mean([[name] for name in names])
        for name in names:
            made.add(name, f"P-{n:03d}x", file := made.file(picture))
            made.manifest.append((file,))
    text = breaks(made.audit(k=3))
    assert "the worst for 1" in text
    assert "more than one file for a person" in text


def test_a_person_in_two_groups(made: Any) -> None:
    made.group(made.people(range(3), shots=1))
    again = made.people(range(3, 5))
    again["P-000x"] = [made.photo(0, 7)]
    made.group(again)
    assert "1: 1 subjects have two different pictures under one label" in breaks(
        made.audit(k=3)
    )


def _with_expressions(made: Any, **cells: list[tuple[range, range]]) -> None:
    """Pictures by expression: whom each stands for, and the group whose mean it is drawn from."""
    made.columns = ("expression",)
    photos = {n: made.person(n, 2) for n in range(9)}
    for shot, (expression, each) in enumerate(cells.items()):
        for part, group in each:
            picture = made.mean([photos[n] for n in group])
            picture[-8:] = 20 * (1 + shot)  # drawn with another mouth
            holders = {f"P-{n:03d}x": [photos[n][shot]] for n in part}
            made.group(holders, picture=picture, label=(expression,))


def test_groups_are_the_same_people_for_every_label(made: Any) -> None:
    """Not everybody smiles: a group's picture stands for some of its people."""
    first, second = range(5), range(5, 9)
    _with_expressions(
        made,
        neutral=[(first, first), (second, second)],
        happy=[(range(1, 4), first), (range(6, 9), second)],
    )
    report = made.audit(k=3)
    assert report.holds, breaks(report)


def test_groups_that_part_people_anew_for_another_label(made: Any) -> None:
    """Each picture stands for three people, but whose neutral and happy ones are linked is one of two."""
    alike, anew = (range(3), range(3, 6)), (range(0, 6, 2), range(1, 6, 2))
    _with_expressions(
        made, neutral=[(part, part) for part in alike], happy=[(part, part) for part in anew]
    )
    report = made.audit(k=3)
    assert report.k_measured == 3
    assert "1: 6 subjects are in groups that overlap" in breaks(report)
    assert not report.holds


def _painted(picture: np.ndarray, grey: int) -> np.ndarray:
    out = picture.copy()
    out[-8:] = grey
    return out


def test_majority_counted_in_photos(made: Any) -> None:
    """Four happy photos of one person and one of another are a majority of photos, not of people."""
    made.columns = ("expression",)
    everybody = made.people(range(5), shots=2)
    shared = made.mean(list(everybody.values()))
    made.group(everybody, picture=_painted(shared, 20), label=("neutral",))
    happy = {
        s: [made.photo(n, 5 + i) for i in range(4)] for n, s in enumerate(["P-000x", "P-001x"])
    }
    made.group(happy, picture=_painted(shared, 40), label=("happy",))
    report = made.audit(k=3)
    assert "1 of 2 distinct pictures stand for fewer than 3 people, the worst for 2" in breaks(
        report
    )


def test_cells_with_enough_people_hold(made: Any) -> None:
    """Cells of one group with unequal people are fine as long as they show the same surrogate."""
    made.columns = ("expression",)
    everybody = made.people(range(5), shots=1)
    shared = made.mean(list(everybody.values()))
    made.group(everybody, picture=_painted(shared, 20), label=("neutral",))
    happy = {f"P-{n:03d}x": [made.photo(n, 5)] for n in range(4)}
    made.group(happy, picture=_painted(shared, 40), label=("happy",))
    report = made.audit(k=4)
    assert report.holds, breaks(report)
    assert report.figures["reconstruction"]["pairs_subtracted"] == 1


def test_a_label_that_is_no_function_of_the_picture(made: Any) -> None:
    made.columns = ("expression",)
    people = made.people(range(4))
    files = made.group(people, label=("neutral",))
    made.manifest[1] = (files[1], "happy")
    text = breaks(made.audit(k=4))
    assert "2: column 2 of the manifest is no function of the picture" in text


@pytest.mark.parametrize(
    "written",
    [
        lambda number, file: [(file, "neutral"), (file, f"case {number}")],
        lambda number, file: [(file, "neutral", f"case {number}")],
        lambda number, file: [(Path(file).name, f"case {number}")],
        lambda number, file: [(f"./{file}".upper(), f"case {number}")],
        lambda number, file: [(file.replace("/", "\\"), f"case {number}")],
        lambda number, file: [(f"{file};case {number}", "")],
        lambda number, file: [(file, "neutral")] if number else [],
        lambda number, file: [(file, "neutral")] * (1 if number else 2),
    ],
    ids=["twice", "a cell more", "name", "case", "backslash", "semicolon", "left out", "again"],
)
def test_a_manifest_says_the_same_of_equal_files_in_every_notation(
    made: Any, written: Callable[[int, str], list[tuple[str, ...]]]
) -> None:
    """A recipient reads rows that a strict reader passes over."""
    made.columns = ("expression",)
    files = made.group(made.people(range(4)), label=("neutral",))
    made.manifest = [row for number, file in enumerate(files) for row in written(number, file)]
    text = breaks(made.audit(k=4))
    assert "2: " in text
    assert "splits the people behind them" in text


@pytest.mark.parametrize(
    "written",
    [
        lambda row: f'"{row[0]}",{row[1]}\n',
        lambda row: f"{row[0]},{row[1]}\n\n",
        lambda row: f"{row[0]},{row[1]}\r\n",
        lambda row: f"{row[0]}, {row[1]}\n",
        lambda row: f"{row[0]},{row[1].upper()}\n",
    ],
    ids=["quoted", "a blank line", "another line end", "a blank", "letters"],
)
def test_a_row_that_is_written_otherwise_marks_its_file(
    made: Any, written: Callable[[tuple[str, str]], str]
) -> None:
    made.columns = ("expression",)
    made.group(made.people(range(4)), label=("neutral",))
    made.finish()
    path = made.release / "manifest.csv"
    head, first, *rest = path.read_text().splitlines(keepends=True)
    file, label = first.strip().split(",")

    def judged(text: str) -> AuditReport:
        path.write_bytes(text.encode())
        return audit(
            made.release,
            originals=made.photos,
            map_path=made.map_path,
            analyser=PaintedAnalyser(),
        )

    found = judged("".join([head, written((file, label)), *rest]))
    assert "splits the people behind them" in breaks(found)
    every = [
        written((file, label)) for file, label in (r.strip().split(",") for r in [first, *rest])
    ]
    assert judged("".join([head, *every])).holds
    # The end of the last line may be missing, of one or the other kind.
    for end in ("\n", "\r\n", "\r"):
        lines = [line.strip() for line in (head, first, *rest)]
        assert judged(end.join(lines)).holds


def test_a_manifest_that_is_odd_for_all_files_alike_is_warned_of(made: Any) -> None:
    made.columns = ("expression",)
    files = made.group(made.people(range(4)), label=("neutral",))
    made.manifest = [(f"./{file}", "neutral") for file in files]
    report = made.audit(k=4)
    assert report.holds, breaks(report)
    assert [problem.rule for problem in report.problems] == [5]


def move_each(good: Any, folder: Callable[[int], str]) -> None:
    """Files of the first picture, each to a folder."""
    good.finish()
    first = Image.open(good.release / good.manifest[0][0]).tobytes()
    same = [f for f, *_ in good.manifest if Image.open(good.release / f).tobytes() == first]
    moved = {}
    for number, file in enumerate(same):
        target = f"images/{folder(number)}/{Path(file).name}"
        (good.release / target).parent.mkdir(exist_ok=True)
        (good.release / file).rename(good.release / target)
        moved[file] = target
    good.manifest = [(moved.get(file, file), *rest) for file, *rest in good.manifest]
    good.rows = [
        (o, s, moved.get(released, released), why) for o, s, released, why in good.rows
    ]


def test_a_folder_for_each_file_of_a_picture(good: Any) -> None:
    move_each(good, lambda number: f"part{number}")
    text = breaks(good.audit(k=3))
    assert "4: the files of 1 distinct pictures lie in several folders" in text


def test_a_folder_named_after_somebody(good: Any) -> None:
    """No text of the release need name them."""
    move_each(good, lambda _: good.rows[0][1])
    good.finish()
    (good.release / "manifest.csv").unlink()
    report = audit(
        good.release,
        originals=good.photos,
        map_path=good.map_path,
        analyser=PaintedAnalyser(),
        k=3,
    )
    assert "4: texts and folders of the release contain 1 names" in breaks(report)


def test_a_folder_without_pictures(good: Any) -> None:
    good.finish()
    (good.release / "images" / "somebody").mkdir()
    assert "4: 1 folders of the release hold no picture" in breaks(good.audit(k=3))


def test_uneven_copies_per_person(good: Any) -> None:
    """Photo counts 3, 1, 1 give one person 3/5 of the files."""
    people = good.people(range(10, 13))
    picture = good.mean(list(people.values()))
    good.group(people, picture=picture)
    for shot in (1, 2):
        good.add(good.photo(10, shot), "P-010x", file := good.file(picture))
        good.manifest.append((file,))
    report = good.audit(k=3)
    assert "1: 1 of 4 distinct pictures have more than one file for a person" in breaks(report)
    assert report.max_share == pytest.approx(3 / 5)


@pytest.mark.parametrize("painted", [False, True])
def test_cell_means_over_unequal_people(made: Any, painted: bool) -> None:
    """mean{A..F} and mean{A..E} of one group give F away."""
    made.columns = ("expression",)
    everybody = made.people(range(6))
    some = dict(list(everybody.items())[:5])
    for people, grey, label in ((everybody, 20, "neutral"), (some, 40, "happy")):
        picture = made.mean(list(people.values()))
        made.group(
            people, picture=_painted(picture, grey) if painted else picture, label=(label,)
        )
    made.group(made.people(range(10, 16)), label=("neutral",))
    report = made.audit(k=5)
    assert "3: subtracting pictures of one group from each other shows 1 people" in breaks(
        report
    )


def _thumbnail() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "holiday"
    return exif.tobytes()


def _text() -> PngInfo:
    info = PngInfo()
    info.add_text("Source", "x")
    return info


@pytest.mark.parametrize(
    ("save", "kind"), [({"exif": _thumbnail()}, "EXIF"), ({"pnginfo": _text()}, "text chunk")]
)
def test_metadata_left_in(good: Any, save: dict[str, Any], kind: str) -> None:
    good.group(good.people(range(10, 13)), **save)
    assert f"4: 3 released files carry {'EXIF data' if kind == 'EXIF' else 'a text chunk'}" in (
        breaks(good.audit(k=3))
    )


def test_bytes_behind_the_picture(good: Any) -> None:
    file = good.release / good.rows[0][2]
    for other in {row[2] for row in good.rows if row[2]}:
        target = good.release / other
        if target.read_bytes() == file.read_bytes() and target != file:
            target.write_bytes(target.read_bytes() + b"hidden")
    file.write_bytes(file.read_bytes() + b"hidden")
    assert "carry bytes after the end of the picture" in breaks(good.audit(k=3))


def test_equal_pixels_in_unequal_bytes(good: Any) -> None:
    """Another compression level is a mark that tells one file from its twins."""
    file = next(good.release / row[2] for row in good.rows if row[2])
    with Image.open(file) as image:
        image.load()
    image.save(file, compress_level=1)
    report = good.audit(k=3)
    assert "equal in every pixel but were written as 2 different files" in breaks(report)
    assert report.k_measured == 1


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "map.csv", "notes.txt"])
def test_strange_files(good: Any, name: str) -> None:
    text = (
        b"\0\1\2" if "b" in name.lower() and name != "map.csv" else b"see family00_visit0.png"
    )
    (good.release / name).write_bytes(text)
    report = good.audit(k=3)
    assert not report.holds
    assert broken_rules(report) == {4}


def broken_rules(report: AuditReport) -> set[int]:
    return {p.rule for p in report.problems if p.severity == "breaks"}


def test_names_in_the_report(good: Any) -> None:
    (good.release / "report.html").write_text("<p>made from P-000x&#46;png, P-001x</p>")
    assert "texts and folders of the release contain" in breaks(good.audit(k=3))


@pytest.mark.parametrize("name", ["report.html", "certificate.json"])
@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("itself", "are no text in UTF-8 and cannot be judged"),
        ("behind", "are no text in UTF-8 and cannot be judged"),
        ("hex", "kilobyte or more of coded bytes"),
        ("base64", "kilobyte or more of coded bytes"),
        ("lines", "kilobyte or more of coded bytes"),
        ("data", "originals are in the release"),
        ("drawing", "originals are in the release"),
        ("packed", "hold no picture that can be read"),
        ("broken", "hold no picture that can be read"),
    ],
)
def test_a_photo_inside_a_text(good: Any, name: str, way: str, says: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(noise).save(made := BytesIO(), "PNG")
    photo = made.getvalue()  # as large as a thumbnail
    with Image.open(good.photos / "family04_visit0.png") as image:
        image.convert("RGB").resize((64, 64)).save(packed := BytesIO(), "PNG")
    coded, small = b64encode(photo).decode(), b64encode(packed.getvalue()).decode()
    svg = f'<svg><image href="data:image/png;base64,{small}"/></svg>'
    text = {
        "hex": photo.hex(),
        "base64": coded,
        "lines": "\n".join(textwrap.wrap(coded, 76)),
        "data": f"data:;base64,{small}",
        "packed": f"data:font/woff2;base64,{b64encode(zlib.compress(photo)).decode()}",
        "broken": f"data:image/png;base64,{small[1:]}",
        "drawing": f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}",
    }.get(way, "")
    page = b"<p>" if name == "report.html" else b""
    body = text.encode() if page else json.dumps({"k_claimed": 3, "x": text}).encode()
    body = photo if way == "itself" else page + body + (photo if way == "behind" else b"")
    (good.release / name).write_bytes(body)
    assert says in breaks(good.audit(k=3))


def test_a_certificate_that_cannot_be_read_or_claims_nothing(good: Any) -> None:
    for text, says in (
        ("[" * 100_000, "certificate.json cannot be read"),
        ("k_claimed: 5", "certificate.json cannot be read"),
        ('{"k_claimed": "5"}', "k_claimed is no number"),
    ):
        (good.release / "certificate.json").write_text(text)
        assert says in breaks(good.audit())


def test_permissions_that_tell_files_apart(good: Any) -> None:
    good.finish()
    (good.release / good.rows[0][2]).chmod(0o600)
    assert "2 different permissions" in breaks(good.audit(k=3))


def _twice(made: Any, name: Callable[[str], str | None] = lambda _: None) -> list[str]:
    """A neutral and a happy picture of all but the last of six people, who has one."""
    made.columns = ("expression",)
    people = {f"P-{n:03d}x": made.person(n, 2) for n in range(6)}
    files = []
    for shot, label in enumerate(("neutral", "happy")):
        own = {s: [photos[shot]] for s, photos in list(people.items())[: 6 - shot]}
        picture = made.mean(list(own.values()))
        for subject, photos in own.items():
            file = made.file(picture, name(subject))
            files.append(file)
            made.manifest.append((file, label))
            made.add(photos[0], subject, file)
    made.add(people["P-005x"][1], "P-005x", "", "no face found")
    return files


def test_names_that_tie_a_persons_files_together(made: Any) -> None:
    tokens: dict[str, str] = {}

    def named(subject: str) -> str:
        own = tokens.setdefault(subject, secrets.token_hex(8))
        return own + secrets.token_hex(8)

    _twice(made, named)
    report = made.audit(k=5)
    assert "4: in 5 of 5 pairs of files of one person the names begin alike" in breaks(report)


def test_free_names_tie_nothing(made: Any) -> None:
    _twice(made)
    assert "ties them together" not in breaks(made.audit(k=5))


def test_an_order_that_keeps_a_persons_files_together() -> None:
    rng = random.Random(1)
    names = [f"images/{rng.randbytes(16).hex()}.png" for _ in range(400)]
    pairs = [(f"{n}.png", f"P{n // 4}", name) for n, name in enumerate(names)]
    files = [released for _, _, released in pairs]
    (found,) = link_problems(pairs, {"the order of the manifest": files})
    assert (
        "the order of the manifest has 300 files of one person side by side" in found.sentence
    )
    mixed = random.Random(0).sample(files, len(files))
    assert not link_problems(pairs, {"the order of the manifest": mixed})


def test_files_of_each_picture_in_the_order_of_people() -> None:
    """Pictures come in any order and people are grouped by chance: one order of all files tells nothing."""
    rng = random.Random(5)
    order = rng.sample(range(60), 60)
    pairs, manifest, digests = [], [], {}
    for group in range(12):
        for person in sorted(order[5 * group : 5 * group + 5]):
            file = f"images/{rng.randbytes(16).hex()}.png"
            pairs.append((f"{person:02d}.png", f"P-{person:02d}", file))
            manifest.append(file)
            digests[file] = str(group)
    seen = {"the order of the manifest": manifest}
    problems = order_problems(pairs, seen, Path("nowhere"), digests)
    assert all(
        "follows, within pictures, the order of the photos by their" in p.sentence
        for p in problems
    )
    assert {problem.severity for problem in problems} == {"breaks"}
    assert len(problems) == 2, "by names of photos and of people"
    free = {"the order of the manifest": rng.sample(manifest, 60)}
    assert not order_problems(pairs, free, Path("nowhere"), digests)


def test_two_pictures_of_a_group_in_one_order_of_people() -> None:
    """No order of the photos, but the i-th file of the one is of the same person as that of the other."""
    rng = random.Random(3)
    pairs, files, digests, free = [], [], {}, []
    for group in range(12):
        people = rng.sample(range(5 * group, 5 * group + 5), 5)
        for label in "ab":
            names = sorted(f"images/{rng.randbytes(16).hex()}.png" for _ in people)
            for person, file in zip(people, names, strict=True):
                pairs.append((f"{rng.random()}.png", f"{person:02d}", file))
                digests[file] = f"{group}{label}"
                files.append(file)
            rng.shuffle(people) if label == "b" else None
    files.sort()
    (found,) = order_problems(
        pairs, {"the order of file names": files}, Path("nowhere"), digests
    )
    assert found.severity == "breaks"
    assert "has the people of one picture in the order of another's" in found.sentence
    free = {"the order of file names": rng.sample(files, len(files))}
    assert not order_problems(pairs, free, Path("nowhere"), digests)


@pytest.mark.parametrize("columns", [("expression",), ("group",), ("expression", "age")])
def test_a_column_does_not_excuse_groups_that_overlap(
    made: Any, columns: tuple[str, ...]
) -> None:
    """Each person is left alone by the two pictures that show it."""
    made.columns = columns
    people = {f"P-{n:03d}x": made.person(n, 2) for n in range(9)}
    ids, number = list(people), 0
    for shot, groups in enumerate(
        ([range(3), range(3, 6), range(6, 9)], [range(n, 9, 3) for n in range(3)])
    ):
        for group in groups:
            number += 1
            own = {ids[n]: [people[ids[n]][shot]] for n in group}
            picture = made.mean(list(own.values()))
            picture[-8:] = 10 * number
            said = {
                "expression": ("neutral", "happy")[shot],
                "group": str(number),
                "age": str(number),
            }
            made.group(own, picture=picture, label=tuple(said[name] for name in columns))
    assert "1: 9 subjects" in breaks(made.audit(k=3))


def test_a_groups_label_is_the_same_for_its_pictures(made: Any) -> None:
    made.columns = ("expression", "gender")
    people = {f"P-{n:03d}x": made.person(n, 2) for n in range(3)}
    for shot, label in enumerate((("neutral", "female"), ("happy", "male"))):
        own = {name: [photos[shot]] for name, photos in people.items()}
        picture = made.mean(list(own.values()))
        picture[-8:] = 20 * (1 + shot)
        made.group(own, picture=picture, label=label)
    assert "2: in 1 groups the manifest says another gender" in breaks(made.audit(k=3))


@pytest.mark.parametrize("where", ["report", "text", "header", "row"])
def test_texts_that_say_something_of_single_files(good: Any, where: str) -> None:
    good.finish()
    file = good.rows[0][2]
    if where == "report":
        page = f'<img src="{file}"><table><tr><td>{file}</td><td>age 20</td></tr></table>'
        (good.release / "report.html").write_text(page)
    elif where == "text":
        (good.release / "README.txt").write_text(f"{Path(file).stem} is the older one\n")
    else:
        path = good.release / "manifest.csv"
        lines = path.read_text().splitlines()
        lines[0] += f",{file} is the older one" if where == "header" else ""
        lines[1:1] = [f"note ({file}) is aged 41"] if where == "row" else []
        path.write_text("\n".join(lines) + "\n")
    said = breaks(
        audit(
            good.release,
            originals=good.photos,
            map_path=good.map_path,
            analyser=PaintedAnalyser(),
        )
    )
    wanted = "2: in 1 distinct pictures the manifest says something else"
    assert (wanted if where == "row" else "4: 1 texts of the release name 1 released") in said


def test_a_page_may_show_every_picture_once(good: Any) -> None:
    good.finish()
    first = {
        good.release.joinpath(r[2]).read_bytes(): r[2]
        for r in sorted(good.rows, reverse=True)
        if r[2]
    }
    firsts = [
        min(
            r[2] for r in good.rows if r[2] and good.release.joinpath(r[2]).read_bytes() == data
        )
        for data in first
    ]
    (good.release / "report.html").write_text("".join(f'<img src="{file}">' for file in firsts))
    assert good.audit(k=3).holds
    others = [row[2] for row in good.rows if row[2] and row[2] not in firsts]
    (good.release / "report.html").write_text(f'<img src="{others[0]}">')
    assert "1 texts of the release name 1 released files" in breaks(good.audit(k=3))


def test_a_certificate_that_names_files(made: Any) -> None:
    files = _twice(made)
    (made.release / "certificate.json").write_text(
        json.dumps({"k_claimed": 5, "sessions": [files[0]]})
    )
    assert "1 texts of the release name 1 released files" in breaks(made.audit(k=5))


def test_a_clean_report_is_fine(good: Any) -> None:
    (good.release / "report.html").write_text("<p>9 people, 3 groups, female, face</p>")
    assert good.audit(k=3).holds


def test_a_link_in_the_release(good: Any) -> None:
    (good.release / "images" / "x.png").symlink_to(good.photos / "nobody.png")
    assert "symbolic links" in breaks(good.audit(k=3))


def test_one_human_under_two_names(made: Any) -> None:
    people = made.people(range(3))
    people["Q-999x"] = ["again.png"]
    (made.photos / "again.png").write_bytes((made.photos / people["P-002x"][0]).read_bytes())
    made.group(people)
    report = made.audit(k=4)
    assert "7: 1 pairs of people behind one picture have the same photo" in breaks(report)
    assert (report.k_measured, report.k_lookalikes) == (4, 3)


def test_a_certificate_that_boasts(good: Any) -> None:
    (good.release / "certificate.json").write_text('{"k_claimed": 3, "k_measured": 7}')
    assert "the certificate claims more than the files show (k_measured)" in breaks(
        good.audit()
    )


def test_the_certificates_claim_is_required(good: Any) -> None:
    (good.release / "certificate.json").write_text('{"k_claimed": 5}')
    report = good.audit()
    assert (report.k_required, report.k_claimed) == (5, 5)
    assert "fewer than 5 people" in breaks(report)


def _blend(good: Any, person: int) -> np.ndarray:
    """Somebody among three who are nowhere else."""
    others = [good.photo(n) for n in (50, 51, 52)]
    found = np.mean([good.crop(name) for name in (good.photo(person), *others)], axis=0)
    for name in others:
        (good.photos / name).unlink()
    return np.rint(found).astype(np.uint8)


@pytest.mark.parametrize("kind", ["no_face", "text"])
def test_people_without_a_face_hide_nobody(good: Any, kind: str) -> None:
    people = {"P-020x": good.person(20)}
    for number in (21, 22):
        name = f"family{number}_visit0.{'png' if kind == 'no_face' else 'txt'}"
        if kind == "no_face":
            paint_photo(good.photos / name, kind="no_face", size=8 * number)
        else:
            (good.photos / name).write_text(str(number))
        people[f"P-{number:03d}x"] = [name]
    good.group(people, picture=_blend(good, 20))
    report = good.audit(k=3)
    assert report.k_measured == 3, "rules 1 and 2 alone do not see it"
    wanted = "of 2 people behind released pictures no photo shows a face"
    assert wanted in breaks(report)
    assert "the fewest people behind a picture are 1" in breaks(report)
    assert (kind == "text") == ("3: 2 photos that stand behind" in breaks(report))


def test_one_more_without_a_face_is_told(good: Any) -> None:
    people = good.people(range(20, 23))
    paint_photo(good.photos / "family23_visit0.png", kind="no_face", size=80)
    good.group({**people, "P-023x": ["family23_visit0.png"]}, picture=_blend(good, 20))
    report = good.audit(k=3)
    assert report.holds, breaks(report)
    assert "of 1 people behind released" in report.problems[0].sentence


def test_a_photo_that_is_refused_and_released(good: Any) -> None:
    original, subject, *_ = next(row for row in good.rows if row[2])
    good.add(original, subject, "", "face too small")
    assert "5: 1 photos of the map are refused in one row and released in another" in breaks(
        good.audit(k=3)
    )


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"k_measured": 10**400}, "k_measured is no number"),
        ({"k_measured": "50"}, "k_measured is no number"),
        ({"max_share": "0.01"}, "max_share is no number"),
        ({"k_measured": 50.0}, "claims more than the files show (k_measured)"),
        ({"k_declared": 50}, "claims more than the files show (k_declared)"),
        ({"mode": "Utility"}, "mode is another than strict"),
    ],
)
def test_a_certificate_that_boasts_otherwise(
    good: Any, said: dict[str, Any], wanted: str
) -> None:
    (good.release / "certificate.json").write_text(json.dumps({"k_claimed": 3, **said}))
    assert wanted in breaks(good.audit())


def test_a_certificates_count_without_end(good: Any) -> None:
    said = {"k_claimed": 3, "photos": {"released": 10**400}}
    (good.release / "certificate.json").write_text(json.dumps(said))
    report = good.audit()
    assert "disagrees with the files: photos released" in report.problems[0].sentence


def test_attributes_of_a_file_that_tell_it_apart(good: Any) -> None:
    good.finish()
    file = good.release / next(row[2] for row in good.rows if row[2])
    try:
        os.setxattr(file, "user.origin", b"family00_visit0.png")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    assert "carry extended file attributes" in breaks(good.audit(k=3))


@pytest.mark.parametrize("way", ["{photos}/{name}", "../photos/{name}"])
def test_a_map_that_leads_out_of_the_originals(good: Any, way: str) -> None:
    """One photo under a second name, as another person's."""
    original, _, *rest = good.rows[0]
    good.rows.append((way.format(photos=good.photos, name=original), "P-099x", *rest))
    assert "5: 1 photos of the map lie outside the originals" in breaks(good.audit(k=3))


def test_detours_in_a_map(good: Any) -> None:
    """The same photo, whatever way its path takes."""
    original, *rest = good.rows[0]
    good.rows[0] = (f"./aside/../{original}", *rest)
    report = good.audit(k=3)
    assert report.holds, breaks(report)
    assert not report.problems


def test_a_map_of_another_release(good: Any) -> None:
    for file in sorted(good.release.rglob("*.png"))[:1]:
        file.rename(file.with_name(f"{uuid.uuid4().hex}.png"))
    text = breaks(good.audit(k=3))
    assert "named by no row of the map" in text
    assert "named by the map are not in the release" in text


def test_no_pictures_at_all(made: Any) -> None:
    made.add(made.photo(1), "P-001x", "", "no face found")
    report = made.audit()
    assert not report.holds
    assert report.k_measured == 0


def test_sentences_name_nobody(good: Any) -> None:
    """Names and paths stand in ``private`` only."""
    import json

    good.group(good.people(range(20, 23)), picture=good.crop(good.photo(20)).astype(np.uint8))
    good.add("missing.png", "P-555x", "images/gone.png")
    (good.release / "report.html").write_text("<p>P-000x</p>")
    report = good.audit(k=4)
    public = report.table() + json.dumps(report.to_json())
    for word in ("family", "P-0", "P-5", "gone", "images/", str(good.folder)):
        assert word not in public
    private = report.table(private=True) + json.dumps(report.to_json(private=True))
    assert "family20_visit0.png" in private


@pytest.mark.parametrize("whose", ["original", "surrogate"])
def test_a_picture_inside_the_report(good: Any, whose: str) -> None:
    import base64

    name = "family04_visit0.png" if whose == "original" else good.rows[0][2]
    with Image.open((good.photos if whose == "original" else good.release) / name) as image:
        image.convert("RGB").resize((64, 64)).save(packed := BytesIO(), "PNG")
    body = base64.b64encode(packed.getvalue()).decode()
    (good.release / "report.html").write_text(f'<img src="data:image/png;base64,{body}">')
    report = good.audit(k=3)
    assert report.figures["pages"] == {"pictures_inside": 1}
    assert report.holds == (whose == "surrogate")
    if whose == "original":
        assert "originals are in the release, as a near-copy" in breaks(report)


def test_a_photo_behind_many_pictures_inside_the_report(good: Any) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(600)]
    with Image.open(good.photos / "family04_visit0.png") as image:
        pictures.append(np.asarray(image.convert("RGB").resize((64, 64))))
    page = []
    for picture in pictures:
        Image.fromarray(picture).save(packed := BytesIO(), "PNG")
        page.append(
            f'<img src="data:image/png;base64,{b64encode(packed.getvalue()).decode()}">'
        )
    (good.release / "report.html").write_text("\n".join(page))
    report = good.audit(k=3)
    assert report.figures["pages"] == {"pictures_inside": 601}
    assert "originals are in the release, as a near-copy" in breaks(report)


def _numbered(made: Any, *groupings: list[range]) -> None:
    """Pictures of all people, one variant for each way to group them."""
    made.columns = ("variant",)
    people = {f"P-{n:03d}x": made.person(n) for n in range(6)}
    names = list(people)
    for number, groups in enumerate(groupings, 1):
        for group in groups:
            own = {names[n]: people[names[n]] for n in group}
            picture = made.mean(list(own.values()))
            picture[-8:] = 10 * number  # as another seed draws it
            made.group(own, picture=picture, label=(str(number),))


def test_variants_of_the_same_people_are_no_second_group(made: Any) -> None:
    _numbered(made, [range(3), range(3, 6)], [range(3), range(3, 6)])
    report = made.audit(k=3)
    assert report.holds, breaks(report)
    assert not report.problems


def test_variants_that_part_people_in_two_ways(made: Any) -> None:
    """Every picture stands for three people, but who holds two of them is one of fewer."""
    _numbered(made, [range(3), range(3, 6)], [range(0, 6, 2), range(1, 6, 2)])
    report = made.audit(k=3)
    assert report.k_measured == 3
    assert "1: 6 subjects share the variants of a picture with different people" in breaks(
        report
    )


def test_the_same_variant_twice_is_a_second_group(made: Any) -> None:
    _numbered(made, [range(3), range(3, 6)])
    own = {f"P-{n:03d}x": made.person(n) for n in range(3)}
    picture = made.mean(list(own.values()))
    picture[-8:] = 200
    made.group(own, picture=picture, label=("1",))
    assert "1: 3 subjects have two different pictures under one label" in breaks(
        made.audit(k=3)
    )


@pytest.mark.parametrize(
    ("said", "grave"),
    [
        ("of P-000x", "breaks"),
        ("of p-000X!", "breaks"),
        ("**P-000x**", "breaks"),
        ("_P_000x_", "breaks"),
        ("P-000x\u2013P-003x", "breaks"),
        ("P-<wbr>000x", "breaks"),
        ("P\u00ad-000x", "breaks"),
        ("FAMILY00_VISIT0.PNG", "breaks"),
        ("family00_visit0-small.jpg", "breaks"),
        ("Zoe\u0308 Mu\u0308ller", "breaks"),
        ("zo\u00eb m\u00fcller", "warns"),
        ("hope", "warns"),
        ("Ann", "warns"),
        ("P-0 00x", ""),
        ("annex", ""),
    ],
)
def test_a_name_in_a_page(good: Any, said: str, grave: str) -> None:
    """However it is spelt; a word that may be another one only warns."""
    (good.release / "report.html").write_text(f"<p>nine people {said} in three groups</p>")
    for subject in ("Zo\u00eb M\u00fcller", "Hope", "Ann"):
        good.add("nobody.png", subject, "", "no face found")
    problems = [p for p in good.audit(k=3).problems if "names of photos or people" in p.sentence
                or "words that are also names" in p.sentence]  # fmt: skip
    assert [problem.severity for problem in problems] == [grave] * bool(grave)


@pytest.mark.parametrize("cell", ["P-000x", "P-000x+P-001x+P-002x"])
def test_a_column_that_names_people(made: Any, cell: str) -> None:
    """Released words are no names, but not whatever stands in a column."""
    made.columns = ("group",)
    made.group(made.people(range(3)), label=(cell,))
    made.group(made.people(range(3, 6)), label=("b",))
    assert "texts and folders of the release contain" in breaks(made.audit(k=3))


@pytest.mark.parametrize("name", ["P-000x.txt", "images/p-003x_0.png", "family04_visit0/a.png"])
def test_files_that_are_named_by_people(good: Any, name: str) -> None:
    path = good.release / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nine people")
    assert "texts and folders of the release contain" in breaks(good.audit(k=3))


@pytest.mark.parametrize(
    "way", ["percent", "parameter", "capitals", "narrow", "numbers", "bmp"]
)
def test_a_photo_inside_a_page_in_another_coding(good: Any, way: str) -> None:
    with Image.open(good.photos / "family04_visit0.png") as image:
        small = image.convert("RGB").resize((64, 64))
    small.save(packed := BytesIO(), "BMP" if way == "bmp" else "PNG")
    data = packed.getvalue()
    coded, noise = b64encode(data).decode(), np.random.default_rng(0).bytes(1500)
    page = {
        "percent": "<img src='data:image/png," + "".join(f"%{b:02X}" for b in data) + "'>",
        "parameter": f'<img src="data:image/png;name=a;base64,{coded}">',
        "capitals": f'<img src="DATA:image/png;BASE64,{coded}">',
        "narrow": "\n".join(textwrap.wrap(b64encode(noise).decode(), 40)),
        "numbers": f"<script>[{','.join(map(str, data))}]</script>",
        "bmp": f'<img src="data:image/bmp;base64,{coded}">',
    }[way]
    (good.release / "report.html").write_text(page)
    said = breaks(good.audit(k=3))
    wanted = {"narrow": "coded bytes", "numbers": "coded bytes", "bmp": "a format whose every"}
    assert wanted.get(way, "originals are in the release, as a near-copy") in said


def test_sizes_of_many_groups_are_no_picture(good: Any) -> None:
    sizes = [3 + n % 7 for n in range(2000)]
    (good.release / "certificate.json").write_text(json.dumps({"k_claimed": 3, "sizes": sizes}))
    assert good.audit().holds
