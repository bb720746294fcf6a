"""A picture that comes out as somebody whom the weights were trained on is drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from kssgan import weights
from kssgan.deidentification.draw import draw_all
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.deidentification.nobody import ATTEMPTS, Nobody
from kssgan.errors import PromiseError, WeightsError
from kssgan.faces.align import chips_of_crops
from kssgan.faces.embed import Recogniser
from kssgan.faces.landmarks import mean_shape
from kssgan.faces.thresholds import COPY
from kssgan.models.stored import StoredGenerator, read_generator
from kssgan.surrogate.mean import MeanSurrogate
from kssgan.surrogate.shape import ShapeMean
from kssgan.types import FloatArray, U8Array

LABELS = [
    {"gender": "female", "expression": "neutral"},
    {"gender": "female", "expression": "happy"},
]


@pytest.fixture(scope="module")
def stored() -> StoredGenerator:
    return read_generator(weights.read("generator"))


@pytest.fixture(scope="module")
def group(stored: StoredGenerator) -> ShapeMean:
    public = stored.public["female", ""]
    return ShapeMean(public.image_01, public.points, 5)


def _method(stored: StoredGenerator, trained_on: FloatArray | None) -> GeneratorSurrogate:
    return GeneratorSurrogate(replace(stored, trained_on=trained_on), otherwise=mean_shape())


def _seen(picture_u8: U8Array) -> FloatArray:
    return Recogniser().embed(chips_of_crops(picture_u8[None]))[0]


def test_a_near_copy_is_drawn_again_with_all_of_its_group(
    stored: StoredGenerator, group: ShapeMean
) -> None:
    free = _method(stored, None)
    first = free.draw_all(group, LABELS, seed=7)
    careful = _method(stored, _seen(first[1])[None])
    found = careful.draw_all(group, LABELS, seed=7)
    for picture, before in zip(found, first, strict=True):
        assert (picture != before).mean() > 0.2
    limit = [float(np.linalg.norm(_seen(p) - _seen(first[1]))) for p in found]
    assert min(limit) > COPY
    # One head: the wall behind it is one, and another than before.
    walls = [p[:12, :40].mean((0, 1)) for p in found]
    assert np.abs(walls[0] - walls[1]).max() < 12
    # The same again, one by one where that one is near, and through the door of the pipeline.
    again = draw_all(careful, group, LABELS, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    assert np.array_equal(careful.draw(group, LABELS[1], seed=7), found[1])


def test_a_stranger_changes_nothing(stored: StoredGenerator, group: ShapeMean) -> None:
    stranger = np.zeros((1, 128), np.float32)
    stranger[0, 3] = 1
    free, careful = _method(stored, None), _method(stored, stranger)
    pictures = zip(
        free.draw_all(group, LABELS, seed=1),
        careful.draw_all(group, LABELS, seed=1),
        strict=True,
    )
    assert all(np.array_equal(a, b) for a, b in pictures)


def test_it_gives_up_rather_than_show_somebody(
    stored: StoredGenerator, group: ShapeMean
) -> None:
    picture = _method(stored, None).draw(group, LABELS[0], seed=2)
    seeds: list[int] = []

    def draw(seed: int) -> Sequence[U8Array]:
        seeds.append(seed)
        return [picture]

    nobody = Nobody(_seen(picture)[None])
    with pytest.raises(PromiseError, match="trained on"):
        nobody.drawn(draw, 2)
    assert len(set(seeds)) == len(seeds) == ATTEMPTS
    assert seeds[0] == 2
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_distance_is_the_recognisers(stored: StoredGenerator, group: ShapeMean) -> None:
    method = _method(stored, None)
    one, other = (method.draw(group, LABELS[0], seed=seed) for seed in (1, 2))
    nobody = Nobody(np.stack([_seen(one)]))
    assert nobody.distance(one) < 1e-3
    assert nobody.distance(other) == pytest.approx(
        np.linalg.norm(_seen(one) - _seen(other)), abs=1e-3
    )


def test_embeddings_of_another_recogniser_are_refused(stored: StoredGenerator) -> None:
    with pytest.raises(WeightsError, match="128"):
        _method(stored, np.ones((3, 64), np.float32))


def test_a_method_without_draw_all_draws_one_by_one() -> None:
    grey = np.full((256, 256, 3), 0.5, np.float32)
    pictures = draw_all(MeanSurrogate(), grey, [{}, {}], seed=0)
    assert len(pictures) == 2
    assert all((p == 128).all() for p in pictures)
