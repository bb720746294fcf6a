from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kssgan.surrogate import _mesh, _regions, _skin
from kssgan.surrogate.composite import _crisp, _worn, composite
from kssgan.surrogate.donors import Donor
from kssgan.surrogate.shape import ShapeMean, shape_mean
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]


def _mean(paint: Painter, **asked: object) -> ShapeMean:
    return shape_mean([[paint(seed, **asked)] for seed in range(3)])


def _donor(paint: Painter, seed: int = 9, **asked: object) -> Donor:
    return Donor(*paint(seed, size=512, **asked))


def _edges(picture: U8Array) -> float:
    g = picture.astype(float).mean(2)
    return float(
        (4 * g[1:-1, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:] - g[:-2, 1:-1] - g[2:, 1:-1]).var()
    )


@pytest.mark.parametrize(
    ("mean_skin", "donor_skin"),
    [((205, 160, 140), (150, 105, 85)), ((110, 75, 60), (190, 145, 125))],
)
def test_skin_takes_the_means_tone_everywhere(
    paint: Painter, mean_skin: tuple[int, int, int], donor_skin: tuple[int, int, int]
) -> None:
    mean = _mean(paint, skin=mean_skin)
    picture = composite(mean, _donor(paint, skin=donor_skin)).astype(float)
    x, y = np.rint(mean.points[list(_mesh.CHEEKS[0])].mean(0)).astype(int)
    cheek = picture[y - 4 : y + 4, x - 4 : x + 4].mean((0, 1))
    neck = picture[250:255, 118:138].mean((0, 1))
    assert np.abs(cheek - mean_skin).max() < 6
    assert np.abs(neck - mean_skin).max() < 14


def test_hair_stays_the_donors_and_a_plain_wall_takes_the_means_tone(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130), wall=(220, 220, 215))
    donor = _donor(paint, skin=(190, 145, 120), hair=(60, 40, 30), wall=(60, 90, 190))
    picture = composite(mean, donor).astype(float)
    assert np.abs(picture[:20, :20].mean((0, 1)) - (220, 220, 215)).max() < 6
    top = int(mean.points[10, 1]) - 8
    hair = picture[top - 2 : top + 2, 124:132].mean((0, 1))
    assert np.abs(hair - (60, 40, 30)).max() < 20


def test_a_wall_with_things_on_it_stays_the_donors(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130), wall=(220, 220, 215))
    crop, points = paint(9, size=512, skin=(200, 150, 130), wall=(60, 90, 190))
    shelves = crop
    for y in range(0, 200, 40):
        for x in (0, 480):
            shelf = [(x, y), (x + 32, y), (x + 32, y + 20), (x, y + 20)]
            shelves = _painted_over(shelves, shelf, (150, 40, 20))
    plain, shown = (composite(mean, Donor(c, points)).astype(float) for c in (crop, shelves))
    assert plain[60:80, 30:40].mean((0, 1))[0] > 200
    assert np.abs(shown[60:80, 30:40].mean((0, 1)) - (60, 90, 190)).max() < 20


def test_skin_is_sharper_than_the_means(paint: Painter) -> None:
    mean = _mean(paint)
    x, y = np.rint(mean.points[list(_mesh.CHEEKS[0])].mean(0)).astype(int)
    cheek = (slice(y - 10, y + 11), slice(x - 8, x + 9))
    bare = np.rint(mean.image_01 * 255).astype(np.uint8)
    assert _edges(composite(mean, _donor(paint))[cheek]) > 1.25 * _edges(bare[cheek])


def test_features_lie_where_the_mean_has_them(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130))
    picture = composite(mean, _donor(paint, 30, skin=(200, 150, 130), move=8.0)).astype(float)
    for eye in _mesh.EYES:
        x, y = mean.points[list(eye)].mean(0)
        iris = picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean()
        assert iris < 110


