"""Make the face model that draws kssgan's synthetic people, from the London set.

Run once by a developer: ``python tools/build_people_model.py --faces ../shared/faces [--sheet FILE.png]``
(about ten minutes on one core).

1. Every photo's landmarks (dense mesh, and of the hand-placed template pupils, ears, hairline and neck) are
   moved by a similarity onto their mean; the picture is warped so that they stand at their mean places.
2. The background (a plain studio wall) is cut away; what is left is colours and a signed distance to the
   outline.
3. One principal component analysis of landmarks, colours and outline together, on the neutral photos, kept at
   14 components; the mean difference of the smiling photos is the fifteenth direction.
4. 24 people are drawn from the normal distribution of each gender and pushed apart until the recogniser tells
   them from each other and from every training face (``people_choose.py``).

Only means over all 102 people, the 15 directions and the 24 chosen rows are stored, never a training person's
own coefficients.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors.numpy import load, save
from scipy import ndimage

from kssgan.testing._people_model import COMPONENTS, GRID, FaceModel, render
from kssgan.testing.people import SHOTS, view_of
from people_choose import choose, embed, report
from people_photos import (
    FINE,
    FRAME,
    MESH,
    PEOPLE,
    READ,
    Array,
    Training,
    aligned,
    cut_out,
    read_training,
    unwarped,
)

WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "kssgan" / "weights"
SMILE = 1.2


def reduce(layers: Array) -> Array:
    """(..., FINE, FINE, C) to (..., 96, 96, C) by averaging."""
    f = FINE // GRID
    *head, _, _, c = layers.shape
    return np.asarray(layers.reshape(*head, GRID, f, GRID, f, c).mean(axis=(-4, -2)))


def fit(
    points: Array, pictures: npt.NDArray[np.float32], places: Array
) -> tuple[FaceModel, Array]:
    """The model, and the training people's coefficients (102, 14), which are not stored."""
    small = np.array([reduce(p) for p in pictures])
    colours = small[..., :3]
    # Grid pixels, and bent flat far from the edge: only where the outline is matters.
    scale = (GRID / FRAME[2]) * (1024 / READ)
    outline = 12 * np.tanh(small[:PEOPLE, ..., 3] * scale / 12)
    parts = [points[:PEOPLE], colours[:PEOPLE] * _weight(places, outline)[..., None], outline]
    flat = [p.reshape(PEOPLE, -1) for p in parts]
    # Shares of the total variance; colours lead, since they carry most of what tells people apart.
    flat = [
        (p - p.mean(0)) * np.sqrt(share / p.var(0).sum())
        for p, share in zip(flat, (0.7, 1.0, 0.15), strict=True)
    ]
    u, s, _ = np.linalg.svd(np.hstack(flat), full_matrices=False)
    share = s**2 / (s**2).sum()
    print(f"components keep {share[:COMPONENTS].sum():.3f} of the variance")
    # Bounded, so that no component is carried by one unusual person.
    rows = np.clip(u[:, :COMPONENTS] * np.sqrt(PEOPLE), -2.2, 2.2)
    rows = (rows - rows.mean(0)) / rows.std(0)
    shares = np.linalg.pinv(rows) ** 2
    largest = (shares / shares.sum(1, keepdims=True)).max(1)
    print(f"largest share of one person in a component: {largest.max():.3f}")

    def by(values: Array) -> Array:
        flat = (values - values.mean(0)).reshape(PEOPLE, -1)
        kept: Array = np.linalg.lstsq(rows, flat, rcond=None)[0]
        return kept.reshape(COMPONENTS, *values.shape[1:])

    smiling, neutral = slice(PEOPLE, None), slice(PEOPLE)
    few = spread_out(places)
    print(f"{len(few)} landmarks are kept for drawing")
    model = FaceModel(
        places=places[few],
        points=points[neutral][:, few].mean(0),
        points_by=by(points[neutral])[:, few],
        points_smile=(points[smiling] - points[neutral]).mean(0)[few] * SMILE,
        colours=pictures[neutral, ..., :3].mean(0, dtype=float),
        colours_by=by(colours[neutral]),
        colours_smile=(colours[smiling] - colours[neutral]).mean(0) * SMILE,
        outline=outline.mean(0),
        outline_by=by(outline),
    )
    return model, rows


