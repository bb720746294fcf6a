"""Photos to one prepared file, and that file to a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kssgan.preparation import Preparation
    from kssgan.preparation.landmarks import LandmarkFinder
    from kssgan.training.config import Config
    from kssgan.training.loop import Trained
    from kssgan.training.prepared import Prepared
    from kssgan.types import FaceAnalyser, IntArray, PathLike, Progress

__all__ = ["gallery_groups", "prepare", "train"]


def prepare(
    data: PathLike,
    *,
    out: PathLike,
    format: Literal["folder", "rafd", "celeba"] = "folder",  # noqa: A002 - the command line's word
    subjects: PathLike = "auto",
    labels: PathLike | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    landmarks: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    landmarker: LandmarkFinder | None = None,
    progress: Progress | None = None,
) -> Preparation:
    """Make the one file that training needs: crops, landmarks, labels, embeddings, who is who.

    The file is as private as the photos. It holds no names of files or people.

    Args:
        data: folder of photos.
        out: the file to write; must not exist.
        format: "folder"; "rafd" and "celeba" for the layouts in which these collections are distributed.
        subjects: "auto", "folder", "file", or the path of a CSV with the columns ``file,subject``.
        labels: CSV with a column ``file`` or ``subject``, then attributes.
        held_out: share of the people who are never trained on. CelebA's official split goes before it.
        seed: of who is held out.
        landmarks: npz with ``files`` and ``mesh468`` (N, 468, 2) in photo pixels, in place of the landmarker.
        analyser: finds the faces; by default the shipped networks.
        landmarker: finds landmarks; by default the shipped network.
        progress: shows progress; nothing by default.

    Returns:
        Counts: photos, people, labels.

    Raises:
        UsageError: an argument or a table is not usable, or the output is already there.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.preparation import prepare as run

    return run(
        data,
        out=out,
        format=format,
        subjects=subjects,
        labels=labels,
        held_out=held_out,
        seed=seed,
        landmarks=landmarks,
        analyser=analyser,
        landmarker=landmarker,
        progress=progress,
    )


def train(
    file: PathLike,
    *,
    out: PathLike,
    preset: str | None = None,
    config: PathLike | None = None,
    device: str = "auto",
    resume: bool = False,
    minutes: float | None = None,
    threads: int | None = None,
    groups: int | None = None,
    start: PathLike | None = None,
    tensorboard: bool = False,
    **options: Any,
) -> Trained:
    """Train a generator from a prepared file. Needs torch, numpy and safetensors only.

    Args:
        file: what :func:`prepare` wrote.
        out: RUN, a folder for checkpoints, ``generator.safetensors``, ``log.jsonl`` and ``sheets/``.
        preset: "smoke" (seconds), "small" (minutes), "robust" (70 minutes of two CPU cores; what is
            shipped), or "paper" and "stargan", which learn the fixed groups of one gallery and want a GPU.
            By default what ``config`` names, else "robust".
        config: TOML with options, for example the winner of :func:`tune`.
        device: "auto", "cpu", "cuda", ...
        resume: go on from the last checkpoint in ``out``.
        minutes: stop in time, with a checkpoint.
        threads: of the CPU; the machine's by default.
        groups: people of each group, for "paper" and "stargan": the weights then serve these people only.
        start: a generator's file whose weights, and heads for the same prepared file, are the start; not for
            "paper" and "stargan".
        tensorboard: write RUN/tensorboard too.
        options: of :class:`kssgan.training.config.TrainingConfig`, or of
            :class:`kssgan.training.gallery_config.GalleryConfig`, for example ``batch`` or ``steps``.

    Returns:
        Where the weights are, steps done, figures on people held out.

    Raises:
        UsageError: the file or an option is not usable, or ``out`` is already there.
        TrainingFailed: a loss is no longer a number; the message names the last good checkpoint.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.training.config import resolve
    from kssgan.training.loop import train as run
    from kssgan.training.prepared import load_prepared

    chosen = resolve(preset, config=None if config is None else Path(config), changes=options)
    data = load_prepared(Path(file))
    return run(
        data,
        out=Path(out),
        config=chosen,
        device=device,
        resume=resume,
        minutes=minutes,
        threads=threads,
        groups=gallery_groups(data, chosen, groups),
        start=None if start is None else Path(start),
        tensorboard=tensorboard,
    )


def gallery_groups(
    data: Prepared, config: Config, k: int | None = None, *, held_out: bool = True
) -> IntArray | None:
    """Groups of a run on one gallery.

    Args:
        data: the collection.
        config: says how people are gathered, and how many where ``k`` does not.
        k: people of each group.
        held_out: whether people held out take part.

    Returns:
        (N,) group of each photo, -1 of those who take no part; None where nobody names a k.

    Raises:
        UsageError: a k came for a generator that serves any groups.
        UsageError, TooFewPeople: as :func:`kssgan.preparation.gallery.fixed_groups`.
    """
    from kssgan.training.config import check_takes_groups
    from kssgan.training.gallery_config import GalleryConfig

    if not isinstance(config, GalleryConfig):
        if k is not None:
            check_takes_groups(config)
        return None
    k = config.k or None if k is None else k
    if k is None:  # what groups people needs more than a machine that trains must have
        return None
    from kssgan.preparation.gallery import fixed_groups

    return fixed_groups(
        data,
        k,
        config.seed,
        method=config.grouping,
        without=None if held_out else data.held_out,
    )
