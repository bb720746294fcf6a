"""Membership inference on a generator's weights: can it be told who was trained on?

    python benchmarks/membership.py faces.safetensors [--weights run/generator.safetensors] [--drawings 100]
        [--json FILE]

``faces.safetensors`` is what ``kssgan prepare`` wrote and G was trained on; people held out there are the
strangers. The attacker has the weights and everybody's photos, and asks with one number for each person:

drawings      distance of the recogniser's vectors to the nearest of many surrogates, drawn from the file
              alone: its public means, features and heads by seeds, every gender and expression in turn
own heads     the same to every donor's own code on the public mean of the donor's gender and expression
   pixels     mean difference of what lies outside the face, reduced 8 times, from the nearest of these
refiner       error of the refiner on the photo at half size, over the error of doubling it
face space    share of a face's texture, and of its shape, that the file's directions do not hold; people who
              have photos of both expressions alone, of whom the directions are where they are enough
head detail   how unlike a head's fine detail, taken off as donors' is, is to the nearest layer in the file
face detail   the same of a face's, in the shape of the layers of means of four

``trained`` and ``held out`` are people. The rows "donors" ask only for people whose code is in the file,
against people held out whose photos could have lent a head (frontal, sharp, gender known). AUC with its
two-sided 95 % interval (people resampled), TAR at FAR 1e-1 and 1e-2 with the one-sided 95 % upper bound; "-"
where too few were held out to place that rate. 0.5 is chance.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F  # noqa: N812

from kssgan.auditing.membership import Membership, membership, nearest_drawing, per_person
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.faces.landmarks import mean_shape
from kssgan.models.drawing import picture_u8
from kssgan.models.stored import StoredGenerator
from kssgan.surrogate._regions import COARSE, reduced, regions, soften
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.sight import sight
from kssgan.training.data import Photos
from kssgan.training.face_detail import detail_bands
from kssgan.training.face_space import faces_and_shapes
from kssgan.training.head_detail import head_detail
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import BoolArray, FloatArray, IntArray, U8Array
from picture_gate import Judge, arguments, asked_generator, trained_photos

_Array = npt.NDArray[np.float64]
_AT_ONCE = 16


def drawings(method: GeneratorSurrogate, stored: StoredGenerator, count: int) -> list[U8Array]:
    """Surrogates from the file alone."""
    genders = sorted({g for g, _ in method.public if g}) or [""]
    label, categories = next(iter(stored.labels.items()), ("", ("",)))
    found = []
    for number in range(count):
        gender = genders[number % len(genders)]
        category = categories[number // len(genders) % len(categories)]
        mean = public_mean(method, gender, category)
        wanted = {n: v for n, v in (("gender", gender), (label, category)) if v}
        found.append(method.draw(mean, wanted, seed=number))
    return found


def public_mean(method: GeneratorSurrogate, gender: str, category: str) -> ShapeMean:
    for asked in ((gender, category), (gender, ""), ("", "")):
        if asked in method.public:
            return method.public[asked]
    raise SystemExit("these weights hold no public mean to draw from")


def own_heads(
    method: GeneratorSurrogate, stored: StoredGenerator
) -> tuple[list[U8Array], FloatArray, FloatArray]:
    """Every donor's own code drawn: pictures, the same at (32, 32), and weights of what is outside."""
    width = stored.generator.config.labels
    categories = next(iter(stored.labels.values()), ())
    pictures, small = [], []
    weight = np.ones((32, 32), np.float32)
    for row, attributes in enumerate(stored.codes.attributes):
        for category in categories or ("",):
            mean = public_mean(method, attributes.get("gender", ""), category)
            label = torch.zeros(1, width)
            if width:
                label[0, list(categories).index(category)] = 1
            with torch.inference_mode():
                picture = stored.generator(
                    torch.from_numpy(mean.image_01).permute(2, 0, 1)[None] * 2 - 1,
                    torch.from_numpy(sight(mean.points))[None, None],
                    torch.from_numpy(stored.codes.vector[row])[None],
                    torch.from_numpy(stored.codes.layout[row])[None],
                    label if width else None,
                )[0]
            pictures.append(picture_u8(picture))
            small.append(coarse(pictures[-1]))
            outside = reduced(1 - soften(regions(mean.points).oval, 3.0), COARSE // 32)
            weight = np.minimum(weight, outside.reshape(32, 32).astype(np.float32))
    return pictures, np.stack(small), weight


def coarse(picture_u8: U8Array) -> FloatArray:
    """(32, 32, 3) means of 8 x 8 pixels."""
    found: FloatArray = picture_u8.reshape(32, 8, 32, 8, 3).mean((1, 3)).astype(np.float32)
    return found


def embedded(judge: Judge, pictures: Iterable[U8Array]) -> FloatArray:
    found = [e for p in pictures if (e := judge.embedding(p)) is not None]
    return np.stack(found)


def outside_distance(data: Prepared, heads: FloatArray, weight: FloatArray) -> _Array:
    """(N,) of each photo to the nearest head, grey levels outside the face."""
    found = np.empty(len(data))
    for row in range(len(data)):
        apart = np.abs(heads - coarse(data.crop(row))).mean(3)
        found[row] = ((apart * weight).sum((1, 2)) / weight.sum()).min()
    return found


def refiner_error(data: Prepared, stored: StoredGenerator) -> _Array:
    """(N,) L1 of each photo after halving and refining, over that after halving and doubling."""
    found = np.empty(len(data))
    for start in range(0, len(data), _AT_ONCE):
        rows = range(start, min(start + _AT_ONCE, len(data)))
        crops = np.stack([data.crop(row) for row in rows]).astype(np.float32)
        photos = torch.from_numpy(crops).permute(0, 3, 1, 2) / 127.5 - 1
        half = F.avg_pool2d(photos, 2)
        with torch.inference_mode():
            refined = stored.generator.refiner(half)
            doubled = F.interpolate(half, scale_factor=2.0, mode="bicubic", align_corners=False)
        errors = [(p - photos).abs().mean((1, 2, 3)) for p in (refined, doubled)]
        found[list(rows)] = (errors[0] / errors[1]).numpy()
    return found


def face_space_share(
    photos: Photos, stored: StoredGenerator, rows: IntArray
) -> tuple[_Array, _Array]:
    """Of some photos, the share of texture and of shape that the directions in the file do not hold."""
    space = stored.space
    assert space is not None
    textures, shapes = faces_and_shapes(photos, rows, torch.from_numpy(space.points))
    pictures = torch.from_numpy(space.pictures).permute(0, 3, 1, 2).flatten(1)
    moves = torch.from_numpy(space.shapes).flatten(1)
    kinds = np.stack([photos.category("gender"), photos.category("expression")])[:, rows]
    found = []
    for values, directions in ((textures, pictures), (shapes, moves)):
        away = values.clone()
        # About the mean of gender and expression, half from each side, so that neither is favoured.
        held = np.isin(rows, photos.held_out)
        for kind in np.unique(kinds, axis=1).T:
            own = (kinds == kind[:, None]).all(0)
            sides = [torch.from_numpy(own & side) for side in (held, ~held)]
            means = [away[side].mean(0) for side in sides if side.any()]
            away[torch.from_numpy(own)] -= torch.stack(means).mean(0)
        inside = away @ directions.T @ directions
        found.append((((away - inside) ** 2).sum(1) / (away**2).sum(1)).double().numpy())
    return found[0], found[1]


def head_likeness(data: Prepared, stored: StoredGenerator, rows: IntArray) -> _Array:
    """How unlike some heads' detail is to the nearest donor's in the file, 1 - cosine."""
    assert stored.detail is not None
    everybody = Photos(data, torch.device("cpu"))
    everybody.donors = rows
    own = head_detail(everybody, np.arange(len(rows))).fine
    return _unlike(own, stored.detail.fine)


def face_likeness(photos: Photos, stored: StoredGenerator, rows: IntArray) -> _Array:
    """How unlike some faces' detail is to the nearest layer in the file, 1 - cosine."""
    face = stored.face
    assert face is not None
    layers = np.concatenate([*face.layers.values(), *face.aged.values()])
    row, column = face.corner
    box = (slice(row, row + layers.shape[1]), slice(column, column + layers.shape[2]))
    common = torch.from_numpy(face.points)
    own = np.sum(detail_bands(photos, rows, common), axis=0)
    return _unlike(own[:, box[0], box[1]], layers)


def _unlike(own: npt.NDArray[np.generic], layers: npt.NDArray[np.generic]) -> _Array:
    mine, theirs = (part.reshape(len(part), -1).astype(np.float32) for part in (own, layers))
    for part in (mine, theirs):
        part /= np.linalg.norm(part, axis=1, keepdims=True).clip(1e-9)
    found: _Array = 1 - (mine @ theirs.T).max(1).astype(np.float64)
    return found


def both_expressions(photos: Photos) -> IntArray:
    """Usable photos of people of whom every expression is known."""
    kinds = photos.category("expression")
    rows = np.sort(np.concatenate([photos.train, photos.held_out]))
    wanted = set(kinds[rows][kinds[rows] >= 0].tolist())
    chosen = [
        row
        for row in rows.tolist()
        if set(kinds[photos.subject == photos.subject[row]].tolist()) >= wanted
    ]
    return np.array(chosen, np.int64)


def could_lend(data: Prepared) -> set[int]:
    """People held out who have a photo that could lend a head, had they been trained on."""
    turned = Photos(replace(data, held_out=~data.held_out), torch.device("cpu"))
    return {int(person) for person in turned.subject[turned.donors]}


def asked_of(
    who: IntArray, numbers: _Array, trained: BoolArray, donors: set[int], alike: set[int]
) -> dict[str, Membership]:
    """Everybody trained on against everybody held out; donors against those who could have been."""
    inside = trained[who]
    lends, could = (np.array([int(p) in people for p in who]) for people in (donors, alike))
    found = {"everybody": membership(numbers[inside], numbers[~inside])}
    if min(lends.sum(), could.sum()) > 1:
        found["donors"] = membership(numbers[lends], numbers[could])
    return found


def line(name: str, who: str, found: Membership) -> str:
    def tar(rate: str) -> str:
        value, bounds = found.tar[rate], found.tar_bounds[rate]
        return "-" if value is None or bounds is None else f"{value:.3f} (<{bounds[1]:.3f})"

    low, high = found.auc_bounds
    return (
        f"{name:<24}{who:<11}{found.trained:>8}{found.others:>9}   {found.auc:.3f} ({low:.3f}-{high:.3f})"
        f"   {tar('1e1'):>16}{tar('1e2'):>18}"
    )


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--drawings", type=int, default=100)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.file)
    stored = asked_generator(asked.weights)
    photos = trained_photos(stored, data)
    donors = {int(person) for person in photos.subject[photos.donors]}
    alike = could_lend(data)
    trained = np.zeros(data.subjects, bool)
    trained[data.subject[~data.held_out]] = True
    method = GeneratorSurrogate(stored, otherwise=mean_shape())
    judge = Judge(data)
    heads, small, weight = own_heads(method, stored)
    numbers: dict[str, tuple[IntArray, _Array]] = {
        "drawings": nearest_drawing(
            embedded(judge, drawings(method, stored, asked.drawings)),
            data.embedding,
            data.subject,
        ),
        "own heads": nearest_drawing(embedded(judge, heads), data.embedding, data.subject),
        "own heads, pixels": per_person(outside_distance(data, small, weight), data.subject),
        "refiner": per_person(refiner_error(data, stored), data.subject),
    }
    rows = both_expressions(photos)
    if stored.space is not None and len(rows):
        texture, shape = face_space_share(photos, stored, rows)
        numbers["face space, texture"] = per_person(texture, data.subject[rows])
        numbers["face space, shape"] = per_person(shape, data.subject[rows])
    usable = np.sort(np.concatenate([photos.train, photos.held_out]))
    if stored.detail is not None:
        likeness = head_likeness(data, stored, usable)
        numbers["head detail"] = per_person(likeness, data.subject[usable])
    if stored.face is not None:
        likeness = face_likeness(photos, stored, usable)
        numbers["face detail"] = per_person(likeness, data.subject[usable])
    print(
        f"{'attack':<24}{'asked of':<11}{'trained':>8}{'held out':>9}   AUC (95 %)            TAR at FAR 1e-1"
        f"   TAR at FAR 1e-2"
    )
    everything: dict[str, Mapping[str, object]] = {}
    for name, (who, values) in numbers.items():
        for side, found in asked_of(who, values, trained, donors, alike).items():
            print(line(name, side, found), flush=True)
            everything[f"{name}, {side}"] = found.figures()
    if asked.json:
        told = {
            "machine": platform.machine(),
            "torch": torch.__version__,
            "data": data.facts["digest"],
            "drawings": asked.drawings,
            "attacks": everything,
        }
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