def test_same_arguments_same_bytes_and_sizes(paint: Painter) -> None:
    mean, donor = _mean(paint), _donor(paint)
    first = composite(mean, donor)
    assert first.shape == (256, 256, 3)
    assert first.dtype == np.uint8
    assert composite(mean, donor).tobytes() == first.tobytes()
    large = composite(mean, donor, size=512)
    assert large.shape == (512, 512, 3)
    assert np.abs(large.reshape(256, 2, 256, 2, 3).mean((1, 3)) - first).mean() < 3
    with pytest.raises(ValueError, match="513"):
        composite(mean, donor, size=513)


def test_only_the_mean_and_the_donor_are_read() -> None:
    assert {f.name for f in fields(ShapeMean)} == {"image_01", "points", "people"}


def test_open_and_shut_mouths_do_not_mix(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130))
    crop, points = paint(9, size=512, skin=(200, 150, 130))
    wide = points.copy()
    wide[14, 1] += 40
    usual, shown = (composite(mean, Donor(crop, p)).astype(float) for p in (points, wide))
    x, y = np.rint(mean.points[[13, 14]].mean(0)).astype(int)
    lips = (slice(y - 5, y + 6), slice(x - 12, x + 13))
    own = mean.image_01[lips] * 255
    assert np.abs(shown[lips] - own).mean() < 6
    assert np.abs(usual[lips] - own).mean() > np.abs(shown[lips] - own).mean()


def test_other_donors_lend_the_faces_detail_and_nothing_else(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130))
    head = _donor(paint, 9, skin=(190, 145, 120), grain=2.0)
    coarse = _donor(paint, 10, skin=(190, 145, 120), hair=(160, 40, 160), grain=14.0)
    one, two = composite(mean, head), composite(mean, head, details=(coarse,))
    assert (one[:40] == two[:40]).all(), "hair and wall are the head's"
    x, y = np.rint(mean.points[list(_mesh.CHEEKS[0])].mean(0)).astype(int)
    cheek = (slice(y - 8, y + 9), slice(x - 6, x + 7))
    assert _edges(two[cheek]) > 1.5 * _edges(one[cheek])
    means = [picture[cheek].astype(float).mean((0, 1)) for picture in (one, two)]
    assert np.abs(means[0] - means[1]).max() < 3, "the tones are the mean's"
    assert (composite(mean, head, details=(coarse, coarse)) == two).all()
    three = composite(mean, head, details=(head, coarse))
    below = (slice(y + 4, y + 17), cheek[1])
    assert (three[below] == two[below]).all(), "out of reach of the eyes"
    x, y = np.rint(mean.points[list(_mesh.EYES[0])].mean(0)).astype(int)
    near, far = (np.abs(p[y, x].astype(int) - one[y, x]).max() for p in (three, two))
    assert near <= min(far, 4), "eyes of the head's own donor"


def test_a_pale_studio_makes_the_whole_picture_pale(paint: Painter) -> None:
    mean = _mean(paint, skin=(165, 145, 138), wall=(128, 128, 128))
    donor = _donor(paint, skin=(200, 140, 110), hair=(120, 70, 30), wall=(60, 90, 190))
    picture = composite(mean, donor).astype(float)
    top = int(mean.points[10, 1]) - 8
    hair = picture[top - 2 : top + 2, 124:132].mean((0, 1))
    assert hair.argmax() == 0
    assert 10 < np.ptp(hair) < 0.75 * 90
    grey = _donor(paint, skin=(200, 140, 110), wall=(128, 128, 128))
    for shown in (picture, composite(mean, grey).astype(float)):
        assert np.ptp(shown[:20, :20].mean((0, 1))) < 3


