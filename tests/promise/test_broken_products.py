"""One deliberately broken product per way to break the promise; each must be rejected.

The program is broken in one place, by a patch, and run whole. Three judges look at it: the *certificate* (the
program's own measurement of what it wrote, which then refuses), the *checker* of this folder, and
``kssgan audit``. Which of them must see what is written down here, also where one of them cannot. The judges
other than the first see the release that the broken program would have written without its conscience. The
sound program passes the very same judges on the very same photos first.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kssgan
from kssgan.deidentification import certificate, draw, gather, pipeline, plan, staging, write
from kssgan.deidentification import release as writer
from kssgan.deidentification.png import encode_png
from kssgan.errors import PromiseError
from kssgan.grouping import cells
from kssgan.grouping.subjects import Subjects
from kssgan.reporting import Reports
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser

from ._checker import Case, every_rule, rule_4_twice
from ._collections import PLAIN, Collection, Person, Photo, paint, release

Patch = pytest.MonkeyPatch


def _shows(*expressions: str, gender: str = "") -> Person:
    return Person(tuple(Photo(expression=e) for e in expressions), gender=gender)


# Two groups, nobody special; a group of one expression; refused photos; twins.
PLAIN_MEANS = replace(PLAIN, draws=False)
REFUSED = replace(
    PLAIN, people=(*PLAIN.people, Person((Photo("no_face"), Photo("several_faces"))))
)
COPIED = Collection((*(Person() for _ in range(5)), Person(like="copy")), k=5)
ALIKE = Collection((*(Person() for _ in range(5)), Person(like="look-alike")), k=5)
MANY_PHOTOS = Collection(tuple(Person((Photo(),) * 4) for _ in range(4)), k=3)
UNEVEN = Collection(tuple(Person((Photo(),) * n) for n in (3, 1, 1, 1, 1)), k=5)
# Everybody is neutral and all but one of each group are happy.
UNEQUAL_CELLS = Collection(
    tuple(
        _shows("neutral", *(["happy"] if i % 7 else []), gender=("female", "male")[i // 7])
        for i in range(14)
    ),
    k=6,
    draws=True,
)


# --- the faults -----------------------------------------------------------------------------------------


def own_photo(patch: Patch) -> None:
    """Rule 3: a member's own photo stands for its group; rules 1 and 2 are content with that."""

    def surrogate(self: MeanSurrogate, members: Sequence[Any]) -> Any:
        faces = [list(own) for own in members]
        return (faces[0][0].crop / 255).astype(np.float32)

    patch.setattr(MeanSurrogate, "surrogate", surrogate)


def mean_of_photos(patch: Patch) -> None:
    """Rule 3: who has more photos weighs more."""
    real = MeanSurrogate.surrogate
    patch.setattr(
        MeanSurrogate,
        "surrogate",
        lambda self, members: real(self, [[face] for own in members for face in own]),
    )


def seeded_names(patch: Patch) -> None:
    """Rule 4: names that anybody can draw again."""

    def names(made: plan.Plan) -> dict[tuple[int, int], str]:
        generator = random.Random(0)
        return {who: f"images/{generator.getrandbits(128):032x}.png" for who in made.holders()}

    patch.setattr(write, "_name_files", names)


def groups_of_photos(patch: Patch) -> None:
    """Rule 1 and 2: k photos, which may all be one person's."""

    def resolve(photos: Sequence[Any], *_: object) -> Subjects:
        every = np.arange(len(photos))
        nobody = np.zeros((0, 2), np.int64)
        return Subjects(
            tuple(p.name for p in photos), every, nobody, 0, len(photos), "declared"
        )

    patch.setattr(gather, "resolve", resolve)


def groups_of_fewer(patch: Patch) -> None:
    """Rule 2: one person less than was asked for."""
    real = staging.make_plan
    patch.setattr(staging, "make_plan", lambda *args, k, **rest: real(*args, k=k - 1, **rest))


def cells_by_photos(patch: Patch) -> None:
    """Rule 2: a cell for a label of which there are k photos."""

    def fold(labels: Sequence[Any], people: Sequence[int], k: int) -> list[Any]:
        count = Counter(labels)
        most = min(count, key=lambda label: (-count[label], label))
        return [label if count[label] >= k else most for label in labels]

    patch.setattr(cells, "_fold", fold)


def fallback_by_photos(patch: Patch) -> None:
    """Rule 2: the label that most photos show, where the one that most people show was promised."""

    def fold(labels: Sequence[Any], people: Sequence[int], k: int) -> list[Any]:
        count = Counter(label for label, _ in set(zip(labels, people, strict=True)))
        photos = Counter(labels)
        most = min(photos, key=lambda label: (-photos[label], label))
        return [label if count[label] >= k else most for label in labels]

    patch.setattr(cells, "_fold", fold)


