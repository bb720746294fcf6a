"""Each figure of a picture's quality moves for the fault that it is for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from kssgan.auditing.quality import (
    features,
    features_and_places,
    frechet_distance,
    kernel_distance,
    mean_spectrum,
    sharpness,
    spectrum_peak,
    spectrum_slope,
)
from kssgan.types import U8Array


def _pictures(
    count: int, *, blur: float = 2.0, noise: float = 2.0, seed: int = 0
) -> list[U8Array]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        smooth = gaussian_filter(rng.normal(size=(128, 128, 3)), (blur, blur, 0.0))
        picture = 128 + 30 * smooth / smooth.std() + noise * rng.normal(size=smooth.shape)
        found.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    return found


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    picture = np.zeros((5, 5, 3), np.uint8)
    picture[2, 2] = 90
    values = np.array([0, -90, 0, -90, 360, -90, 0, -90, 0], float)
    assert sharpness(picture) == pytest.approx(values.var())


def test_a_checkerboard_is_a_peak_and_noise_is_none() -> None:
    plain = _pictures(8)
    board = 4 * (np.indices((128, 128)).sum(0) // 2 % 2)[..., None]
    woven = [(p + board).clip(0, 255).astype(np.uint8) for p in plain]
    usual = spectrum_peak(mean_spectrum(plain))
    assert spectrum_peak(mean_spectrum(woven)) > usual + 10
    assert spectrum_peak(mean_spectrum(_pictures(8, noise=8))) < usual + 3


def test_the_slope_tells_noise_from_blur() -> None:
    plain, noisy, blurred = (
        spectrum_slope(mean_spectrum(_pictures(4, noise=noise))) for noise in (2.0, 8.0, 0.5)
    )
    assert noisy > plain + 6 > blurred + 12


def test_the_distance_of_a_distribution_to_itself_is_nothing_and_grows_with_a_fault() -> None:
    real, again, worse, worst = (
        features(_pictures(12, noise=noise, seed=seed))
        for seed, noise in enumerate((2.0, 2.0, 6.0, 12.0))
    )
    same, near, far = (
        kernel_distance(other, real, scale=real) for other in (again, worse, worst)
    )
    assert abs(same.value) < 3 * same.deviation + 0.1
    assert same.value < near.value < far.value
    assert kernel_distance(worse, real, scale=real) == near


@pytest.mark.parametrize(
    ("away", "highest"),
    # Where the distance is nothing, the jackknife's variance is twice the true one; never below it.
    [(0.0, 2**0.5), (1.0, 1.0)],
)
def test_the_deviation_is_that_of_other_pictures_and_not_below_it(
    away: float, highest: float
) -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(200, 8)).astype(np.float32)
    found = [
        kernel_distance(rng.normal(away, 1, (24, 8)).astype(np.float32), real, scale=real)
        for _ in range(300)
    ]
    true = np.std([each.value for each in found])
    said = np.mean([each.deviation**2 for each in found]) ** 0.5
    assert 0.9 * true < said < 1.2 * highest * true


def test_the_deviation_is_that_of_leaving_each_picture_out() -> None:
    rng = np.random.default_rng(2)
    drawn, real = rng.normal(0.5, 1, (6, 4)), rng.normal(size=(9, 4))
    without = [
        kernel_distance(np.delete(drawn, row, 0), real, scale=real).value for row in range(6)
    ]
    found = kernel_distance(drawn, real, scale=real)
    assert found.deviation == pytest.approx(np.std(without) * 5**0.5)
    assert np.isnan(kernel_distance(drawn[:2], real, scale=real).deviation)


def test_frechet_of_many_pictures_is_scipys_and_that_of_gaussians_is_known() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    drawn, real = rng.normal(size=(5000, 4)) @ mixing + 0.5, rng.normal(size=(6000, 4))
    plain = real.std(0)
    x, y = (drawn - real.mean(0)) / plain, (real - real.mean(0)) / plain
    a, b = np.cov(x.T, bias=True), np.cov(y.T, bias=True)
    wanted = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(drawn, real, scale=real) == pytest.approx(wanted, rel=5e-3)
    # Unit Gaussians that lie 3 apart, the second twice as wide: 3 ** 2 + (2 - 1) ** 2.
    one, two = rng.normal(size=(20000, 1)), 3 + 2 * rng.normal(size=(20000, 1))
    assert frechet_distance(two, one, scale=one) == pytest.approx(10.0, rel=0.03)


def test_frechet_is_told_for_fewer_pictures_than_features_and_grows_with_a_fault() -> None:
    real, again, worse = (
        features(_pictures(12, noise=noise, seed=seed))
        for seed, noise in enumerate((2.0, 2.0, 8.0))
    )
    assert frechet_distance(real, real, scale=real) == pytest.approx(0.0, abs=1e-6)
    same, far = (frechet_distance(other, real, scale=real) for other in (again, worse))
    assert 0 < 2 * same < far


def test_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    from kssgan.auditing.quality import _shrunk_covariance

    x = np.random.default_rng(1).normal(size=(7, 5)) * [1, 2, 3, 4, 5]
    x -= x.mean(0)
    plain = sum(np.outer(row, row) for row in x) / 7
    level = np.trace(plain) / 5
    delta = ((plain - level * np.eye(5)) ** 2).sum() / 5
    beta = sum(((np.outer(row, row) - plain) ** 2).sum() for row in x) / 7**2 / 5
    share = min(beta, delta) / delta
    wanted = share * level * np.eye(5) + (1 - share) * plain
    assert 0 < share < 1
    assert np.allclose(_shrunk_covariance(x), wanted)


def test_a_distance_needs_two_pictures() -> None:
    with pytest.raises(ValueError, match="two or more"):
        kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)), scale=np.zeros((5, 3)))
    with pytest.raises(ValueError, match="two or more"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)), scale=np.zeros((5, 3)))
    with pytest.raises(ValueError, match="at least one"):
        mean_spectrum([])


def test_places_tell_where_on_the_face_something_lies() -> None:
    plain = np.tile(_pictures(1, noise=4, seed=5)[0], (2, 2, 1))
    mouth, corner = plain.copy(), plain.copy()
    mouth[150:170, 112:144] = 255 - mouth[150:170, 112:144]
    corner[:40, :40] = 255 - corner[:40, :40]
    whole, places = features_and_places([plain, mouth, corner])
    np.testing.assert_array_equal(whole, features([plain, mouth, corner]))
    assert places.shape == (3, 512)
    moved = np.abs(places - places[0]).reshape(3, 32, 4, 4).mean(1)
    assert moved[1].argmax() // 4 == 2  # third row of four
    assert moved[1, 0].max() < 0.2 * moved[1].max()
    assert moved[2].max() < 0.2 * moved[1].max()
