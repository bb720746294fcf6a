"""The audit itself: files and map first, then what a recogniser can make of them."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.auditing import _tables, controls, copies, leaks, names, reconstruct, words
from kssgan.auditing import labels as _labels
from kssgan.auditing._compare import Comparison, compare, impostor_threshold
from kssgan.auditing._containers import extras
from kssgan.auditing._pictures import ReleaseFiles, scan
from kssgan.auditing._streams import SEEDS
from kssgan.auditing.attacks import FAR, naive_figures
from kssgan.auditing.certificate import certificate_problems, claimed_k
from kssgan.auditing.detection import detection_figures
from kssgan.auditing.gallery import (
    Embedder,
    Gallery,
    Surrogates,
    embedder_of,
    list_photos,
    look_at_photos,
    look_at_pictures,
)
from kssgan.auditing.guarantee import Guarantee, coverage, measure, people
from kssgan.auditing.likeness import likeness_figures
from kssgan.auditing.report import AuditReport, Control, Problem
from kssgan.errors import BadTable, UsageError
from kssgan.faces import thresholds
from kssgan.types import FaceAnalyser, FloatArray, Progress

__all__ = ["audit"]

PathLike = str | os.PathLike[str]
_SAMPLE = 64


@dataclass
class _Case:
    """What is known and what was found so far."""

    release: ReleaseFiles
    rows: tuple[_tables.MapRow, ...]
    originals: Path
    seed: int
    progress: Progress | None
    problems: list[Problem] = field(default_factory=list)
    figures: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    controls: list[Control] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def audit(
    release: PathLike,
    *,
    originals: PathLike,
    map_path: PathLike,
    labels: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    k: int | None = None,
) -> AuditReport:
    """Judge a release by its files, with the originals and the map at hand.

    Nothing that the release says of itself is believed: manifest and certificate are compared with the
    files. Works on anybody's release that comes with a map.

    Args:
        release: the folder that was released.
        originals: the private photos.
        map_path: private CSV ``original,subject,released,reason``.
        labels: the holder's label table (``file`` or ``subject``, then attributes).
        analyser: finds and compares faces; by default the shipped networks.
        progress: shows progress.
        seed: of samples and resampling, never of anything in the release.
        k: fewest people allowed behind a picture. The certificate's claim counts as well; 2 without both.

    Returns:
        The report; ``holds`` is false as soon as one problem breaks the promise.

    Raises:
        UsageError: a folder is missing or cannot be read.
        BadTable: the map or the labels are not usable.
        WeightsError: shipped weights are missing or damaged.
    """
    root, photos_root = Path(release), Path(originals)
    for path, what in ((root, "the release"), (photos_root, "the originals")):
        if not path.is_dir():
            raise UsageError(f"{what} is not a folder; pass the folder itself")
    rows = _tables.read_map(Path(map_path))
    table = None if labels is None else _labels.read_labels(Path(labels), photos_root)
    found, ignored = list_photos(photos_root, without=(root,))
    case = _Case(scan(root), rows, photos_root, seed, progress)
    manifest = _manifest(case)
    certificate = _tables.read_certificate(root)
    claimed = claimed_k(certificate)
    required = max([n for n in (k, claimed) if n is not None], default=2)
    # A fate for every photo first, then the count, then everything that could undo the count.
    case.problems += coverage(rows, found)
    cells = manifest.rows if manifest else {}
    counted = measure(case.release, rows, labels=cells)
    case.problems += counted.problems
    _check_k(case, counted, required)
    _check_leaks(case, manifest, certificate)
    on_disk = [r.original for r in rows if _exists(photos_root / r.original)]
    everything = tuple(sorted({*found, *on_disk}))
    k_alike = _recognise(case, counted, everything, required, analyser)
    case.problems += certificate_problems(certificate, counted, rows)
    if table is not None:
        case.figures["labels"] = _label_figures(case, manifest, table)
    breaking = [p for p in case.problems if p.severity == "breaks"]
    return AuditReport(
        holds=not breaking,
        k_required=required,
        k_claimed=claimed,
        k_measured=counted.k_measured,
        k_lookalikes=k_alike,
        max_share=counted.max_share,
        problems=(*breaking, *(p for p in case.problems if p.severity != "breaks")),
        counts={
            "photos_found": len(found),
            "files_ignored": ignored,
            "photos_released": sum(bool(r.released) for r in rows),
            "photos_refused": sum(not r.released for r in rows),
            "subjects": len({r.subject for r in rows if r.released}),
            "released_files": len(case.release.digest),
            "distinct_pictures": len(case.release.pictures),
        },
        figures=case.figures,
        controls=tuple(case.controls),
        notes=tuple(case.notes),
    )


def _manifest(case: _Case) -> _tables.Manifest | None:
    try:
        return _tables.read_manifest(case.release.root)
    except BadTable as error:
        case.problems.append(Problem(2, "breaks", str(error)))
        return None


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _check_k(case: _Case, counted: Guarantee, required: int) -> None:
    if not counted.pictures:
        case.problems.append(
            Problem(
                2,
                "breaks",
                "there is no picture in the release, so there is nothing to protect",
            )
        )
        return
    if counted.k_measured < required:
        few = [sha for sha, c in counted.pictures.items() if len(c.people) < required]
        case.problems.append(
            Problem(
                2,
                "breaks",
                f"{len(few)} of {len(counted.pictures)} distinct pictures stand for fewer than "
                f"{required} people, the worst for {counted.k_measured}",
                tuple(f for sha in few for f in case.release.pictures[sha].files),
            )
        )
    if counted.max_share > 1 / required + 1e-12:
        case.problems.append(
            Problem(
                1,
                "breaks",
                f"one person has {counted.max_share:.3f} of the files of a picture; at most "
                f"1/{required} = {1 / required:.3f} is allowed",
            )
        )


def _check_leaks(
    case: _Case, manifest: _tables.Manifest | None, certificate: Mapping[str, Any] | None
) -> None:
    release, root = case.release, case.release.root
    case.problems += leaks.metadata_problems(release)
    case.problems += leaks.folder_problems(release)
    behind = defaultdict(list)
    for row in case.rows:
        if row.released:
            behind[row.released].append(row.original)
    case.problems += leaks.time_problems(release, case.originals, behind)
    attributes = None if certificate is None else certificate.get("attributes")
    named = [str(a).lower() for a in attributes] if isinstance(attributes, list) else None
    case.problems += _labels.label_problems(release, manifest, named)
    pairs = [(r.original, r.subject, r.released) for r in case.rows if r.released]
    seeds = (certificate or {}).get("seed")
    case.problems += names.name_problems(
        pairs, case.originals, extra_seeds=(seeds,) if isinstance(seeds, int) else ()
    )
    orders: dict[str, list[str]] = {"the order of file names": sorted(release.digest)}
    if manifest is not None:
        orders["the order of the manifest"] = [f for f in manifest.rows if f in release.digest]
    times = {f: (root / f).stat().st_mtime_ns for f in release.digest}
    if len(set(times.values())) > 1:
        orders["the order of modification times"] = sorted(times, key=lambda f: times[f])
    case.problems += names.order_problems(pairs, orders, case.originals)
    known = {value for cells in (manifest.rows.values() if manifest else ()) for value in cells}
    case.problems += words.word_problems(
        root, release.others, [(r.original, r.subject) for r in case.rows], known
    )
    case.figures["names"] = {
        "false_alarm_per_test": names.FALSE_ALARM,
        "seeds_tried": SEEDS,
    }
    _check_embedded(case)


def _check_embedded(case: _Case) -> None:
    """Pictures inside texts (a report's data URIs) are released like any other."""
    texts = [
        n for n in case.release.others if Path(n).suffix.lower() in (".html", ".htm", ".svg")
    ]
    inside = words.embedded_pictures(case.release.root, texts)
    if not inside:
        return
    case.figures["embedded"] = {"pictures": len(inside)}
    # Files of the system's temporary folder: released pictures only, so nothing private is written.
    with tempfile.TemporaryDirectory() as folder:
        kinds: set[str] = set()
        for number, data in enumerate(inside):
            path = Path(folder) / str(number)
            path.write_bytes(data)
            kinds |= {
                k for k in extras(path) if not k.startswith(("a format", "colour", "an ICC"))
            }
        if kinds:
            case.problems.append(
                Problem(4, "breaks", f"pictures inside a page carry {', '.join(sorted(kinds))}")
            )


def _recognise(
    case: _Case,
    counted: Guarantee,
    photos: Sequence[str],
    required: int,
    analyser: FaceAnalyser | None,
) -> int | None:
    """Everything that needs faces. Returns k with look-alikes counted once."""
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
    )
    wanted = {p.first for p in pairs} | {p.second for p in pairs} | set(weighed)
    seen = look_at_pictures(
        case.release, analyser, embedder, greys=wanted, progress=case.progress
    )
    _check_copies(case, seen, gallery, analyser)
    _check_members(case, behind, pairs, weighed, seen, gallery)
    files = np.array([counted.pictures[sha].files for sha in seen.digests], np.int64)
    case.figures["detection"] = detection_figures(seen.detected, files)
    k_alike = _check_people(case, behind, gallery, required)
    _attack(case, counted, seen, gallery, embedder, required)
    return k_alike


