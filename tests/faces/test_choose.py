"""The one face of a photo."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.errors import Reason, UnusablePhoto
from kssgan.faces.choose import COMPARABLE, SMALLEST_EYE_DISTANCE, choose_face
from kssgan.types import DetectedFace


def face(
    height: float, *, eyes: float | None = None, width: float | None = None
) -> DetectedFace:
    apart = 0.45 * height if eyes is None else eyes
    points = np.zeros((5, 2), np.float32)
    points[1, 0] = apart
    return DetectedFace(
        (0.0, 0.0, 0.8 * height if width is None else width, height), 0.9, points
    )


def reason(*faces: DetectedFace) -> Reason:
    with pytest.raises(UnusablePhoto) as caught:
        choose_face(faces)
    return caught.value.reason


def test_refusals() -> None:
    assert reason() is Reason.NO_FACE
    assert reason(face(20, eyes=SMALLEST_EYE_DISTANCE - 0.5)) is Reason.FACE_TOO_SMALL
    assert reason(face(100), face(100)) is Reason.SEVERAL_FACES
    assert reason(face(100 * COMPARABLE + 1), face(100), face(10)) is Reason.SEVERAL_FACES


def test_the_largest_in_any_order() -> None:
    large, small = face(100), face(100 * COMPARABLE - 1)
    assert choose_face([large, small]) is large
    assert choose_face([small, large]) is large
    edge = face(50, eyes=SMALLEST_EYE_DISTANCE)
    assert choose_face([edge]) is edge


def test_a_profile_is_as_large_as_it_is_tall() -> None:
    assert reason(face(100), face(100, width=30)) is Reason.SEVERAL_FACES
