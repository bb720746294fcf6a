"""Write a planned release, measure what was written, publish it."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

from kssgan import weights
from kssgan._version import __version__
from kssgan.deidentification.certificate import Measured, check_sealed, measure, statement
from kssgan.deidentification.collection import Collection
from kssgan.deidentification.draw import Drawn
from kssgan.deidentification.escrow import make_escrow
from kssgan.deidentification.look import PhotoReader
from kssgan.deidentification.map import MapRow, encode_map, encode_refused, encode_table
from kssgan.deidentification.places import Places
from kssgan.deidentification.plan import Plan
from kssgan.deidentification.png import FORMAT, read_png
from kssgan.deidentification.release import FILES, PartialRelease, random_name
from kssgan.deidentification.reports import GroupShown, MemberShown, PictureShown, Reports
from kssgan.faces.threads import in_order
from kssgan.thumbnails import thumbnail
from kssgan.types import Progress

__all__ = ["write_release"]

_MANIFEST, _CERTIFICATE, _REPORT = FILES
_PHOTOS_SHOWN = 4
_OWN = "weights="  # in a method's version: the digest of weights that are not ours


def write_release(
    places: Places,
    collection: Collection,
    plan: Plan,
    drawn: Drawn,
    reader: PhotoReader,
    *,
    facts: Mapping[str, Any],
    suffixes: Iterable[str],
    reports: Reports,
    progress: Progress,
    recipients: Sequence[Any] = (),
    around: Callable[[Path], AbstractContextManager[None]] | None = None,
) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Write everything into a hidden folder, measure it there, and give it its name.

    Args:
        places: where to.
        collection: what was found.
        plan: who shares a picture.
        drawn: the picture of each cell.
        reader: of crops, for the private page.
        facts: what the certificate says beside what is measured: k, surrogate,
            method (its version), grouping, analyser, labels (where they come from); in utility mode
            "utility", what is said in place of the promise, and "recognised", what was measured.
        suffixes: of image files.
        reports: writes the pages.
        progress: told of every file.
        recipients: public keys for which the map is sealed; used where ``places`` has an escrow.
        around: see :meth:`~kssgan.deidentification.release.PartialRelease.publish`.

    Returns:
        The certificate, and the private files that were written.

    Raises:
        PromiseError: the written files do not keep the promise.
        StorageError: the disk is full or refuses.
        OutputExists: RELEASE, MAP or the escrow appeared meanwhile.
    """
    with PartialRelease(places.out) as partial:
        names = _name_files(plan)
        with progress("files", total=len(names)) as step:
            # In the order of the random names, so that not even inode numbers tell a group.
            for name, (picture, _) in sorted((n, key) for key, n in names.items()):
                partial.write(name, drawn[picture])
                step(1)
        manifest = _manifest(plan, names)
        partial.write(_MANIFEST, manifest)
        rows = _map_rows(collection, plan, names)
        measured = measure(
            partial.folder,
            encode_map(rows),
            k=facts["k"],
            attributes=plan.columns,
            one_human=_one_human(collection, plan),
        )
        certificate = _certificate(collection, plan, measured, facts)
        said = (json.dumps(certificate, indent=2) + "\n").encode()
        partial.write(_CERTIFICATE, said)
        page = reports.public(certificate, measured.pictures)
        partial.write(_REPORT, page.encode("utf-8"))
        partial.seal()
        check_sealed(partial.folder, certificate=certificate, suffixes=tuple(suffixes))
        private: list[Path] = []
        if places.map_path is not None and places.map_report is not None:
            partial.write_private(places.map_path, [encode_map(rows)])
            groups = _groups_shown(collection, plan, drawn, reader)
            refused = [(row.original, row.reason) for row in rows if row.reason]
            pieces = reports.private(certificate, groups, refused)
            private = [places.map_path]
            if pieces is not None:
                encoded = (piece.encode("utf-8") for piece in pieces)
                partial.write_private(places.map_report, encoded)
                private.append(places.map_report)
        elif collection.refused:
            partial.write_private(places.refused, [encode_refused(rows)])
            private = [places.refused]
        if places.escrow is not None:
            partial.write_private(
                places.escrow, [make_escrow(rows, manifest, said, recipients)]
            )
            private.append(places.escrow)
        partial.publish(around)
    return certificate, tuple(private)


def _name_files(plan: Plan) -> dict[tuple[int, int], str]:
    """A random name for each person of each picture."""
    holders = plan.holders()
    names: set[str] = set()
    while len(names) < len(holders):
        names.add(random_name())
    return dict(zip(holders, names, strict=True))


def _manifest(plan: Plan, names: Mapping[tuple[int, int], str]) -> bytes:
    rows = sorted(
        (name, *(plan.shown(picture)[column] for column in plan.columns))
        for (picture, _), name in names.items()
    )
    return encode_table(("file", *plan.columns), rows)


def _subject(collection: Collection, plan: Plan, number: int) -> str:
    name = collection.declared.get(collection.photos[number].name)
    return name or plan.subjects.names[int(plan.subjects.photo_subject[number])]