def _crop_keys(
    case: _Case,
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
    case: _Case, seen: Surrogates, gallery: Gallery, analyser: FaceAnalyser
) -> None:
    refused = {r.original for r in case.rows if not r.released}
    exact = copies.byte_copies(case.release, gallery, refused)
    near, count, notes = copies.near_copies(
        case.release,
        seen,
        gallery,
        originals=case.originals,
        analyser=analyser,
        refused=refused,
    )
    case.problems += exact
    case.problems += near
    case.notes += notes
    case.figures["copies"] = {"near_copies_of_originals": count}


def _check_members(
    case: _Case,
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
    case: _Case,
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
    case: _Case,
    counted: Guarantee,
    seen: Surrogates,
    gallery: Gallery,
    embedder: Embedder | None,
    required: int,
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
        view: str, faces: FloatArray, probes: FloatArray, limit: float
    ) -> Comparison | None:
        checks = controls.run_controls(
            faces,
            who,
            k=required,
            view=view,
            crops=crops,
            crop_people=crop_people,
            embedder=embedder,
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
    own = impostor_threshold(full, who, far=FAR, seed=case.seed)
    limit = thresholds.FAR_1E3 if own is None else own
    found = measure_view("full", full, seen.embeddings, limit)
    smallest = counted.k_measured
    case.figures["naive_full"] = (
        None if found is None else naive_figures(found, k=smallest, seed=case.seed)
    )
    case.figures["likeness"] = (
        None
        if found is None
        else likeness_figures(found, threshold=limit, measured=own is not None, seed=case.seed)
    )
    case.figures["naive_face_only"] = None
    if gallery.masked is None or seen.masked is None:
        case.notes.append("face-only attack: this analyser cannot embed crops; not measured")
    else:
        hidden = measure_view("face-only", gallery.masked[keep], seen.masked, limit)
        if hidden is not None:
            case.figures["naive_face_only"] = naive_figures(hidden, k=smallest, seed=case.seed)
    _check_rank(case, required)


def _check_rank(case: _Case, required: int) -> None:
    for topic in ("naive_full", "naive_face_only"):
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


def _persons(case: _Case, gallery: Gallery) -> dict[str, int]:
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


def _label_figures(
    case: _Case,
    manifest: _tables.Manifest | None,
    table: dict[str, dict[str, dict[str, str]]],
) -> dict[str, Any]:
    behind: dict[str, list[_tables.MapRow]] = defaultdict(list)
    for row in case.rows:
        if row.released in case.release.digest:
            behind[case.release.digest[row.released]].append(row)
    return {
        **_labels.agreement(case.rows, manifest, table),
        **_labels.homogeneous(behind, table),
    }
