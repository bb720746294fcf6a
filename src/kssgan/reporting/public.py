"""The page that leaves the building with the release: what is promised and whether it holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kssgan.reporting._shapes import SurrogateLike
from kssgan.reporting._templates import render
from kssgan.reporting._text import count, label_sources

__all__ = ["Surrogate", "public_report"]

_RANDOM_NAME = re.compile(r"images/[0-9a-f]{32}\.png")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Pictures beyond this many load when they are scrolled to; all of them stay on the page.
_EAGER = 200

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "holds": (),
    "statement": (),
    "mode": (),
    "k_claimed": (),
    "k_measured": (),
    "k_declared": (),
    "lookalikes_merged": (),
    "lookalike_pairs": (),
    "max_share": (),
    "subjects": (),
    "groups": ("count", "sizes"),
    "cells": ("count", "merged"),
    "photos": ("found", "ignored", "refused", "released"),
    "information_loss": (),
    "surrogate": (),
    "grouping": (),
    "attributes": (),
    "image": ("format", "size"),
    "versions": (),
    "weights": (),
}


@dataclass(frozen=True, slots=True)
class Surrogate:
    """One distinct picture of a release.

    Attributes:
        sha256: of the file's bytes, 64 hex digits.
        files: every file with these bytes, relative to the release, ``images/<32 hex>.png``.
        people: people behind the picture; each has one of the files.
        attributes: released attributes of the picture, for example ``{"gender": "female"}``.
    """

    sha256: str
    files: Sequence[str]
    people: int
    attributes: Mapping[str, str] = field(default_factory=dict)


def public_report(certificate: Mapping[str, Any], surrogates: Iterable[SurrogateLike]) -> str:
    """Write ``report.html`` of a release.

    The page stands alone: no script, no address outside the release, no clock. It says nothing that the
    certificate, the manifest and the pictures do not say: each distinct picture appears once, under the
    first of its random names, and pictures are sorted by that name, so neither the order nor the choice
    of file tells which pictures belong to one group. Group sizes are shown as a tally for the same reason.

    Args:
        certificate: the content of ``certificate.json``.
        surrogates: the distinct pictures, in any order; any class with the attributes of
            :class:`Surrogate`.

    Returns:
        A complete HTML document.

    Raises:
        ValueError: the certificate lacks keys; there is no picture; a name is not one of the random
            names; a hash comes twice; or the pictures contradict the certificate's ``k_measured``.
    """
    _check_certificate(certificate)
    pictures = _in_order_of_names(surrogates)
    fewest = min(picture.people for picture in pictures)
    if fewest != certificate["k_measured"]:
        raise ValueError(
            f"the pictures stand for at least {fewest} people, but the certificate's k_measured is "
            f"{certificate['k_measured']}; make both from the same written files"
        )
    sizes = Counter(int(size) for size in certificate["groups"]["sizes"])
    page = "utility.html.j2" if certificate["mode"] == "utility" else "public.html.j2"
    return render(
        page,
        c=certificate,
        pictures=pictures,
        files=sum(len(picture.files) for picture in pictures),
        sizes=sorted(sizes.items()),
        most_groups=max(sizes.values(), default=1),
        lazy=len(pictures) > _EAGER,
        look_alikes=_look_alikes(certificate),
        labels=label_sources(certificate),
    )


def _check_certificate(certificate: Mapping[str, Any]) -> None:
    missing = [key for key in _NEEDED if key not in certificate]
    missing += [
        f"{key}.{inner}"
        for key, parts in _NEEDED.items()
        if key in certificate
        for inner in parts
        if inner not in certificate[key]
    ]
    if missing:
        raise ValueError(
            f"the certificate lacks {', '.join(missing)}; nothing is assumed in their place"
        )


def _in_order_of_names(surrogates: Iterable[SurrogateLike]) -> list[Surrogate]:
    pictures = []
    seen: set[str] = set()
    for surrogate in surrogates:
        if not surrogate.files or not all(map(_RANDOM_NAME.fullmatch, surrogate.files)):
            # The name itself stays out of the message: it may be an original's.
            raise ValueError(
                "a picture has no file, or one that is not named images/<32 hex>.png"
            )
        if not _SHA256.fullmatch(surrogate.sha256):
            raise ValueError("a picture's SHA-256 is not 64 hex digits")
        if surrogate.sha256 in seen:
            raise ValueError(
                "two pictures have the same SHA-256; hand each distinct picture in once"
            )
        seen.add(surrogate.sha256)
        pictures.append(
            Surrogate(
                surrogate.sha256,
                sorted(surrogate.files),
                surrogate.people,
                dict(surrogate.attributes),
            )
        )
    if not pictures:
        raise ValueError("a release without pictures has no report")
    return sorted(pictures, key=lambda picture: picture.files[0])


def _look_alikes(certificate: Mapping[str, Any]) -> str:
    pairs, merged = int(certificate["lookalike_pairs"]), int(certificate["lookalikes_merged"])
    if not pairs:
        return (
            "No two people who were counted under different names look so alike that they might be one "
            "person."
        )
    found = (
        f"{count(pairs, 'pair')} of people under different names {'looks' if pairs == 1 else 'look'} so "
        f"alike that they might be one person."
    )
    if not merged:
        return (
            f"{found} None of them share a group, so none of them are counted as two toward k."
        )
    return (
        f"{found} {count(merged, 'name')} {'shares' if merged == 1 else 'share'} a group with such a "
        f"look-alike and {'counts' if merged == 1 else 'count'} once together with it."
    )
