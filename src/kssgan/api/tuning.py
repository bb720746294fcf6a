"""Better hyperparameters for the training on one gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kssgan.api.extras import need
from kssgan.api.training import gallery_groups, train
from kssgan.errors import OutputExists, UsageError

if TYPE_CHECKING:
    from kssgan.training.gallery_config import GalleryConfig
    from kssgan.training.prepared import Prepared
    from kssgan.tuning.run import Tuned
    from kssgan.types import IntArray, PathLike, Progress

__all__ = ["tune"]


def tune(
    file: PathLike,
    *,
    out: PathLike,
    solver: Literal["random", "hyperopt", "pso"] = "pso",
    trials: int = 20,
    budget: int = 500,
    storage: str | None = None,
    apply: bool = False,
    preset: Literal["paper", "stargan"] | None = None,
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
        preset: what is tuned; by default what ``config`` names, else "paper".
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
    from kssgan.training.device import device_of
    from kssgan.training.prepared import load_prepared
    from kssgan.training.trials import GalleryTrials

    need("optuna")
    from kssgan.tuning.declared import GALLERY_SPACE, fitting
    from kssgan.tuning.run import tune as run
    from kssgan.tuning.space_file import read_space
    from kssgan.tuning.winner import write_winner

    changes = options | {"seed": seed} | ({} if groups is None else {"k": groups})
    base = _base(preset, config, changes)
    study = Path(out)
    if apply and (study / "run").exists():
        raise OutputExists(
            "STUDY/run is already there and is never overwritten; leave --apply out or, "
            "where its training was interrupted, go on with kssgan train FILE --out STUDY/run "
            "--config STUDY/winner.toml --resume"
        )
    data = load_prepared(Path(file))
    known = fitting(
        GALLERY_SPACE if space is None else read_space(Path(space), GALLERY_SPACE),
        data.scheme,
        siamese=base.reconstruction == "siamese",
    )
    one = GalleryTrials(
        data,
        replace(base, steps=budget),
        partial(_groups, data),
        device=device_of(device, threads),
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
    winner = study / "winner.toml"
    write_winner(winner, _winner(base, one.config(found.changes), found))
    trained = train(file, out=study / "run", config=winner, device=device) if apply else None
    return replace(found, winner=winner, run=trained)


def _base(
    preset: str | None, config: PathLike | None, changes: Mapping[str, Any]
) -> GalleryConfig:
    """The configuration from which trials depart.

    Raises:
        UsageError: it is not one for fixed groups.
    """
    from kssgan.training.config import resolve
    from kssgan.training.gallery_config import GalleryConfig

    file = None if config is None else Path(config)
    base = resolve(preset, config=file, changes=changes, usual="paper")
    if not isinstance(base, GalleryConfig):
        raise UsageError(f"preset {base.preset} came; paper and stargan can be tuned")
    return replace(base, k=base.k or 5)


def _groups(data: Prepared, config: GalleryConfig) -> IntArray:
    found = gallery_groups(data, config, held_out=False)
    assert found is not None, "a base has a k"
    return found


def _winner(base: GalleryConfig, best: GalleryConfig, found: Tuned) -> str:
    """The winner's file: what of the base is not the preset's, then what the winner changed."""
    from kssgan.training.config import PRESETS
    from kssgan.tuning.winner import winner_toml

    changed = {n: value for n, value in best.to_json().items() if n in found.changes}
    usual = PRESETS[base.preset].to_json()
    kept = {n: v for n, v in base.to_json().items() if v != usual[n] and n not in changed}
    return winner_toml({"preset": base.preset} | kept, changed, scores=found.scores)
