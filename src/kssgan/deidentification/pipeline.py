"""The main job, readable as a recipe: look, tell apart, group, draw, write, measure, publish."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from kssgan.deidentification.asked import (
    Asked,
    Grouping,
    Mode,
    SurrogateName,
    check_gallery,
)
from kssgan.deidentification.cache import Cache, default_cache
from kssgan.deidentification.collection import Collection
from kssgan.deidentification.draw import Drawn, draw_cells
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.gather import (
    Gathered,
    check_enough,
    find_people,
    find_photos,
    look,
)
from kssgan.deidentification.keys import read_recipients
from kssgan.deidentification.labelling import AUTO, Labelled
from kssgan.deidentification.ledger import Ledger
from kssgan.deidentification.look import PhotoReader
from kssgan.deidentification.places import Places, check_places
from kssgan.deidentification.release import sweep
from kssgan.deidentification.reports import PlainReports, Reports
from kssgan.deidentification.result import Release
from kssgan.deidentification.stable import Staged, asked_parameters, check_ledger
from kssgan.deidentification.staging import stage_release
from kssgan.deidentification.utility import promise_nothing, redraw_all
from kssgan.deidentification.words import in_words
from kssgan.deidentification.write import write_release
from kssgan.files import storage
from kssgan.types import FaceAnalyser, PathLike, Progress, SurrogateMethod, quiet

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
    variants: int = 1,
    mode: Mode = "strict",
    weights: PathLike | None = None,
    map_path: PathLike | None = None,
    ledger: PathLike | None = None,
    ledger_key: PathLike | None = None,
    escrow: PathLike | None = None,
    escrow_key: PathLike | None = None,
    cache: PathLike | None = None,
    allow_small_k: bool = False,
    grouping: Grouping = "mdav",
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

    Arguments, result and errors are those of :func:`kssgan.deidentify`. Beside them, ``reports`` writes
    ``report.html`` and the private page beside the map; by default a bare page, and no private one.
    """
    asked = Asked(
        photos=photos,
        out=out,
        k=k,
        subjects=subjects,
        labels=labels,
        set_labels=set_labels,
        auto_labels=auto_labels,
        seed=seed,
        variants=variants,
        mode=mode,
        weights=weights,
        map_path=map_path,
        ledger=ledger,
        ledger_key=ledger_key,
        escrow=escrow,
        escrow_key=escrow_key,
        cache=cache,
        allow_small_k=allow_small_k,
        grouping=grouping,
        within=within,
        surrogate=surrogate,
        donors=donors,
        method=method,
    )
    return _release(
        asked,
        analyser,
        quiet if progress is None else progress,
        PlainReports() if reports is None else reports,
    )


def _release(
    asked: Asked, analyser: FaceAnalyser | None, progress: Progress, reports: Reports
) -> Release:
    asked.check()
    recipients = () if asked.escrow_key is None else read_recipients(Path(asked.escrow_key))
    home = default_cache() if asked.cache is None else Path(asked.cache)
    places = _places(asked, home)
    analyser = _standard_analyser() if analyser is None else analyser
    parameters = _parameters(asked, analyser)
    _make_way(places, parameters)
    method = asked.method
    if method is None:
        method = _method(asked.surrogate, asked.donors, places, progress, asked.weights)
    trained_here = isinstance(method, GallerySurrogate)
    check_gallery(asked.mode, gallery=trained_here, ledger=asked.ledger)
    suffixes = _image_suffixes()
    found, declared, table = find_photos(asked, places, method, suffixes)

    with storage("the private cache could not be made"):
        store = Cache(home, places.photos, analyser.version)
    with closing(store), _interrupted_late(places):
        reader = PhotoReader(places.photos, analyser, store)
        seconds = reader.seconds
        collection = look(found, declared, reader, progress)
        method = _without_members(method, collection)
        with _clock(seconds, "group"):
            known = find_people(
                collection,
                table,
                reader,
                method,
                declared=declared is not None,
                auto_labels=asked.auto_labels,
            )
        # Of a ledger's people fewer than k may come; of photos without a face nobody comes at all.
        returning = places.ledger is not None and places.ledger.exists()
        if not returning or not collection.photos:
            check_enough(collection, known.subjects, asked.k)
        with _opened(places) as record, Drawn(store.folder) as drawn:
            known, left_out = _as_before(known, record)
            with _clock(seconds, "group"):
                staged = stage_release(asked, known, method, record, parameters)
            with _clock(seconds, "surrogate"):
                said = _draw(asked, staged, record, method, reader, drawn, progress)
            with _clock(seconds, "write"):
                certificate, private = write_release(
                    places,
                    staged.collection,
                    staged.plan,
                    drawn,
                    reader,
                    facts=_facts(asked, places, method, analyser, known.labelled, staged, said),
                    suffixes=suffixes,
                    reports=reports,
                    progress=progress,
                    recipients=recipients,
                    around=_entered(staged, record, drawn, places),
                )
        words = chain(left_out, in_words(places, staged, known, certificate))
        own_words = getattr(method, "words", None)  # what a method has to say of its own
        if own_words is not None:
            words = chain([own_words()], words)
        kept = [path for path in (places.ledger, places.ledger_key) if path is not None]
        private = (*private, *kept, *_put_away(store, keep=asked.cache is not None))
        return Release(
            places.out,
            certificate,
            places.map_path,
            private,
            len(staged.collection.refused),
            tuple(words),
            dict(seconds),
        )


