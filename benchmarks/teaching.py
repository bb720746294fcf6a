"""What do surrogates teach a classifier that is then tested on photos of other people?

    python benchmarks/teaching.py faces.safetensors [--k 3 5 10 20 30] [--seeds 3] [--grouping chance]
        [--labels gender] [--variants 4] [--endless 50] [--held-out] [--json FILE]
        [--weights run/generator.safetensors]

``faces.safetensors`` is what ``kssgan prepare`` wrote, with labels of gender and expression. People are
grouped inside their gender as a release groups them, around random people (``kssgan deidentify --grouping
k-same``, as in ``kssgan evaluate``), or by chance: for gender everybody, for expression those of whom it is
known, or of both only those held out (``--held-out``: whom G has never seen; too few for a large k). Each
group is drawn neutral and happy. A softmax regression on what the shipped detector sees where on the face
(:func:`kssgan.auditing.quality.features_and_places`) learns from the pictures of four fifths of the groups
and is tested on photos of the people of the last fifth, in turn.

Balanced accuracy, mean over seeds, in two ways: of pictures as they are, and *varied*, as who trains on some
hundred pictures does: beside each picture three copies that are mirrored by chance, turned up to 6 degrees,
moved up to 5 pixels, blurred up to 2 pixels, and of more or less light, contrast and colour by up to a
quarter.

surrogates  what the generator draws
variants    so many pictures of each (``kssgan deidentify --variants``)
means       the bare shape-normalised means S_g of the same groups (they draw no expression)
as many     as many photos of each category, of people who are not tested on; mean over three choices
photos      all photos of those people
endless     surrogates of as many overlapping groups of each gender as asked for, of people who are not tested
            on: what G teaches where a release would have too few pictures. No release holds them together.

``short`` is what surrogates (or their variants) teach less than all photos, in points, varied.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from kssgan.auditing.quality import features_and_places
from kssgan.auditing.transfer import as_many, cross_tested, folds
from kssgan.deidentification.draw import variant_seed
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.faces.landmarks import mean_shape
from kssgan.grouping.k_same import k_same_groups
from kssgan.surrogate.shape import ShapeMean
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import FloatArray, IntArray, U8Array
from picture_gate import arguments, asked_generator
from surrogates import group_mean, mean_embeddings

COPIES = 3
PARTS = 5
CHOICES = 3
LABELS = ("gender", "expression")
EXPRESSIONS = ("neutral", "happy")
Row = dict[str, float | int | str]


def varied(picture_u8: U8Array, rng: np.random.Generator) -> U8Array:
    """A copy as it is usual to train with."""
    image = Image.fromarray(picture_u8).filter(ImageFilter.GaussianBlur(rng.uniform(0, 2)))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(rng.uniform(0.8, 1.25))
    moved = (int(rng.integers(-5, 6)), int(rng.integers(-5, 6)))
    image = image.rotate(rng.uniform(-6, 6), resample=Image.Resampling.BICUBIC, translate=moved)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def seen(pictures: Sequence[U8Array], seed: int) -> FloatArray:
    """(1 + COPIES, N, 512): each picture as it is, then its copies."""
    rng = np.random.default_rng(seed)
    sets = [pictures, *([varied(p, rng) for p in pictures] for _ in range(COPIES))]
    found: FloatArray = np.stack([features_and_places(list(each))[1] for each in sets])
    return found


@dataclass(frozen=True, eq=False)
class Lessons:
    """(1 + COPIES, N, 512) what is seen of pictures, what each shows, and in which part its people are.

    Of pictures that are ``made_for`` testing a part: which one. They show nobody in it.
    """

    places: FloatArray
    shown: Sequence[str]
    part: IntArray
    made_for: bool = False

    def apart_from(self, part: int) -> IntArray:
        """Which pictures show nobody of a part."""
        found: IntArray = np.flatnonzero((self.part == part) == self.made_for)
        return found


@dataclass(frozen=True, eq=False)
class Collection:
    """Photos of which a label is known, with (1 + COPIES, N, 512) what is seen of them."""

    data: Prepared
    rows: IntArray
    places: FloatArray

    def read(self, name: str) -> list[str]:
        """Category of each photo, "" where none is known."""
        column = self.data.labels[self.rows, list(self.data.scheme).index(name)].tolist()
        return [self.data.scheme[name][c] if c >= 0 else "" for c in column]

    def knowing(self, name: str) -> Collection:
        """The photos of which a label is known."""
        known = np.flatnonzero([bool(category) for category in self.read(name)])
        return Collection(self.data, self.rows[known], self.places[:, known])


@dataclass(frozen=True, eq=False)
class Trial:
    """What is taught by whom: photos of whom ``name`` is known, in groups of k formed so, with a seed."""

    photos: Collection
    method: GeneratorSurrogate
    name: str
    k: int
    how: str
    seed: int


def overlapping(
    data: Prepared, people: IntArray, k: int, how: str, count: int, rng: np.random.Generator
) -> list[IntArray]:
    """Groups of k people, each around a person by chance (or by chance altogether); people come again."""
    if how == "chance":
        return [rng.choice(people, k, replace=False) for _ in range(count)]
    places = mean_embeddings(data, people)
    middles = places[rng.integers(len(people), size=count)]
    return [people[np.argsort(((places - m) ** 2).sum(1), kind="stable")[:k]] for m in middles]


def grouped(photos: Collection, k: int, how: str, seed: int) -> list[tuple[str, IntArray]]:
    """Gender and subjects of each group of k or more people."""
    rng = np.random.default_rng([seed, k])
    data, genders = photos.data, np.array(photos.read("gender"))
    subject, found = data.subject[photos.rows], []
    for gender in data.scheme["gender"]:
        people = rng.permutation(np.unique(subject[genders == gender]))
        if len(people) < k:
            continue
        if how == "k-same":
            groups = k_same_groups(mean_embeddings(data, people), k, seed=seed).labels
        else:
            groups = np.minimum(np.arange(len(people)) // k, len(people) // k - 1)
        found += [(gender, people[groups == group]) for group in range(int(groups.max()) + 1)]
    return found


def both_expressions(
    method: GeneratorSurrogate, mean: ShapeMean, gender: str, seed: int
) -> list[U8Array]:
    """Surrogates of a group."""
    labels = [{"gender": gender, "expression": expression} for expression in EXPRESSIONS]
    return [method.draw(mean, label, seed=seed) for label in labels]


def told(name: str, genders: Sequence[str]) -> list[str]:
    """What the surrogates of groups of these genders show."""
    return [gender if name == "gender" else each for gender in genders for each in EXPRESSIONS]


def repeated(lessons: Sequence[Lessons]) -> Lessons:
    """Lessons of the same groups as one."""
    return Lessons(
        np.concatenate([each.places for each in lessons], axis=1),
        [shown for each in lessons for shown in each.shown],
        np.concatenate([each.part for each in lessons]),
    )


def drawn(trial: Trial, variants: int) -> tuple[dict[str, Lessons], IntArray]:
    """Surrogates and means that teach a label, and the part of each photo (-1: of nobody who is grouped)."""
    photos, seed = trial.photos, trial.seed
    pictures: list[list[U8Array]] = [[] for _ in range(variants)]
    means = []
    groups = grouped(photos, trial.k, trial.how, seed)
    part = folds(len(groups), parts=min(PARTS, len(groups)), seed=seed)
    subject = photos.data.subject[photos.rows]
    of_photo = np.full(len(photos.rows), -1, np.int64)
    for number, (gender, people) in enumerate(groups):
        of_photo[np.isin(subject, people)] = part[number]
        mean = group_mean(photos.data, people.tolist())
        means.append(np.rint(mean.image_01 * 255).clip(0, 255).astype(np.uint8))
        for variant, drawn_so in enumerate(pictures):
            own = variant_seed(1000 * seed + number, variant)
            drawn_so += both_expressions(trial.method, mean, gender, own)
    genders = [gender for gender, _ in groups]
    shown, parts = told(trial.name, genders), np.repeat(part, len(EXPRESSIONS))
    each = [
        Lessons(seen(drawn_so, variant_seed(seed, variant)), shown, parts)
        for variant, drawn_so in enumerate(pictures)
    ]
    lessons = {"surrogates": each[0]}
    if variants > 1:
        lessons["variants"] = repeated(each)
    if trial.name == "gender":
        lessons["means"] = Lessons(seen(means, seed), genders, part)
    return lessons, of_photo


def drawn_endlessly(trial: Trial, of_photo: IntArray, count: int) -> Lessons:
    """Surrogates of so many overlapping groups of each gender for each part, of people outside it."""
    photos, k, seed = trial.photos, trial.k, trial.seed
    rng = np.random.default_rng([seed, k, count])
    genders, subject = np.array(photos.read("gender")), photos.data.subject[photos.rows]
    pictures: list[U8Array] = []
    shown: list[str] = []
    part: list[int] = []
    for left_out in range(int(of_photo.max()) + 1):
        for gender in photos.data.scheme["gender"]:
            here = (of_photo >= 0) & (of_photo != left_out) & (genders == gender)
            people = np.unique(subject[here])
            if len(people) < k:
                continue
            for group in overlapping(photos.data, people, k, trial.how, count, rng):
                drawing = 1000 * seed + len(pictures)
                mean = group_mean(photos.data, group.tolist())
                pictures += both_expressions(trial.method, mean, gender, drawing)
                shown.append(gender)
                part.append(left_out)
    parts = np.repeat(np.array(part, np.int64), len(EXPRESSIONS))
    return Lessons(seen(pictures, seed), told(trial.name, shown), parts, made_for=True)


def learnt(
    lessons: Lessons, photos: Collection, of_photo: IntArray, name: str, copies: int
) -> float:
    """Balanced accuracy on photos of each part, learnt from what is of no person in it."""

    def taught(left_out: int) -> tuple[FloatArray, list[str], FloatArray] | None:
        train = lessons.apart_from(left_out)
        if not train.size:
            return None
        places = lessons.places[: 1 + copies, train].reshape(-1, lessons.places.shape[2])
        shown = [lessons.shown[i] for i in train.tolist()] * (1 + copies)
        return places, shown, np.ones(len(places), np.float32)

    return cross_tested(taught, photos.places[0], photos.read(name), of_photo) or 0.0


def of_photos(
    photos: Collection, of_photo: IntArray, name: str, like: Lessons | None, choice: int
) -> Lessons:
    """All photos that show something, or in each part as many of each category as ``like`` has."""
    true = photos.read(name)
    known = np.flatnonzero(of_photo >= 0).tolist()
    if like is not None:
        rng = np.random.default_rng([choice, len(like.part)])
        chosen = []
        for part in range(int(of_photo.max()) + 1):
            here = [i for i in known if of_photo[i] == part]
            shown = [like.shown[i] for i in np.flatnonzero(like.part == part).tolist()]
            chosen += [
                here[i] for i in as_many(shown, [true[i] for i in here], rng=rng).tolist()
            ]
        known = chosen
    return Lessons(photos.places[:, known], [true[i] for i in known], of_photo[known])


def measure(trial: Trial, variants: int, endless: int) -> dict[str, float]:
    """Balanced accuracies by "who teaches, how"."""
    photos, name = trial.photos, trial.name
    lessons, of_photo = drawn(trial, variants)
    like = lessons["surrogates"]
    if endless:
        lessons["endless"] = drawn_endlessly(trial, of_photo, endless)
    found = {"pictures": float(len(like.shown)) * variants}
    every = of_photos(photos, of_photo, name, None, 0)
    some = [of_photos(photos, of_photo, name, like, i) for i in range(CHOICES)]
    for how, copies in (("as they are", 0), ("varied", COPIES)):
        for who, each in (*lessons.items(), ("photos", every)):
            found[f"{who}, {how}"] = learnt(each, photos, of_photo, name, copies)
        told = [learnt(each, photos, of_photo, name, copies) for each in some]
        found[f"as many, {how}"] = float(np.mean(told))
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(k=[3, 5, 10, 20, 30])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS)
    parser.add_argument("--grouping", choices=("k-same", "chance"), default="k-same")
    parser.add_argument("--variants", type=int, default=1)
    parser.add_argument("--endless", type=int, default=0, metavar="GROUPS")
    parser.add_argument("--held-out", action="store_true")
    args = parser.parse_args()
    data = load_prepared(args.file)
    method = GeneratorSurrogate(asked_generator(args.weights), otherwise=mean_shape())
    rows = np.flatnonzero(data.held_out) if args.held_out else np.arange(len(data))
    photos = Collection(data, rows, seen([data.crop(int(r)) for r in rows], 0))
    table: list[Row] = []
    for name in args.labels:
        known = photos.knowing(name)
        for k in args.k:
            runs = [
                measure(
                    Trial(known, method, name, k, args.grouping, seed),
                    args.variants,
                    args.endless,
                )
                for seed in range(args.seeds)
            ]
            row: Row = {"k": k, "label": name}
            row |= {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            who = "variants" if args.variants > 1 else "surrogates"
            row["short"] = 100 * (float(row["photos, varied"]) - float(row[f"{who}, varied"]))
            table.append(row)
            print(row, flush=True)
    report(table, args.grouping, args.seeds, args.held_out)
    if args.json:
        about = {"machine": platform.machine(), "seeds": args.seeds, "held_out": args.held_out}
        about |= {"grouping": args.grouping, "variants": args.variants, "endless": args.endless}
        args.json.write_text(json.dumps({**about, "rows": table}, indent=2) + "\n", "utf-8")


def report(table: Sequence[Row], how: str, seeds: int, held_out: bool) -> None:
    whose = "people held out" if held_out else "everybody"
    print(
        f"\nBalanced accuracy on photos of people left out, {whose}, groups by {how}, mean of {seeds} seeds"
    )
    print(
        "k   label       pictures   as they are: surrogates, variants, means, as many, photos, endless   "
        "varied   short"
    )
    for row in table:
        told = [
            " ".join(
                f"{row[key]:.3f}" if (key := f"{who}, {way}") in row else "  -  "
                for who in ("surrogates", "variants", "means", "as many", "photos", "endless")
            )
            for way in ("as they are", "varied")
        ]
        print(
            f"{row['k']:<3} {row['label']:<11} {row['pictures']:>5.0f}   {told[0]}   {told[1]}   "
            f"{row['short']:.1f}"
        )


if __name__ == "__main__":
    main()
