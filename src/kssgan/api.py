"""The verbs as Python functions with the command line's defaults; here the rooms meet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kssgan.errors import OutputExists, StorageError, UsageError

if TYPE_CHECKING:
    from kssgan.auditing import AuditReport, OnnxSettings
    from kssgan.auditing.releases import Releases
    from kssgan.deidentification import Original, Release
    from kssgan.evaluation import Evaluation
    from kssgan.preparation import Preparation
    from kssgan.preparation.prepare import LandmarkFinder
    from kssgan.training.config import Config
    from kssgan.training.loop import Trained
    from kssgan.training.prepared import Prepared
    from kssgan.tuning.run import Tuned
    from kssgan.types import FaceAnalyser, IntArray, Progress, SurrogateMethod

__all__ = [
    "audit",
    "deidentify",
    "evaluate",
    "gallery_groups",
    "prepare",
    "reidentify",
    "report",
    "train",
    "tune",
]

PathLike = str | os.PathLike[str]


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


def audit(
    release: PathLike,
    *,
    originals: PathLike,
    map_path: PathLike,
    labels: PathLike | None = None,
    donors: PathLike | None = None,
    ledger: PathLike | None = None,
    ledger_key: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    recognizer: PathLike | OnnxSettings | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Measure what a release really gives away, from its files and the private map.

    Works on anybody's release, and believes nothing that it says of itself.

    Args:
        release: the folder that was released.
        originals: the private photos; read, never changed.
        map_path: private CSV ``original,subject,released,reason``.
        labels: CSV that was given to :func:`deidentify`, to check what became of the labels.
        donors: folder that was given to :func:`deidentify`, to measure how much of a donor's face a composite
            shows and that no donor is a person of the originals. Either breaks the promise.
        ledger: that was given to :func:`deidentify`, to judge all of its releases together: whether
            intersecting them narrows anybody down to fewer than k people.
        ledger_key: file of the ledger's key; ``LEDGER.key`` by default.
        analyser: finds and compares faces; by default the shipped networks.
        recognizer: an ONNX file with a recogniser of your own, or
            :class:`kssgan.auditing.OnnxSettings` where it does not want ArcFace's input: a second attacker
            beside the shipped one. Needs the extra ``onnx``.
        progress: shows progress; nothing by default.

    Returns:
        The report: whether the promise holds, each problem, every figure.

    Raises:
        UsageError: a folder, the map or the ledger is not usable.
        LedgerRefused: another key, or a changed ledger.
        WeightsError: shipped weights are missing or damaged.
    """
    from kssgan.auditing import audit as run

    return run(
        release,
        originals=originals,
        map_path=map_path,
        labels=labels,
        donors=donors,
        releases=None if ledger is None else _releases(Path(ledger), ledger_key),
        analyser=analyser,
        recognizer=recognizer,
        progress=progress,
    )


def _releases(ledger: Path, key: PathLike | None) -> Releases:
    from kssgan.auditing.releases import KnownRelease, Releases
    from kssgan.deidentification.ledger import Ledger

    with Ledger(ledger, None if key is None else Path(key)) as opened:
        return Releases(
            int(opened.parameters.get("k", 2)),
            [KnownRelease(one.digest, one.pictures) for one in opened.editions()],
            opened.recogniser(),
        )


