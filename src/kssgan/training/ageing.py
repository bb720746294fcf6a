"""How faces change with age, learnt from the people trained on, in torch and numpy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kssgan.models.ageing import READ_SIZE, Ageing
from kssgan.models.face_space import FaceSpace
from kssgan.surrogate._donor_looks import glasses
from kssgan.training.data import Photos, at_most
from kssgan.training.face_space import faces_and_shapes
from kssgan.types import BoolArray, FloatArray, IntArray

__all__ = ["AGE", "ageing", "wears_glasses"]

AGE = "age"
"""The attribute whose categories are the bands, from young to old."""

_PHOTOS = 600  # of known age; their textures are held in memory, and more change little
_FEWEST = 24  # people of known age, and half as many of a band
_RIDGE = 0.3  # of the reader, in mean squares of a texture
_PARTS = 5  # of people, to see by how much the reader is drawn to the middle
_TEXTURE = 128

_Array = npt.NDArray[np.float64]


@torch.no_grad()
def ageing(photos: Photos, label: str, space: FaceSpace | None) -> Ageing | None:
    """Learn to read ages and to change them.

    What a band more changes is found inside each gender and category of ``label`` (those of whom it is
    unknown are a category too), so that neither how people smile nor where they were photographed counts.
    Who wears glasses teaches nothing of it.

    Args:
        photos: the collection, of which :data:`AGE` is known.
        label: attribute that is drawn.
        space: of the same people; its shape is where textures lie.

    Returns:
        None where fewer than 24 people are known, fewer than two bands have 12, or there is no face space.
    """
    if space is None:
        return None
    bands = photos.scheme.get(AGE, ())
    ages, genders = photos.category(AGE), photos.category("gender")
    rows = photos.train[(ages[photos.train] >= 0) & (genders[photos.train] >= 0)]
    rows = at_most(rows, _PHOTOS)
    people = photos.subject[rows]
    known = [np.unique(people[ages[rows] == band]).size for band in range(len(bands))]
    if sum(known) < _FEWEST or sum(count >= _FEWEST // 2 for count in known) < 2:
        return None
    common = torch.from_numpy(space.points).to(photos.device)
    found = faces_and_shapes(photos, rows, common)
    textures, shapes = (part.cpu().numpy().astype(np.float64) for part in found)
    place = ages[rows].astype(np.float64)
    reader, constant = _reader(_small(textures), place, people)
    bare = ~wears_glasses(photos, rows)
    kinds = np.stack([genders[rows], photos.category(label)[rows]], 1)[bare]
    return Ageing(
        tuple(bands),
        _picture(reader, READ_SIZE),
        constant,
        _picture(_slope(textures[bare], place[bare], kinds), _TEXTURE),
        _slope(shapes[bare], place[bare], kinds).reshape(-1, 2).astype(np.float32),
    )


def wears_glasses(photos: Photos, rows: IntArray) -> BoolArray:
    """(N,) whether each of some photos shows glasses."""
    found = []
    for row in rows:
        crop = photos.crops(np.array([row]))[0].permute(1, 2, 0)
        grey = (crop * 255).round().byte().cpu().numpy()
        points = photos.shapes(np.array([row]))[0].cpu().numpy()
        # The measure is one of crops of twice the size.
        twice = ((points + 0.5) * 2 - 0.5).astype(np.float32)
        found.append(glasses(grey.repeat(2, 0).repeat(2, 1), twice) > 0)
    return np.array(found, bool)


def _picture(values: _Array, side: int) -> FloatArray:
    """(side, side, 3) float32 of planes in a row."""
    planes = values.reshape(3, side, side).transpose(1, 2, 0)
    return np.ascontiguousarray(planes, np.float32)


def _small(textures: _Array) -> _Array:
    by = _TEXTURE // READ_SIZE
    squares: _Array = textures.reshape(-1, 3, READ_SIZE, by, READ_SIZE, by).mean((3, 5))
    return squares.reshape(len(textures), -1)


def _reader(textures: _Array, place: _Array, people: IntArray) -> tuple[_Array, float]:
    """Ridge regression, stretched so that people left out are read right on average in each band."""
    owners, unit = np.unique(people, return_inverse=True)
    part = np.random.default_rng(len(owners)).permutation(len(owners))[unit] % _PARTS
    read = np.zeros(len(place))
    for left_out in range(_PARTS):
        own = part == left_out
        weights, middle, usual = _ridge(textures[~own], place[~own])
        read[own] = (textures[own] - middle) @ weights + usual
    away = place - place.mean()
    stretch = float((away**2).sum() / max(float((away * read).sum()), 1e-9))
    weights, middle, usual = _ridge(textures, place)
    weights = weights * stretch
    return weights, usual - float(middle @ weights)


def _ridge(textures: _Array, place: _Array) -> tuple[_Array, _Array, float]:
    """Weights, the textures' middle, and the mean place."""
    middle, usual = textures.mean(0), float(place.mean())
    away = textures - middle
    power = away @ away.T
    held = _RIDGE * np.trace(power) / len(power)
    solved = np.linalg.solve(power + held * np.eye(len(power)), place - usual)
    weights: _Array = away.T @ solved
    return weights, middle, usual


def _slope(values: _Array, place: _Array, kinds: IntArray) -> _Array:
    """(D,) what one band more adds to rows (N, D), inside kinds."""
    _, kind = np.unique(kinds, axis=0, return_inverse=True)
    inside, away = values.copy(), place.copy()
    for number in np.unique(kind):
        own = kind.ravel() == number
        inside[own] -= inside[own].mean(0)
        away[own] -= away[own].mean()
    found: _Array = away @ inside / max(float((away**2).sum()), 1e-9)
    return found
