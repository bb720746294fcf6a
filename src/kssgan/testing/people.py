"""Synthetic people: 24 faces of nobody, for the demo and for tests that need real detection.

A small face model draws them (see ``tools/build_people_model.py``). They are chosen so that the shipped
recogniser tells all of them apart and knows each again in another photo: other expression, light, framing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan import weights
from kssgan.errors import OutputExists, UsageError
from kssgan.testing._people_model import COMPONENTS, View, face_model, render
from kssgan.types import U8Array

__all__ = [
    "PEOPLE",
    "SHOTS",
    "SyntheticPhoto",
    "draw",
    "draw_person",
    "view_of",
    "write_people",
]

PEOPLE = 24
"""How many people the recogniser is known to tell apart."""

SHOTS = 4
"""How many photos of each it is known to recognise."""

_WALLS = ((205, 207, 208), (176, 190, 204), (214, 205, 192), (150, 166, 176), (190, 200, 188))
_COLUMNS = ("file", "subject", "expression", "gender", "age")
_SIZE = 512


@dataclass(frozen=True, slots=True)
class SyntheticPhoto:
    """One photo that was written, and its row of ``labels.csv``.

    Attributes:
        file: path relative to the folder, with ``/``.
        subject: who it shows.
        expression: "neutral" or "happy".
        gender: "female" or "male".
        age: in years, as the model's regression on age has it.
        path: where the file is.
    """

    file: str
    subject: str
    expression: str
    gender: str
    age: int
    path: Path


def view_of(person: int, shot: int) -> dict[str, Any]:
    """How a person's photo is taken: arguments ``smile``, ``view`` and ``seed`` of the renderer.

    Even shots are neutral, odd ones smile; light, framing, wall and grain differ from photo to photo.
    """
    rng = np.random.default_rng([31, person, shot])
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) + rng.normal(0, 3)
    view = View(
        zoom=float(rng.uniform(0.95, 1.06)),
        turn=float(rng.uniform(-5, 5)),
        shift=(float(rng.uniform(-3, 3)), float(rng.uniform(0.5, 3.5))),
        gain=float(rng.uniform(0.92, 1.08)),
        slope=(float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.12, 0.12))),
        tint=tuple(float(t) for t in rng.uniform(0.98, 1.02, 3)),  # type: ignore[arg-type]
        background=tuple(float(c) for c in wall),  # type: ignore[arg-type]
        grain=float(rng.uniform(1.5, 3)),
    )
    smile = float(shot % 2) * float(rng.uniform(0.85, 1.1))
    return {"smile": smile, "view": view, "seed": int(rng.integers(2**31))}


def draw_person(
    coefficients: npt.ArrayLike,
    *,
    smile: float = 0.0,
    view: View | None = None,
    size: int = _SIZE,
    seed: int = 0,
) -> U8Array:
    """Draw any person of the model, without a promise that a recogniser tells them from others.

    Args:
        coefficients: (14,), about standard normal; zeros are the average face.
        smile: 0 neutral, 1 smiling.
        view: how the photo is taken; a plain frontal one if left out.
        size: side in pixels.
        seed: of the film grain.

    Returns:
        (size, size, 3) uint8.

    Raises:
        UsageError: not 14 finite coefficients, or the size is not positive.
        WeightsError: the shipped model is missing or damaged.
    """
    c = np.asarray(coefficients, np.float64)
    if c.shape != (COMPONENTS,) or not np.isfinite(c).all():
        raise UsageError(
            f"coefficients of shape {c.shape} came; give {COMPONENTS} finite numbers"
        )
    if size < 1:
        raise UsageError(f"size {size} came; give a side of at least 1 pixel")
    return render(face_model(), c, smile=smile, view=view or View(), size=size, seed=seed)


def draw(person: int, shot: int = 0, *, size: int = _SIZE) -> U8Array:
    """Draw one photo of one of the synthetic people; same arguments, same pixels.

    Args:
        person: 0..23.
        shot: 0..3; even ones are neutral, odd ones smile.
        size: side in pixels.

    Returns:
        (size, size, 3) uint8 RGB, head to shoulders.

    Raises:
        UsageError: no such person or shot.
        WeightsError: the shipped model is missing or damaged.

    >>> draw(3, 1, size=64).shape
    (64, 64, 3)
    """
    _check(person + 1, shot + 1)
    if person < 0 or shot < 0:
        raise UsageError(f"person {person}, shot {shot} came; numbers start at 0")
    return draw_person(_table()["people"][person], **view_of(person, shot), size=size)


def write_people(
    folder: str | Path, *, people: int = PEOPLE, shots: int | Sequence[int] = 2
) -> list[SyntheticPhoto]:
    """Write the synthetic people as a folder of ordinary photos with a ``labels.csv`` beside them.

    Every person has a folder of their own; JPEG and PNG take turns. The same arguments give the same bytes
    with one version of Pillow and on one machine.

    Args:
        folder: where; made if missing, must be empty.
        people: how many, 1..24.
        shots: photos of each person, 1..4, or one number per person.

    Returns:
        One entry per photo, in the order of ``labels.csv``.

    Raises:
        UsageError: more people or photos than were measured to be told apart.
        OutputExists: the folder has something in it.
        WeightsError: the shipped model is missing or damaged.
    """
    from PIL import Image

    each = [shots] * people if isinstance(shots, int) else list(shots)
    if len(each) != people:
        raise UsageError(
            f"{len(each)} numbers of shots came for {people} people; give one each"
        )
    _check(people, *each)
    root = Path(folder)
    if root.exists() and any(root.iterdir()):
        raise OutputExists("the folder for the synthetic people is not empty; name a new one")
    table, photos = _table(), []
    for person in range(people):
        subject = f"person-{person + 1:02d}"
        (root / subject).mkdir(parents=True)
        for shot in range(each[person]):
            jpeg = (person + shot) % 2 == 0
            file = f"{subject}/photo-{shot + 1}.{'jpg' if jpeg else 'png'}"
            picture = Image.fromarray(draw(person, shot))
            options: Mapping[str, Any] = {"quality": 92} if jpeg else {"compress_level": 3}
            picture.save(root / file, **options)
            photos.append(
                SyntheticPhoto(
                    file=file,
                    subject=subject,
                    expression="happy" if shot % 2 else "neutral",
                    gender="male" if table["people.male"][person] else "female",
                    age=int(table["people.age"][person]),
                    path=root / file,
                )
            )
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows([getattr(photo, name) for name in _COLUMNS] for photo in photos)
    return photos


def _table() -> Mapping[str, npt.NDArray[Any]]:
    return weights.load("people")


def _check(people: int, *shots: int) -> None:
    if not 1 <= people <= PEOPLE:
        raise UsageError(
            f"{people} synthetic people were asked for; the recogniser is known to tell {PEOPLE} "
            f"apart: ask for 1 to {PEOPLE}, or draw others with draw_person"
        )
    if not all(1 <= shot <= SHOTS for shot in shots):
        raise UsageError(f"{max(shots)} photos of one person were asked for; give 1 to {SHOTS}")