def _places(asked: Asked, home: Path) -> Places:
    return check_places(
        asked.photos,
        asked.out,
        asked.map_path,
        home,
        escrow=asked.escrow,
        ledger=asked.ledger,
        ledger_key=asked.ledger_key,
    )


def _parameters(asked: Asked, analyser: FaceAnalyser) -> dict[str, Any]:
    """What all releases of a ledger have in common."""
    return asked_parameters(
        k=asked.k,
        seed=asked.seed,
        variants=asked.variants,
        subjects=asked.subjects,
        surrogate=asked.surrogate if asked.method is None else asked.method.name,
        auto_labels=asked.auto_labels,
        set_labels=asked.set_labels,
        analyser=analyser.version,
    )


def _make_way(places: Places, parameters: Mapping[str, Any]) -> None:
    """Clear what killed runs left; nothing that this run will write may be there then."""
    if places.ledger is not None:
        # Before the sweep: whether a killed run's hidden folder is there tells the ledger what happened.
        check_ledger(places.ledger, places.ledger_key, parameters)
    with storage("the remains of an earlier run could not be removed"):
        sweep(places.out, places.private)
    places.check_free()


def _opened(places: Places) -> AbstractContextManager[Ledger | None]:
    """The ledger, ours alone from now on; None where none was asked for."""
    if places.ledger is None:
        return nullcontext()
    return Ledger(places.ledger, places.ledger_key, create=True)


def _as_before(known: Gathered, record: Ledger | None) -> tuple[Gathered, tuple[str, ...]]:
    """Labels as a ledger's releases have them: probes may read of newcomers what they read of nobody before.

    Returns:
        What is known, and a sentence where something was left out.
    """
    usual = None if record is None else record.parameters.get("attributes")
    if usual is None:
        return known, ()
    labelled = known.labelled.as_before(usual)
    gone = [name for name in known.labelled.sources if name not in labelled.sources]
    if not gone:
        return known, ()
    return replace(known, labelled=labelled), (
        f"Left out, as the ledger's first release has none: {', '.join(gone)}, read off the faces.",
    )


def _draw(
    asked: Asked,
    staged: Staged,
    record: Ledger | None,
    method: SurrogateMethod,
    reader: PhotoReader,
    drawn: Drawn,
    progress: Progress,
) -> dict[str, Any]:
    """Pictures of all cells: those of the ledger as they are, then new ones.

    Returns:
        In utility mode what the certificate says in place of the promise, else nothing.
    """
    photos = staged.collection.photos
    if asked.mode == "utility":
        assert isinstance(method, GallerySurrogate), "checked before any work"
        redraw_all(
            photos, staged.plan, method, reader, drawn, seed=asked.seed, progress=progress
        )
        return promise_nothing(photos, staged.plan, drawn)
    for number in staged.old_pictures:
        assert record is not None
        drawn.append(record.picture(number))
    if staged.fresh is not None:
        new = [photos[row] for row in staged.rows]
        draw_cells(new, staged.fresh, method, reader, drawn, seed=asked.seed, progress=progress)
    return {}


def _facts(
    asked: Asked,
    places: Places,
    method: SurrogateMethod,
    analyser: FaceAnalyser,
    labelled: Labelled,
    staged: Staged,
    said: Mapping[str, Any],
) -> dict[str, Any]:
    """What the certificate says beside what is measured; see :func:`write_release`."""
    return {
        "k": 1 if said else asked.k,
        "surrogate": method.name,
        # A method that has weights names them.
        "method": getattr(method, "version", ""),
        "grouping": _grouping(asked, method),
        "analyser": analyser.version,
        "labels": {n: asdict(s) for n, s in labelled.sources.items()},
        "ledger": staged.counts,
        "escrow": places.escrow is not None,
        **said,
    }


def _grouping(asked: Asked, method: SurrogateMethod) -> str:
    """How groups were formed: not at all, before by those who trained the weights, or as was asked."""
    if asked.mode == "utility":
        return "none"
    return "trained" if isinstance(method, GallerySurrogate) else asked.grouping


def _entered(
    staged: Staged, record: Ledger | None, drawn: Drawn, places: Places
) -> Callable[[Path], AbstractContextManager[None]] | None:
    """The context of the last step: the ledger knows of a release before anybody else can."""
    if record is None or staged.draft is None:
        return None
    draft = staged.draft
    return lambda folder: record.pending(draft(drawn), folder, places.out)


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
