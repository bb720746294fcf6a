"""Whose faces and whose heads do a generator's pictures show? Groups by MDAV and by chance, people held out.

    python benchmarks/surrogates.py faces.safetensors [--weights run/generator.safetensors] [--variants N]
        [--json FILE]

``faces.safetensors`` is what ``kssgan prepare`` wrote; G was trained on it. First table, for each k and
both ways to group the people held out (inside one gender), for the generator and for the bare mean:

member      cosine similarity of a picture to the nearest of its members, median over groups
stranger    the same to the nearest of as many people drawn from those who are not in the group: median
95 %        and 95th percentile over 200 draws a group
below       whether the median for members is at or below that percentile: nearness gives no group away

With ``--variants N`` also for the mean of the embeddings of N variants (``kssgan deidentify --variants``):
what somebody can learn who holds them all.

Second table, heads: how far (mean difference of what lies outside the face, reduced 8 times, in grey
levels) a picture with a fresh code lies from the nearest picture with one donor's own code on the same
S_g. Beside it the distance between codes of two photos of one donor (what it looks like when a head
comes back) and between each donor and the nearest other one. ``back`` is the share of pictures that are
nearer to a donor than half of the former are.

Third table, labels: random groups of people held out (anybody; those with photos of both expressions, as a
release needs them, where there are k), drawn neutral and happy. ``neutral``, ``happy`` and
``gender`` are the shares that the probes read off the surrogates as asked for; compare with the probes'
accuracy on photos of people that they had not seen (``benchmarks/probes.py``).
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from kssgan.deidentification.draw import variant_seed
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.faces.attributes import Probes
from kssgan.faces.embed import Recogniser
from kssgan.faces.landmarks import mean_shape
from kssgan.grouping.mdav import mdav_groups
from kssgan.models.stored import StoredGenerator
from kssgan.surrogate._regions import COARSE, reduced, regions, soften
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.sight import sight
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import FloatArray, IntArray, U8Array
from picture_gate import Judge, arguments, asked_generator, groups, mean_of, trained_photos

DRAWS = 200
Row = dict[str, float | int | str | bool]


def partition(data: Prepared, k: int, how: str, seed: int) -> list[tuple[str, list[int]]]:
    """Gender and subjects of each group of people held out."""
    genders = data.labels[:, list(data.scheme).index("gender")]
    rng = np.random.default_rng([seed, k])
    found = []
    for number, gender in enumerate(data.scheme["gender"]):
        people = np.unique(data.subject[data.held_out & (genders == number)])
        if len(people) < k:
            continue
        if how == "mdav":
            labels = mdav_groups(mean_embeddings(data, people), k).labels
        else:
            labels = np.minimum(rng.permutation(len(people)) // k, len(people) // k - 1)
        found += [(gender, people[labels == g].tolist()) for g in range(labels.max() + 1)]
    return found


def rows_of(data: Prepared, subject: int) -> IntArray:
    found: IntArray = np.flatnonzero(data.subject == subject)
    return found


def mean_embeddings(data: Prepared, people: IntArray) -> FloatArray:
    """(N, 512) mean of each person's embeddings."""
    found: FloatArray = np.stack([data.embedding[data.subject == s].mean(0) for s in people])
    return found


def group_mean(data: Prepared, people: Sequence[int]) -> ShapeMean:
    """S_g of people, each given by number."""
    return mean_of(data, [rows_of(data, s) for s in people])


def nearness(
    data: Prepared,
    judge: Judge,
    method: GeneratorSurrogate,
    k: int,
    how: str,
    seed: int,
    variants: int,
) -> list[Row]:
    """Rows of the first table."""
    rng = np.random.default_rng([seed, k, 1])
    everybody = np.unique(data.subject[data.held_out])
    names = ["generator", "mean", *([f"{variants} variants"] if variants > 1 else [])]
    near: dict[str, list[float]] = {name: [] for name in names}
    strange: dict[str, list[float]] = {name: [] for name in names}
    for number, (gender, people) in enumerate(partition(data, k, how, seed)):
        mean = group_mean(data, people)
        drawn = [
            method.draw(mean, {"gender": gender}, seed=variant_seed(seed + number, variant))
            for variant in range(variants)
        ]
        pictures = (drawn[:1], [np.rint(mean.image_01 * 255).astype(np.uint8)], drawn)
        for name, shown in zip(names, pictures, strict=False):
            embedding = together(judge, shown)
            if embedding is None:
                continue
            alike = {
                int(s): float((data.embedding[rows_of(data, s)] @ embedding).max())
                for s in everybody
            }
            near[name].append(max(alike[s] for s in people))
            others = np.array([alike[s] for s in alike if s not in people])
            size = min(len(people), len(others))
            strange[name] += [
                float(rng.choice(others, size, replace=False).max()) for _ in range(DRAWS)
            ]
    return [
        {
            "k": k,
            "groups": how,
            "picture": name,
            "count": len(near[name]),
            "member": float(np.median(near[name])),
            "stranger": float(np.median(strange[name])),
            "95 %": float(np.quantile(strange[name], 0.95)),
            "below": bool(np.median(near[name]) <= np.quantile(strange[name], 0.95)),
        }
        for name in near
    ]


def together(judge: Judge, pictures: Sequence[U8Array]) -> FloatArray | None:
    """(512,) what pictures of one face show of it: their mean embedding; None where none has a face."""
    seen = [e for picture in pictures if (e := judge.embedding(picture)) is not None]
    if not seen:
        return None
    mean = np.mean(seen, axis=0)
    found: FloatArray = mean / np.linalg.norm(mean)
    return found


