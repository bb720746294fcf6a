"""What the caller asked for, checked before any work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kssgan.errors import UsageError
from kssgan.grouping.attributes import KNOWN
from kssgan.grouping.labels import UNKNOWN, LabelTable
from kssgan.types import PathLike, SurrogateMethod

__all__ = [
    "GROUPINGS",
    "Asked",
    "Grouping",
    "Mode",
    "SurrogateName",
    "check_asked",
    "check_drawable",
    "check_escrow",
    "check_gallery",
    "check_ledger_key",
    "check_method",
    "check_mode",
    "check_variants",
]

SurrogateName = Literal["generator", "composite", "mean"]
"""Surrogate methods that can be asked for by name."""

Mode = Literal["strict", "utility"]
"""What a release promises: "strict" keeps k, "utility" nothing."""

Grouping = Literal["mdav", "k-same"]
"""How groups are formed."""

GROUPINGS = get_args(Grouping)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything that a caller asks of a release, as it was given; see :func:`kssgan.deidentify`."""

    photos: PathLike
    out: PathLike
    k: int
    subjects: PathLike
    labels: PathLike | None
    set_labels: Mapping[str, str] | None
    auto_labels: Sequence[str]
    seed: int
    variants: int
    mode: Mode
    weights: PathLike | None
    map_path: PathLike | None
    ledger: PathLike | None
    ledger_key: PathLike | None
    escrow: PathLike | None
    escrow_key: PathLike | None
    cache: PathLike | None
    allow_small_k: bool
    grouping: Grouping
    within: Sequence[str] | None
    surrogate: SurrogateName
    donors: PathLike | None
    method: SurrogateMethod | None

    def check(self) -> None:
        """Reject what cannot be meant, as far as it can be told without a look at a file.

        Raises:
            UsageError: an argument is wrong, or does not go with another.
        """
        self._check_kinds()
        check_asked(
            self.k,
            allow_small_k=self.allow_small_k,
            seed=self.seed,
            variants=self.variants,
            grouping=self.grouping,
            within=self.within,
            auto_labels=self.auto_labels,
        )
        check_method(self.surrogate, self.donors, self.method)
        check_mode(
            self.mode,
            weights=self.weights,
            surrogate=self.surrogate,
            ledger=self.ledger,
            method=self.method,
        )
        check_variants(self.variants, mode=self.mode, surrogate=self.surrogate)
        check_escrow(self.escrow, self.escrow_key)
        check_ledger_key(self.ledger, self.ledger_key)

    def _check_kinds(self) -> None:
        """Python does not look at types; half a run later nobody would know what was wrong."""
        needed, optional = (
            ("photos", "out", "subjects"),
            (
                "labels",
                "weights",
                "map_path",
                "ledger",
                "ledger_key",
                "escrow",
                "escrow_key",
                "cache",
                "donors",
            ),
        )
        for name in (*needed, *optional):
            value = getattr(self, name)
            if not isinstance(value, str | os.PathLike) and (
                value is not None or name in needed
            ):
                raise UsageError(f"{name}={value!r} came; a path was wanted")
        pairs: object = self.set_labels
        if pairs is not None and not (
            isinstance(pairs, Mapping)
            and all(isinstance(text, str) for pair in pairs.items() for text in pair)
        ):
            raise UsageError(
                f"set_labels={pairs!r} came; attributes with a category each were wanted, such as "
                '{"expression": "neutral"}'
            )


def check_asked(
    k: int,
    *,
    allow_small_k: bool,
    seed: int,
    grouping: str,
    within: Sequence[str] | None,
    auto_labels: Sequence[str] = (),
    variants: int = 1,
) -> None:
    """Reject what cannot be meant.

    Raises:
        UsageError: k below 2, k = 2 without ``allow_small_k``, a seed that is no whole number from 0 up,
            fewer than one variant, an unknown grouping, ``within`` an attribute that does not stay with a
            person, or ``auto_labels`` one that cannot be read off a face.

    >>> check_asked(5, allow_small_k=False, seed=0, grouping="mdav", within=("gender",))
    """
    if type(k) is not int or k < 2:
        raise UsageError(
            f"k={k!r} came; a whole number of at least 2 was wanted (3 or more is advised): a picture "
            f"that stands for one person is no protection"
        )
    if k == 2 and not allow_small_k:
        raise UsageError(
            "k=2 came; the mean of two faces verifies as each of the two, like a morph, so whoever "
            "suspects that a person is in the collection can confirm it; use k=3 or more, or allow it "
            "with --allow-small-k (allow_small_k=True)"
        )
    if type(seed) is not int or seed < 0:
        raise UsageError(f"seed={seed!r} came; a whole number from 0 up was wanted")
    if type(variants) is not int or variants < 1:
        raise UsageError(f"variants={variants!r} came; a whole number from 1 up was wanted")
    if grouping not in GROUPINGS:
        raise UsageError(
            f"grouping={grouping!r} came; one of {', '.join(GROUPINGS)} was wanted"
        )
    constant = [name for name, attribute in KNOWN.items() if attribute.scope == "subject"]
    if within is not None and not _attributes(within, constant):
        raise UsageError(
            f"within={within!r} came; a sequence of attributes that stay with a person was wanted: "
            f"{', '.join(constant)}"
        )
    if not _attributes(auto_labels, KNOWN):
        raise UsageError(
            f"auto_labels={auto_labels!r} came; a sequence of attributes that can be read off a face was "
            f"wanted: {', '.join(KNOWN)}; none of them is ()"
        )


