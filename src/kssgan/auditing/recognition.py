"""Everything in an audit that needs faces: copies, reconstructions, likeness and attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kssgan.auditing import copies, reconstruct
from kssgan.auditing import donors as lenders
from kssgan.auditing._case import Case
from kssgan.auditing.attacks import FAR
from kssgan.auditing.detection import detection_figures
from kssgan.auditing.gallery import (
    Embedder,
    Gallery,
    Surrogates,
    embedder_of,
    look_at_photos,
    look_at_pictures,
)
from kssgan.auditing.guarantee import Guarantee
from kssgan.auditing.naive import attack
from kssgan.auditing.report import Problem
from kssgan.auditing.shown import closest, shown_pictures
from kssgan.auditing.trained_on import OTHER_RECOGNISER, trained_on_figures
from kssgan.faces import thresholds
from kssgan.types import FaceAnalyser, FloatArray

__all__ = ["recognise"]

_SAMPLE = 64


def recognise(
    case: Case,
    counted: Guarantee,
    photos: Sequence[str],
    required: int,
    analyser: FaceAnalyser | None,
    donors: Path | None = None,
    own: Embedder | None = None,
    trained_on: FloatArray | None = None,
) -> int | None:
    """Everything that needs faces. Returns k with look-alikes counted once.

    Args:
        case: problems, figures and notes are added to it.
        counted: people behind every picture.
        photos: the originals, relative paths.
        required: fewest people allowed behind a picture.
        analyser: finds and compares faces; None for the shipped networks.
        donors: folder of the portraits that lent their heads; None for a release without.
        own: the user's own recogniser, a second attacker.
        trained_on: (N, 128) embeddings of the faces that the release's generator was trained on.

    Raises:
        UsageError: the donors' folder is not usable.
    """
    portraits = (
        ()
        if donors is None
        else lenders.list_donors(donors, originals=case.originals, release=case.release.root)
    )
    if not counted.pictures or not photos:
        return None
    if analyser is None:
        from kssgan.faces.analyse import StandardAnalyser

        analyser = StandardAnalyser()
    embedder = embedder_of(analyser)
    behind = {sha: [s for s, _ in c.people] for sha, c in counted.pictures.items()}
    pairs, notes = reconstruct.choose_pairs(behind, required)
    case.notes += notes
    weighed = reconstruct.choose_weighed(behind, case.seed)
    gallery = look_at_photos(
        case.originals,
        photos,
        analyser,
        embedder,
        keys=_crop_keys(case, pairs, weighed, behind),
        sample=_SAMPLE,
        progress=case.progress,
        own=own,
    )
    wanted = {p.first for p in pairs} | {p.second for p in pairs} | set(weighed)
    seen = look_at_pictures(
        case.release, gallery, analyser, embedder, greys=wanted, progress=case.progress, own=own
    )
    shown = shown_pictures(case, seen, gallery)
    _check_copies(case, shown, gallery, analyser)
    if not len(gallery.embeddings):
        case.problems.append(
            Problem(
                3,
                "breaks",
                "no face was found in any of the originals, so no recogniser could look for them in the "
                "release; audit with the folder that was released from",
            )
        )
        return None
    if donors is not None:
        lent = look_at_photos(
            donors,
            portraits,
            analyser,
            embedder,
            keys={},
            sample=0,
            progress=case.progress,
            stage="donors",
        )
        _check_donors(case, shown, seen, gallery, lent, donors, analyser)
    if trained_on is not None:
        _check_trained_on(case, seen, gallery, trained_on)
    _check_members(case, behind, pairs, weighed, seen, gallery)
    files = np.array([counted.pictures[sha].files for sha in seen.digests], np.int64)
    case.figures["detection"] = detection_figures(seen.detected, files)
    k_alike = _check_people(case, behind, gallery, required)
    attack(case, counted, seen, gallery, embedder, required, own)
    return k_alike


def _crop_keys(
    case: Case,
    pairs: Sequence[reconstruct.Pair],
    weighed: Sequence[str],
    behind: Mapping[str, Sequence[frozenset[str]]],
) -> dict[str, list[tuple[str, str]]]:
    wanted = {(s, p.first) for p in pairs for s in p.only_first}
    wanted |= {(s, p.second) for p in pairs for s in p.only_second}
    whole = {s for sha in weighed for person in behind[sha] for s in person}
    keys: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in case.rows:
        key = (row.subject, case.release.digest.get(row.released, ""))
        if key in wanted:
            keys[row.original].append(key)
        if row.released and row.subject in whole:
            keys[row.original].append((row.subject, ""))
    # A photo with several pictures stands in the map as often.
    return {name: list(dict.fromkeys(own)) for name, own in keys.items()}


def _check_copies(
    case: Case, shown: copies.Shown, gallery: Gallery, analyser: FaceAnalyser
) -> None:
    refused = {r.original for r in case.rows if not r.released}
    exact = copies.byte_copies(case.release, gallery, refused)
    near, count, notes = copies.near_copies(
        shown,
        gallery,
        originals=case.originals,
        analyser=analyser,
        refused=refused,
    )
    case.problems += exact
    case.problems += near
    case.notes += notes
    case.figures["copies"] = {"near_copies_of_originals": count}


def _check_donors(
    case: Case,
    shown: copies.Shown,
    seen: Surrogates,
    gallery: Gallery,
    donors: Gallery,
    root: Path,
    analyser: FaceAnalyser,
) -> None:
    member, alike, problems = lenders.donors_who_are_members(donors, gallery)
    case.problems += problems
    near = replace(shown, close=closest(seen, donors, thresholds.LOOK_ALIKE))
    counts, problems, notes = lenders.donor_copies(
        near, seen, donors, root=root, analyser=analyser
    )
    case.problems += problems
    case.notes += notes
    found = lenders.donor_figures(
        seen,
        donors,
        gallery,
        member,
        far=FAR,
        stated=thresholds.FAR_1E3,
        seed=case.seed,
    )
    case.figures["donors"] = {
        "portraits": len(donors.photos),
        "portraits_with_a_face": len(donors.faces),
        "are_members": int(member.sum()),
        "look_like_a_member": alike,
        **counts,
        **(found or {}),
    }
    if found is None:
        case.problems.append(
            Problem(
                3,
                "warns",
                "likeness to donors could not be measured: no portrait, or no picture, has a face that is "
                "found; pass the donors that were given to deidentify",
            )
        )


def _check_trained_on(
    case: Case, seen: Surrogates, gallery: Gallery, faces: FloatArray
) -> None:
    if faces.shape[1] != gallery.embeddings.shape[1]:
        case.notes.append(OTHER_RECOGNISER)
        return
    figures, problems = trained_on_figures(seen, gallery, faces, far=FAR)
    case.problems += problems
    case.figures["trained_on"] = figures


def _check_members(
    case: Case,
    behind: Mapping[str, Sequence[frozenset[str]]],
    pairs: Sequence[reconstruct.Pair],
    weighed: Sequence[str],
    seen: Surrogates,
    gallery: Gallery,
) -> None:
    apart, tried = reconstruct.subtraction_problems(pairs, seen.greys, gallery.greys)
    uneven, weights = reconstruct.weight_problems(weighed, behind, seen.greys, gallery.greys)
    case.problems += (*apart, *uneven)
    case.figures["reconstruction"] = {"pairs_subtracted": tried, **weights}


def _check_people(
    case: Case,
    behind: Mapping[str, Sequence[frozenset[str]]],
    gallery: Gallery,
    required: int,
) -> int:
    place = {name: i for i, name in enumerate(gallery.photos)}
    subject_rows: dict[str, list[int]] = defaultdict(list)
    for row in case.rows:
        if row.released and row.original in place:
            subject_rows[row.subject].append(place[row.original])
    _check_faces(case, behind, gallery, subject_rows, required)
    k_copies, k_alike, merged = copies.duplicate_people(
        behind, subject_rows, gallery, look_alike=thresholds.LOOK_ALIKE
    )
    if merged:
        case.problems.append(
            Problem(
                7,
                "breaks" if k_copies < required else "warns",
                f"{len(merged)} pairs of people behind one picture have the same photo, so they are one "
                f"human under two names; counted once, the fewest people behind a picture are {k_copies}",
                merged,
            )
        )
    if k_alike < min(required, k_copies):
        case.problems.append(
            Problem(
                7,
                "warns",
                f"some people behind one picture look alike enough to be one human; with those counted "
                f"once, the fewest people behind a picture are {k_alike}",
            )
        )
    return k_alike


def _check_faces(
    case: Case,
    behind: Mapping[str, Sequence[frozenset[str]]],
    gallery: Gallery,
    subject_rows: Mapping[str, Sequence[int]],
    required: int,
) -> None:
    """Whoever has no photo with a face is nobody whom a recipient could take for another."""
    faces = set(gallery.faces.tolist())
    seen = {subject for subject, rows in subject_rows.items() if faces & set(rows)}
    faceless = {person for people in behind.values() for person in people if not person & seen}
    if not faceless:
        return
    least = min(sum(person not in faceless for person in people) for people in behind.values())
    case.problems.append(
        Problem(
            5,
            "breaks" if least < required else "warns",
            f"of {len(faceless)} people behind released pictures no photo shows a face that is found, so "
            f"they hide nobody; without them the fewest people behind a picture are {least}",
            tuple(sorted(" + ".join(sorted(person)) for person in faceless)),
        )
    )
