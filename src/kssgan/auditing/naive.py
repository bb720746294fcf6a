"""The naive attack of an audit, in every view of the faces, each after its controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.auditing import controls
from kssgan.auditing._case import Case
from kssgan.auditing._compare import Comparison, compare, impostor_threshold
from kssgan.auditing.attacks import FAR, naive_figures
from kssgan.auditing.gallery import Embedder, Gallery, Surrogates
from kssgan.auditing.guarantee import Guarantee, people
from kssgan.auditing.likeness import likeness_figures
from kssgan.auditing.report import Problem
from kssgan.faces import thresholds
from kssgan.types import FloatArray, IntArray, U8Array

__all__ = ["attack"]


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What every view of the attack stands on.

    Attributes:
        keep: faces of the gallery whose person is known, F of them.
        who: (F,) the person of each.
        truths: by picture, files of each person behind it.
        crops: a sample of head crops, for the controls.
        crop_people: the person of each crop.
        required: fewest people allowed behind a picture.
    """

    keep: Sequence[int]
    who: IntArray
    truths: Sequence[Mapping[int, int]]
    crops: U8Array
    crop_people: IntArray
    required: int


def attack(
    case: Case,
    counted: Guarantee,
    seen: Surrogates,
    gallery: Gallery,
    embedder: Embedder | None,
    required: int,
    own: Embedder | None,
) -> None:
    """Name people for pictures, as a recogniser with all originals would.

    Args:
        case: figures, controls, problems and notes are added to it.
        counted: people behind every picture.
        seen: the distinct pictures.
        gallery: the originals.
        embedder: compares faces; None where the analyser cannot embed crops.
        required: fewest people allowed behind a picture.
        own: the user's own recogniser, a second attacker.
    """
    ground = _ground(case, counted, seen, gallery, required)
    if ground is None:
        case.notes.append(
            "attacks: fewer than two people have a photo with a face; not measured"
        )
        case.figures |= {"naive_full": None, "naive_face_only": None, "likeness": None}
        return
    k = counted.k_measured
    limit = _full(case, ground, seen, gallery, embedder, k)
    _face_only(case, ground, seen, gallery, embedder, k, limit)
    if gallery.own is not None and seen.own is not None:
        _own(case, ground, seen.own, gallery.own[ground.keep], seen, own, k)
    _check_rank(case, required)


def _ground(
    case: Case, counted: Guarantee, seen: Surrogates, gallery: Gallery, required: int
) -> _Ground | None:
    """None where fewer than two people have a photo with a face."""
    subject_of = {r.original: r.subject for r in case.rows if r.subject}
    person_of = _persons(case, gallery)
    keep = [
        i
        for i, photo in enumerate(gallery.faces)
        if subject_of.get(gallery.photos[photo]) in person_of
    ]
    who = np.array(
        [person_of[subject_of[gallery.photos[gallery.faces[i]]]] for i in keep], np.int64
    )
    if np.unique(who).size < 2:
        return None
    truths: list[dict[int, int]] = []
    for sha in seen.digests:
        truth: dict[int, int] = defaultdict(int)
        for subjects, files in counted.pictures[sha].people:
            truth[person_of[min(subjects)]] += files
        truths.append(dict(truth))
    place = {row: i for i, row in enumerate(keep)}
    rows = [(n, place[int(r)]) for n, r in enumerate(gallery.sample_rows) if int(r) in place]
    return _Ground(
        keep,
        who,
        truths,
        gallery.sample[[n for n, _ in rows]],
        who[[i for _, i in rows]],
        required,
    )