def evaluate(
    data: PathLike,
    *,
    out: PathLike,
    methods: Sequence[str],
    k: Sequence[int] = (2, 3, 5, 10, 20, 30),
    seeds: int = 3,
    subjects: PathLike = "auto",
    weights: PathLike | None = None,
    jobs: int | None = None,
    cache: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    recognizer: PathLike | OnnxSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare methods on one folder of photos, by k and seed: attacks and utility.

    Writes ``results.csv``, ``index.html``, ``results.md`` and ``figures/``, which show nobody, and
    ``private/figure6.png``, which shows originals. A run that was stopped goes on where it was.

    Args:
        data: folder of photos; read, never changed.
        out: RESULTS; new, or of an earlier evaluation.
        methods: of "k-same-pixel", "k-same-eigen", "k-same-select", "k-same-m", "k-same-furthest",
            "k-same-net", "kss-gan", "blur", "pixelation", "black-box".
        k: people who share a picture; the last three methods have no k and are measured once.
        seeds: how many, from 0 up.
        subjects: "auto", "folder", "file", or the path of a CSV with the columns ``file,subject``.
        weights: RUN of :func:`train` for "kss-gan", in place of the shipped weights.
        jobs: processes; as many as there are cores by default. A script of yours that asks for more than one
            needs the usual ``if __name__ == "__main__":``.
        cache: private folder that keeps the analysed faces for the next run.
        analyser: finds and compares faces; by default the shipped networks.
        recognizer: an ONNX file with a recogniser of your own, or
            :class:`kssgan.auditing.OnnxSettings` where it does not want ArcFace's input: a second attacker,
            whose figures stand beside the others. Needs the extra ``onnx``.
        progress: shows progress.

    Returns:
        The table, what was compared, and which files must be kept secret.

    Raises:
        UsageError: an argument is wrong, or RESULTS is there and is no evaluation.
        TooFewPeople: fewer than four people.
        KssganError: the attacks got a known answer wrong; no figures are shown.
        WeightsError: shipped weights are missing or damaged.
        StorageError: the disk is full or refuses to be written.
    """
    from kssgan.evaluation import evaluate as run

    return run(
        data,
        out=out,
        methods=methods,
        k=k,
        seeds=seeds,
        subjects=subjects,
        weights=weights,
        jobs=jobs,
        cache=cache,
        analyser=analyser,
        recognizer=recognizer,
        progress=progress,
    )


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
    tensorboard: bool = False,
    **options: Any,
) -> Trained:
    """Train a generator from a prepared file. Needs torch, numpy and safetensors only.

    Args:
        file: what :func:`prepare` wrote.
        out: RUN, a folder for checkpoints, ``generator.safetensors``, ``log.jsonl`` and ``sheets/``.
        preset: "smoke" (seconds), "small" (about an hour and a half on two CPU cores), "robust" (a GPU), or
            "paper" and "stargan", which learn the fixed groups of one gallery. By default what ``config``
            names, else "small".
        config: TOML with options, for example the winner of :func:`tune`.
        device: "auto", "cpu", "cuda", ...
        resume: go on from the last checkpoint in ``out``.
        minutes: stop in time, with a checkpoint.
        threads: of the CPU; the machine's by default.
        groups: people of each group, for "paper" and "stargan": the weights then serve these people only.
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
        UsageError, TooFewPeople: as :func:`kssgan.preparation.gallery.fixed_groups`.
    """
    from kssgan.training.gallery_config import GalleryConfig

    own = config if isinstance(config, GalleryConfig) else GalleryConfig()
    k = own.k or None if k is None else k
    if k is None:  # what groups people needs more than a machine that trains must have
        return None
    from kssgan.preparation.gallery import fixed_groups

    return fixed_groups(
        data, k, config.seed, method=own.grouping, without=None if held_out else data.held_out
    )


def tune(
    file: PathLike,
    *,
    out: PathLike,
    solver: Literal["random", "hyperopt", "pso"] = "pso",
    trials: int = 20,
    budget: int = 500,
    storage: str | None = None,
    apply: bool = False,
    preset: Literal["paper", "stargan"] = "paper",
    config: PathLike | None = None,
    groups: int | None = None,
    space: PathLike | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Tuned:
    """Look for better hyperparameters of the paper's training. Needs ``kssgan[tune]``.

    Called again with the same arguments it goes on, and in several processes at a time it shares the work:
    on one machine as it is, on many with ``storage``. Trials are judged by people whom the file holds out.

    Args:
        file: what :func:`prepare` wrote, with people held out.
        out: STUDY, a folder: the study, ``study.json`` for :func:`report`, ``winner.toml`` for :func:`train`.
        solver: "random" (Random Search), "hyperopt" (its TPE) or "pso" (Particle Swarm).
        trials: in all; the first is the default.
        budget: steps of a trial.
        storage: URL of a database server, for workers on several machines; STUDY's name is the study's.
        apply: train with the winner afterwards, into ``STUDY/run``.
        preset: what is tuned.
        config: TOML with options that stay as they are.
        groups: people of each group; 5 where ``config`` does not say.
        space: TOML with other ranges; see :func:`kssgan.tuning.space_file.read_space`.
        seed: of the solver and of every trial.
        device: "auto", "cpu", "cuda", ...
        threads: of the CPU; the machine's by default.
        progress: shows progress; nothing by default.
        options: of :class:`kssgan.training.gallery_config.GalleryConfig` that stay as they are.

    Returns:
        The winner, what it changes, scores.

    Raises:
        UsageError: an argument is wrong, nobody is held out, or the study was begun with other settings.
        TrainingFailed: no trial ran to its end.
        StorageError: the disk or the database refuses.
    """
    from kssgan.training.config import PRESETS, resolve
    from kssgan.training.gallery_config import GalleryConfig
    from kssgan.training.loop import device_of
    from kssgan.training.prepared import load_prepared
    from kssgan.training.trials import GalleryTrials

    _need("optuna")
    from kssgan.tuning.declared import GALLERY_SPACE, fitting
    from kssgan.tuning.run import tune as run
    from kssgan.tuning.space_file import read_space
    from kssgan.tuning.winner import winner_toml, write_winner

    changes = options | {"seed": seed} | ({} if groups is None else {"k": groups})
    base = resolve(preset, config=None if config is None else Path(config), changes=changes)
    if not isinstance(base, GalleryConfig):
        raise UsageError(f"preset {preset} came; paper and stargan can be tuned")
    base = replace(base, k=base.k or 5)
    study = Path(out)
    if apply and (study / "run").exists():
        raise OutputExists(
            "STUDY/run is already there and is never overwritten; leave --apply out"
        )
    data = load_prepared(Path(file))
    known = fitting(
        GALLERY_SPACE if space is None else read_space(Path(space), GALLERY_SPACE),
        data.scheme,
        siamese=base.reconstruction == "siamese",
    )

    def group(chosen: GalleryConfig) -> IntArray:
        found = gallery_groups(data, chosen, held_out=False)
        assert found is not None, "k was set above"
        return found

    one = GalleryTrials(
        data, replace(base, steps=budget), group, device=device_of(device, threads)
    )
    found = run(
        one.score,
        out=study,
        solver=solver,
        space=known,
        default=one.values(list(known.parameters)),
        trials=trials,
        budget=budget,
        seed=seed,
        storage=storage,
        about={"base": base.to_json(), "data": data.facts.get("digest", "")},
        progress=progress,
    )
    changed = {
        name: value
        for name, value in one.config(found.changes).to_json().items()
        if name in found.changes
    }
    usual = PRESETS[preset].to_json()
    kept = {n: v for n, v in base.to_json().items() if v != usual[n] and n not in changed}
    winner = study / "winner.toml"
    write_winner(winner, winner_toml({"preset": preset} | kept, changed, scores=found.scores))
    trained = train(file, out=study / "run", config=winner, device=device) if apply else None
    return replace(found, winner=winner, run=trained)


def report(*folders: PathLike, out: PathLike) -> Path:
    """Draw what studies or evaluations found, again and again, from what they have written.

    Studies give Figures 4 and 5 of the paper; those of equal space, budget and data are shown together, seeds
    of one solver as a band. Evaluations give their tables, Figure 7 and frontiers; those of the same photos
    are put together in one table, others follow each other on the page. No photo is needed.

    Args:
        folders: all of :func:`tune`, or all of :func:`evaluate`.
        out: folder to write; must not exist.

    Returns:
        The page.

    Raises:
        UsageError: a folder is neither, both kinds came, or evaluations that contradict each other.
        OutputExists: ``out`` is already there.
        StorageError: the disk is full or refuses.
    """
    folder, given = Path(out), [Path(path) for path in folders]
    if folder.exists():
        raise OutputExists("DIR is already there and is never overwritten; choose another")
    if not given:
        raise UsageError("no folder came; give folders of kssgan tune, or of kssgan evaluate")
    evaluated = [(path / "evaluation.json").is_file() for path in given]
    if any(evaluated) and not all(evaluated):
        raise UsageError(
            f"{sum(evaluated)} of {len(given)} folders are evaluations and the others are not; their figures "
            "have nothing in common, so report studies and evaluations one after the other"
        )
    files = _results_report(given) if all(evaluated) else _tuning_report(given)
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        raise StorageError(f"DIR cannot be written ({type(error).__name__})") from None
    return folder / ("index.html" if all(evaluated) else "report.html")


def _tuning_report(studies: Sequence[Path]) -> dict[str, bytes]:
    from kssgan.reporting.tuning import tuning_page

    _need("optuna")
    from kssgan.tuning.saved import read_study

    return tuning_page([read_study(study) for study in studies])


def _results_report(folders: Sequence[Path]) -> dict[str, bytes]:
    from kssgan.evaluation.saved import put_together, read_results
    from kssgan.evaluation.table import csv_text
    from kssgan.reporting.results import results_files

    results = put_together([read_results(folder) for folder in folders])
    files = {
        f"results{f'-{place}' if place > 1 else ''}.csv": csv_text(own.rows)
        for place, own in enumerate(results, 1)
    }
    return {
        name: content
        if isinstance(content, bytes)
        else content.encode("utf-8", "backslashreplace")
        for name, content in (*files.items(), *results_files(*results))
    }


def _need(module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(f"the package {module} is not installed; install kssgan[tune]")