def _attributes(names: object, known: Iterable[str]) -> bool:
    """Whether some names are a sequence of known attributes."""
    return (
        isinstance(names, Sequence) and not isinstance(names, str) and set(names) <= set(known)
    )


def check_variants(variants: int, *, mode: str, surrogate: str) -> None:
    """Several pictures of a group are for surrogates that can differ.

    Raises:
        UsageError: they were asked for in utility mode, or of plain means.
    """
    if variants == 1:
        return
    if mode == "utility":
        raise UsageError(
            f"variants={variants} came with utility mode, which draws each photo once; leave one out"
        )
    if surrogate == "mean":
        raise UsageError(
            f"variants={variants} came with surrogate 'mean', and a group has one mean; leave one out"
        )


def check_escrow(escrow: object | None, key: object | None) -> None:
    """An escrow and its public key come together.

    Raises:
        UsageError: one came without the other.
    """
    if escrow is not None and key is None:
        raise UsageError(
            "--escrow came without --escrow-key; give the file with the public key of whoever shall be "
            "able to open it (`kssgan reidentify --new-key FILE` makes a pair)"
        )
    if key is not None and escrow is None:
        raise UsageError(
            "--escrow-key came without --escrow; say where the escrow shall be written"
        )


def check_ledger_key(ledger: object | None, key: object | None) -> None:
    """A key needs a ledger.

    Raises:
        UsageError: it came alone.
    """
    if key is not None and ledger is None:
        raise UsageError("--ledger-key came without --ledger; say where the ledger is")


def check_method(surrogate: str, donors: object | None, method: SurrogateMethod | None) -> None:
    """Reject a choice of surrogates that cannot be meant.

    Raises:
        UsageError: an unknown name, composites without donors, donors for anything else.
    """
    names = get_args(SurrogateName)
    if surrogate not in names:
        raise UsageError(f"surrogate {surrogate!r} came; one of {', '.join(names)} was wanted")
    if method is not None:
        if donors is not None:
            raise UsageError("donors came with a method of your own; give them to the method")
        return
    if surrogate == "composite" and donors is None:
        raise UsageError(
            "composites need heads: give a folder of public portraits with --donors DIR (donors=...), "
            "or take --surrogate generator"
        )
    if surrogate != "composite" and donors is not None:
        raise UsageError(
            f"donors came, but surrogate {surrogate!r} uses none; ask for --surrogate composite"
        )


def check_mode(
    mode: str,
    *,
    weights: object | None,
    surrogate: str,
    ledger: object | None,
    method: SurrogateMethod | None,
) -> None:
    """Reject a mode that cannot be meant.

    Raises:
        UsageError: an unknown mode; utility mode without weights that were trained on this gallery, or with
            a ledger; weights with another surrogate than the generator, or with a method of the caller's.
    """
    if mode not in get_args(Mode):
        raise UsageError(f"mode {mode!r} came; one of {', '.join(get_args(Mode))} was wanted")
    if mode == "utility" and weights is None:
        raise UsageError(
            "utility mode reads each photo, which the shipped weights never do; train on these photos "
            "(kssgan train FILE --preset paper --groups K) and give --weights RUN"
        )
    if mode == "utility" and ledger is not None:
        raise UsageError(
            "a ledger keeps a promise over several releases, and utility mode makes none; leave one out"
        )
    if weights is not None and (surrogate != "generator" or method is not None):
        raise UsageError(
            "weights came, but only the generator has any; leave out --surrogate or --weights"
        )


def check_gallery(mode: str, *, gallery: bool, ledger: object | None) -> None:
    """Reject weights that do not fit what was asked for.

    Raises:
        UsageError: weights for any gallery in utility mode, or weights of one gallery with a ledger.
    """
    if mode == "utility" and not gallery:
        raise UsageError(
            "these weights draw from means of groups alone, so they cannot redraw photos; give weights of "
            "kssgan train --preset paper --groups K on these photos"
        )
    if gallery and ledger is not None:
        raise UsageError(
            "weights that were trained on one gallery know fixed people, and a ledger lets newcomers join; "
            "leave one out"
        )


def check_drawable(table: LabelTable, draws: Mapping[str, Sequence[str]]) -> None:
    """Refuse labels that the pictures would not show.

    Raises:
        UsageError: a photo's label of a drawn attribute is a category that the method does not know.
    """
    problems = []
    for name, categories in draws.items():
        came = {value[name] for value in table.values if name in value}
        if strange := sorted(came - {*categories, UNKNOWN}):
            problems.append(
                f"{name} {', '.join(map(repr, strange))} came, but this surrogate method draws only "
                f"{', '.join(categories)}; change the labels, or draw all pictures alike with "
                f"--set {name}={categories[0]}"
            )
    if problems:
        raise UsageError("; ".join(problems))