def test_a_face_has_the_contrast_that_averaging_took_away(
    paint: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean = _mean(paint, skin=(200, 150, 130))
    donor = _donor(paint, skin=(200, 150, 130))
    x, y = np.rint(mean.points[list(_mesh.OUTER_LIPS)].mean(0)).astype(int)
    lower_lip = (slice(y + 7, y + 17), slice(x - 20, x + 21))
    cheek = (slice(y - 34, y - 24), slice(x - 44, x - 34))

    def contrast() -> tuple[float, FloatArray]:
        logs = np.log(composite(mean, donor).astype(float) + 8)
        return float(logs[lower_lip].std()), logs[cheek].mean((0, 1))

    given_back, tone = contrast()
    monkeypatch.setattr("kssgan.surrogate.composite._CONTRAST", np.float32(0))
    without, usual = contrast()
    assert given_back > 1.15 * without
    assert np.abs(tone - usual).max() < 0.03, "the cheeks keep their tone"


def test_a_faces_fine_detail_gains_contrast_and_nothing_else_does() -> None:
    """Waves of 12 pixels of 512 gain three tenths, deep ones less; tones stay."""
    face = np.zeros((128, 128), np.float32)
    face[32:96, 32:96] = 1
    wave = np.sin(np.arange(512, dtype=np.float32) * (2 * np.pi / 12))
    for depth, least, most in ((0.05, 1.24, 1.31), (1.0, 1.02, 1.15)):
        picture = np.broadcast_to(0.3 * np.exp(depth * wave), (3, 512, 512)).astype(np.float32)
        found = np.log(_crisp(picture, face) + _skin.DARK) - np.log(0.3 + _skin.DARK)
        came = np.log(picture + _skin.DARK) - np.log(0.3 + _skin.DARK)
        inner = (slice(None), slice(200, 320), slice(200, 320))
        assert least < found[inner].std() / came[inner].std() < most
        assert abs(found[inner].mean() - came[inner].mean()) < 0.02
        np.testing.assert_allclose(found[:, :, :110], came[:, :, :110], atol=1e-5)


def _painted_over(crop: U8Array, polygon: list[tuple[float, float]], colour: tuple[int, ...]):
    picture = Image.fromarray(crop)
    ImageDraw.Draw(picture).polygon(polygon, fill=colour)
    return np.asarray(picture)


def test_the_means_forehead_and_glasses_are_not_shown(paint: Painter) -> None:
    """A fringe and frames that members wear leave no band and no line on the composite's skin."""
    skin = (205, 160, 140)
    faces = [paint(seed, skin=skin) for seed in range(3)]
    x0, x1 = 75, 181
    covered = []
    for crop, points in faces:
        brows, top = points[[105, 334], 1].mean(), points[10, 1]
        fringe = [(x0, top), (x1, top), (x1, brows - 10), (x0, brows - 10)]
        crop = _painted_over(crop, fringe, (60, 42, 36))
        eyes = points[list(_mesh.EYES[0])].mean(0)[1]
        for y in (eyes + 14, eyes - 4):
            frame = [(x0 + 20, y), (x1 - 20, y), (x1 - 20, y + 4), (x0 + 20, y + 4)]
            crop = _painted_over(crop, frame, (50, 50, 60)) if y > eyes else crop
        covered.append((crop, points))
    plain, worn = shape_mean([[f] for f in faces]), shape_mean([[f] for f in covered])
    assert np.abs(plain.image_01 - worn.image_01).max() > 0.3
    donor = _donor(paint, skin=(190, 145, 120))
    without, shown = (composite(m, donor).astype(float) for m in (plain, worn))
    away = np.abs(without - shown).mean(-1)
    brows = int(plain.points[[105, 334], 1].mean())
    assert away[brows - 32 : brows - 12, 100:156].mean() < 3, "forehead"
    x, y = np.rint(plain.points[list(_mesh.EYES[0])].mean(0)).astype(int)
    assert away[y + 12 : y + 20, x - 8 : x + 9].mean() < 4, "glasses"


def test_glasses_of_members_are_noticed(paint: Painter) -> None:
    faces = [paint(seed, skin=(205, 160, 140), grain=0.0) for seed in range(3)]
    worn = []
    for crop, points in faces:
        y = points[33, 1] - 4
        for x0, x1 in ((74, 96), (122, 134), (160, 182)):
            bar = [(x0, y), (x1, y), (x1, y + 2), (x0, y + 2)]
            crop = _painted_over(crop, bar, (20, 20, 20))
        worn.append((crop, points))
    bare, seen = (_worn(shape_mean([[f] for f in some])) for some in (faces, worn))
    assert 0.8 <= bare < seen <= 1


def test_ears_and_neck_have_no_more_colour_than_the_face_allows(paint: Painter) -> None:
    mean = _mean(paint, skin=(165, 145, 138))
    crop, points = paint(9, size=512, skin=(190, 145, 125))
    red = crop.copy()
    red[-60:, 200:312] = (200, 105, 75)
    done = [composite(mean, Donor(c, points)).astype(float) for c in (crop, red)]
    neck, flushed = (np.log(p[244:254, 116:140].mean((0, 1))) for p in done)
    came = np.log(200 / 75) - np.log(190 / 125)
    assert (flushed[0] - flushed[2]) - (neck[0] - neck[2]) < 0.3 * came


def test_no_detail_is_lent_where_another_donor_wears_an_earring(paint: Painter) -> None:
    mean = _mean(paint, skin=(200, 150, 130))
    head, other = (_donor(paint, seed, skin=(190, 145, 120)) for seed in (9, 10))
    x, y = other.points[132]  # the outline of the jaw
    square = [(x - 14, y - 14), (x + 14, y - 14), (x + 14, y + 14), (x - 14, y + 14)]
    worn = Donor(_painted_over(other.crop_u8, square, (30, 60, 90)), other.points)
    plain, shown = (composite(mean, head, details=(d,)).astype(float) for d in (other, worn))
    x, y = np.rint(mean.points[132]).astype(int)
    assert np.abs(plain - shown)[y - 9 : y + 10, x - 9 : x + 10].mean() < 3


def test_masks_are_weights(shape: FloatArray) -> None:
    where = _regions.regions(shape)
    for entry in fields(where):
        mask = getattr(where, entry.name)
        assert mask.shape == (_regions.COARSE, _regions.COARSE), entry.name
        assert mask.dtype == np.float32, entry.name
        assert mask.min() >= -1e-6, entry.name
        assert mask.max() <= 1 + 1e-6, entry.name
        assert mask.max() > 0.5, entry.name


@pytest.mark.parametrize("skin", [(225, 185, 165), (150, 105, 80), (70, 48, 38)])
def test_skin_is_told_from_hair_and_wall(paint: Painter, skin: tuple[int, int, int]) -> None:
    crop, points = paint(5, skin=skin, hair=(20, 18, 18), move=0.0)
    where = _regions.regions(points)
    small = _regions.reduced(crop.astype(np.float32) / 255, 2)
    found = _skin.skin_likelihood(small, where)
    assert found[where.patch > 0.5].mean() > 0.9
    assert found[-4:, 60:68].mean() > 0.8, "neck"
    assert found[:10].mean() < 0.05, "wall"
    top = int((points[10, 1] + 0.5) / 2) - 4
    assert found[top - 2 : top, 60:68].mean() < 0.3, "hair"


def test_guided_filter_against_a_plain_one(paint: Painter) -> None:
    """One pixel's slopes solve the ridge regression over its window, computed here by least squares."""
    rng = np.random.default_rng(0)
    image = rng.random((32, 32, 3)).astype(np.float32)
    mask = image @ np.array([0.2, 0.5, -0.3], np.float32) + 0.1
    slopes, offsets = _skin.snap(mask, image)
    assert np.abs((slopes * image).sum(-1) + offsets - mask)[8:-8, 8:-8].max() < 0.01


def test_blur_and_sizes() -> None:
    flat = np.full((128, 128), 0.25, np.float32)
    for sigma in (0.6, 2.0, 9.0):
        assert np.allclose(_regions.soften(flat, sigma), 0.25, atol=1e-5)
    dot = np.zeros((128, 128), np.float32)
    dot[64, 64] = 1
    for sigma in (2.0, 8.0):
        blurred = _regions.soften(dot, sigma)
        x = np.arange(128) - 64
        spread = np.sqrt((blurred.sum(0) * x**2).sum() / blurred.sum())
        assert spread == pytest.approx(sigma, rel=0.12)
    ramp = np.arange(16, dtype=np.float32)[None].repeat(16, 0)
    assert np.allclose(_regions.reduced(_regions.doubled(ramp), 2)[:, 1:-1], ramp[:, 1:-1])


def test_room_is_light_at_import() -> None:
    code = (
        "import sys, kssgan.surrogate.composite, kssgan.surrogate.donors, kssgan.surrogate.shape;"
        "heavy = {'torch', 'scipy', 'PIL'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
