"""``kssgan deidentify``: a private folder of photos in, a folder that may leave the building out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssgan.cli._loading import loading
from kssgan.cli._paths import shown
from kssgan.cli._progress import bars
from kssgan.cli._verb import add_json, add_out, add_verb
from kssgan.errors import UsageError

if TYPE_CHECKING:
    from kssgan.deidentification import Release

__all__ = ["add", "run"]

_DESCRIPTION = """\
Write a release of 256-pixel head crops in which every picture is shared by at least k people.

Photos in which no single usable face is found are refused, listed and never copied. RELEASE appears in one
step when everything in it has been written and measured, or not at all."""

_EXAMPLES = """\
examples:
  kssgan deidentify photos --out release --map private.csv
      people are found by the recogniser, k is 5
  kssgan deidentify photos --out release -k 10 --subjects folder --map private.csv
      photos/anna/1.jpg, photos/anna/2.jpg ... are one person
  kssgan deidentify photos --out release --subjects people.csv --labels people.csv --map private.csv
      people.csv: file,subject,gender,age

Then check it as a stranger would:  kssgan audit release --originals photos --map private.csv"""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "deidentify",
        run,
        about="write a release in which every picture is shared by at least k people",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "photos",
        type=Path,
        metavar="PHOTOS",
        help="folder of photos, searched with its folders",
    )
    add_out(parser, "RELEASE", "folder to write; must not exist")
    parser.add_argument(
        "-k",
        type=int,
        default=5,
        metavar="K",
        help="people who share a picture, at least (default 5)",
    )
    _add_people(parser)
    _add_groups(parser)
    _add_surrogates(parser)
    _add_private(parser)
    parser.add_argument(
        "--allow-small-k",
        action="store_true",
        help="permit k = 2, whose mean still verifies as each of the two",
    )
    add_json(parser)


def _add_people(parser: argparse.ArgumentParser) -> None:
    """Who is on the photos, and what is said of them."""
    parser.add_argument(
        "--subjects",
        default="auto",
        metavar="auto|folder|file|CSV",
        help="who is on which photo: found by the recogniser (default), one folder per person directly under "
        "PHOTOS, one person per file, or a CSV with the columns file,subject",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="columns file or subject, then attributes; expression, gender and age are used, "
        "all others ignored",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="set_labels",
        metavar="NAME=VALUE",
        help="draw and label every picture so, where the surrogate can (expression=neutral)",
    )
    parser.add_argument(
        "--auto-label",
        default="expression,gender,age",
        metavar="NAMES|none",
        help="read these off the face where no label is given (default expression,gender,age); "
        "they are sometimes wrong, and a label of yours goes before",
    )


def _add_groups(parser: argparse.ArgumentParser) -> None:
    """Who shares a picture."""
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of grouping and pictures, never of names (default 0)",
    )
    parser.add_argument(
        "--variants",
        type=int,
        default=1,
        metavar="N",
        help="pictures of each group and expression, each with other hair, clothes and features: more of "
        "them teach a classifier more (default 1)",
    )
    parser.add_argument(
        "--grouping",
        choices=("mdav", "k-same"),
        default="mdav",
        help="mdav loses less information (default); k-same is Newton's, from a random seed subject",
    )
    parser.add_argument(
        "--within",
        metavar="NAMES|none",
        help="form groups inside these attributes where each part has k people (default: gender where it is "
        "known of nearly everybody, and age where your labels give it)",
    )


def _add_surrogates(parser: argparse.ArgumentParser) -> None:
    """What the pictures are drawn with."""
    parser.add_argument(
        "--surrogate",
        choices=("generator", "composite", "mean"),
        default="generator",
        help="generator draws a face that nobody has (default); composite puts the group's mean face on "
        "the head of a public portrait from --donors; mean is the blurred mean alone, for comparison",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="RUN",
        help="draw with weights of kssgan train; those of presets paper and stargan know the groups of the "
        "people that they were trained on, and refuse others",
    )
    parser.add_argument(
        "--mode",
        choices=("strict", "utility"),
        default="strict",
        help="strict keeps the promise (default); utility draws every photo anew with --weights RUN, keeps "
        "its detail and promises NOTHING: it measures how often people are recognised",
    )
    parser.add_argument(
        "--donors",
        type=Path,
        metavar="DIR",
        help="public portraits that lend their heads to composites: volunteers, licensed pictures; "
        "who looks like one of PHOTOS is passed over",
    )


def _add_private(parser: argparse.ArgumentParser) -> None:
    """What stays with the holder of the photos."""
    parser.add_argument(
        "--map",
        type=Path,
        dest="map_path",
        metavar="PRIVATE.csv",
        help="secret: which photo became which file; needed for audits and withdrawals",
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="secret: record of all releases of these people, made by the first one; groups stay as they "
        "are, newcomers wait until k have come, and what would let two releases be intersected is refused",
    )
    parser.add_argument(
        "--ledger-key",
        type=Path,
        metavar="KEY",
        help="secret: file of the ledger's key (default FILE.key, made by the first release)",
    )
    parser.add_argument(
        "--escrow",
        type=Path,
        metavar="FILE",
        help="write the map here, encrypted so that only the owner of --escrow-key can open it "
        "(off by default; the release is then pseudonymised)",
    )
    parser.add_argument(
        "--escrow-key",
        type=Path,
        metavar="KEY",
        help="file with that owner's public key (age1...); the secret key must not be on this machine",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="secret: keep detections and embeddings here for the next run "
        "(default: a private folder, removed on success)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0, or 3 when photos were refused."""
    from kssgan.api import deidentify

    with loading():
        import kssgan.deidentification
        import kssgan.faces.analyse  # noqa: F401

    release = deidentify(
        args.photos,
        out=args.out,
        k=args.k,
        subjects=args.subjects,
        labels=args.labels,
        set_labels=_assignments(args.set_labels),
        auto_labels=_names(args.auto_label),
        seed=args.seed,
        variants=args.variants,
        grouping=args.grouping,
        within=None if args.within is None else _names(args.within),
        surrogate=args.surrogate,
        donors=args.donors,
        mode=args.mode,
        weights=args.weights,
        map_path=args.map_path,
        ledger=args.ledger,
        ledger_key=args.ledger_key,
        escrow=args.escrow,
        escrow_key=args.escrow_key,
        cache=args.cache,
        allow_small_k=args.allow_small_k,
        progress=bars,
    )
    if args.as_json:
        print(json.dumps(_plain(release)))
    else:
        _tell(release)
    return release.exit_status