def spread_out(places: Array) -> list[int]:
    """Landmarks not closer than 1.6 grid pixels: enough for drawing, which is then three times as fast."""
    few: list[int] = list(range(MESH, len(places)))
    for i in range(MESH):
        if np.linalg.norm(places[few] - places[i], axis=1).min() >= 1.6:
            few.append(i)
    return few


def _weight(places: Array, outline: Array) -> Array:
    """How much a pixel's colour counts: the face most, hair and neck less, the wall not at all."""
    face = places[:MESH]
    centre, half = face.mean(0), np.ptp(face, axis=0) / 2
    y, x = np.mgrid[:GRID, :GRID]
    radius = np.hypot((x - centre[0]) / (half[0] + 2), (y - centre[1] + 3) / (half[1] + 5))
    weight = np.where(radius < 1, 1.0, 0.25) * (outline.mean(0) > -3)
    return np.asarray(ndimage.gaussian_filter(weight, 1.5))


def stored(model: FaceModel) -> dict[str, npt.NDArray[np.generic]]:
    """Arrays as shipped: 8 bits for pictures, 16 for the rest."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "places": model.places.astype(np.float32),
        "points": model.points.astype(np.float32),
        "points_by": model.points_by.astype(np.float16),
        "points_smile": model.points_smile.astype(np.float16),
        "colours": np.rint(np.clip(model.colours, 0, 255)).astype(np.uint8),
        "outline": model.outline.astype(np.float16),
    }
    for name, axes in (("colours_by", 1), ("outline_by", 1), ("colours_smile", 0)):
        values: Array = getattr(model, name)
        step = np.abs(values).max(axis=tuple(range(axes, values.ndim)), keepdims=True) / 127
        arrays[name] = np.rint(values / step).astype(np.int8)
        arrays[f"{name}.step"] = step.reshape(values.shape[:axes]).astype(np.float32)
    return arrays


def as_shipped(arrays: dict[str, npt.NDArray[np.generic]]) -> FaceModel:
    def whole(name: str) -> Array:
        values = arrays[name].astype(float)
        if f"{name}.step" in arrays:
            step = arrays[f"{name}.step"].astype(float)
            values = values * step.reshape(step.shape + (1,) * (values.ndim - step.ndim))
        return values

    return FaceModel(**{name: whole(name) for name in FaceModel.__slots__})


def ages(rows: Array, training: Training, people: Array) -> npt.NDArray[np.uint8]:
    """Age of the drawn people by ridge regression on the training people's."""
    known = np.isfinite(training.age)
    design = np.hstack([np.ones((PEOPLE, 1)), rows])
    ridge = design[known].T @ design[known] + 10 * np.eye(COMPONENTS + 1)
    factors = np.linalg.solve(ridge, design[known].T @ training.age[known])
    years = np.hstack([np.ones((len(people), 1)), people]) @ factors
    return np.asarray(np.clip(np.rint(years), 18, 60), np.uint8)


