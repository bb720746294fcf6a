"""Where do drawn heads differ from photographs to the eye? Foreheads, teeth, hair, skin.

    python benchmarks/picture_tones.py faces.safetensors [--weights run/generator.safetensors] [--k 5]
                                       [--seed 0] [--seeds 3] [--json FILE]

``faces.safetensors`` is what ``kssgan prepare`` wrote. Drawings are those of the picture gate: random groups
of people held out, one gender a group. Beside them stand all photographs of known gender. Points of both are
found by the shipped landmark network. Medians over pictures, women and men apart; logarithms of brightness:

forehead        over the cheeks', in its middle, 8 to 24 px above the brows
temple          the same at 0.6 of half a face's width
smoke           how far a place of the forehead lies from the shading that photographs of that gender have
                over their own middle: 90th percentile over places, up to 0.4 of half a face's width
beside eyes     tone over the cheeks' at 0.78 of half a face's width, from the brows to the eyes
hair's edge     how steeply tone changes there on the way outwards, from 0.6 to 1.1 of half a face's width:
                the largest difference over 4 px, median over rows
teeth           between open lips over the cheeks, along the middle half of the opening
strands         contrast of hair above the face at half a pixel (deviation between blurs of 0.5 and 1 px)
pores           the same on the forehead
cheek pores     the same on the cheeks
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.ndimage import binary_erosion, gaussian_filter, map_coordinates

from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.faces.landmarks import Landmarker, mean_shape
from kssgan.surrogate._mesh import (
    CHEEKS,
    EYE_CORNERS,
    LOWER_EDGE,
    OVAL,
    UPPER_EDGE,
    brow_line,
)
from kssgan.surrogate.shape import DARK, at_cheeks
from kssgan.training.prepared import load_prepared
from kssgan.types import BoolArray, FloatArray, U8Array
from picture_gate import arguments, asked_generator, drawn_groups

GROUPS = 24
ACROSS = np.linspace(-0.6, 0.6, 7)  # of half a face's width; the middle is at 3
ABOVE = np.arange(8, 25, 4)  # pixels above the brows
CORE = slice(1, 6)  # of ACROSS, within 0.4
ASIDE = (-0.78, 0.78)  # of half a face's width, beside the eyes
OUTWARDS = np.linspace(0.6, 1.1, 34)  # the same, where hair may begin; about a pixel apart
STEP = 4  # of these, over which an edge is measured
OPEN = 0.1  # height over width of an opening whose teeth are looked at
OTHER = 0.35  # difference from wall and cheeks that makes hair
FEWEST = 250  # pixels of hair


@dataclass(frozen=True)
class Head:
    """One picture, its points and what is read off it.

    Attributes:
        logs: (256, 256, 3) logarithms.
        points: (468, 2) pixels.
        cheeks: (3,) median of the cheeks' logarithms.
        fine: (256, 256) what is about half a pixel wide.
    """

    logs: FloatArray
    points: FloatArray
    cheeks: FloatArray
    fine: FloatArray


def heads(pictures: Sequence[U8Array], landmarker: Landmarker) -> Iterator[Head]:
    """Pictures with their points."""
    for picture in pictures:
        points = landmarker.locate(picture[None]).points[0].astype(np.float64)
        logs = np.log(picture.astype(np.float64) / 255 + float(DARK))
        light = logs.mean(2)
        fine = gaussian_filter(light, 0.5) - gaussian_filter(light, 1.0)
        yield Head(logs, points, np.median(at_cheeks(logs, points), axis=0), fine)


def forehead(head: Head) -> FloatArray:
    """(rows of ABOVE, columns of ACROSS) tone over the cheeks."""
    soft = gaussian_filter(head.logs.mean(2), 4.0)
    rows = brow_line(head.points) - ABOVE
    tones: FloatArray = sampled(head, soft, ACROSS, rows) - head.cheeks.mean()
    return tones


def beside_eyes(head: Head) -> float:
    """Tone of the temples over the cheeks."""
    soft = gaussian_filter(head.logs.mean(2), 2.0)
    return float(np.median(aside(head, soft, ASIDE)) - head.cheeks.mean())


def edge(head: Head) -> float:
    """Largest difference of tone over STEP places outwards, median over rows and sides."""
    soft = gaussian_filter(head.logs.mean(2), 0.7)
    steps = []
    for side in (-1, 1):
        line = aside(head, soft, side * OUTWARDS)
        steps.append(np.abs(line[:, STEP:] - line[:, :-STEP]).max(1))
    return float(np.median(steps))


def aside(head: Head, plane: FloatArray, columns: ArrayLike) -> FloatArray:
    """(R, C) a plane at columns of half a face's width, in the rows from the brows to the eyes."""
    eyes = head.points[list(EYE_CORNERS), 1].mean()
    return sampled(head, plane, columns, np.arange(brow_line(head.points), eyes, 2.0))


