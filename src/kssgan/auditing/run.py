"""The audit itself: files and map first, then what a recogniser can make of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kssgan.auditing import _tables, leaks, linkage, names, words
from kssgan.auditing import labels as _labels
from kssgan.auditing._case import Case
from kssgan.auditing._containers import extras_of
from kssgan.auditing._pictures import scan
from kssgan.auditing._streams import SEEDS
from kssgan.auditing.certificate import certificate_problems, claimed_k
from kssgan.auditing.donors import list_donors, unmeasured_donors
from kssgan.auditing.gallery import list_photos
from kssgan.auditing.guarantee import Guarantee, coverage, measure
from kssgan.auditing.recognition import recognise
from kssgan.auditing.releases import Releases, check_releases
from kssgan.auditing.report import AuditReport, Problem
from kssgan.auditing.shown import decoded
from kssgan.auditing.trained_on import faces_trained_on
from kssgan.errors import BadTable, UsageError
from kssgan.faces.decode import IMAGE_SUFFIXES
from kssgan.faces.onnx_recogniser import OnnxSettings, plug
from kssgan.types import FaceAnalyser, PathLike, Progress

__all__ = ["audit"]

_MANIFEST = "manifest.csv"


def audit(
    release: PathLike,
    *,
    originals: PathLike,
    map_path: PathLike,
    labels: PathLike | None = None,
    donors: PathLike | None = None,
    releases: Releases | None = None,
    analyser: FaceAnalyser | None = None,
    recognizer: PathLike | OnnxSettings | None = None,
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
        donors: folder of the portraits that lent their heads to composites. A picture that shows a donor's
            face, or a donor who is a person of the originals, breaks rule 3.
        releases: all releases of a ledger, to judge them together (rule 6).
        analyser: finds and compares faces; by default the shipped networks.
        recognizer: an ONNX file of the holder's own, or its settings: a second attacker, whose figures stand
            beside the others.
        progress: shows progress.
        seed: of samples and resampling, never of anything in the release.
        k: fewest people allowed behind a picture. The certificate's claim counts as well; 2 without both.

    Returns:
        The report; ``holds`` is false as soon as one problem breaks the promise.

    Raises:
        UsageError: a folder is missing or cannot be read, the donors' folder is empty or not apart, or the
            recogniser cannot be used.
        BadTable: the map or the labels are not usable.
        WeightsError: shipped weights are missing or damaged.
    """
    root, photos_root = Path(release), Path(originals)
    lenders = None if donors is None else Path(donors)
    _check_folders(root, photos_root, lenders)
    plugged = plug(recognizer)
    rows = _tables.read_map(Path(map_path))
    table = None if labels is None else _labels.read_labels(Path(labels), photos_root)
    found, ignored = list_photos(photos_root, without=(root,))
    case = Case(scan(root), rows, photos_root, seed, progress)
    manifest = _manifest(case)
    certificate = _tables.read_certificate(root)
    claimed = claimed_k(certificate)
    # A picture of one person is no protection, whatever a certificate claims.
    required = max([2, *(n for n in (k, claimed) if n is not None)])
    # A fate for every photo first, then the count, then everything that could undo the count.
    on_disk = [r.original for r in rows if _exists(photos_root / r.original)]
    everything = tuple(sorted({*found, *on_disk}))
    case.problems += coverage(rows, everything)
    cells, variant = manifest.of_pictures() if manifest else ({}, None)
    common = manifest.of_groups() if manifest else {}
    counted = measure(case.release, rows, labels=cells, variant=variant, common=common)
    case.problems += counted.problems
    _check_k(case, counted, required)
    over_time = None if releases is None else check_releases(case, releases)
    _check_leaks(case, counted, manifest, certificate)
    own = None if plugged is None else plugged.embed_crops
    trained_on, notes = faces_trained_on(certificate, analyser)
    case.notes += notes
    k_alike = recognise(case, counted, everything, required, analyser, lenders, own, trained_on)
    if plugged is not None:
        case.notes.append(f"your recogniser: {plugged.settings.said}")
    if lenders is None:
        unmeasured, notes = unmeasured_donors(certificate)
        case.problems += unmeasured
        case.notes += notes
    case.problems += certificate_problems(certificate, counted, rows)
    if table is not None:
        case.figures["labels"] = _label_figures(case, manifest, table)
    return _report(
        case,
        counted,
        len(found),
        ignored,
        k_required=required,
        k_claimed=claimed,
        k_lookalikes=k_alike,
        k_over_time=over_time,
    )


