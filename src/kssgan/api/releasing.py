"""Photos in, a release out; and back, for whoever has the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kssgan.deidentification import Original, Release
    from kssgan.types import FaceAnalyser, PathLike, Progress, SurrogateMethod

__all__ = ["deidentify", "reidentify"]


def deidentify(
    photos: PathLike,
    *,
    out: PathLike,
    k: int = 5,
    subjects: PathLike = "auto",
    labels: PathLike | None = None,
    set_labels: Mapping[str, str] | None = None,
    auto_labels: Sequence[str] = ("expression", "gender", "age"),
    seed: int = 0,
    variants: int = 1,
    mode: Literal["strict", "utility"] = "strict",
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
    surrogate: Literal["generator", "composite", "mean"] = "generator",
    donors: PathLike | None = None,
    method: SurrogateMethod | None = None,
    analyser: FaceAnalyser | None = None,
    progress: Progress | None = None,
) -> Release:
    """Write a release of 256-pixel head crops in which every picture is shared by at least k people.

    The release appears in one step, complete and measured, or not at all.

    Args:
        photos: folder of photos, searched with its folders.
        out: the release folder to write; must not exist.
        k: people who share a picture, at least; 3 or more unless ``allow_small_k``.
        subjects: who is on which photo: "auto" (the recogniser decides), "folder", "file", or the path of a
            CSV with the columns ``file,subject``.
        labels: CSV with a column ``file`` or ``subject``, then attributes. Expression, gender and age are
            used; every other column is ignored.
        set_labels: draw and label every picture so, where the surrogate can (``{"expression": "neutral"}``).
        auto_labels: attributes that are read off the face where ``labels`` says nothing; () for none. They
            are sometimes wrong; how often is in ``docs/probes.md``.
        seed: of grouping and pictures, never of file names; 0 or more.
        variants: pictures of each group and label, each with other hair, clothes and features, for whoever
            trains on a release (``docs/teaching.md``). Everybody holds one file of each, so that the promise
            is the same; the manifest numbers them. All releases of a ``ledger`` have as many. Not in utility
            mode.
        mode: "strict" keeps the promise; "utility" draws each photo anew with ``weights`` of preset "paper"
            or "stargan" that were trained on these people. It keeps detail and promises nothing: the
            certificate says so first, and how often the recogniser still finds the right person.
        weights: RUN of :func:`train`, or its ``generator.safetensors``, in place of the shipped weights.
            Those of a gallery draw the groups that they were trained on, and refuse other people.
        map_path: private CSV that says which photo became which file; must not exist. A page with originals
            above surrogates is written beside it. Without it nobody can audit the release or be withdrawn.
        ledger: private record of all releases of these people, made by the first one. Groups stay as they
            are, newcomers wait until ``k`` of them have come, and settings that would let two releases be
            intersected are refused.
        ledger_key: file of the ledger's key; by default ``LEDGER.key``, made by the first release.
        escrow: file to write: the map, encrypted for the owner of ``escrow_key`` and for nobody else, so that
            :func:`reidentify` can name originals later. Off by default. It makes the release pseudonymised.
        escrow_key: file with that owner's *public* key (age); :func:`kssgan.deidentification.new_key` and
            ``age-keygen`` make pairs.
        cache: private folder that keeps faces for the next run; by default they are kept in a private
            folder until the run succeeds.
        allow_small_k: permit k = 2.
        grouping: "mdav" or "k-same".
        within: form groups inside equal values of these attributes where each part has k people; () for none.
            By default inside gender, where it is known of 9 in 10 people, and inside the age band, where
            ``labels`` gives it of as many.
        surrogate: "generator" draws a face that nobody has; "composite" puts the group's mean face on the
            head of a public portrait; "mean" is the shape-normalised mean alone, blurred, for comparison.
        donors: folder of public portraits for composites; none of them may be a person in ``photos``.
        method: draws the surrogates, in place of one chosen by name.
        analyser: finds the faces; by default :class:`kssgan.faces.analyse.StandardAnalyser`.
        progress: shows progress; nothing by default.

    Returns:
        The release: its path, the certificate as measured on the written files, what must be kept secret.

    Raises:
        UsageError: an argument is wrong, a CSV is not usable, or an output is already there.
        PromiseError: fewer than k people, the written files do not keep the promise, or the release could be
            intersected with earlier ones of the ledger; nothing is released.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.deidentification import deidentify as run
    from kssgan.reporting import Reports

    return run(
        photos,
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
        analyser=analyser,
        progress=progress,
        reports=Reports(),
    )


def reidentify(
    release: PathLike, *, escrow: PathLike, key: PathLike
) -> dict[str, tuple[Original, ...]]:
    """Name the originals behind every released file, with an escrow and its secret key.

    Args:
        release: the folder that was released.
        escrow: what :func:`deidentify` sealed for it.
        key: file with the secret key.

    Returns:
        By released file the photos, each with its ``original`` name and its ``subject``.

    Raises:
        UsageError: a path cannot be read, or the key file is none.
        EscrowRefused: another key, a changed escrow, or another release.
    """
    from kssgan.deidentification import reidentify as run

    return run(release, escrow=escrow, key=key)