def _full(
    case: Case,
    ground: _Ground,
    seen: Surrogates,
    gallery: Gallery,
    embedder: Embedder | None,
    k: int,
) -> float:
    """Whole head crops; returns the distance at which two faces count as verified."""
    faces = gallery.embeddings[ground.keep]
    placed = impostor_threshold(faces, ground.who, far=FAR, seed=case.seed)
    limit = thresholds.FAR_1E3 if placed is None else placed
    found = _compared(case, ground, seen, "full", faces, seen.embeddings, limit, embedder)
    case.figures["naive_full"] = (
        None if found is None else naive_figures(found, k=k, seed=case.seed)
    )
    case.figures["likeness"] = (
        None
        if found is None
        else likeness_figures(
            found, threshold=limit, measured=placed is not None, seed=case.seed
        )
    )
    return limit


def _face_only(
    case: Case,
    ground: _Ground,
    seen: Surrogates,
    gallery: Gallery,
    embedder: Embedder | None,
    k: int,
    limit: float,
) -> None:
    """A tight oval, so that neither hair nor clothes help."""
    case.figures["naive_face_only"] = None
    if gallery.masked is None or seen.masked is None:
        case.notes.append("face-only attack: this analyser cannot embed crops; not measured")
        return
    faces = gallery.masked[ground.keep]
    found = _compared(case, ground, seen, "face-only", faces, seen.masked, limit, embedder)
    if found is not None:
        case.figures["naive_face_only"] = naive_figures(found, k=k, seed=case.seed)


def _own(
    case: Case,
    ground: _Ground,
    probes: FloatArray,
    faces: FloatArray,
    seen: Surrogates,
    own: Embedder | None,
    k: int,
) -> None:
    """The user's recogniser, with a threshold of its own."""
    placed = impostor_threshold(faces, ground.who, far=FAR, seed=case.seed)
    view = "your recogniser's"
    found = _compared(case, ground, seen, view, faces, probes, placed or 0.0, own)
    told = None if found is None else naive_figures(found, k=k, seed=case.seed)
    case.figures["naive_recognizer"] = told
    case.figures["likeness_recognizer"] = (
        None
        if found is None or placed is None
        else likeness_figures(found, threshold=placed, measured=True, seed=case.seed)
    )


def _compared(
    case: Case,
    ground: _Ground,
    seen: Surrogates,
    view: str,
    faces: FloatArray,
    probes: FloatArray,
    limit: float,
    embedder: Embedder | None,
) -> Comparison | None:
    """Pictures against people in one view; None where its controls fail."""
    checks = controls.run_controls(
        faces,
        ground.who,
        k=ground.required,
        view=view,
        crops=ground.crops,
        crop_people=ground.crop_people,
        embedder=embedder,
        masked=view == "face-only",
        seed=case.seed,
    )
    case.controls += checks
    if all(c.passed for c in checks):
        return compare(probes, seen.detected, ground.truths, faces, ground.who, threshold=limit)
    case.problems.append(
        Problem(
            3,
            "warns",
            f"the attack on {view} crops failed its controls (known answers), so its figures are "
            f"withheld",
        )
    )
    return None


def _check_rank(case: Case, required: int) -> None:
    for topic in ("naive_full", "naive_face_only", "naive_recognizer"):
        figures = case.figures.get(topic)
        if figures and figures["rank1_low"] > 1 / required + 1e-9:
            case.problems.append(
                Problem(
                    1,
                    "breaks",
                    f"a recogniser names the right person for {figures['rank1']:.3f} of the files (lower "
                    f"bound {figures['rank1_low']:.3f}), more than 1/{required}",
                )
            )


def _persons(case: Case, gallery: Gallery) -> dict[str, int]:
    """A number for every subject; subjects who share a file or a photo's bytes are one person."""
    place = {name: i for i, name in enumerate(gallery.photos)}
    edges: list[tuple[Hashable, Hashable]] = []
    for row in case.rows:
        if not row.subject:
            continue
        edges.append((("subject", row.subject), row.subject))
        if row.released:
            edges.append((("file", row.released), row.subject))
        digest = gallery.digests[place[row.original]] if row.original in place else ""
        if digest:
            edges.append((("photo", digest), row.subject))
    parts = people(edges)
    return {str(s): number for number, (_, subjects) in enumerate(parts) for s in subjects}
