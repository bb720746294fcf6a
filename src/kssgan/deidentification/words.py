"""What a run tells its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kssgan.deidentification.collection import reasons_in_words
from kssgan.deidentification.gather import Gathered
from kssgan.deidentification.places import Places
from kssgan.deidentification.stable import Staged

__all__ = ["in_words"]


def in_words(
    places: Places,
    staged: Staged,
    known: Gathered,
    certificate: Mapping[str, object],
) -> Iterator[str]:
    """Sentences for the user, the most important first; no names of photos or people.

    Args:
        places: what was written.
        staged: who was released, and who refused.
        known: who is on the photos, and what they show.
        certificate: what was measured.
    """
    collection = staged.collection
    promise = str(certificate["statement"])
    if certificate["mode"] == "utility":
        yield promise
    yield known.subjects.words() + "."
    if known.table.source != "none":
        yield known.table.words() + "."
    if read := known.labelled.words():
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
    yield from _of_the_map(places)
    yield from _of_later_releases(places, staged)


def _of_the_map(places: Places) -> Iterator[str]:
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


def _of_later_releases(places: Places, staged: Staged) -> Iterator[str]:
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
