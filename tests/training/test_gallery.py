"""The paper's recipe on a gallery of fixed groups."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kssgan.errors import TooFewPeople, UsageError, WeightsError
from kssgan.models.stored_gallery import is_gallery, read_gallery, write_gallery
from kssgan.preparation.gallery import fixed_groups
from kssgan.training import checkpoint, gallery
from kssgan.training.config import Config, resolve
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.gallery_data import GalleryData
from kssgan.training.loop import plan, train
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared
from kssgan.training.processes import Processes
from kssgan.training.score import Probe, sliced_distance, validation_score

CPU = torch.device("cpu")
CHANGES = {
    "steps": 4,
    "batch": 4,
    "size": 32,
    "width": 4,
    "blocks": 1,
    "depth": 3,
    "twin_widths": [4, 8],
    "twin_features": 8,
    "n_critic": 2,
    "z": 3,
    "log_every": 1,
    "check_every": 2,
    "save_every": 2,
    "check": 4,
}


def tiny(preset: str = "paper", **changes: object) -> Config:
    return resolve(preset, changes=CHANGES | changes)


def gallery_config(**changes: object) -> GalleryConfig:
    found = tiny(**changes)
    assert isinstance(found, GalleryConfig)
    return found


@pytest.fixture(scope="module")
def groups(prepared: Prepared) -> np.ndarray:
    found = fixed_groups(prepared, 2)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def whole(
    prepared_file: Path, groups: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that nobody interrupted."""
    out = tmp_path_factory.mktemp("gallery") / "run"
    done = train(prepared_file, out=out, config=tiny(), groups=groups, device="cpu")
    assert done.finished
    return out


def test_groups_are_of_people_and_large_enough(prepared: Prepared, groups: np.ndarray) -> None:
    assert fixed_groups(prepared, None) is None
    for group in np.unique(groups):
        assert len(np.unique(prepared.subject[groups == group])) >= 2
    for person in np.unique(prepared.subject):
        assert len(set(groups[prepared.subject == person])) == 1
    genders = prepared.labels[:, 1]
    assert all(len(set(genders[groups == g])) == 1 for g in np.unique(groups))
    with pytest.raises(UsageError, match="groups of 1"):
        fixed_groups(prepared, 1)
    with pytest.raises(TooFewPeople):
        fixed_groups(prepared, 1000)


@pytest.mark.parametrize("preset", ["paper", "stargan"])
def test_a_run_writes_a_gallery_that_draws(
    preset: str, prepared_file: Path, prepared: Prepared, groups: np.ndarray, tmp_path: Path
) -> None:
    config = tiny(preset, steps=2)
    done = train(
        prepared_file, out=tmp_path / "run", config=config, groups=groups, device="cpu"
    )
    assert {"sliced", "missed", "coarse", "sharpness"} <= done.figures.keys()
    data = done.generator.read_bytes()
    assert is_gallery(data)
    stored = read_gallery(data)
    assert stored.groups == len(np.unique(groups))
    assert stored.labels == dict(prepared.scheme)
    assert stored.k == 2
    assert (stored.strict, stored.utility) == (
        (True, True) if preset == "paper" else (False, True)
    )
    np.testing.assert_allclose(stored.embedding, prepared.embedding, atol=1e-3)
    width = stored.generator.config.conditions
    picture = stored.generator(torch.zeros(1, 3, 32, 32), torch.zeros(1, width))
    assert picture.shape == (1, 3, 32, 32)
    for name in ("generator.safetensors", "best.safetensors", "log.jsonl"):
        assert (tmp_path / "run" / name).stat().st_mode & 0o077 == 0, name


