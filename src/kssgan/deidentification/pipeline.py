"""The main job, readable as a recipe: look, tell apart, group, draw, write, measure, publish."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

from kssgan.deidentification.asked import (
    Mode,
    SurrogateName,
    check_asked,
    check_drawable,
    check_escrow,
    check_gallery,
    check_ledger_key,
    check_method,
    check_mode,
)
from kssgan.deidentification.cache import Cache, default_cache
from kssgan.deidentification.draw import Drawn, draw_cells
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.keys import read_recipients
from kssgan.deidentification.labelling import AUTO, Labelled, label_photos
from kssgan.deidentification.ledger import Ledger
from kssgan.deidentification.look import PhotoReader, Seen, quiet
from kssgan.deidentification.places import Places, check_places, check_release_outside
from kssgan.deidentification.plan import Plan, make_plan, released_attributes, resolve
from kssgan.deidentification.release import sweep
from kssgan.deidentification.reports import PlainReports, Reports
from kssgan.deidentification.result import Release
from kssgan.deidentification.scan import Scan, scan
from kssgan.deidentification.stable import (
    Staged,
    asked_parameters,
    check_ledger,
    stage,
    stage_alone,
)
from kssgan.deidentification.utility import promise_nothing, redraw_all, utility_plan
from kssgan.deidentification.write import Collection, reasons_in_words, write_release
from kssgan.errors import Reason, TooFewPeople
from kssgan.files import storage
from kssgan.grouping.labels import LabelTable, read_labels, replace_labels
from kssgan.grouping.subjects import Subjects, declared_subjects
from kssgan.types import FaceAnalyser, IntArray, PathLike, Progress, SurrogateMethod

__all__ = ["deidentify"]


def deidentify(
    photos: PathLike,
    *,
    out: PathLike,
    k: int = 5,
    subjects: PathLike = "auto",
    labels: PathLike | None = None,
    set_labels: Mapping[str, str] | None = None,
    auto_labels: Sequence[str] = AUTO,
    seed: int = 0,
    mode: Mode = "strict",
    weights: PathLike | None = None,
    map_path: PathLike | None = None,
    ledger: PathLike | None = None,
    ledger_key: PathLike | None = None,
    escrow: PathLike | None = None,
    escrow_key: PathLike | None = None,
    cache: PathLike | None = None,
    allow_small_k: bool = False,
    grouping: Literal["mdav", "k-same"] = "mdav",
    within: Sequence[str] | None = None,
    surrogate: SurrogateName = "generator",
    donors: PathLike | None = None,
    method: SurrogateMethod | None = None,
    analyser: FaceAnalyser | None = None,
    progress: Progress | None = None,
    reports: Reports | None = None,
) -> Release:
    """Write a release of head crops in which every picture is shared by at least k people.

    RELEASE appears in one step, complete and measured, or not at all; see
    :mod:`kssgan.deidentification.release` for what a killed run may leave and how the next one clears it.

    Args:
        photos: folder of photos, searched with its folders.
        out: RELEASE, the folder to write; must not exist.
        k: people who share a picture, at least.
        subjects: "auto" (the recogniser decides), "folder", "file" or the path of a CSV ``file,subject``.
        labels: CSV with ``file`` or ``subject``, then attributes.
        set_labels: label and picture of every photo, where the surrogate can draw it.
        auto_labels: attributes that are read off the face where ``labels`` says nothing; () for none.
        seed: of grouping and pictures, never of names.
        mode: "strict", or "utility": one picture for each photo, of which nothing is promised.
        weights: RUN of ``kssgan train``, or a generator's file, in place of the shipped ones. Weights of a
            gallery know the groups that they were trained on, and refuse others.
        map_path: private CSV from photos to released files; must not exist. Without it no audit and no
            withdrawal is possible later; the refused are then listed in ``RELEASE.refused.csv``.
        ledger: private record of all releases of these people; made by the first. Groups stay as they are.
        ledger_key: its key; ``LEDGER.key`` by default, made by the first release.
        escrow: the map, sealed for the public key in ``escrow_key``; must not exist.
        escrow_key: file with an age public key.
        cache: private folder that keeps faces for the next run. Without it they are kept in
            :func:`~kssgan.deidentification.default_cache` until the run succeeds.
        allow_small_k: permit k = 2.
        grouping: "mdav" or "k-same".
        within: form groups inside equal values of these attributes where enough people have them; () for
            none. By default inside gender, where it is known of 9 in 10 people, and inside the age band,
            where ``labels`` gives it of as many; the others then go with the nearest face.
        surrogate: "generator", "composite" or "mean".
        donors: folder of public portraits that lend their heads to composites.
        method: draws surrogates, in place of one chosen by name.
        analyser: finds faces; the shipped networks by default.
        progress: shows progress.
        reports: writes ``report.html`` and the private page beside the map; by default a bare page, and
            no private one.

    Returns:
        The release, with the certificate as measured on the written files.

    Raises:
        UsageError: an argument is wrong, a CSV is not usable, or an output exists (exit status 2).
        PromiseError: fewer than k people, the written files do not keep the promise, or the release could be
            intersected with earlier ones of the ledger (4).
        WeightsError: shipped weights are missing or damaged (1).
        StorageError: the disk is full or refuses (1).
        KeyboardInterrupt: passed on after everything but the cache was removed; it carries a message if
            RELEASE was already complete.
    """
    check_asked(
        k,
        allow_small_k=allow_small_k,
        seed=seed,
        grouping=grouping,
        within=within,
        auto_labels=auto_labels,
    )
    check_method(surrogate, donors, method)
    check_mode(mode, weights=weights, surrogate=surrogate, ledger=ledger, method=method)
    check_escrow(escrow, escrow_key)
    recipients = () if escrow_key is None else read_recipients(Path(escrow_key))
    home = default_cache() if cache is None else Path(cache)
    check_ledger_key(ledger, ledger_key)
    places = check_places(
        photos, out, map_path, home, escrow=escrow, ledger=ledger, ledger_key=ledger_key
    )
    analyser = _standard_analyser() if analyser is None else analyser
    stable = asked_parameters(
        k=k,
        seed=seed,
        subjects=subjects,
        surrogate=surrogate if method is None else method.name,
        auto_labels=auto_labels,
        set_labels=set_labels,
        analyser=analyser.version,
    )
    if places.ledger is not None:
        # Before the sweep: whether a killed run's hidden folder is there tells the ledger what happened.
        check_ledger(places.ledger, places.ledger_key, stable)
    with storage("the remains of an earlier run could not be removed"):
        sweep(places.out, places.private)
    places.check_free()
    progress = quiet if progress is None else progress
    if method is None:
        method = _method(surrogate, donors, places, progress, weights)
    gallery = method if isinstance(method, GallerySurrogate) else None
    check_gallery(mode, gallery=gallery is not None, ledger=ledger)
    suffixes = _image_suffixes()

    found = scan(places.photos, suffixes)
    check_release_outside(places, found)
    if not found.photos:
        raise TooFewPeople(
            0, k, what=f"people in 0 photos ({found.ignored} other files ignored)"
        )
    how = subjects if isinstance(subjects, str) else Path(subjects)
    declared = declared_subjects(found.photos, how, root=places.photos)
    table = read_labels(
        None if labels is None else Path(labels),
        found.photos,
        root=places.photos,
        subjects=declared,
    )
    table = replace_labels(table, set_labels or {}, method.draws)
    check_drawable(table, method.draws)

    with storage("the private cache could not be made"):
        store = Cache(home, places.photos, analyser.version)
    with closing(store), _interrupted_late(places):
        reader = PhotoReader(places.photos, analyser, store)
        seconds = reader.seconds
        collection = _look(found, declared, reader, progress)
        method = _without_members(method, collection)
        with _clock(seconds, "group"):
            subjects_found = _subjects(collection, declared is not None, reader)
            labelled = _labelled(collection, subjects_found, table, method, auto_labels)

        def make(rows: Sequence[int], people: Subjects) -> Plan:
            photos = [collection.photos[row] for row in rows]
            if gallery is not None and mode == "utility":
                return utility_plan(
                    photos, people, labelled.values, labelled.scheme, method.draws
                )
            return make_plan(
                photos,
                people,
                [labelled.values[row] for row in rows],
                labelled.scheme,
                method.draws,
                k=k,
                grouping=grouping,
                within=labelled.usual_within() if within is None else within,
                seed=seed,
                nearest=within is None,
                fixed=None if gallery is None else _trained_groups(gallery, photos, people, k),
            )

        if places.ledger is None or not places.ledger.exists():
            _check_enough(collection, subjects_found, k)
        with _opened(places) as record, Drawn(store.folder) as drawn:
            with _clock(seconds, "group"):
                if record is None:
                    everybody = range(len(collection.photos))
                    staged = stage_alone(collection, make(everybody, subjects_found))
                else:
                    staged = stage(
                        collection,
                        subjects_found,
                        labelled.values,
                        released_attributes(labelled.scheme, method.draws),
                        tuple(method.draws),
                        record,
                        stable,
                        make,
                    )
            told: dict[str, Any] = {}
            with _clock(seconds, "surrogate"):
                if gallery is not None and mode == "utility":
                    photos_seen = staged.collection.photos
                    redraw_all(
                        photos_seen,
                        staged.plan,
                        gallery,
                        reader,
                        drawn,
                        seed=seed,
                        progress=progress,
                    )
                    told = promise_nothing(photos_seen, staged.plan, drawn)
                else:
                    _draw(staged, record, method, reader, drawn, seed=seed, progress=progress)
            with _clock(seconds, "write"):
                certificate, private = write_release(
                    places,
                    staged.collection,
                    staged.plan,
                    drawn,
                    reader,
                    facts={
                        "k": 1 if told else k,
                        "surrogate": method.name,
                        # A method that has weights names them.
                        "method": getattr(method, "version", ""),
                        "grouping": grouping,
                        "analyser": analyser.version,
                        "labels": {n: asdict(s) for n, s in labelled.sources.items()},
                        "ledger": staged.counts,
                        "escrow": places.escrow is not None,
                        **told,
                    },
                    suffixes=suffixes,
                    reports=PlainReports() if reports is None else reports,
                    progress=progress,
                    recipients=recipients,
                    around=_entered(staged, record, drawn, places),
                )
        words = _words(places, staged, subjects_found, table, labelled, certificate)
        said = getattr(method, "words", None)  # what a method has to say of its own
        if said is not None:
            words = chain([said()], words)
        kept = [path for path in (places.ledger, places.ledger_key) if path is not None]
        private = (*private, *kept, *_put_away(store, keep=cache is not None))
        return Release(
            places.out,
            certificate,
            places.map_path,
            private,
            len(staged.collection.refused),
            tuple(words),
            dict(seconds),
        )


def _look(
    found: Scan, declared: Sequence[str | None] | None, reader: PhotoReader, progress: Progress
) -> Collection:
    """Every photo with a face and a subject; the others with the reason."""
    names = dict(zip(found.photos, declared or [None] * len(found.photos), strict=True))
    refused = {}
    if declared is not None:
        refused = {
            name: Reason.NO_SUBJECT for name, subject in names.items() if subject is None
        }
    seen, unusable = reader.read(
        [name for name in found.photos if name not in refused], progress
    )
    return Collection(found.photos, names, found.ignored, seen, {**refused, **unusable})


def _subjects(collection: Collection, declared: bool, reader: PhotoReader) -> Subjects:
    names = [collection.declared[photo.name] for photo in collection.photos]
    known = [name for name in names if name is not None]
    return resolve(collection.photos, known if declared else None, reader)


def _check_enough(collection: Collection, subjects: Subjects, k: int) -> None:
    if len(subjects.names) >= k:
        return
    what = f"people in {len(collection.photos)} usable photos"
    if collection.refused:
        what += f" ({len(collection.refused)} refused: {reasons_in_words(collection.refused)})"
    raise TooFewPeople(len(subjects.names), k, what=what)


def _labelled(
    collection: Collection,
    subjects: Subjects,
    table: LabelTable,
    method: SurrogateMethod,
    auto_labels: Sequence[str],
) -> Labelled:
    values = dict(zip(collection.names, table.values, strict=True))
    own = [values[photo.name] for photo in collection.photos]
    return label_photos(
        collection.photos, subjects, own, table.scheme, method.draws, auto_labels
    )


def _opened(places: Places) -> AbstractContextManager[Ledger | None]:
    """The ledger, ours alone from now on; None where none was asked for."""
    if places.ledger is None:
        return nullcontext()
    return Ledger(places.ledger, places.ledger_key, create=True)


def _draw(
    staged: Staged,
    record: Ledger | None,
    method: SurrogateMethod,
    reader: PhotoReader,
    drawn: Drawn,
    *,
    seed: int,
    progress: Progress,
) -> None:
    """Pictures of all cells: those of the ledger as they are, then new ones."""
    for cell in staged.old_cells:
        assert record is not None
        drawn.append(record.picture(cell))
    if staged.fresh is not None:
        photos = [staged.collection.photos[row] for row in staged.rows]
        draw_cells(photos, staged.fresh, method, reader, drawn, seed=seed, progress=progress)


def _entered(
    staged: Staged, record: Ledger | None, drawn: Drawn, places: Places
) -> Callable[[Path], AbstractContextManager[None]] | None:
    """The context of the last step: the ledger knows of a release before anybody else can."""
    if record is None or staged.draft is None:
        return None
    draft = staged.draft
    return lambda folder: record.pending(draft(drawn), folder, places.out)


def _words(
    places: Places,
    staged: Staged,
    subjects: Subjects,
    table: LabelTable,
    labelled: Labelled,
    certificate: Mapping[str, object],
) -> Iterator[str]:
    collection = staged.collection
    promise = str(certificate["statement"])
    if certificate["mode"] == "utility":
        yield promise
    yield subjects.words() + "."
    if table.source != "none":
        yield table.words() + "."
    if read := labelled.words():
        yield read
    if certificate["mode"] == "strict":
        yield promise
    if collection.refused:
        where = "the map" if places.map_path else "RELEASE.refused.csv, beside the release"
        yield (
            f"{len(collection.refused)} of {len(collection.names)} photos were refused "
            f"({reasons_in_words(collection.refused)}); they are not in the release and are listed in "
            f"{where}."
        )
    if collection.ignored:
        yield f"{collection.ignored} other files (hidden, or no images) were ignored."
    if places.map_path is None:
        yield (
            "Warning: without --map this release can never be audited, and nobody can be withdrawn"
            + (" but by the escrow." if places.escrow else ".")
        )
    if places.escrow is not None:
        yield (
            "The escrow undoes this release for whoever has the secret key that belongs to it, so the "
            "release is pseudonymised, not anonymous, while both exist. This machine cannot open it."
        )
        if places.map_path is not None:
            yield (
                "MAP is not sealed and tells the same; remove it from this machine once it was audited."
            )
    if places.ledger is None:
        yield (
            "Do not release these people again with other settings or other people: two releases together "
            "can tell them apart, and without --ledger nothing prevents it."
        )
        return
    yield from staged.words
    yield (
        "Whoever is released again must be released with this ledger. Keep it and its key, apart from each "
        "other if you can, and a copy of both: without them no later release is safe."
    )


def _put_away(store: Cache, *, keep: bool) -> tuple[Path, ...]:
    """Remove the cache, unless the caller wants it; returns what is left of it."""
    if not keep:
        # The release is out by now: a cache that resists is named as private, not an error.
        with suppress(OSError):
            store.remove()
    return (store.folder,) if store.folder.exists() else ()


@contextmanager
def _interrupted_late(places: Places) -> Iterator[None]:
    """An interrupt that comes after the last step does not undo it; say so."""
    try:
        yield
    except KeyboardInterrupt:
        if os.path.lexists(places.out):
            raise KeyboardInterrupt("interrupted, but RELEASE was already complete") from None
        raise


@contextmanager
def _clock(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - begin


# Imported when needed: these load Pillow and torch.


def _image_suffixes() -> frozenset[str]:
    from kssgan.faces.decode import IMAGE_SUFFIXES

    return IMAGE_SUFFIXES


def _standard_analyser() -> FaceAnalyser:
    from kssgan.faces.analyse import StandardAnalyser

    return StandardAnalyser()


def _trained_groups(
    gallery: GallerySurrogate, photos: Sequence[Seen], people: Subjects, k: int
) -> IntArray:
    embeddings = np.stack([photo.embedding for photo in photos])
    return gallery.groups(embeddings, people.photo_subject, k)


def _method(
    name: SurrogateName,
    donors: PathLike | None,
    places: Places,
    progress: Progress,
    weights: PathLike | None,
) -> SurrogateMethod:
    if weights is not None:
        from kssgan.deidentification.methods import trained_method

        return trained_method(Path(weights))
    if donors is not None:
        from kssgan.deidentification.donors import composite_method

        return composite_method(Path(donors), photos=places.photos, progress=progress)
    from kssgan.deidentification.methods import make_method

    return make_method(name)


def _without_members(method: SurrogateMethod, collection: Collection) -> SurrogateMethod:
    """The method without donors that may be a person of this collection."""
    from kssgan.faces.thresholds import LOOK_ALIKE
    from kssgan.surrogate.composite_method import CompositeSurrogate

    if not isinstance(method, CompositeSurrogate) or not collection.photos:
        return method
    people = np.stack([photo.embedding for photo in collection.photos])
    return method.without(people, closer_than=LOOK_ALIKE)
