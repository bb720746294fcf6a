"""The small face model behind the synthetic people: shape and appearance, drawn with numpy and scipy.

An active appearance model (Cootes, Edwards, Taylor 2001): a person is 14 numbers that move landmarks, colours
and outline together; a fifteenth direction is a smile. Colours live in a picture whose landmarks stand at
their mean places, so averages stay sharp; drawing moves them to the person's own places.
``tools/build_people_model.py`` makes the weights and says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from kssgan import weights
from kssgan.types import FloatArray, U8Array

__all__ = ["COMPONENTS", "GRID", "FaceModel", "View", "face_model", "render"]

COMPONENTS = 14
"""Numbers of one person; the smile is one more direction."""

GRID = 96
"""Side of the model's pixel grid: components, landmarks and views are stated in its pixels."""

_WARP = 48
_CANVAS = 288
_EDGE = 0.9
_EDGE_SLOPE = 3.5
_DARK = 10.0
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """How one photo is taken. The default is a plain frontal picture.

    Attributes:
        zoom: 1 shows the model's whole grid; more comes closer.
        turn: roll in degrees.
        shift: (x, y) of the head against the middle of the picture, grid pixels.
        gain: brightness.
        slope: (x, y) relative change of brightness across the picture.
        tint: (3,) factor of each colour.
        background: (3,) RGB, 0..255.
        grain: standard deviation of film grain, grey levels.
    """

    zoom: float = 1.0
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    gain: float = 1.0
    slope: tuple[float, float] = (0.0, 0.0)
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    background: tuple[float, float, float] = (200.0, 205.0, 210.0)
    grain: float = 2.0


@dataclass(frozen=True, slots=True)
class FaceModel:
    """Means and directions. P landmarks, C components, a grid of 96, a finer mean picture of side F.

    Attributes:
        places: (P, 2) where landmarks stand in the colour pictures.
        points: (P, 2) landmarks of the mean person.
        points_by: (C, P, 2) their change per unit of each component.
        points_smile: (P, 2) their change by a smile.
        colours: (F, F, 3) mean colours, 0..255.
        colours_by: (C, 96, 96, 3).
        colours_smile: (96, 96, 3).
        outline: (96, 96) signed distance to the edge of head and clothes, positive inside.
        outline_by: (C, 96, 96).
    """

    places: _Array
    points: _Array
    points_by: _Array
    points_smile: _Array
    colours: _Array
    colours_by: _Array
    colours_smile: _Array
    outline: _Array
    outline_by: _Array


@cache
def face_model() -> FaceModel:
    """The shipped model.

    Raises:
        WeightsError: its file is missing or damaged.
    """
    stored = weights.load("people")

    def whole(name: str) -> _Array:
        array = stored[name].astype(np.float64)
        if f"{name}.step" in stored:
            step = stored[f"{name}.step"].astype(np.float64)
            array = array * step.reshape(step.shape + (1,) * (array.ndim - step.ndim))
        return array

    return FaceModel(**{name: whole(name) for name in FaceModel.__slots__})


def render(
    model: FaceModel,
    coefficients: npt.ArrayLike,
    *,
    smile: float,
    view: View,
    size: int,
    seed: int,
) -> U8Array:
    """Draw one photo.

    Args:
        model: the face model.
        coefficients: (14,) the person, about standard normal.
        smile: 0 neutral, 1 the average smile.
        view: how the photo is taken.
        size: side of the picture, pixels.
        seed: of the film grain.

    Returns:
        (size, size, 3) uint8.
    """
    c = np.asarray(coefficients, np.float64)
    points = model.points + np.tensordot(c, model.points_by, 1) + smile * model.points_smile
    change = np.tensordot(c, model.colours_by, 1) + smile * model.colours_smile
    side = model.colours.shape[0]
    outline = (model.outline + np.tensordot(c, model.outline_by, 1))[..., None]
    layers = _enlarge(np.dstack([change, outline]), side)
    layers[..., :3] += model.colours
    layers = _sample(layers, _backward(model.places, points, view))
    colours, inside = layers[..., :3], layers[..., 3:]
    # A soft floor: a colour that leaves the range in one channel only would change its hue.
    colours = _DARK * np.logaddexp(0.0, colours / _DARK)
    cover = 1 / (1 + np.exp(-(inside - _EDGE) * _EDGE_SLOPE))
    axis = np.linspace(-0.5, 0.5, _CANVAS, dtype=np.float32)
    light = view.gain * (1 + view.slope[0] * axis[None, :] + view.slope[1] * axis[:, None])
    light = light[..., None] * np.asarray(view.tint, np.float32)
    picture = (colours * cover + np.asarray(view.background, np.float32) * (1 - cover)) * light
    picture = _enlarge(picture, size)
    noise = np.random.default_rng(seed).standard_normal((size, size, 1), np.float32)
    grain = noise * np.float32(view.grain)
    shown: U8Array = np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)
    return shown


def _backward(places: _Array, points: _Array, view: View) -> FloatArray:
    """For each canvas pixel, the place (x, y) in the colour pictures, in grid pixels: (S, S, 2)."""
    from scipy.interpolate import RBFInterpolator

    # A frame of fixed points keeps the far background where it is.
    t = np.linspace(-0.1, 1.1, 9) * GRID
    frame = np.array([(x, y) for x in t for y in t if min(x, y) < 0 or max(x, y) > GRID])
    spline = RBFInterpolator(
        np.vstack([points, frame]),
        np.vstack([places, frame]),
        kernel="thin_plate_spline",
        smoothing=0.1,  # lips that touch would otherwise fold the picture over
    )
    axis = ((np.arange(_WARP) + 0.5) / _WARP - 0.5) * GRID
    x, y = np.meshgrid(axis, axis)
    x, y = x / view.zoom - view.shift[0], y / view.zoom - view.shift[1]
    angle = np.deg2rad(view.turn)
    turned = np.stack(
        [x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)], -1
    )
    coarse = spline(turned.reshape(-1, 2) + GRID / 2).reshape(_WARP, _WARP, 2)
    return _enlarge(coarse, _CANVAS)


def _sample(layers: FloatArray, where: FloatArray) -> FloatArray:
    """Bilinear; beyond the edge the nearest pixel."""
    side = layers.shape[0]
    at = np.clip(where * (side / GRID) - 0.5, 0, side - 1.001)
    first = at.astype(np.int64)
    part = at - first.astype(np.float32)
    rows = layers.reshape(side * side, -1)
    corner = first[..., 1] * side + first[..., 0]
    right, down = part[..., :1], part[..., 1:]
    above = rows[corner] * (1 - right) + rows[corner + 1] * right
    below = rows[corner + side] * (1 - right) + rows[corner + side + 1] * right
    return np.asarray(above * (1 - down) + below * down, np.float32)


def _enlarge(layers: npt.NDArray[np.generic], side: int) -> FloatArray:
    from PIL import Image

    if layers.shape[:2] == (side, side):
        return layers.astype(np.float32)
    parts = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(layers[..., k], np.float32)).resize(
                (side, side), Image.Resampling.LANCZOS
            )
        )
        for k in range(layers.shape[2])
    ]
    return np.stack(parts, -1)