def _check_folders(release: Path, originals: Path, donors: Path | None) -> None:
    """Look at what was given before the long part.

    Raises:
        UsageError: no folder, or a donors' folder that is empty or not apart.
    """
    for path, what in ((release, "the release"), (originals, "the originals")):
        if not path.is_dir():
            raise UsageError(f"{what} is not a folder; pass the folder itself")
    if donors is not None:
        list_donors(donors, originals=originals, release=release)


def _report(
    case: Case,
    counted: Guarantee,
    found: int,
    ignored: int,
    *,
    k_required: int,
    k_claimed: int | None,
    k_lookalikes: int | None,
    k_over_time: int | None,
) -> AuditReport:
    """Everything that a case holds, what breaks the promise first."""
    breaking = [p for p in case.problems if p.severity == "breaks"]
    return AuditReport(
        holds=not breaking,
        k_required=k_required,
        k_claimed=k_claimed,
        k_measured=counted.k_measured,
        k_lookalikes=k_lookalikes,
        max_share=counted.max_share,
        problems=(*breaking, *(p for p in case.problems if p.severity != "breaks")),
        counts={
            "photos_found": found,
            "files_ignored": ignored,
            "photos_released": len({r.original for r in case.rows if r.released}),
            "photos_refused": len({r.original for r in case.rows if not r.released}),
            "subjects": len({r.subject for r in case.rows if r.released}),
            "released_files": len(case.release.digest),
            "distinct_pictures": len(case.release.pictures),
        },
        figures=case.figures,
        controls=tuple(case.controls),
        notes=tuple(case.notes),
        k_over_time=k_over_time,
    )


def _manifest(case: Case) -> _tables.Manifest | None:
    try:
        return _tables.read_manifest(case.release.root)
    except BadTable as error:
        case.problems.append(Problem(2, "breaks", str(error)))
        return None


def _exists(path: Path) -> bool:
    """Whether a photo is there; other files are none."""
    try:
        return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    except (OSError, ValueError):
        return False


def _check_k(case: Case, counted: Guarantee, required: int) -> None:
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
    case: Case,
    counted: Guarantee,
    manifest: _tables.Manifest | None,
    certificate: Mapping[str, Any] | None,
) -> None:
    release, root = case.release, case.release.root
    kinds = leaks.metadata_kinds(release)
    case.problems += leaks.metadata_problems(release, kinds)
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
    case.problems += names.order_problems(pairs, orders, case.originals, release.digest)
    case.problems += names.link_problems(pairs, orders)
    texts = {name: words.raw(root / name) for name in release.others}
    head = {_MANIFEST: manifest.head if manifest else ""}
    case.problems += names.naming_problems(release.digest, texts | head)
    known = manifest.plain_labels() if manifest else ()
    case.problems += words.word_problems(
        texts,
        (*release.folders, *release.digest, *release.others),
        [(r.original, r.subject) for r in case.rows],
        known,
    )
    case.figures["names"] = {
        "false_alarm_per_test": names.FALSE_ALARM,
        "seeds_tried": SEEDS,
    }
    case.figures["linkage"] = {
        **linkage.order_linkage(pairs, orders),
        "kinds_of_metadata": len(frozenset().union(*kinds.values())),
        "different_times": len(set(times.values())),
        **linkage.label_linkage(_people(counted), manifest, release.digest),
    }
    _check_embedded(case, texts)


def _people(counted: Guarantee) -> dict[str, list[str]]:
    """By distinct picture one name for each person behind it."""
    return {
        sha: [min(subjects) for subjects, _ in picture.people]
        for sha, picture in counted.pictures.items()
    }


def _check_embedded(case: Case, texts: Mapping[str, str]) -> None:
    """Pictures inside pages (data URIs of a report) are released like any other."""
    inside = words.carried(texts)
    case.embedded = inside.pictures
    if inside.coded:
        case.problems.append(
            Problem(
                4,
                "breaks",
                f"{len(inside.coded)} texts of the release carry a kilobyte or more of coded bytes, which "
                f"may be a photo and cannot be judged; remove them",
                tuple(inside.coded),
            )
        )
    if not case.embedded:
        return
    case.figures["pages"] = {"pictures_inside": len(case.embedded)}
    if blank := sum(decoded(data) is None for data in set(case.embedded)):
        case.problems.append(
            Problem(
                4,
                "breaks",
                f"{blank} data addresses in texts of the release hold no picture that can be read and cannot "
                f"be judged; remove them",
            )
        )
    kinds = {kind for data in set(case.embedded) for kind in extras_of(data)}
    bad = sorted(k for k in kinds if not k.startswith(("colour", "an ICC")))
    if bad:
        case.problems.append(
            Problem(4, "breaks", f"pictures inside a page carry {', '.join(bad)}")
        )


def _label_figures(
    case: Case,
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
