"""What a release is still good for: figures of its pictures, and the same of the photos as a ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kssgan.auditing.compression import QUALITIES
from kssgan.auditing.detection import landmark_errors
from kssgan.auditing.quality import features_and_places, frechet_distance, kernel_distance
from kssgan.auditing.transfer import Lessons, as_many, cross_tested, folds
from kssgan.auditing.variety import variety
from kssgan.evaluation.drawing import Drawn
from kssgan.evaluation.judging import Judge, Looked
from kssgan.evaluation.photos import PERSONAL, Photos, sharpnesses
from kssgan.types import FloatArray, IntArray

__all__ = ["LEARNT", "UTILITY_REVISION", "ceiling_figures", "utility_figures"]

UTILITY_REVISION = 3
"""Raised whenever figures are added or change; part of what tells a finished cell from a stale one."""

LEARNT = ("gender", "expression")
"""What classifiers are taught from released pictures."""

_PARTS = 5
_CEILING = 120  # photos that are looked at again
_CHOICES = 5  # of photos that teach in place of pictures

_Read = Sequence[Mapping[str, str]]


def utility_figures(photos: Photos, drawn: Drawn, seen: Looked, *, seed: int) -> dict[str, Any]:
    """Figures of quality and use; None where one could not be taken.

    Args:
        photos: the gallery.
        drawn: pictures.
        seen: what the judge sees of them.
        seed: of the photos that FID is compared with, and of who is left out for testing.
    """
    sharp = np.median([sharpnesses(picture) for picture in drawn.pictures], axis=0)
    usual = np.median(photos.sharp, axis=0)
    found: dict[str, Any] = {"sharpness": float(sharp[0])}
    for place, name in enumerate(("ratio", *(f"ratio_q{q}" for q in QUALITIES))):
        found[f"sharpness_{name}"] = float(sharp[place] / max(usual[place], 1e-12))
    own, places = features_and_places(list(drawn.pictures))
    found |= _distances(own, photos.features, seed)
    found["detected"] = float(seen.detected.mean())
    known = photos.personal()
    for name in PERSONAL:
        found[f"{name}_agrees"] = _person_agreement(known[name], drawn, seen.attributes, name)
    found["expression_agrees"] = _shown_agreement(drawn.labels, seen.attributes, "expression")
    found |= _landmarks(seen.landmarks, drawn.shapes)
    found["variety"] = _variety(photos, drawn, seen)
    taught = _Taught(
        places,
        drawn.members,
        drawn.labels,
        [sum(len(photos.rows(int(p))) for p in people) for people in drawn.members],
    )
    for name in LEARNT:
        found |= _both(f"{name}_learnt", taught, photos, name, seed)
    return found | _both("expression_even", _even(taught, drawn), photos, "expression", seed)


def ceiling_figures(photos: Photos, judge: Judge, *, seed: int = 0) -> dict[str, float | None]:
    """The same of the photos themselves, as far as a picture can be no better than they are.

    Some head crops are looked at by the judge, as pictures are, and compared with what was read off the
    photos; the probes' own errors are in neither. Classifiers learn from photos and are tested on people left
    out.

    Args:
        photos: the gallery.
        judge: looks at pictures.
        seed: which photos.
    """
    count = len(photos.subject)
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:_CEILING]).tolist()
    seen = judge.look(np.array(photos.crops[chosen]), views=())
    read = [photos.attributes[row] for row in chosen]
    found: dict[str, float | None] = {"detected": float(seen.detected.mean())}
    for name in (*PERSONAL, "expression"):
        found[f"{name}_agrees"] = _shown_agreement(read, seen.attributes, name)
    found |= _landmarks(seen.landmarks, photos.landmarks[chosen])
    found["variety"] = 1.0
    every = _Taught(
        photos.places,
        [photos.subject[[row]] for row in range(count)],
        photos.attributes,
        [1] * count,
    )
    for name in LEARNT:
        found[f"{name}_learnt"] = _learnt(every, photos, name, seed)
    return found


def _distances(own: FloatArray, real: FloatArray, seed: int) -> dict[str, float | None]:
    """KID, FID, and FID of as many photos, all to all photos."""
    names = ("kid", "kid_deviation", "fid", "fid_photos")
    if len(own) < 2:
        return dict.fromkeys(names)
    kid = kernel_distance(own, real, scale=real)
    as_many = np.random.default_rng(seed).permutation(len(real))[: len(own)]
    values = (
        kid.value,
        None if np.isnan(kid.deviation) else kid.deviation,
        frechet_distance(own, real, scale=real),
        frechet_distance(real[as_many], real, scale=real),
    )
    return dict(zip(names, values, strict=True))


def _person_agreement(
    known: Sequence[str], drawn: Drawn, read: _Read, name: str
) -> float | None:
    """Share of people off whose picture the probe reads what it reads off their photos."""
    same: list[bool] = []
    for people, seen in zip(drawn.members, read, strict=True):
        same += [seen.get(name) == known[p] for p in people if known[p] != "unknown"]
    return float(np.mean(same)) if same else None


def _shown_agreement(wanted: _Read, read: _Read, name: str) -> float | None:
    """Share of pictures off which the probe reads what they were asked to show; without a face it is none."""
    same = [
        seen.get(name) == asked[name]
        for asked, seen in zip(wanted, read, strict=True)
        if name in asked
    ]
    return float(np.mean(same)) if same else None


def _landmarks(found: FloatArray, wanted: FloatArray) -> dict[str, float | None]:
    """Median error of the pictures whose landmarks are reliable, and the share of those."""
    asked = np.isfinite(wanted).all((1, 2))
    if not asked.any():
        return {"landmark_error": None, "landmarks_found": None}
    errors = landmark_errors(found[asked], wanted[asked])
    told = errors[np.isfinite(errors)]
    return {
        "landmark_error": float(np.median(told)) if told.size else None,
        "landmarks_found": len(told) / len(errors),
    }


def _variety(photos: Photos, drawn: Drawn, seen: Looked) -> float | None:
    """How far pictures of different people lie apart, over how far photos do."""
    owners = np.array([int(people.min()) for people in drawn.members])
    apart = variety(seen.embeddings[seen.detected], owners[seen.detected])
    usual = variety(photos.embeddings, photos.subject)
    return None if apart is None or not usual else apart / usual


@dataclass(frozen=True, eq=False)
class _Taught:
    """P pictures that teach: (P, 512) places, people behind each, what it shows, how many files it is."""

    places: FloatArray
    members: Sequence[IntArray]
    shown: _Read
    files: Sequence[int]


def _even(taught: _Taught, drawn: Drawn) -> _Taught | None:
    """The same of pictures that show every expression as often; None where there are none."""
    if not drawn.even:
        return None
    rows = sorted(drawn.even)
    places = features_and_places([drawn.even[row][0] for row in rows])[1]
    return _Taught(
        places,
        [taught.members[row] for row in rows],
        [drawn.even[row][1] for row in rows],
        [taught.files[row] for row in rows],
    )


def _both(
    title: str, taught: _Taught | None, photos: Photos, name: str, seed: int
) -> dict[str, float | None]:
    """What pictures teach, and what as many photos of each category do, mean over some choices of them."""
    if taught is None:
        return {title: None, f"{title}_photos": None}
    chosen = [_learnt(taught, photos, name, seed, photo_seed=i) for i in range(_CHOICES)]
    told = [value for value in chosen if value is not None]
    return {
        title: _learnt(taught, photos, name, seed),
        f"{title}_photos": float(np.mean(told)) if told else None,
    }


def _learnt(
    taught: _Taught, photos: Photos, name: str, seed: int, *, photo_seed: int | None = None
) -> float | None:
    """Balanced accuracy on photos of people left out; the classifier learns from the others' pictures.

    Args:
        taught: pictures that teach.
        photos: whose people are left out in turn.
        name: what is learnt.
        seed: of who is left out together.
        photo_seed: where given, in place of the pictures teach as many photos of each category, of people
            who are not left out.
    """
    true = [read.get(name) for read in photos.attributes]
    shown = [label.get(name) for label in taught.shown]
    first = np.array([int(people.min()) for people in taught.members])
    owners, unit = np.unique(first, return_inverse=True)
    if len(owners) < 2:
        return None
    part = folds(len(owners), parts=min(_PARTS, len(owners)), seed=seed)
    part_of_person = np.full(photos.persons, -1, np.int64)
    for people, place in zip(taught.members, unit.tolist(), strict=True):
        part_of_person[people] = part[place]
    part_of_photo = part_of_person[photos.subject]

    def lessons(left_out: int) -> Lessons | None:
        train = [i for i, label in enumerate(shown) if label and part[unit[i]] != left_out]
        if not train:
            return None
        names = [str(shown[i]) for i in train]
        if photo_seed is None:
            return taught.places[train], names, [taught.files[i] for i in train]
        free = np.flatnonzero(part_of_photo != left_out)
        rng = np.random.default_rng([photo_seed, left_out])
        rows = free[as_many(names, [true[i] for i in free.tolist()], rng=rng)]
        if not rows.size:
            return None
        return photos.places[rows], [str(true[i]) for i in rows.tolist()], [1] * len(rows)

    return cross_tested(lessons, photos.places, true, part_of_photo)
