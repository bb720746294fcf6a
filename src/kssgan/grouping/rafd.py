"""What the file names of the Radboud Faces Database say.

``Rafd090_01_Caucasian_female_angry_frontal.jpg``: camera angle in degrees, number of the model, ethnicity
("Kid" stands there for the children), gender, expression, gaze. The photos may not be redistributed;
only the layout of the names is known here.

Reference: Langner et al. 2010, Presentation and validation of the Radboud Faces Database,
doi 10.1080/02699930903485076.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["rafd_camera", "rafd_labels", "rafd_subject"]

_NAME = re.compile(
    r"rafd(?P<camera>\d{3})_(?P<subject>\d+)_(?P<ethnicity>[a-z]+)_(?P<gender>female|male)"
    r"_(?P<expression>neutral|happy|sad|angry|fearful|disgusted|surprised|contemptuous)"
    r"_(?P<gaze>frontal|left|right)",
    re.IGNORECASE,
)


def _parse(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(PurePosixPath(name).stem)


def rafd_subject(name: str) -> str | None:
    """The number of the model, None where the name is not of this kind.

    >>> rafd_subject("set/Rafd090_07_Kid_male_happy_left.jpg"), rafd_subject("portrait.jpg")
    ('07', None)
    """
    match = _parse(name)
    return match["subject"] if match else None


def rafd_camera(name: str) -> int | None:
    """The camera angle in degrees (90 is frontal, 0 and 180 are profiles).

    >>> rafd_camera("Rafd045_07_Kid_male_happy_left.jpg")
    45
    """
    match = _parse(name)
    return int(match["camera"]) if match else None


def rafd_labels(name: str) -> dict[str, str] | None:
    """Expression, gender and age band, None where the name is not of this kind.

    A name tells children from adults and no more. Adults are called young: the adult models were in their
    early twenties on average, and with no label at all an adult would pass for a child in a mixed group.

    >>> rafd_labels("Rafd090_07_Kid_male_happy_left.jpg")
    {'expression': 'happy', 'gender': 'male', 'age': 'child'}
    """
    match = _parse(name)
    if match is None:
        return None
    return {
        "expression": match["expression"].lower(),
        "gender": match["gender"].lower(),
        "age": "child" if match["ethnicity"].lower() == "kid" else "young",
    }