def sampled(head: Head, plane: FloatArray, columns: ArrayLike, rows: ArrayLike) -> FloatArray:
    """(R, C) a plane at rows, pixels, and at columns of half a face's width from its middle."""
    middle = head.points[list(EYE_CORNERS), 0].mean()
    half = np.ptp(head.points[list(OVAL), 0]) / 2
    x, y = np.meshgrid(middle + np.asarray(columns) * half, rows)
    found: FloatArray = map_coordinates(plane, [y, x], order=1, mode="nearest")
    return found


def teeth(head: Head) -> float | None:
    """Tone between open lips over the cheeks; None where they are closed."""
    upper, lower = head.points[list(UPPER_EDGE)], head.points[list(LOWER_EDGE)]
    wide = float(np.linalg.norm(upper[-1] - upper[0]))
    middle = len(UPPER_EDGE) // 2
    if lower[middle, 1] - upper[middle, 1] < OPEN * wide:
        return None
    some = slice(middle - 2, middle + 3)
    x, y = ((upper + lower) / 2)[some].T
    light = map_coordinates(gaussian_filter(head.logs.mean(2), 1.0), [y, x], order=1)
    return float(light.mean() - head.cheeks.mean())


def hair(head: Head) -> BoolArray | None:
    """(256, 256) what is hair above the face for certain; None where it is little."""
    soft = gaussian_filter(head.logs, (3, 3, 0))
    wall = np.median(
        np.concatenate(
            [head.logs[:40, side].reshape(-1, 3) for side in (slice(16), slice(-16, None))]
        ),
        axis=0,
    )
    middle, top = int(head.points[:, 0].mean()), int(head.points[:, 1].min())
    there = np.zeros(soft.shape[:2], bool)
    there[max(top - 40, 2) : max(top + 6, 2), middle - 45 : middle + 45] = True
    for tone in (wall, head.cheeks):
        there &= np.abs(soft - tone).mean(2) > OTHER
    found: BoolArray = binary_erosion(there, iterations=4)
    return found if found.sum() >= FEWEST else None


def contrast(head: Head, where: BoolArray | None) -> float | None:
    """Of what is fine, in a region."""
    return None if where is None else float(np.std(head.fine[where]))


def patch(head: Head, middle: Sequence[float], reach: float) -> BoolArray:
    """(256, 256) a disc."""
    y, x = np.mgrid[:256, :256]
    found: BoolArray = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < reach**2
    return found


def figures(
    found: Sequence[Head], shading: FloatArray | None
) -> tuple[dict[str, float], FloatArray]:
    """Medians over heads, and the shading of their foreheads over their own middle."""
    tones = np.array([forehead(head) for head in found])
    own = np.median(tones[:, :, CORE], axis=(1, 2), keepdims=True)
    usual = np.median(tones - own, axis=0) if shading is None else shading
    smoke = np.percentile(np.abs(tones - own - usual)[:, :, CORE], 90, axis=(1, 2))

    def median(of: Callable[[Head], float | None]) -> float:
        values = [value for value in map(of, found) if value is not None]
        return float(np.median(values)) if values else float("nan")

    def above(head: Head) -> float | None:
        middle = (head.points[list(EYE_CORNERS), 0].mean(), brow_line(head.points) - 16)
        return contrast(head, patch(head, middle, 10))

    def cheek(head: Head) -> float | None:
        places = [patch(head, head.points[list(side)].mean(0), 8) for side in CHEEKS]
        return contrast(head, places[0] | places[1])

    return {
        "forehead": float(np.median(tones[:, :, 3])),
        "temple": float(np.median(tones[:, :, [0, 6]])),
        "smoke": float(np.median(smoke)),
        "beside eyes": median(beside_eyes),
        "hair's edge": median(edge),
        "teeth": median(teeth),
        "strands": median(lambda head: contrast(head, hair(head))),
        "pores": median(above),
        "cheek pores": median(cheek),
    }, usual


def main() -> int:
    parser = arguments(__doc__)
    parser.set_defaults(k=[5])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from --seed up")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.file)
    landmarker = Landmarker()
    known = data.labels[:, list(data.scheme).index("gender")]
    method = GeneratorSurrogate(asked_generator(asked.weights), otherwise=mean_shape())
    rows, usual = {}, {}
    for gender, name in enumerate(data.scheme["gender"]):
        photos = [
            data.crop(int(row)) for row in np.flatnonzero(data.reliable & (known == gender))
        ]
        rows[f"{name} photographs"], usual[gender] = figures(
            list(heads(photos, landmarker)), None
        )
    seeds = range(asked.seed, asked.seed + asked.seeds)
    for k in asked.k:
        drawn = [g for seed in seeds for g in drawn_groups(data, method, k, GROUPS, seed)]
        for gender, name in enumerate(data.scheme["gender"]):
            own = [group.picture_u8 for group in drawn if group.gender == gender]
            found, _ = figures(list(heads(own, landmarker)), usual[gender])
            rows[f"{name} drawn, k={k}"] = found
    columns = list(next(iter(rows.values())))
    print("".ljust(22) + "".join(column.rjust(13) for column in columns))
    for title, row in rows.items():
        print(title.ljust(22) + "".join(f"{row[column]:.3f}".rjust(13) for column in columns))
    if asked.json:
        asked.json.write_text(json.dumps({"seeds": list(seeds), "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
