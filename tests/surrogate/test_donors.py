from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from kssgan.surrogate import _donor_looks as looks
from kssgan.surrogate._mesh import EYES, INNER_LIPS
from kssgan.surrogate.donors import Donor, DonorFault, choose, fit, lopsided, screen
from kssgan.surrogate.shape import ShapeMean, shape_mean
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]


@pytest.fixture(scope="module")
def portrait(paint: Painter) -> tuple[U8Array, FloatArray]:
    return paint(2, size=512, skin=(200, 150, 130), move=0.0)


def _drawn(crop: U8Array, *lines: tuple[tuple[float, float], ...]) -> U8Array:
    picture = Image.fromarray(crop)
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=(20, 20, 20), width=5)
    return np.asarray(picture)


def test_a_plain_portrait_passes(portrait: tuple[U8Array, FloatArray]) -> None:
    assert screen(Donor(*portrait)) is None


def test_turned(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    moved = points.copy()
    moved[1, 0] += 25
    assert screen(Donor(crop, moved)) is DonorFault.TURNED


def test_unsharp(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    soft = np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(4)))
    assert screen(Donor(soft, points)) is DonorFault.UNSHARP


def test_outside(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    assert screen(Donor(crop, points + np.float32((0, 60)))) is DonorFault.OUTSIDE
    striped = crop.copy()
    striped[:60] = striped[60]
    assert looks.repeated_rows(striped) >= 59
    assert screen(Donor(striped, points)) is DonorFault.OUTSIDE


def test_glasses(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    left, right = points[33], points[263]
    bridge = ((240.0, left[1] - 8), (272.0, left[1] - 8))
    arms = (
        ((float(left[0]) - 55, float(left[1]) - 8), (float(left[0]) - 5, float(left[1]) - 8)),
        (
            (float(right[0]) + 5, float(right[1]) - 8),
            (float(right[0]) + 55, float(right[1]) - 8),
        ),
    )
    assert looks.glasses(crop, points) < 0
    worn = _drawn(crop, bridge, *arms)
    assert looks.glasses(worn, points) > 0
    assert screen(Donor(worn, points)) is DonorFault.GLASSES


def test_covered(paint: Painter) -> None:
    crop, points = paint(2, size=512, skin=(200, 150, 130), move=0.0, volume=1.4)
    assert screen(Donor(crop, points)) is None
    fringe = crop.copy()
    top, brows = int(points[10, 1]), int(points[[105, 334], 1].mean())
    fringe[top - 20 : brows - 4, 150:362] = fringe[top - 14, 256]
    assert screen(Donor(fringe, points)) is DonorFault.COVERED


def test_lopsided(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    x, y = points[list(EYES[0])].mean(0)
    patched = Image.fromarray(crop)
    ImageDraw.Draw(patched).rectangle((x - 40, y - 50, x + 40, y + 30), fill=(60, 40, 34))
    assert lopsided(Donor(crop, points)) < 0.2
    patch = Donor(np.asarray(patched), points)
    assert lopsided(patch) > 0.4
    assert screen(patch) is DonorFault.LOPSIDED


def test_donor_is_checked(portrait: tuple[U8Array, FloatArray]) -> None:
    crop, points = portrait
    with pytest.raises(ValueError, match="512, 512, 3"):
        Donor(crop[::2, ::2], points)
    with pytest.raises(ValueError, match="468"):
        Donor(crop, points[:5])
    with pytest.raises(ValueError, match="one place"):
        Donor(crop, np.zeros_like(points))


@pytest.fixture(scope="module")
def mean(paint: Painter) -> ShapeMean:
    return shape_mean([[paint(seed, skin=(205, 160, 140))] for seed in range(3)])


def test_attributes_come_first_and_gender_before_all(paint: Painter, mean: ShapeMean) -> None:
    near, far = (205, 160, 140), (90, 60, 50)
    donors = [
        Donor(*paint(11, size=512, skin=near), {"gender": "male", "expression": "happy"}),
        Donor(*paint(11, size=512, skin=far), {"gender": "female", "expression": "neutral"}),
        Donor(*paint(11, size=512, skin=near), {"gender": "", "expression": "happy"}),
    ]
    happy_woman = {"gender": "female", "expression": "happy"}
    assert choose(donors, mean, happy_woman) == 1
    assert choose([donors[0], donors[2]], mean, happy_woman) == 1
    assert choose(donors, mean, {"expression": "happy"}) != 1


def test_nearer_tones_and_shapes_fit_better(paint: Painter, mean: ShapeMean) -> None:
    near, dark = (Donor(*paint(11, size=512, skin=s)) for s in ((205, 160, 140), (90, 60, 50)))
    assert fit(near, mean) < fit(dark, mean)
    grinning = near.points.copy()
    grinning[14, 1] += 25
    assert fit(near, mean) < fit(Donor(near.crop_u8, grinning), mean)
    assert choose([dark, near, dark], mean) == 1


def test_soft_and_dark_donors_and_other_mouths_fit_worse(
    paint: Painter, mean: ShapeMean
) -> None:
    crop, points = paint(11, size=512, skin=(205, 160, 140), grain=8.0)
    soft = np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(1.5)))
    assert fit(Donor(crop, points), mean) < fit(Donor(soft, points), mean)
    light, dark = (
        Donor(*paint(11, size=512, skin=s, grain=8.0))
        for s in ((250, 195, 171), (168, 131, 115))
    )
    assert fit(light, mean) < fit(dark, mean)


def test_light_of_another_colour_and_teeth_for_closed_lips_fit_much_worse(
    paint: Painter, mean: ShapeMean
) -> None:
    crop, points = paint(11, size=512, skin=(205, 160, 140), grain=8.0)

    def cast(by: float) -> float:
        lit = np.clip(crop * np.array([1 + by, 1, 1 - by]), 0, 255).astype(np.uint8)
        return fit(Donor(lit, points), mean)

    # Twice the cast counts more than four times: a little of it is taken away by a factor.
    assert cast(0.2) - cast(0.0) > 4 * (cast(0.1) - cast(0.0)) > 0

    def mouth(grey: int) -> float:
        inside = points[list(INNER_LIPS)]
        picture = Image.fromarray(crop)
        box = (*(inside.min(0) - 4), *(inside.max(0) + 4))
        ImageDraw.Draw(picture).ellipse(box, fill=(grey, grey, grey))
        return fit(Donor(np.asarray(picture), points), mean)

    dim, bright = mouth(150), mouth(255)
    assert bright - dim > 0.25


def test_choice_depends_on_the_seed_alone(paint: Painter, mean: ShapeMean) -> None:
    donors = [
        Donor(*paint(seed, size=512, skin=(205, 160, 140), move=0.5)) for seed in range(4)
    ]
    drawn = [choose(donors, mean, {}, seed=seed) for seed in range(12)]
    assert drawn == [choose(donors, mean, None, seed=seed) for seed in range(12)]
    assert len(set(drawn)) > 1
    with pytest.raises(ValueError, match="no donors"):
        choose([], mean)