def heads(
    data: Prepared, stored: StoredGenerator, method: GeneratorSurrogate, count: int, seed: int
) -> Row:
    """The second table."""
    photos = trained_photos(stored, data)
    subject = photos.subject[photos.donors]
    gender = [a.get("gender") for a in stored.codes.attributes]
    fresh, same, other = [], [], []
    for number, (wanted, people) in enumerate(partition(data, 5, "random", seed)[:count]):
        mean = group_mean(data, people)
        outside = 1 - soften(regions(mean.points).oval, 3.0)
        mine = [i for i, known in enumerate(gender) if known == wanted]
        own = [draw(stored, mean, stored.codes.vector[i], stored.codes.layout[i]) for i in mine]
        far = np.array([[apart(a, b, outside) for b in own] for a in own])
        twins = subject[mine][:, None] == subject[mine][None]
        np.fill_diagonal(far, np.inf)
        same += far[twins & np.isfinite(far)].tolist()
        other += np.where(twins, np.inf, far).min(1).tolist()
        for head in range(4):
            code = method.code(mean, {"gender": wanted}, seed=97 * number + head)
            picture = draw(stored, mean, *code)
            fresh.append(min(apart(picture, a, outside) for a in own))
    return {
        "pictures": len(fresh),
        "fresh to nearest donor": float(np.median(fresh)),
        "donor to itself": float(np.median(same)),
        "donor to nearest other": float(np.median(other)),
        "back": float((np.array(fresh) < np.median(same)).mean()),
    }


def labels(
    data: Prepared,
    judge: Judge,
    method: GeneratorSurrogate,
    k: int,
    chosen: Sequence[tuple[int, list[IntArray]]],
    people_are: str,
) -> Row:
    """A row of the third table."""
    probes, recogniser = Probes(), Recogniser()
    wanted, said = [], []
    for number, (gender, people) in enumerate(chosen):
        mean = mean_of(data, people)
        for expression in method.draws["expression"]:
            label = {"gender": data.scheme["gender"][gender], "expression": expression}
            chip = judge.chip(method.draw(mean, label, seed=1000 * k + number))
            wanted.append(label)
            said.append(
                {}
                if chip is None
                else probes.labels(*recogniser.embed_with_maps(chip[None]))[0]
            )

    def share(name: str, category: str | None = None) -> float:
        kept = [
            (w, s) for w, s in zip(wanted, said, strict=True) if category in (None, w[name])
        ]
        return float(np.mean([w[name] == s.get(name) for w, s in kept]))

    return {
        "k": k,
        "people": people_are,
        "pictures": len(wanted),
        "detected": float(np.mean([bool(s) for s in said])),
        **{c: share("expression", c) for c in method.draws["expression"]},
        "expression": share("expression"),
        "gender": share("gender"),
    }


def with_both(data: Prepared) -> Prepared:
    """Held out are only people of whom every expression is known."""
    kinds = data.labels[:, list(data.scheme).index("expression")]
    wanted = set(range(len(data.scheme["expression"]))) & set(kinds[kinds >= 0].tolist())
    known = [
        set(kinds[data.subject == s].tolist()) >= wanted for s in range(data.subject.max() + 1)
    ]
    return replace(data, held_out=data.held_out & np.array(known)[data.subject])


def draw(
    stored: StoredGenerator, mean: ShapeMean, vector: FloatArray, layout: FloatArray
) -> FloatArray:
    """Coarse picture (32, 32, 3) in grey levels, neutral where that is known."""
    width = stored.generator.config.labels
    label = torch.zeros(1, width)
    if width:
        label[0, 0] = 1
    with torch.inference_mode():
        small = torch.nn.functional.avg_pool2d(
            torch.from_numpy(mean.image_01).permute(2, 0, 1)[None] * 2 - 1, 2
        )
        picture = stored.generator.drawer(
            small,
            torch.from_numpy(sight(mean.points))[None, None],
            torch.from_numpy(vector)[None],
            torch.from_numpy(layout)[None],
            label if width else None,
        )[0]
    found: FloatArray = torch.nn.functional.avg_pool2d(picture, 4).permute(1, 2, 0).numpy()
    return found * np.float32(127.5)


def apart(a: FloatArray, b: FloatArray, outside: FloatArray) -> float:
    weights = reduced(outside, COARSE // 32)
    return float((np.abs(a - b).mean(2) * weights).sum() / weights.sum())


def shown(rows: Sequence[Row]) -> None:
    names = list(rows[0])
    print("".join(name.rjust(max(11, len(name) + 2)) for name in names))
    for row in rows:
        cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values())
        print("".join(c.rjust(max(11, len(n) + 2)) for c, n in zip(cells, names, strict=True)))


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--variants", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.file)
    stored = asked_generator(asked.weights)
    method = GeneratorSurrogate(stored, otherwise=mean_shape())
    judge = Judge(data)
    rows = [
        row
        for k in asked.k
        for how in ("mdav", "random")
        for row in nearness(data, judge, method, k, how, asked.seed, asked.variants)
    ]
    shown(rows)
    print()
    second = heads(data, stored, method, 8, asked.seed)
    shown([second])
    print()
    third = []
    for k in asked.k:
        anybody = groups(data, k, 24, asked.seed)
        third.append(labels(data, judge, method, k, anybody, "anybody"))
        if both := groups(with_both(data), k, 24, asked.seed, whole=True):
            third.append(labels(data, judge, method, k, both, "with both"))
    shown(third)
    if asked.json:
        about = {"machine": platform.machine(), "seed": asked.seed}
        found = {**about, "nearness": rows, "heads": second, "labels": third}
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
