"""Everything in an audit that needs faces: copies, reconstructions, likeness and attacks."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.auditing import controls, copies, reconstruct
from kssgan.auditing import donors as lenders
from kssgan.auditing._case import Case
from kssgan.auditing._compare import Comparison, compare, impostor_threshold
from kssgan.auditing._pictures import pixels_of
from kssgan.auditing._prints import PRINT, print_of
from kssgan.auditing.attacks import FAR, naive_figures
from kssgan.auditing.detection import detection_figures
from kssgan.auditing.gallery import (
    Embedder,
    Gallery,
    Surrogates,
    embedder_of,
    look_at_photos,
    look_at_pictures,
)
from kssgan.auditing.guarantee import Guarantee, people
from kssgan.auditing.likeness import likeness_figures
from kssgan.auditing.report import Problem
from kssgan.faces import thresholds
from kssgan.faces.decode import formats
from kssgan.faces.distances import to_all
from kssgan.types import FaceAnalyser, FloatArray, U8Array

__all__ = ["recognise"]

_SAMPLE = 64
_MOST_EMBEDDED = 500


def recognise(
    case: Case,
    counted: Guarantee,
    photos: Sequence[str],
    required: int,
    analyser: FaceAnalyser | None,
    donors: Path | None = None,
    own: Embedder | None = None,
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
        case.release, analyser, embedder, greys=wanted, progress=case.progress, own=own
    )
    shown = _shown(case, seen, gallery)
    _check_copies(case, shown, gallery, analyser)
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
    _check_members(case, behind, pairs, weighed, seen, gallery)
    files = np.array([counted.pictures[sha].files for sha in seen.digests], np.int64)
    case.figures["detection"] = detection_figures(seen.detected, files)
    k_alike = _check_people(case, behind, gallery, required)
    _attack(case, counted, seen, gallery, embedder, required, own)
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
    return keys


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


def _shown(case: Case, seen: Surrogates, gallery: Gallery) -> copies.Shown:
    """Distinct pictures of the release and the pictures inside its pages."""
    root = case.release.root
    paths: list[Path | None] = [
        root / case.release.pictures[sha].files[0] for sha in seen.digests
    ]
    opens: list[Callable[[], U8Array | None]] = [partial(pixels_of, p) for p in paths if p]
    inside = list(dict.fromkeys(case.embedded))
    if len(inside) > _MOST_EMBEDDED:
        case.notes.append(
            f"pages: {_MOST_EMBEDDED} of {len(inside)} pictures inside pages were compared with originals"
        )
    prints, flat = [seen.prints], [seen.flat]
    for data in inside[:_MOST_EMBEDDED]:
        pixels = _decoded(data)
        own = np.zeros((1, seen.prints.shape[1], PRINT), np.float16)
        if pixels is not None:
            own[0, 0] = print_of(pixels)
        opens.append(partial(_decoded, data))
        paths.append(None)
        prints.append(own)
        flat.append(np.array([pixels is not None and not own.any()]))
    close = _closest(seen, gallery, thresholds.COPY)
    return copies.Shown(opens, paths, close, np.concatenate(prints), np.concatenate(flat))


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
    near = replace(shown, close=_closest(seen, donors, thresholds.LOOK_ALIKE))
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


def _closest(seen: Surrogates, gallery: Gallery, limit: float) -> list[tuple[int, int]]:
    """Every picture's nearest photo, where it is within a distance."""
    found: list[tuple[int, int]] = []
    if not len(gallery.embeddings):
        return found
    rows = np.flatnonzero(seen.detected)
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        distances = to_all(seen.embeddings[part], gallery.embeddings)
        nearest = distances.argmin(axis=1)
        for i, picture in enumerate(part):
            if distances[i, nearest[i]] <= limit:
                found.append((int(picture), int(gallery.faces[nearest[i]])))
    return found


def _decoded(data: bytes) -> U8Array | None:
    try:
        with Image.open(io.BytesIO(data), formats=formats()) as image:
            return np.asarray(image.convert("RGB"))
    except Exception:  # noqa: BLE001 - a damaged picture can raise anything in a decoder
        return None


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


def _attack(
    case: Case,
    counted: Guarantee,
    seen: Surrogates,
    gallery: Gallery,
    embedder: Embedder | None,
    required: int,
    own: Embedder | None,
) -> None:
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
        case.notes.append(
            "attacks: fewer than two people have a photo with a face; not measured"
        )
        case.figures |= {"naive_full": None, "naive_face_only": None, "likeness": None}
        return
    truths: list[dict[int, int]] = []
    for sha in seen.digests:
        truth: dict[int, int] = defaultdict(int)
        for subjects, files in counted.pictures[sha].people:
            truth[person_of[min(subjects)]] += files
        truths.append(dict(truth))
    place = {row: i for i, row in enumerate(keep)}
    rows = [(n, place[int(r)]) for n, r in enumerate(gallery.sample_rows) if int(r) in place]
    crops = gallery.sample[[n for n, _ in rows]]
    crop_people = who[[i for _, i in rows]]

    def measure_view(
        view: str,
        faces: FloatArray,
        probes: FloatArray,
        limit: float,
        look: Embedder | None = embedder,
    ) -> Comparison | None:
        checks = controls.run_controls(
            faces,
            who,
            k=required,
            view=view,
            crops=crops,
            crop_people=crop_people,
            embedder=look,
            masked=view == "face-only",
            seed=case.seed,
        )
        case.controls += checks
        if all(c.passed for c in checks):
            return compare(probes, seen.detected, truths, faces, who, threshold=limit)
        case.problems.append(
            Problem(
                3,
                "warns",
                f"the attack on {view} crops failed its controls (known answers), so its figures are "
                f"withheld",
            )
        )
        return None

    full = gallery.embeddings[keep]
    placed = impostor_threshold(full, who, far=FAR, seed=case.seed)
    limit = thresholds.FAR_1E3 if placed is None else placed
    found = measure_view("full", full, seen.embeddings, limit)
    smallest = counted.k_measured
    case.figures["naive_full"] = (
        None if found is None else naive_figures(found, k=smallest, seed=case.seed)
    )
    case.figures["likeness"] = (
        None
        if found is None
        else likeness_figures(
            found, threshold=limit, measured=placed is not None, seed=case.seed
        )
    )
    case.figures["naive_face_only"] = None
    if gallery.masked is None or seen.masked is None:
        case.notes.append("face-only attack: this analyser cannot embed crops; not measured")
    else:
        hidden = measure_view("face-only", gallery.masked[keep], seen.masked, limit)
        if hidden is not None:
            case.figures["naive_face_only"] = naive_figures(hidden, k=smallest, seed=case.seed)
    if gallery.own is not None and seen.own is not None:
        faces = gallery.own[keep]
        placed = impostor_threshold(faces, who, far=FAR, seed=case.seed)
        found = measure_view("your recogniser's", faces, seen.own, placed or 0.0, own)
        told = None if found is None else naive_figures(found, k=smallest, seed=case.seed)
        case.figures["naive_recognizer"] = told
        if found is None or placed is None:
            case.figures["likeness_recognizer"] = None
        else:
            case.figures["likeness_recognizer"] = likeness_figures(
                found, threshold=placed, measured=True, seed=case.seed
            )
    _check_rank(case, required)


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
