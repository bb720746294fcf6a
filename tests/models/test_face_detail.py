"""Detail of faces: two layers are mixed, of the wanted kind, and nobody weighs much."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.models.face_detail import MOST, PEOPLE, UNIT, FaceDetail
from kssgan.types import FloatArray

POINTS: FloatArray = np.random.default_rng(0).uniform(40, 210, (468, 2)).astype(np.float32)
KINDS = [(g, c) for g in ("female", "male") for c in ("happy", "neutral")]


def detail(kinds: list[tuple[str, str]] = KINDS, count: int = 5) -> FaceDetail:
    """Layer n of kind m is one at its own place, so that a mixture shows its parts."""
    layers = {}
    for number, kind in enumerate(kinds):
        own = np.zeros((count, 20, 30), np.int8)
        for layer in range(count):
            own[layer, number, layer] = 100
        layers[kind] = own
    return FaceDetail(POINTS, (10, 50), layers)


def parts(found: FloatArray) -> tuple[set[int], FloatArray]:
    """Kinds that are seen, and the shares of the layers."""
    rows, columns = np.nonzero(found)
    assert (rows >= 10).all()
    assert (columns >= 50).all()
    return set((rows - 10).tolist()), found[rows, columns] / (100 * UNIT)


def test_two_layers_of_the_wanted_kind_are_mixed() -> None:
    faces = detail()
    seen = set()
    for seed in range(60):
        found = faces.draw("male", "happy", seed)
        kinds, shares = parts(found)
        assert kinds == {KINDS.index(("male", "happy"))}
        assert len(shares) == 2
        assert shares.sum() == pytest.approx(1, abs=1e-5)
        assert shares.max() <= MOST + 1e-6
        assert shares.max() / PEOPLE <= 1 / 6
        seen.add(tuple(np.nonzero(found)[1].tolist()))
        assert np.array_equal(found, faces.draw("male", "happy", seed))
    assert len(seen) == 10  # all pairs of five


def test_the_drawn_label_goes_before_gender() -> None:
    faces = detail([("female", "happy"), ("male", "neutral")])
    assert parts(faces.draw("male", "happy", 0))[0] == {0}
    assert parts(faces.draw("male", "", 0))[0] == {1}
    assert {min(parts(faces.draw("", "", s))[0]) for s in range(20)} == {0, 1}
    nobody = detail([("", "")])
    assert parts(nobody.draw("female", "happy", 3))[0] == {0}


def test_a_file_keeps_it() -> None:
    faces = detail()
    back = FaceDetail.of(faces.tensors())
    assert back is not None
    assert back.corner == (10, 50)
    assert np.array_equal(back.points, faces.points)
    assert back.layers.keys() == faces.layers.keys()
    for kind, layers in faces.layers.items():
        assert np.array_equal(back.layers[kind], layers)
    assert FaceDetail.of({"detail.fine": faces.tensors()["face.points"]}) is None


def test_what_cannot_be_layers_is_refused() -> None:
    layers = dict(detail().layers)
    with pytest.raises(ValueError, match="0 kinds"):
        FaceDetail(POINTS, (10, 50), {})
    with pytest.raises(ValueError, match="layers of"):
        FaceDetail(POINTS, (240, 50), layers)  # beyond the crop
    with pytest.raises(ValueError, match="layers of"):
        FaceDetail(POINTS, (10, 50), {("", ""): layers[KINDS[0]][:1]})  # one cannot be mixed
    tensors = detail().tensors()
    with pytest.raises(ValueError, match="layers of"):
        FaceDetail.of({**tensors, "face.layers.:": tensors["face.layers.male:happy"].float()})
    del tensors["face.corner"]
    with pytest.raises(KeyError):
        FaceDetail.of(tensors)
