"""Thresholds stand in the order in which they are used."""

from __future__ import annotations

from kssgan.faces import thresholds


def test_order() -> None:
    t = thresholds
    assert 0 < t.COPY <= t.SAME_PERSON < t.FAR_1E3 < t.LOOK_ALIKE < 1
    assert t.FAR_1E3_FACE_ONLY < t.FAR_1E3