def _names(text: str) -> tuple[str, ...]:
    """Names between commas; "none" and "" are no names."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return () if names == ("none",) else names


def _assignments(pairs: list[str]) -> dict[str, str] | None:
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(
                f"--set {pair!r} came, NAME=VALUE was wanted, for example --set expression=neutral"
            )
        if chosen.setdefault(name.strip(), value.strip()) != value.strip():
            raise UsageError(f"--set gives {name.strip()!r} two values; give it once")
    return chosen or None


def _plain(release: Release) -> dict[str, Any]:
    return {
        "release": str(release.path),
        "map": str(release.map_path) if release.map_path else None,
        "private": [str(path) for path in release.private_paths],
        "words": list(release.words),
        "exit_status": release.exit_status,
        "seconds": dict(release.seconds),
        "certificate": release.certificate,
    }


def _tell(release: Release) -> None:
    for sentence in release.words:
        print(sentence)
    print()
    if release.certificate["mode"] == "utility":
        print(
            f"NOT anonymous:      {shown(release.path)} (no formal guarantee; decide who may have it)"
        )
    else:
        print(f"Safe to hand over:  {shown(release.path)}")
    secret = (
        ", ".join(shown(path) for path in release.private_paths)
        or "nothing was written beside it"
    )
    print(f"Keep secret:        {secret}")