def gender_by_photos(patch: Patch) -> None:
    """Rule 2: a vote in which every photo counts."""
    patch.setattr(plan, "vote", lambda values, voters=None: cells.vote(values))


def label_of_a_file(patch: Patch) -> None:
    """Rule 2: equal pictures, other labels."""
    real = write._manifest

    def manifest(*args: Any) -> bytes:
        head, *rows = real(*args).decode().splitlines()
        # One file alone: every other one by name would now and then be just the files of some pictures.
        old, new = ("female", "male") if "female" in rows[0] else (",male", ",female")
        assert old in rows[0]
        rows[0] = rows[0].replace(old, new)
        return "\n".join([head, *rows, ""]).encode()

    patch.setattr(write, "_manifest", manifest)


def file_per_photo(patch: Patch) -> None:
    """Rule 1: as many files as photos, so that one person has most of a picture."""
    real = pipeline.write_release

    def per_photo(
        places: Any, collection: Any, made: plan.Plan, *rest: Any, **more: Any
    ) -> Any:
        photos = replace(made, photo_person=np.arange(made.photo_person.size))
        return real(places, collection, photos, *rest, **more)

    patch.setattr(pipeline, "write_release", per_photo)


def mean_per_cell(patch: Patch) -> None:
    """Rule 3: mean{A..G} minus mean{A..F} is G."""

    def draw_cells(
        photos: Any,
        made: plan.Plan,
        method: Any,
        reader: Any,
        drawn: Any,
        *,
        seed: int,
        progress: Any,
    ) -> None:
        for cell in range(made.cells.count):
            people: dict[int, list[Any]] = {}
            for row in np.flatnonzero(made.cells.photo_cell == cell).tolist():
                people.setdefault(int(made.photo_person[row]), []).append(
                    reader.face(photos[row])
                )
            surrogate = method.surrogate(list(people.values()))
            drawn.append(encode_png(method.draw(surrogate, made.labels[cell], seed=seed)))

    patch.setattr(pipeline, "draw_cells", draw_cells)