def _signal_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM comes while that step is made."""
    real = gallery.Gallery.step

    def signalled(self: gallery.Gallery, number: int) -> dict[str, float]:
        if number == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, number)

    monkeypatch.setattr(gallery.Gallery, "step", signalled)


def test_interrupted_and_resumed_equals_uninterrupted(
    whole: Path,
    prepared_file: Path,
    groups: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    step = gallery.Gallery.step
    _signal_at(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt, match="stopped after 3 of 4 steps"):
        train(prepared_file, out=out, config=tiny(), groups=groups, device="cpu")
    monkeypatch.setattr(gallery.Gallery, "step", step)
    train(prepared_file, out=out, config=tiny(), groups=groups, device="cpu", resume=True)
    for name in ("generator.safetensors", "best.safetensors", "sheets/00000004.png"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    mine, theirs = (load_file(run / "checkpoint-00000004.safetensors") for run in (out, whole))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_signal_in_the_last_step_interrupts_nothing(
    whole: Path,
    prepared_file: Path,
    groups: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _signal_at(3, monkeypatch)
    try:
        done = train(
            prepared_file, out=tmp_path / "run", config=tiny(), groups=groups, device="cpu"
        )
    except KeyboardInterrupt as error:
        pytest.fail(str(error))
    assert (done.finished, done.steps) == (True, 4)
    assert done.generator.read_bytes() == (whole / "generator.safetensors").read_bytes()


def test_killed_between_checkpoints_goes_on_from_the_last(
    whole: Path,
    prepared_file: Path,
    groups: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    step = gallery.Gallery.step

    class Killed(BaseException):
        pass

    def killed(self: gallery.Gallery, number: int) -> dict[str, float]:
        if number == 3:
            raise Killed
        return step(self, number)

    monkeypatch.setattr(gallery.Gallery, "step", killed)
    with pytest.raises(Killed):
        train(prepared_file, out=out, config=tiny(), groups=groups, device="cpu")
    monkeypatch.setattr(gallery.Gallery, "step", step)
    assert checkpoint.latest(out) is not None
    train(prepared_file, out=out, config=tiny(), groups=groups, device="cpu", resume=True)
    for name in ("generator.safetensors", "best.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_best_is_kept_by_the_score(whole: Path) -> None:
    lines = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    checks = [line for line in lines if line["kind"] == "check" and line["step"]]
    best = min(checks, key=lambda line: line["score"])
    stored = read_gallery((whole / "best.safetensors").read_bytes())
    assert stored.facts["steps"] == best["step"]
    assert best["score"] == pytest.approx(validation_score(best))


def test_what_cannot_be_is_refused(
    whole: Path, prepared_file: Path, prepared: Prepared, groups: np.ndarray, tmp_path: Path
) -> None:
    def run(config: Config, groups: np.ndarray | None, **more: object) -> None:
        train(prepared_file, out=tmp_path / "r", config=config, groups=groups, **more)  # type: ignore[arg-type]

    with pytest.raises(UsageError, match="give --groups K"):
        run(tiny(), None)
    with pytest.raises(UsageError, match="serves any groups"):
        run(resolve("smoke"), groups)
    with pytest.raises(UsageError, match="batch of 999"):
        run(tiny(batch=999), groups)
    with pytest.raises(UsageError, match="'hats' came, but the prepared file has expression"):
        run(tiny(attributes=["hats"]), groups)
    with pytest.raises(UsageError, match="at least 2 are needed"):
        run(tiny(), np.zeros_like(groups))
    other = np.where(groups == 0, 1, np.where(groups == 1, 0, groups))
    with pytest.raises(UsageError, match="begun with other groups"):
        train(prepared_file, out=whole, config=tiny(), groups=other, device="cpu", resume=True)
    one = replace(prepared, scheme={**prepared.scheme, "expression": ("neutral",)})
    with pytest.raises(UsageError, match="one category neutral"):
        GalleryData(one, groups, gallery_config(attributes=["expression"]), CPU)
    with pytest.raises(UsageError, match=r"margin is 2.0.*adversarial 'x'; choose one of wass"):
        resolve("paper", changes={"margin": 2.0, "adversarial": "x"})


def test_batches_are_functions_of_seed_step_and_turn(
    prepared: Prepared, groups: np.ndarray
) -> None:
    data = GalleryData(prepared, groups, gallery_config(), CPU)
    one, again, other, turn = (data.batch(*at) for at in ((3, 0), (3, 0), (4, 0), (3, 1)))
    assert torch.equal(one.real, again.real)
    assert torch.equal(one.code, again.code)
    assert not torch.equal(one.real, other.real)
    assert not torch.equal(one.real, turn.real)
    assert one.groups is not None
    assert torch.equal(one.code[:, : data.groups].argmax(1), one.groups)
    assert sorted(one.wanted.tolist()) == sorted(one.attributes.tolist())
    strict = GalleryData(prepared, groups, gallery_config(strict=1.0), CPU).batch(0, 0)
    assert strict.groups is not None
    assert torch.equal(strict.source, data.surrogates[strict.groups])
    reads = GalleryData(prepared, groups, gallery_config(strict=0.0), CPU).batch(0, 0)
    assert torch.equal(reads.source, reads.real)


def test_pairs_are_half_of_one_person(prepared: Prepared, groups: np.ndarray) -> None:
    data = GalleryData(prepared, groups, gallery_config(batch=8), CPU)
    pairs = data.pairs(1)
    assert pairs.same.float().mean() == 0.5
    assert torch.equal(pairs.second, data.pairs(1).second)


def test_tensorboard_has_the_scalars_and_the_sheets(
    prepared_file: Path, groups: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    config = tiny(steps=2)
    train(prepared_file, out=out, config=config, groups=groups, device="cpu", tensorboard=True)
    (events,) = (out / "tensorboard").iterdir()
    data = events.read_bytes()
    for word in (b"check/score", b"loss/generator.norm", b"sheet", b"PNG"):
        assert word in data, word
    assert (out / "tensorboard").stat().st_mode & 0o077 == 0


def test_a_plan_tells_sizes(prepared: Prepared, groups: np.ndarray) -> None:
    told = plan(prepared, tiny(), groups=groups)
    assert told["config"]["preset"] == "paper"
    assert told["parameters"].keys() == {"generator", "critic", "twin"}
    assert told["memory_bytes"] > 16 * sum(told["parameters"].values())
    assert "twin" not in plan(prepared, tiny("stargan"), groups=groups)["parameters"]


def test_damaged_galleries_are_refused(whole: Path) -> None:
    data = (whole / "generator.safetensors").read_bytes()
    stored = read_gallery(data)
    assert write_gallery(stored) == data
    for wrong in (b"", data[:200], data[:-7], b"\0" * 64):
        with pytest.raises(WeightsError):
            read_gallery(wrong)


def test_the_sliced_distance_is_none_for_equal_and_grows_with_blur() -> None:
    source = torch.Generator().manual_seed(0)
    rough = torch.rand(24, 3, 32, 32, generator=source) * 2 - 1
    other = torch.rand(24, 3, 32, 32, generator=source) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(rough, 5, 1, 2)
    assert sliced_distance(rough, rough) == 0
    near, far = sliced_distance(other, rough), sliced_distance(soft, rough)
    assert 2 * near < far


def test_a_probe_tells_bright_from_dark_halves() -> None:
    source = torch.Generator().manual_seed(1)
    pictures = torch.rand(60, 3, 32, 32, generator=source) * 0.5
    kinds = torch.arange(60) % 2
    pictures[kinds == 1, :, :16] += 0.3
    probe = Probe([pictures[:40]], kinds[:40], 2)
    assert (probe(pictures[40:]) == kinds[40:]).float().mean() == 1


@pytest.mark.parametrize("count", [20, 60])
def test_a_probe_is_ridge_regression_of_few_pictures_and_of_many(count: int) -> None:
    source = torch.Generator().manual_seed(2)
    pictures = torch.rand(count, 3, 3, 3, generator=source)  # 27 pixels
    kinds = torch.arange(count) % 3
    seen = (pictures - pictures.mean((2, 3), keepdim=True)).flatten(1).double().numpy()
    seen -= seen.mean(0)
    wanted = np.eye(3)[kinds] - np.eye(3)[kinds].mean(0)
    strength = 0.3 * (seen**2).sum() / count
    weights = np.linalg.solve(seen.T @ seen + strength * np.eye(27), seen.T @ wanted)
    assert np.allclose(Probe(pictures.split(7), kinds, 3)._weights, weights)


def test_two_processes_are_one_with_the_same_batch(
    prepared_file: Path, prepared: Prepared, groups: np.ndarray, tmp_path: Path
) -> None:
    """Started as a user would; gradients are averaged, so weights differ by rounding alone."""
    changes = CHANGES | {"attributes": ["gender"]}  # of everybody known
    options = [f"{name}={json.dumps(value)}" for name, value in changes.items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", "-m", "kssgan", "train", str(prepared_file)]
    command += ["--out", str(tmp_path / "two"), "--preset", "paper", "--groups", "2"]
    command += ["--device", "cpu", "--threads", "1"]
    source = Path(gallery.__file__).parents[2]
    done = subprocess.run(
        [*command, *(word for option in options for word in ("--set", option))],
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    config = gallery_config(attributes=["gender"])
    train(prepared_file, out=tmp_path / "one", config=config, groups=groups, device="cpu")
    two, one = (
        load_file(tmp_path / run / "checkpoint-00000004.safetensors") for run in ("two", "one")
    )
    start = gallery.Gallery(
        prepared, config, CPU, Precision("fp32", CPU), groups=groups
    ).state()
    for network in ("generator", "critic", "twin"):
        names = [name for name in start if name.startswith(f"{network}.")]
        moved = sum(float((one[name] - start[name]).abs().sum()) for name in names)
        apart = sum(float((one[name] - two[name]).abs().sum()) for name in names)
        assert moved > 0
        # Adam makes whole steps of gradients that are rounding alone.
        assert apart < 0.1 * moved, network


def test_processes_draw_noise_of_their_own(
    prepared: Prepared, groups: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    for rank in range(3):
        seeds: list[int] = []
        made = gallery.Gallery(
            prepared,
            gallery_config(noise=True, seed=7),
            CPU,
            Precision("fp32", CPU, Processes(rank, 4)),
            groups=groups,
        )
        monkeypatch.setattr(made, "_improve", lambda *given, to=seeds: to.append(given[-1]))
        for step in range(3):
            made.step(step)
        seen.append(seeds)
    assert seen[0] == [(7 << 32) + step for step in range(3)]
    noise = {
        torch.rand(1, generator=torch.Generator().manual_seed(seed)).item()
        for seeds in seen
        for seed in seeds
    }
    assert len(noise) == 9


def test_a_batch_is_shared_out_evenly(prepared: Prepared, groups: np.ndarray) -> None:
    batch = GalleryData(prepared, groups, gallery_config(), CPU).batch(0, 0)
    parts = [Processes(rank, 2).own(batch) for rank in range(2)]
    assert torch.equal(torch.cat([part.real for part in parts]), batch.real)
    assert torch.equal(torch.cat([part.code for part in parts]), batch.code)
    assert parts[0].style is None
    with pytest.raises(UsageError, match="batch of 5 came for 2 processes"):
        Processes(0, 2).check_batch(5)
    assert Processes().own(batch) is batch
