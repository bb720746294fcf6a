"""Ages are read off people whom nobody learnt from, and what they change is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kssgan.models.ageing import Ageing
from kssgan.models.face_space import FaceSpace
from kssgan.training.ageing import ageing, wears_glasses
from kssgan.training.crops import pack
from kssgan.training.data import Photos
from kssgan.training.face_detail import face_detail
from kssgan.training.face_space import face_space, faces_and_shapes
from kssgan.training.prepared import Prepared

from .conftest import collection

CPU = torch.device("cpu")
BANDS = ("young", "middle", "senior")
FOLDS = (slice(144, 150), slice(86, 170))  # below the eyes


def aged(people: int = 60, *, held_out: int = 12) -> Prepared:
    """Every third person is of each band; folds are darker by a fifth a band."""
    plain = collection(people, held_out=held_out)
    crops, ages = [], plain.subject % 3
    for row, age in enumerate(ages.tolist()):
        crop = plain.crop(row).astype(np.float32)
        crop[FOLDS] *= 1 - 0.2 * age
        crops.append(pack(crop.astype(np.uint8)))
    labels = np.column_stack([plain.labels, ages])
    return replace(plain, packed=crops, labels=labels, scheme={**plain.scheme, "age": BANDS})


@pytest.fixture(scope="module")
def people() -> Prepared:
    return aged()


def learnt(data: Prepared) -> tuple[Photos, FaceSpace, Ageing]:
    photos = Photos(data, CPU)
    space = face_space(photos, "expression")
    assert space is not None
    found = ageing(photos, "expression", space)
    assert found is not None
    return photos, space, found


def test_people_left_out_are_read_rightly(people: Prepared) -> None:
    photos, space, found = learnt(people)
    textures, _ = faces_and_shapes(photos, photos.held_out, torch.from_numpy(space.points))
    planes = textures.reshape(-1, 3, 128, 128).permute(0, 2, 3, 1).numpy()
    read = np.array([found.read(plane) for plane in planes])
    true = people.labels[photos.held_out, 2]
    assert np.corrcoef(read, true)[0, 1] > 0.9
    means = [read[true == band].mean() for band in range(3)]
    np.testing.assert_allclose(means, [0, 1, 2], atol=0.3)


def test_what_a_band_changes_lies_in_the_folds(people: Prepared) -> None:
    _, _, found = learnt(people)
    grey = found.texture.mean(2)
    rows, columns = (slice(s.start // 2 + 1, s.stop // 2 - 1) for s in FOLDS)
    inside = grey[rows, columns.start + 6 : columns.stop - 6]
    assert inside.mean() == pytest.approx(np.log(0.8), abs=0.08)
    assert np.abs(grey[78:86, 50:78]).max() < 0.08


def test_people_held_out_teach_nothing(people: Prepared) -> None:
    _, space, found = learnt(people)
    other = Photos(people, CPU)
    assert other._crops is not None
    other._crops[other.held_out] = 255 - other._crops[other.held_out]
    again = ageing(other, "expression", space)
    assert again is not None
    np.testing.assert_array_equal(again.texture, found.texture)
    np.testing.assert_array_equal(again.reader, found.reader)


def test_nothing_is_learnt_of_ages_that_are_not_known(people: Prepared) -> None:
    photos, space, _ = learnt(people)
    assert ageing(photos, "expression", None) is None
    assert ageing(Photos(collection(60), CPU), "expression", space) is None
    one = replace(people, labels=np.where(np.arange(3) == 2, 0, people.labels).astype(np.int64))
    assert ageing(Photos(one, CPU), "expression", space) is None
    few = np.where((people.subject >= 20)[:, None] & (np.arange(3) == 2), -1, people.labels)
    assert ageing(Photos(replace(people, labels=few), CPU), "expression", space) is None


def test_frames_are_seen() -> None:
    data = collection(8, held_out=2)
    photos = Photos(data, CPU)
    rows = photos.train[:6]
    assert not wears_glasses(photos, rows).any()
    assert photos._crops is not None
    for row in rows[:3].tolist():
        points = data.landmarks[row]
        y, x = np.mgrid[:256, :256].astype(np.float32)
        crop = photos._crops[row].clone()
        for middle in (points[33] + points[133]) / 2, (points[263] + points[362]) / 2:
            away = np.hypot((x - middle[0]) / 19, (y - middle[1] - 2) / 14)
            crop[:, torch.from_numpy(np.abs(away - 1) < 0.12)] = 10
        bridge = (np.abs(y - points[33, 1] + 2) < 1.5) & (x > 60) & (x < 196)
        eyes = np.hypot(x - 98, y - 130) < 13, np.hypot(x - 158, y - 130) < 13
        crop[:, torch.from_numpy(bridge & ~eyes[0] & ~eyes[1])] = 10
        photos._crops[row] = crop
    assert wears_glasses(photos, rows).tolist() == [True] * 3 + [False] * 3


def test_faces_have_layers_of_bands_but_not_of_the_usual_one() -> None:
    data = aged(72, held_out=4)
    # Whose expression is known is young or middle-aged, mostly young: of them are the usual layers.
    labels = data.labels.copy()
    labels[data.subject % 3 == 2, 0] = -1
    labels[(data.subject % 3 == 1) & (data.subject % 2 == 0), 0] = -1
    photos = Photos(replace(data, labels=labels), CPU)
    photos.sharp = photos.train
    found = face_detail(photos, "expression")
    assert found is not None
    assert found.moving is not None
    assert {band for _, band in found.aged} == {"middle", "senior"}
    row, column = found.corner
    mouth, brow = (193 - row, 128 - column), (116 - row, 128 - column)
    assert found.moving[mouth] == 255
    assert found.moving[brow] == 0
    young = found.draw("male", "happy", 3)
    old = found.draw("male", "happy", 3, age="senior")
    away = np.abs(old - young)
    assert away[188:198, 118:138].max() == 0
    assert away[FOLDS].max() > 0.05
    np.testing.assert_array_equal(young, found.draw("male", "happy", 3, age="young"))