def thumbnail_left_in(patch: Patch) -> None:
    """Rule 4: EXIF of a photo, with its small preview."""
    preview = BytesIO()
    Image.radial_gradient("L").resize((64, 64)).save(preview, "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "at home"

    def encode(picture: np.ndarray) -> bytes:
        file = BytesIO()
        Image.fromarray(picture).save(file, "PNG", exif=exif.tobytes() + preview.getvalue())
        return file.getvalue()

    patch.setattr(draw, "encode_png", encode)


def _pass_on(patch: Patch, moment: str, change: Callable[[bytes], bytes]) -> None:
    """Copy refused pictures into the release when a step of the writer is done."""
    real, step = pipeline.write_release, getattr(writer.PartialRelease, moment)
    write_file = writer.PartialRelease.write

    def release_all(places: Any, collection: Any, *rest: Any, **more: Any) -> Any:
        def then(self: writer.PartialRelease, *args: Any) -> None:
            if moment == "write":
                step(self, *args)
                if args[0] != "manifest.csv":
                    return
            for name in collection.refused:
                if name.endswith(".png"):
                    data = (places.photos / name).read_bytes()
                    write_file(self, writer.random_name(), change(data))
            if moment == "seal":
                step(self)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(writer.PartialRelease, moment, then)
            return real(places, collection, *rest, **more)

    patch.setattr(pipeline, "write_release", release_all)


def refused_copied(patch: Patch) -> None:
    """Rule 5: "no face, nothing to hide"."""
    _pass_on(patch, "write", bytes)


def _as_crop(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return encode_png(np.asarray(image.convert("RGB").resize((256, 256), 0)))


def refused_written_anew(patch: Patch) -> None:
    """Rule 5: as a picture like all others."""
    _pass_on(patch, "write", _as_crop)


def refused_copied_late(patch: Patch) -> None:
    """Rule 5: when everything has been counted."""
    _pass_on(patch, "seal", _as_crop)


def copies_are_two(patch: Patch) -> None:
    """Rule 7: one picture under two names counts twice."""

    def blind(embeddings: np.ndarray, *_: object) -> Any:
        return np.zeros((0, 2), np.int64), np.zeros(0)

    patch.setattr(plan, "pairs_below", blind)


def person_named_in_report(patch: Patch) -> None:
    """Rule 4: the public page thanks somebody."""
    real = Reports.public
    name = "Wintermantel Xaver0"
    patch.setattr(
        Reports, "public", lambda *args: real(*args).replace("</body>", f"<p>{name}</p></body>")
    )


def times_of_writing(patch: Patch) -> None:
    """Rule 4: the order of writing, on a slow disk."""
    clock = itertools.count(1_700_000_000, 10)

    def stamp(path: Path, mode: int) -> None:
        path.chmod(mode)
        os.utime(path, (now := next(clock), now))

    patch.setattr(writer, "_stamp", stamp)


# --- who must see it ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """A fault, photos on which it matters, and its judges.

    Attributes:
        fault: breaks the program.
        rule: of the promise that it breaks.
        certificate: the program's own measurement refuses.
        audit: "breaks", "warns", or "" where an audit cannot see it.
        collection: painted.
    """

    fault: Callable[[Patch], None]
    rule: int
    certificate: bool
    audit: str
    collection: Collection


PRODUCTS = (
    Product(own_photo, 3, True, "breaks", PLAIN_MEANS),
    Product(seeded_names, 4, False, "breaks", PLAIN_MEANS),
    Product(groups_of_photos, 2, True, "breaks", MANY_PHOTOS),
    Product(groups_of_fewer, 2, True, "breaks", PLAIN_MEANS),
    Product(
        cells_by_photos,
        2,
        True,
        "breaks",
        Collection(
            (_shows(*["happy"] * 4), *[_shows("neutral")] * 4), k=3, draws=True, within=()
        ),
    ),
    Product(
        fallback_by_photos,
        2,
        False,
        "",
        Collection(
            (
                *[_shows("neutral", "happy", "happy", "happy")] * 4,
                *[_shows("neutral")] * 2,
                _shows("sad"),
            ),
            k=4,
            draws=True,
        ),
    ),
    Product(
        gender_by_photos,
        2,
        False,
        "",
        Collection(
            (*[_shows("", gender="female")] * 3, _shows(*[""] * 6, gender="male")),
            k=4,
            within=(),
        ),
    ),
    Product(label_of_a_file, 2, True, "breaks", PLAIN_MEANS),
    Product(file_per_photo, 1, True, "breaks", UNEVEN),
    Product(mean_per_cell, 3, False, "breaks", UNEQUAL_CELLS),
    Product(mean_of_photos, 3, False, "warns", UNEVEN),
    Product(thumbnail_left_in, 4, True, "breaks", PLAIN_MEANS),
    Product(refused_copied, 5, True, "breaks", REFUSED),
    Product(refused_written_anew, 5, True, "breaks", REFUSED),
    Product(refused_copied_late, 5, True, "breaks", REFUSED),
    Product(copies_are_two, 7, False, "breaks", replace(COPIED, k=6)),
    Product(copies_are_two, 7, False, "warns", replace(ALIKE, k=6)),
    Product(person_named_in_report, 4, False, "breaks", PLAIN_MEANS),
    Product(times_of_writing, 4, True, "warns", PLAIN_MEANS),
)


@pytest.fixture(params=PRODUCTS, ids=lambda product: f"{product.fault.__name__}-{product.rule}")
def product(request: pytest.FixtureRequest) -> Iterator[Product]:
    return request.param


def test_is_rejected(
    product: Product, home: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with home() as folder:
        # Where the fault makes people out of nothing, the sound program is asked for one less.
        fair = replace(product.collection, k=5) if product.rule == 7 else product.collection
        truth = paint(fair, folder / "photos")
        sentences, broken, usual = _seen(fair, truth, folder, "sound")
        assert (sentences, broken) == ((), False)
        # One human under two names is worth a hint even where it is counted once, as it should be.
        assert set(usual.values()) <= ({7} if product.rule == 7 else set())

        product.fault(monkeypatch)
        made: Case | PromiseError | None
        try:
            made = release(product.collection, folder, name="strict", truth=truth)
        except PromiseError as error:
            made = error
            assert not (folder / "strict").exists()
            assert not (folder / "strict.map.csv").exists()
        assert made is not None
        assert isinstance(made, PromiseError) == product.certificate

        monkeypatch.setattr(certificate, "_raise", lambda problems: None)
        monkeypatch.setattr(draw, "_check_nobody", lambda *_: None)
        sentences, broken, problems = _seen(product.collection, truth, folder, "shameless")
        assert any(sentence.startswith(f"{product.rule}:") for sentence in sentences)
        assert broken == (product.audit == "breaks")
        new = {rule for problem, rule in problems.items() if problem not in usual}
        assert (product.rule in new) == (product.audit != "")


def _seen(
    collection: Collection, truth: Any, folder: Path, name: str
) -> tuple[tuple[str, ...], bool, dict[str, int]]:
    """What the checker says; whether the audit fails; the rule of each of the audit's sentences."""
    one = release(collection, folder, name=name, truth=truth)
    assert one is not None
    two = release(collection, folder, name=f"{name} again", truth=truth)
    assert two is not None
    sentences = (*every_rule(one), *rule_4_twice(one, two))
    report = kssgan.audit(
        one.release, originals=one.photos, map_path=one.table, analyser=PaintedAnalyser()
    )
    return sentences, not report.holds, {p.sentence: p.rule for p in report.problems}