def _map_rows(
    collection: Collection, plan: Plan, names: Mapping[tuple[int, int], str]
) -> list[MapRow]:
    """A row for each refused photo, and one for each picture of the others."""
    rows = {
        name: [MapRow(name, collection.declared.get(name) or "", "", str(reason))]
        for name, reason in collection.refused.items()
    }
    for number, photo in enumerate(collection.photos):
        subject, person = _subject(collection, plan, number), int(plan.photo_person[number])
        rows[photo.name] = [
            MapRow(photo.name, subject, names[picture, person], "")
            for picture in plan.pictures(int(plan.cells.photo_cell[number]))
        ]
    return [row for name in collection.names for row in rows[name]]


def _one_human(collection: Collection, plan: Plan) -> list[tuple[str, str]]:
    """Pairs of names that may be one human: look-alikes, and names joined by a common picture."""
    called: list[dict[str, None]] = [{} for _ in plan.subjects.names]
    for number, subject in enumerate(plan.subjects.photo_subject.tolist()):
        called[subject][_subject(collection, plan, number)] = None
    pairs = [pair for names in called for pair in pairwise(names)]
    for one, other in plan.subjects.look_alikes.tolist():
        pairs.append((next(iter(called[one])), next(iter(called[other]))))
    return pairs


def _certificate(
    collection: Collection, plan: Plan, measured: Measured, facts: Mapping[str, Any]
) -> dict[str, Any]:
    files = sum(len(picture.files) for picture in measured.pictures)
    sizes = sorted(plan.groups.sizes)
    version = str(facts["analyser"])
    used = f"{version} {facts['method']}"
    return {
        "format": "kssgan-certificate/1",
        # What does not hold raises, and is never written; but utility mode promises nothing.
        "holds": "utility" not in facts,
        "statement": facts.get("utility")
        or statement(measured.k, len(measured.pictures), files, sum(sizes), plan.subjects.how),
        "mode": "utility" if "utility" in facts else "strict",
        "k_claimed": facts["k"],
        "k_measured": measured.k,
        "k_declared": measured.k_declared,
        "lookalikes_merged": len(plan.subjects.names) - sum(sizes),
        "lookalike_pairs": len(plan.subjects.look_alikes),
        "max_share": measured.max_share,
        "subjects": len(plan.subjects.names),
        "groups": {"count": plan.groups.count, "sizes": sizes},
        "cells": {"count": plan.cells.count, "merged": plan.cells.merged},
        **({"variants": plan.variants} if plan.variants > 1 else {}),
        "photos": {
            "found": len(collection.names) + collection.ignored,
            "ignored": collection.ignored,
            "refused": len(collection.refused),
            "released": len(collection.photos),
        },
        # Of all its digits somebody who has the photos could tell who was in the groups.
        "information_loss": round(plan.loss),
        "surrogate": facts["surrogate"],
        "grouping": facts["grouping"],
        "attributes": list(plan.columns),
        "labels": facts["labels"],
        # Both change what the promise means, so a recipient may know; absent where they were not used.
        **({"ledger": facts["ledger"]} if facts.get("ledger") else {}),
        **({"escrow": True} if facts.get("escrow") else {}),
        **({"recognised": facts["recognised"]} if facts.get("recognised") else {}),
        "image": FORMAT,
        "versions": {
            "kssgan": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "pillow", "torch")},
            "analyser": version,
        },
        "weights": {
            name: weights.digest(name)
            for name in weights.names()
            if weights.digest(name)[:16] in used
        }
        | _own_weights(used),
    }


def _own_weights(used: str) -> dict[str, str]:
    """Digest of weights that the caller brought."""
    own = [word.removeprefix(_OWN) for word in used.split() if word.startswith(_OWN)]
    return {"own": own[0]} if own else {}


def _groups_shown(
    collection: Collection, plan: Plan, drawn: Drawn, reader: PhotoReader
) -> Iterator[GroupShown]:
    """Groups for the private page; a few are made ahead, in threads."""
    numbers: list[list[int]] = [[] for _ in plan.groups.sizes]
    for i, group in enumerate(plan.photo_group.tolist()):
        numbers[group].append(i)
    cells: list[list[int]] = [[] for _ in plan.groups.sizes]
    for cell, group in enumerate(plan.cells.group.tolist()):
        cells[group].append(cell)
    tasks = (
        partial(
            _group_shown,
            collection,
            plan,
            reader,
            plan.groups.sizes[group],
            numbers[group],
            [
                (plan.shown(picture), drawn[picture])
                for cell in cells[group]
                for picture in plan.pictures(cell)
            ],
        )
        for group in range(plan.groups.count)
    )
    return in_order(tasks)


def _group_shown(
    collection: Collection,
    plan: Plan,
    reader: PhotoReader,
    people: int,
    numbers: Sequence[int],
    pictures: Sequence[tuple[Mapping[str, str], bytes]],
) -> GroupShown:
    own: dict[str, list[int]] = {}
    for i in numbers:
        own.setdefault(_subject(collection, plan, i), []).append(i)
    members = [
        MemberShown(
            subject,
            [
                PictureShown(photo.name, thumbnail(reader.face(photo).crop))
                for photo in (collection.photos[i] for i in rows[:_PHOTOS_SHOWN])
            ],
            max(0, len(rows) - _PHOTOS_SHOWN),
        )
        for subject, rows in sorted(own.items())
    ]
    surrogates = [
        PictureShown(", ".join(label.values()), thumbnail(read_png(png)))
        for label, png in pictures
    ]
    return GroupShown(people, members, surrogates)
