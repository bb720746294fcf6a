"""Layers are means of four people trained on, with the contrast of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kssgan.models.face_detail import MIXED, PEOPLE, UNIT
from kssgan.surrogate._mesh import OVAL
from kssgan.training.data import Photos
from kssgan.training.face_detail import face_detail
from kssgan.training.prepared import Prepared

from .conftest import collection

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def people() -> Prepared:
    return collection(60, held_out=6)


def photos_of(data: Prepared) -> Photos:
    photos = Photos(data, CPU)
    photos.sharp = photos.train
    return photos


def test_every_kind_of_which_enough_are_known_has_layers(people: Prepared) -> None:
    found = face_detail(photos_of(people), "expression")
    assert found is not None
    assert found.layers
    for gender, category in found.layers:
        assert gender in people.scheme["gender"]
        assert category in people.scheme["expression"]
    for layers in found.layers.values():
        assert len(layers) >= MIXED
        assert layers.any()
    outline = found.points[list(OVAL)]
    row, column = found.corner
    assert row <= outline[:, 1].min()
    assert column <= outline[:, 0].min()


def test_a_person_weighs_a_quarter_of_one_layer(people: Prepared) -> None:
    """Other pictures of one person change one layer of a kind, and that by little."""
    photos, changed = photos_of(people), photos_of(people)
    before = face_detail(photos, "expression")
    assert before is not None
    assert changed._crops is not None
    touched = 0
    for person in np.unique(people.subject[photos.train])[:4]:
        rows = np.flatnonzero(people.subject == person)
        kept = changed._crops[rows].clone()
        other = kept.clone()
        other[:, :, 122:140, 80:176] = 255 - other[:, :, 122:140, 80:176]  # the eyes
        changed._crops[rows] = other
        after = face_detail(changed, "expression")
        changed._crops[rows] = kept
        assert after is not None
        for kind, layers in before.layers.items():
            away = np.abs(after.layers[kind].astype(int) - layers).mean((1, 2)) > 2
            assert away.sum() <= 1
            touched += int(away.sum())
    assert touched


def test_contrast_is_that_of_one_person(people: Prepared) -> None:
    photos = photos_of(people)
    found = face_detail(photos, "expression")
    assert found is not None
    drawn = found.draw("female", "happy", 0)
    row, column = found.corner
    high, wide = next(iter(found.layers.values())).shape[1:]
    inner = (slice(row + 40, row + high - 30), slice(column + 30, column + wide - 30))
    one = []
    for number in photos.train[:8].tolist():
        grey = people.crop(number).astype(np.float64) @ [0.299, 0.587, 0.114] / 255
        sharp = np.log(grey + 0.03)[inner]
        one.append(np.abs(np.diff(sharp, axis=0)).mean())
    ratio = np.abs(np.diff(drawn[inner].astype(np.float64), axis=0)).mean() / np.mean(one)
    assert 0.5 < ratio < 2.0  # a mean of eight without it: 0.35
    assert np.abs(drawn).max() <= UNIT * 127


def test_people_held_out_and_fringes_take_no_part(people: Prepared) -> None:
    photos, changed = photos_of(people), photos_of(people)
    before = face_detail(photos, "expression")
    assert before is not None
    assert changed._crops is not None
    changed._crops[photos.held_out] = 255 - changed._crops[photos.held_out]
    after = face_detail(changed, "expression")
    assert after is not None
    assert all(np.array_equal(after.layers[k], before.layers[k]) for k in before.layers)
    # Every fifth person gets lines over the forehead.
    own = np.unique(people.subject[photos.train])[::5]
    rows = np.flatnonzero(np.isin(people.subject, own))
    stripes = torch.from_numpy(np.arange(256) // 2 % 2 * 90).to(torch.uint8)
    part = changed._crops[rows]
    part[:, :, 84:112] = stripes.expand_as(part[:, :, 84:112])
    changed._crops[rows] = part
    fringed = face_detail(changed, "expression")
    assert fringed is not None
    row = before.corner[0]
    for kind, layers in fringed.layers.items():
        bare = np.abs(before.layers[kind][:, 90 - row : 106 - row].astype(int)).mean()
        assert np.abs(layers[:, 90 - row : 106 - row].astype(int)).mean() < 1.5 * bare


def test_no_strand_lies_on_a_forehead_or_a_temple(people: Prepared) -> None:
    """Everybody has one, so no choice of people can leave it out."""
    changed = photos_of(people)
    assert changed._crops is not None
    for rows, columns in ((slice(86, 108), 100), (slice(108, 124), 70)):
        changed._crops[..., rows, columns : columns + 2] //= 4
    found = face_detail(changed, "expression")
    assert found is not None
    row, column = found.corner
    for layers in found.layers.values():
        forehead = np.abs(layers[:, 88 - row : 106 - row].astype(float))
        pores = np.median(forehead[..., 110 - column : 146 - column])
        temple = np.abs(layers[:, 110 - row : 122 - row].astype(float))
        assert forehead[..., 100 - column : 102 - column].mean() < 4 * pores
        assert temple[..., 68 - column : 74 - column].mean() < 4 * pores


def test_without_labels_all_serve_and_too_few_give_none(people: Prepared) -> None:
    unknown = replace(people, labels=np.full_like(people.labels, -1))
    found = face_detail(photos_of(unknown), "expression")
    assert found is not None
    assert list(found.layers) == [("", "")]
    few = collection(7, held_out=0)
    assert len(np.unique(few.subject)) < MIXED * PEOPLE
    assert face_detail(photos_of(few), "expression") is None
