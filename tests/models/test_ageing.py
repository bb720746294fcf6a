"""Ages are places among bands: read off a texture, kept in a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kssgan.models.ageing import READ_SIZE, Ageing

BANDS = ("young", "middle", "senior")


def made() -> Ageing:
    """Reads how much lighter the left half is than the right."""
    reader = np.zeros((READ_SIZE, READ_SIZE, 3), np.float32)
    reader[:, : READ_SIZE // 2], reader[:, READ_SIZE // 2 :] = 1, -1
    reader /= READ_SIZE**2 * 3
    rng = np.random.default_rng(0)
    return Ageing(
        BANDS,
        reader,
        0.5,
        rng.normal(0, 0.1, (128, 128, 3)).astype(np.float32),
        rng.normal(0, 1, (468, 2)).astype(np.float32),
    )


def lit(left: float) -> np.ndarray:
    texture = np.zeros((128, 128, 3), np.float32)
    texture[:, :64], texture[:, 64:] = left, -left
    return texture


@pytest.mark.parametrize(
    ("left", "place"), [(0.0, 0.5), (1.0, 1.5), (-0.25, 0.25), (-9.0, 0.0), (9.0, 2.0)]
)
def test_a_place_is_read_and_held_among_the_bands(left: float, place: float) -> None:
    assert made().read(lit(left)) == pytest.approx(place, abs=1e-5)


def test_a_band_has_a_place_and_a_place_a_band() -> None:
    ageing = made()
    assert [ageing.place(band) for band in BANDS] == [0, 1, 2]
    assert ageing.place("") is None
    assert ageing.place("older than that") is None
    assert [ageing.band(at) for at in (-1.0, 0.4, 0.6, 1.4, 1.6, 7.0)] == [
        "young", "young", "middle", "middle", "senior", "senior",
    ]  # fmt: skip


def test_a_file_keeps_it() -> None:
    ageing = made()
    found = Ageing.of(ageing.tensors(), BANDS)
    assert found is not None
    assert found.bands == BANDS
    np.testing.assert_array_equal(found.reader, ageing.reader)
    np.testing.assert_array_equal(found.moved, ageing.moved)
    unit = np.abs(ageing.texture).max() / 127
    np.testing.assert_allclose(found.texture, ageing.texture, atol=0.51 * unit)
    assert found.read(lit(0.3)) == ageing.read(lit(0.3))
    assert Ageing.of({}, BANDS) is None


def test_other_shapes_are_refused() -> None:
    ageing = made()
    with pytest.raises(ValueError, match="reader of"):
        replace(ageing, reader=ageing.reader[1:])
    with pytest.raises(ValueError, match="1 bands"):
        replace(ageing, bands=("young",))
    parts = ageing.tensors()
    del parts["ageing.moved"]
    with pytest.raises(KeyError):
        Ageing.of(parts, BANDS)
