from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kssgan.surrogate._torch_warp import widened
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]


def _centres(side: int = 256) -> np.ndarray:
    middle = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(middle, middle), -1)


def _upright(field: np.ndarray) -> bool:
    """No cell of the grid is turned over: both its triangles keep their sense."""
    a, b, c, d = field[:-1, :-1], field[:-1, 1:], field[1:, :-1], field[1:, 1:]

    def area(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        u, v = q - p, r - p
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    half_pixel = 2 * 0.5 / 512**2
    return bool((area(a, b, c) > -half_pixel).all() and (area(d, c, b) > -half_pixel).all())


def test_same_shape_moves_nothing(shape: FloatArray, paint: Painter) -> None:
    warp = Warp(shape)
    assert np.abs(warp.sources(shape) - _centres()).max() < 2e-6
    picture = paint(3)[0]
    assert np.abs(warp(picture[None], shape[None])[0] - picture).max() < 0.5


def test_points_land_on_points(shape: FloatArray, paint: Painter) -> None:
    target = paint(1)[1]
    points = paint(2)[1]
    field = Warp(target).sources(points)
    x, y = np.rint(target).astype(int).T
    found = field[y, x] * 256 - 0.5
    # The field is read at the pixel nearest to each point, up to 0.7 px away from it.
    assert np.abs(found - points).max() < 1.5
    assert np.abs(found - points).mean() < 0.5


def test_hair_follows_and_the_far_corner_stays(shape: FloatArray) -> None:
    lower = shape + np.float32((0, 12))
    field = Warp(shape).sources(lower) * 256 - 0.5
    down = field[..., 1] - np.arange(256)[:, None]
    above_the_forehead = down[int(shape[10, 1]) - 12, 128]
    assert 8 < above_the_forehead < 13
    assert abs(down[2, 2]) < 4
    steps = np.abs(np.diff(down, axis=0)).max()
    assert steps < 0.8, "the movement fades smoothly"


@pytest.mark.parametrize("seed", range(6))
def test_nothing_turns_over(shape: FloatArray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wild = shape + rng.normal(0, 6, shape.shape).astype(np.float32)
    warp = Warp(shape)
    assert _upright(warp.sources(wild))
    assert warp.gentler == 1


def test_a_mirrored_face_is_refused_gently(shape: FloatArray) -> None:
    mirrored = shape * np.float32((-1, 1)) + np.float32((255, 0))
    field = Warp(shape).sources(mirrored)
    assert np.isfinite(field).all()


def test_larger_pictures_use_the_same_field(shape: FloatArray, paint: Painter) -> None:
    small, points = paint(4, size=256, grain=0.0)
    large, large_points = paint(4, size=512, grain=0.0)
    warp = Warp(shape)
    at_256 = warp(small[None], points[None])[0]
    at_512 = warp(large[None], large_points[None])[0].reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(at_256 - at_512).mean() < 2


def test_batches_do_not_matter(shape: FloatArray, paint: Painter) -> None:
    people = [paint(seed) for seed in range(3)]
    warp = Warp(shape)
    together = warp(np.stack([p for p, _ in people]), np.stack([q for _, q in people]))
    for (picture, points), one in zip(people, together, strict=True):
        assert warp(picture[None], points[None])[0].tobytes() == one.tobytes()


def test_exceptions(shape: FloatArray) -> None:
    with pytest.raises(ValueError, match="468"):
        Warp(shape[:5])
    broken = shape.copy()
    broken[7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        Warp(shape).sources(broken)


def test_flat_triangles_cost_no_time(shape: FloatArray) -> None:
    """Points that fall together leave flat triangles, in which a search through the mesh goes astray."""
    flat = shape.copy()
    flat[:60] = flat[60:120]
    field = Warp(flat).sources(flat)
    assert np.abs(field - _centres()).max() < 2e-6


def test_widened_is_the_largest_value_of_a_square() -> None:
    planes = np.random.default_rng(2).normal(size=(2, 20, 20)).astype(np.float32)
    edged = np.pad(planes, ((0, 0), (3, 3), (3, 3)), constant_values=-np.inf)
    squares = np.lib.stride_tricks.sliding_window_view(edged, (7, 7), axis=(1, 2))
    np.testing.assert_array_equal(widened(planes, 3), squares.max((3, 4)))