def write(arrays: dict[str, npt.NDArray[np.generic]], out: Path) -> None:
    # safetensors writes the buffer as it lies: an array picked by an index list may lie transposed.
    arrays = {name: np.ascontiguousarray(values) for name, values in sorted(arrays.items())}
    data = save(arrays)
    for name, values in load(data).items():
        if not np.array_equal(values, arrays[name]):
            raise SystemExit(f"{name} does not come back as it was written")
    (out / "people.safetensors").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    index_path = out / "index.json"
    index = json.loads(index_path.read_text("utf-8"))
    index["people"] = {
        "sha256": digest,
        "bytes": len(data),
        "stored": "int8, uint8, float16",
        "parameters": int(sum(a.size for a in arrays.values())),
    }
    index_path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")
    path = out / "PROVENANCE.md"
    head, *sections = path.read_text("utf-8").split("\n## ")
    kept = [s for s in sections if s.partition("\n")[0].strip() != "people"]
    kept.append(ABOUT.format(size=len(data), digest=digest).strip())
    body = "".join(f"\n## {s.rstrip()}\n" for s in sorted(kept))
    path.write_text(head.rstrip() + "\n" + body, "utf-8")
    print(f"people: {len(data):,} bytes, {digest}")


ABOUT = """
people

- File: `people.safetensors`, {size:,} bytes, SHA-256
  `{digest}`
- Made by: `tools/build_people_model.py`
- Model: our own active appearance model (Cootes, Edwards, Taylor 2001): means over 102 people, 14 components
  of landmarks, colours (96 px) and outline, the mean smile, and 24 rows of coefficients of people who do not
  exist, drawn at random and pushed away from each other and from every training face.
- Training data: Face Research Lab London Set (DeBruine, Lisa; Jones, Benedict, 2017, figshare,
  doi 10.6084/m9.figshare.5047666), neutral and smiling frontal photos of 102 adults who consented to their
  use in research and publication; licence CC BY 4.0
  (https://creativecommons.org/licenses/by/4.0/). Changed: averaged and reduced to the components above. No
  photo, and no coefficient of a training person, is in the file.
- Licence of this file: CC BY 4.0, with the attribution above.
- Use here: draw the synthetic people of the demo and of the tests.
"""


def sheet(pictures: list[npt.NDArray[np.uint8]], columns: int) -> Image.Image:
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    return Image.fromarray(np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faces", type=Path, required=True, help="folder with london/")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--keep", type=Path, help="reuse the warped photos stored in this .npz")
    parser.add_argument("--start", type=Path, help="push the people of this file further")
    parser.add_argument("--minutes", type=float, default=30, help="time for pushing apart")
    parser.add_argument("--sheet", type=Path, help="draw everybody here, to look at")
    options = parser.parse_args()
    training = read_training(options.faces)
    points = aligned(training.points)
    places = points.mean(axis=0)
    if options.keep and options.keep.exists():
        kept = np.load(options.keep)
        pictures, real = kept["pictures"], kept["real"]
    else:
        both = zip(training.files, training.points, strict=True)
        made = [unwarped(*cut_out(path, where), where, places) for path, where in both]
        pictures = np.array(made, np.float32)
        real = embed(np.asarray(Image.open(path).convert("RGB")) for path in training.files)
        if options.keep:
            np.savez(options.keep, pictures=pictures, real=real)
    model, rows = fit(points, pictures, places)
    arrays = stored(model)
    model = as_shipped(arrays)
    male = np.array([gender == "male" for gender in training.gender])
    start = None
    if options.start:
        earlier = load(options.start.read_bytes())
        start = earlier["people"].astype(float), earlier["people.male"].astype(np.int64)
    people, is_male = choose(model, rows, male, real, start=start, minutes=options.minutes)
    arrays["people"] = people.astype(np.float16)
    arrays["people.male"] = is_male.astype(np.uint8)
    arrays["people.age"] = ages(rows, training, people)
    final = [
        render(model, row, **view_of(person, shot), size=512)
        for person, row in enumerate(arrays["people"].astype(float))
        for shot in range(SHOTS)
    ]
    seen = embed(final).reshape(len(people), SHOTS, -1)
    print("The first two photos of each:")
    report(seen[:, :2], real)
    print(f"All {SHOTS}:")
    report(seen, real)
    if options.sheet:
        sheet([f[::2, ::2] for k, f in enumerate(final) if k % SHOTS < 2], 8).save(
            options.sheet
        )
    write(arrays, options.out)


if __name__ == "__main__":
    main()
