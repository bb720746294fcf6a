from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kssgan.errors import OutputExists, TrainingFailed, UsageError
from kssgan.models.codes import CLOSE
from kssgan.models.stored import read_generator
from kssgan.training import check, checkpoint, drawing, loop
from kssgan.training.augment import augment
from kssgan.training.config import PRESETS, TrainingConfig, read_changes, resolve
from kssgan.training.critics import judge, teach_critic, weight_at
from kssgan.training.data import Photos, laplacian_variance
from kssgan.training.device import device_of
from kssgan.training.loop import Trained, plan, train
from kssgan.training.networks import Networks
from kssgan.training.picture import png
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared, load_prepared, save_prepared
from kssgan.training.refining import pieces, wants_drawings
from kssgan.training.resuming import open_run
from kssgan.training.run import _check_finite
from kssgan.training.siamese_settings import SiameseSettings
from kssgan.training.step import _fresh_codes

TINY = resolve(
    "smoke",
    changes={
        "steps": 6,
        "save_every": 3,
        "check_every": 6,
        "check": 1,
        "bank": 2,
        "log_every": 1,
        "refine_from": 0.5,
    },
)


@pytest.fixture(scope="module")
def whole(prepared_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = train(prepared_file, out=out, config=TINY, device="cpu")
    assert done.finished
    assert done.steps == 6
    return out


def networks_of(config: TrainingConfig, photos: Photos) -> Networks:
    labels = len(photos.scheme[config.label])
    return Networks(
        config, donors=len(photos.donors), labels=labels, device=torch.device("cpu")
    )


def lines(run: Path, kind: str) -> list[dict[str, float]]:
    found = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def test_a_run_leaves_weights_samples_and_a_log(whole: Path) -> None:
    stored = read_generator((whole / "generator.safetensors").read_bytes())
    assert stored.labels == {"expression": ("neutral", "happy")}
    assert len(stored.codes) > 3
    assert {p.name for p in (whole / "sheets").iterdir()} == {"00000000.png", "00000006.png"}
    assert [line["step"] for line in lines(whole, "loss")] == [1, 2, 3, 4, 5, 6]
    assert {"l1", "bands", "sharpness", "sharpness_mixed"} <= lines(whole, "check")[0].keys()
    losses = lines(whole, "loss")
    assert {
        "l1",
        "bands",
        "generator",
        "generator_mixed",
        "coarse",
        "matching",
        "critic.critic_real",
    } <= losses[2].keys()
    assert "generator" not in losses[0]  # the critic comes in later
    assert {
        "refine.l1",
        "refine.texture",
        "refine.drawn_texture",
        "refine.matching",
        "refine.drawings",
        "refine_critic.critic_real",
    } <= losses[5].keys()
    assert "l1" not in losses[5]  # the drawer's turn is over
    assert TrainingConfig.from_json(json.loads((whole / "config.json").read_text())) == TINY


def test_the_exported_generator_is_the_average(whole: Path) -> None:
    path = checkpoint.latest(whole)
    assert path is not None
    tensors = load_file(path)
    stored = read_generator((whole / "generator.safetensors").read_bytes())
    for name, value in stored.generator.state_dict().items():
        average = tensors[f"average.generator.{name}"]
        torch.testing.assert_close(value, average.half().float(), rtol=0, atol=0)
    moved = [
        not torch.equal(tensors[f"average.generator.{n}"], tensors[f"learner.generator.{n}"])
        for n in stored.generator.state_dict()
    ]
    assert any(moved)


def test_interrupted_and_resumed_equals_uninterrupted(
    whole: Path, prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by SIGTERM between two checkpoints, in the middle of a step."""
    out = tmp_path / "run"
    step = drawing.train_step

    def interrupted(*args: object) -> dict[str, float]:
        if args[-1] == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "train_step", interrupted)
    with pytest.raises(
        KeyboardInterrupt, match=r"stopped after 4 of 6 steps; checkpoint-00000004"
    ):
        train(prepared_file, out=out, config=TINY, device="cpu")
    monkeypatch.setattr(drawing, "train_step", step)
    train(prepared_file, out=out, config=TINY, device="cpu", resume=True)
    for name in ("generator.safetensors", "config.json", "sheets/00000006.png"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    mine, theirs = (load_file(run / "checkpoint-00000006.safetensors") for run in (out, whole))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert [line["step"] for line in lines(out, "loss")] == [1, 2, 3, 4, 5, 6]


def test_killed_between_checkpoints_goes_on_from_the_last(
    whole: Path, prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    step = drawing.train_step

    class Killed(BaseException):
        pass

    def killed(*args: object) -> dict[str, float]:
        if args[-1] == 5:
            raise Killed
        return step(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "train_step", killed)
    with pytest.raises(Killed):
        train(prepared_file, out=out, config=TINY, device="cpu")
    monkeypatch.setattr(drawing, "train_step", step)
    train(prepared_file, out=out, config=TINY, device="cpu", resume=True)
    assert (out / "generator.safetensors").read_bytes() == (
        whole / "generator.safetensors"
    ).read_bytes()


def test_killed_before_the_weights_were_written_grades_the_same_codes(
    prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes are graded by the lessons of the last step, which a resumed run has to make again."""
    monkeypatch.setattr(check, "_FEWEST", 1)
    monkeypatch.setattr(check, "_WORST", 1.0)
    train(prepared_file, out=tmp_path / "run", config=TINY, device="cpu")
    weights = tmp_path / "run" / "generator.safetensors"
    whole = weights.read_bytes()
    assert len(read_generator(whole).codes) < 6
    weights.unlink()
    train(prepared_file, out=tmp_path / "run", config=TINY, device="cpu", resume=True)
    assert weights.read_bytes() == whole


def test_a_finished_run_that_is_stopped_before_it_is_ready_keeps_its_weights(
    prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lessons of the last step its codes cannot be graded."""
    monkeypatch.setattr(check, "_FEWEST", 1)
    monkeypatch.setattr(check, "_WORST", 1.0)
    out = tmp_path / "run"

    def again(minutes: float | None = None) -> Trained:
        return train(
            prepared_file, out=out, config=TINY, device="cpu", resume=True, minutes=minutes
        )

    train(prepared_file, out=out, config=TINY, device="cpu")
    weights = out / "generator.safetensors"
    whole = weights.read_bytes()
    assert len(read_generator(whole).codes) < 6
    done = again(minutes=1e-6)
    assert (done.finished, done.steps) == (False, 6)
    assert weights.read_bytes() == whole
    make = drawing.Bank.make

    def signalled(self: drawing.Bank, number: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        make(self, number)

    monkeypatch.setattr(drawing.Bank, "make", signalled)
    with pytest.raises(KeyboardInterrupt, match=r"checkpoint-00000006.* go on with --resume"):
        again()
    assert weights.read_bytes() == whole
    weights.unlink()
    with pytest.raises(KeyboardInterrupt):
        again()
    assert not weights.exists()
    monkeypatch.setattr(drawing.Bank, "make", make)
    assert again().finished
    assert weights.read_bytes() == whole


def test_training_lowers_the_loss(prepared_file: Path, tmp_path: Path) -> None:
    config = replace(
        TINY,
        steps=80,
        refine_from=1.0,
        adversarial=0.0,
        check_every=80,
        save_every=80,
        bank=2,
        refresh=0.0,
    )
    train(prepared_file, out=tmp_path / "run", config=config, device="cpu")
    losses = [line["l1"] for line in lines(tmp_path / "run", "loss")]
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:10])


def test_time_ends_a_run_with_a_checkpoint(prepared_file: Path, tmp_path: Path) -> None:
    done = train(prepared_file, out=tmp_path / "run", config=TINY, device="cpu", minutes=1e-6)
    assert not done.finished
    assert done.steps == 0
    assert checkpoint.latest(tmp_path / "run") is not None


def test_a_loss_that_is_no_number_names_the_last_good_checkpoint(
    prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = drawing.train_step

    def diverging(*args: object) -> dict[str, float]:
        parts = step(*args)  # type: ignore[arg-type]
        return parts | {"l1": float("nan")} if args[-1] == 4 else parts

    monkeypatch.setattr(drawing, "train_step", diverging)
    with pytest.raises(
        TrainingFailed, match=r"l1 of step 4 .* checkpoint-00000003\.safetensors"
    ):
        train(prepared_file, out=tmp_path / "run", config=TINY, device="cpu")


def test_in_fp16_a_gradient_may_overflow_but_no_loss() -> None:
    """The step is skipped then; names are those that steps give their figures."""
    scaled = SimpleNamespace(name="fp16")
    parts = {"l1": 0.1, "norm": inf, "critic.norm": inf, "generator.norm": nan}
    _check_finite(parts, cast(Precision, scaled), 1, Path("nowhere"))
    for precision, wrong in (("fp16", {"critic.loss": inf}), ("fp32", {"critic.norm": inf})):
        with pytest.raises(TrainingFailed, match=next(iter(wrong))):
            _check_finite(
                parts | wrong if precision == "fp16" else wrong,
                cast(Precision, SimpleNamespace(name=precision)),
                1,
                Path("nowhere"),
            )


def test_a_run_that_saved_nothing_is_begun_again(prepared_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    (out / "sheets").mkdir(parents=True)
    for name in (".lock", "config.json", "log.jsonl"):
        (out / name).write_text("")
    train(prepared_file, out=out, config=replace(TINY, steps=1), device="cpu")
    assert (out / "generator.safetensors").exists()
    # What was good enough to be kept is not overwritten, and says so either way.
    judged = tmp_path / "judged"
    shutil.copytree(out / "sheets", judged / "sheets")
    for name in ("log.jsonl", ".best.safetensors.part"):
        (judged / name).write_text("")
    assert open_run(judged, resume=False) is None
    with pytest.raises(UsageError, match="leave --resume out"):
        open_run(judged, resume=True)
    (judged / "best.safetensors").write_text("")
    with pytest.raises(OutputExists, match=r"choose another$"):
        open_run(judged, resume=False)
    with pytest.raises(UsageError, match="begin in another RUN"):
        open_run(judged, resume=True)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "log.jsonl").write_text("")
    (tmp_path / "theirs" / "notes.txt").write_text("somebody's")
    with pytest.raises(OutputExists):
        train(prepared_file, out=tmp_path / "theirs", config=TINY, device="cpu")


def test_an_unknown_label_and_a_seed_too_large_are_refused(
    prepared_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="label 'expresion' came; the prepared file knows"):
        train(
            prepared_file,
            out=tmp_path / "run",
            config=replace(TINY, label="expresion"),
            device="cpu",
        )
    assert not (tmp_path / "run").exists()
    for preset in ("smoke", "paper"):
        with pytest.raises(UsageError, match="seed is 2147483648"):
            resolve(preset, changes={"seed": 2**31})
    with pytest.raises(UsageError, match="choose one of"):
        resolve(cast(Any, ["smoke"]))


def test_resuming_wants_the_same_embeddings_and_scheme(
    whole: Path, prepared_file: Path, tmp_path: Path
) -> None:
    data = load_prepared(prepared_file)
    turned = {name: kinds[::-1] for name, kinds in data.scheme.items()}
    for other in (
        replace(data, scheme=turned),
        replace(data, embedding=np.ascontiguousarray(data.embedding[::-1])),
    ):
        with pytest.raises(UsageError, match="another prepared file"):
            train(other, out=whole, config=TINY, device="cpu", resume=True)
    path = checkpoint.latest(whole)
    assert path is not None
    at = checkpoint.load(path)
    older = {name: value for name, value in at.more.items() if name != "content"}
    assert older != at.more
    (tmp_path / "old").mkdir()
    checkpoint.save(tmp_path / "old", replace(at, more=older))
    assert train(data, out=tmp_path / "old", config=TINY, device="cpu", resume=True).finished


def test_wrong_runs_are_refused(whole: Path, prepared_file: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputExists):
        train(prepared_file, out=whole, config=TINY, device="cpu")
    with pytest.raises(UsageError, match="no checkpoint"):
        train(prepared_file, out=tmp_path / "new", config=TINY, device="cpu", resume=True)
    other = replace(TINY, seed=1, batch=1)
    with pytest.raises(UsageError, match="another batch, seed"):
        train(prepared_file, out=whole, config=other, device="cpu", resume=True)
    for precision in ("fp16", "tf32"):
        config = replace(TINY, precision=precision)
        with pytest.raises(UsageError, match=f"{precision} needs a GPU"):
            train(prepared_file, out=tmp_path / "new", config=config, device="cpu")
    for device in ("mps", "nonsense"):
        with pytest.raises(UsageError, match="use auto, cpu, cuda"):
            train(prepared_file, out=tmp_path / "new", config=TINY, device=device)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("gpus", "says"),
    [(1, "1 GPU here; use cuda:0$"), (2, "2 GPUs here; use cuda:0 to cuda:1$")],
)
def test_a_gpu_that_is_not_there(gpus: int, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert device_of("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UsageError, match=says):
        device_of("cuda:7")


def test_memory_that_ends_before_the_first_step_names_a_batch(
    prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop, "Drawing", full)
    with pytest.raises(UsageError, match="begin a new RUN with --batch 4"):
        train(prepared_file, out=tmp_path / "run", config=replace(TINY, batch=8), device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_refused(whole: Path, tmp_path: Path) -> None:
    path = checkpoint.latest(whole)
    assert path is not None
    bad = tmp_path / path.name
    bad.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="damaged"):
        checkpoint.load(bad)


def test_only_two_checkpoints_are_kept(whole: Path, tmp_path: Path) -> None:
    path = checkpoint.latest(whole)
    assert path is not None
    start = checkpoint.load(path)
    for step in range(4):
        checkpoint.save(tmp_path, replace(start, step=step))
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["checkpoint-00000002.safetensors", "checkpoint-00000003.safetensors"]


def test_the_plan_counts_parameters(prepared: Prepared) -> None:
    found = plan(prepared, PRESETS["small"])
    assert 1_500_000 < found["parameters"]["drawer"] < 4_000_000
    assert 50_000 < found["parameters"]["refiner"] < 500_000
    assert found["parameters"]["codes"] == found["data"]["donors"] * (64 + 16 * 16 * 16)
    assert found["config"]["preset"] == "small"


def test_configurations_round_trip_and_are_checked(tmp_path: Path) -> None:
    for config in PRESETS.values():
        assert type(config).from_json(json.loads(json.dumps(config.to_json()))) == config
    path = tmp_path / "c.toml"
    path.write_text('batch = 3\nwidths = [8, 8, 8, 8]\nprecision = "bf16"\n')
    config = resolve("smoke", config=path, changes={"batch": 4, "steps": None})
    assert isinstance(config, TrainingConfig)
    assert (config.batch, config.steps) == (4, PRESETS["smoke"].steps)
    assert (config.widths, config.precision) == ((8, 8, 8, 8), "bf16")
    for bad in (
        "bach = 3",
        'batch = "3"',
        "batch = true",
        "batch = 0",
        "ema = 1.0",
        "widths = 3",
        "widths = [8, 8, 8]",
        "crop = 40",
        "crop = 512",
        "refine_blocks = -1",
        "x =",
    ):
        path.write_text(bad)
        with pytest.raises(UsageError):
            resolve("smoke", config=path)
    with pytest.raises(UsageError, match="large"):
        resolve("large")
    with pytest.raises(UsageError, match="NAME=VALUE"):
        read_changes(["bank"])


@pytest.mark.parametrize("preset", ["smoke", "paper"])
@pytest.mark.parametrize("bad", [inf, -inf, nan])
def test_numbers_that_are_not_finite_are_refused(
    preset: str, bad: float, tmp_path: Path
) -> None:
    says = rf"{bad}, a finite number was wanted"
    path = tmp_path / "c.toml"
    path.write_text(f"rate = {bad}\n")
    with pytest.raises(UsageError, match=f"rate is {says}"):
        resolve(preset, config=path)
    with pytest.raises(UsageError, match=f"rate is {says}"):
        resolve(preset, changes=read_changes([f"rate={bad}"]))
    for name, kind in type(PRESETS[preset]).__annotations__.items():
        if kind in ("float", "int"):
            with pytest.raises(UsageError, match=f"{name} is {says}"):
                replace(PRESETS[preset], **{name: bad})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"margin is {says}"):
        SiameseSettings(margin=bad)
    with pytest.raises(UsageError, match="rate is inf"):
        resolve(preset, changes={"rate": 10**400})


def test_a_preset_is_no_option() -> None:
    with pytest.raises(UsageError, match="preset = paper came as an option; give --preset"):
        resolve(None, changes=read_changes(["preset=paper"]))


def test_the_critic_comes_in_slowly() -> None:
    config = replace(TINY, steps=150, refine_from=2 / 3, critic_ramp=0.1)
    weights = [weight_at(config.turn(step), 0.5, 0.2, config) for step in range(150)]
    assert weights[49] == 0
    assert weights[50] == pytest.approx(0.02)
    assert weights[59:100] == [0.2] * 41
    assert weights[100:125] == [0] * 25  # the refiner's turn begins with none
    assert weights[125] == pytest.approx(0.04)


def test_first_the_drawer_then_the_refiner() -> None:
    config = replace(TINY, steps=10, refine_from=0.6, refine_drawings_from=0.5)
    turns = [config.turn(step) for step in range(10)]
    assert [turn.refining for turn in turns] == [False] * 6 + [True] * 4
    assert [turn.done for turn in turns] == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert [wants_drawings(config, step) for step in range(10)] == [False] * 8 + [True] * 2


def test_a_start_is_taken_over_where_it_fits(
    whole: Path, prepared_file: Path, tmp_path: Path
) -> None:
    """With the drawer's turn left out, drawer and codes stay what they were."""
    start = whole / "generator.safetensors"
    config = replace(TINY, steps=2, refine_from=0.0, check_every=2)
    train(prepared_file, out=tmp_path / "run", config=config, device="cpu", start=start)
    before, after = (
        read_generator((run / "generator.safetensors").read_bytes())
        for run in (whole, tmp_path / "run")
    )
    mine = after.generator.state_dict()
    same = {n for n, v in before.generator.state_dict().items() if torch.equal(v, mine[n])}
    assert {n for n in mine if n.startswith("drawer.")} <= same
    assert not {n for n in mine if n.startswith("refiner.")} <= same
    np.testing.assert_array_equal(before.codes.layout, after.codes.layout)
    assert lines(tmp_path / "run", "start")[0]["anew"] == []
    wider = replace(config, widths=(8, 12, 16, 28))
    train(prepared_file, out=tmp_path / "other", config=wider, device="cpu", start=start)
    anew = lines(tmp_path / "other", "start")[0]["anew"]
    assert any("drawer.bottom" in name for name in anew)
    assert not any("drawer.stem" in name for name in anew)
    assert "codes.layout" not in anew
    data = load_prepared(prepared_file)
    assert plan(data, wider, start=start)["start_anew"] == anew
    assert "start_anew" not in plan(data, wider)
    with pytest.raises(UsageError, match="start from cannot be read"):
        train(prepared_file, out=tmp_path / "no", config=TINY, start=tmp_path / "nothing")
    with pytest.raises(UsageError, match="start from cannot be read"):
        plan(data, TINY, start=tmp_path / "nothing")


def test_codes_are_not_taken_over_for_other_people(
    whole: Path, prepared_file: Path, tmp_path: Path
) -> None:
    """A code is a head: in another file the same row is somebody else."""
    data = load_prepared(prepared_file)
    turned = replace(data, held_out=data.subject == data.subject.max())
    other = tmp_path / "other.safetensors"
    save_prepared(other, turned)
    start = whole / "generator.safetensors"
    config = replace(TINY, steps=1, check_every=1, refine_from=1.0)
    train(other, out=tmp_path / "run", config=config, device="cpu", start=start)
    assert {"codes.vector", "codes.layout"} <= set(lines(tmp_path / "run", "start")[0]["anew"])
    drawer_stays = replace(config, refine_from=0.0)
    with pytest.raises(UsageError, match="another prepared file"):
        train(other, out=tmp_path / "no", config=drawer_stays, device="cpu", start=start)
    assert not (tmp_path / "no").exists()


def test_donors_stay_where_they_are_when_fewer_are_wanted(
    whole: Path, prepared_file: Path, tmp_path: Path
) -> None:
    """Codes go by their photos, not by their place among the donors."""
    start = whole / "generator.safetensors"
    before = read_generator(start.read_bytes())
    config = replace(
        TINY, steps=1, check_every=1, refine_from=1.0, donors=4, rate=1e-9, rate_codes=1e-9
    )
    train(prepared_file, out=tmp_path / "run", config=config, device="cpu", start=start)
    after = read_generator((tmp_path / "run" / "generator.safetensors").read_bytes())
    theirs, mine = before.facts["donors"], after.facts["donors"]
    assert len(mine) < len(theirs)
    assert set(mine) <= set(theirs)
    rows = [theirs.index(row) for row in mine]
    assert rows != list(range(len(rows)))
    np.testing.assert_allclose(after.codes.layout, before.codes.layout[rows], atol=1e-3)


def test_augmentation_changes_both_alike_and_passes_gradients() -> None:
    picture = torch.rand(2, 3, 32, 32, requires_grad=True)
    both = augment(torch.cat([picture, picture], 1), torch.Generator().manual_seed(1))
    one, two = both.chunk(2, 1)
    assert torch.equal(one, two)
    assert not torch.equal(one[0], picture[0])
    two.sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0


def test_a_critic_learns_from_what_it_judges_only_in_its_own_step(prepared: Prepared) -> None:
    config = replace(TINY, batch=2)
    networks = networks_of(config, Photos(prepared, torch.device("cpu")))
    precision = Precision("fp32", torch.device("cpu"))
    source = torch.Generator().manual_seed(0)
    drawn = torch.rand(2, 3, 32, 32, requires_grad=True)
    truth = torch.rand(2, 3, 32, 32)
    said = judge(networks.refine_critic, drawn, None, source, precision, truth=truth)
    (said.total + said.parts["matching"]).backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert all(p.grad is None for p in networks.refine_critic.parameters())
    before = [p.detach().clone() for p in networks.refine_critic.parameters()]
    parts = teach_critic(
        networks,
        "refine_critic",
        truth,
        drawn.detach(),
        None,
        None,
        config,
        source,
        precision,
        0,
    )
    assert {"refine_critic.critic_real", "refine_critic.r1"} <= parts.keys()
    after = networks.refine_critic.parameters()
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_pieces_are_of_people_to_train_on_and_softer_than_photographs(
    prepared: Prepared,
) -> None:
    photos = Photos(prepared, torch.device("cpu"))
    assert not set(photos.sharp) & set(photos.held_out)
    config = replace(TINY, crops=6, crop=64)
    found = pieces(photos, config, 4)
    assert found.photograph.shape == (6, 3, 64, 64)
    assert found.soft.shape == (6, 3, 32, 32)
    assert torch.equal(pieces(photos, config, 4).soft, found.soft)
    assert not torch.equal(pieces(photos, config, 5).soft, found.soft)
    small = torch.nn.functional.avg_pool2d(found.photograph, 2)
    assert (small - found.soft).abs().mean() < 0.1
    sharp, soft = (laplacian_variance((p + 1) / 2) for p in (small, found.soft))
    assert (soft < sharp).float().mean() > 0.6


def test_fresh_codes_mix_a_donor_with_near_ones_as_a_release_does(prepared: Prepared) -> None:
    config = replace(TINY, batch=2)
    photos = Photos(prepared, torch.device("cpu"))
    networks = networks_of(config, photos)
    count = len(photos.donors)
    line = torch.arange(count, dtype=torch.float32)
    with torch.no_grad():
        networks.codes.vector.copy_(line[:, None].expand_as(networks.codes.vector))
        networks.codes.layout.zero_()
    everybody = torch.arange(count)[None].expand(count, -1)
    donors = torch.tensor([0, count - 1])
    vector, _ = _fresh_codes(
        networks.codes, donors, everybody, torch.Generator().manual_seed(0)
    )
    middle = line.mean()
    assert vector[0].mean() < middle < vector[1].mean()
    # No further than the nearest few, and never the donor's own code.
    assert 0 < vector[0].mean() <= CLOSE


def test_mates_share_gender_and_label_and_are_others(prepared: Prepared) -> None:
    photos = Photos(prepared, torch.device("cpu"))
    mates = photos.mates("expression", columns=3).numpy()
    rows = photos.donors
    for name in ("gender", "expression"):
        kinds = photos.category(name)[rows]
        assert (kinds[mates] == kinds[:, None]).all()
    assert (mates[:, 0] != np.arange(len(rows))).mean() > 0.5


def test_bf16_trains_on_a_cpu() -> None:
    precision = Precision("bf16", torch.device("cpu"))
    layer = torch.nn.Linear(4, 4)
    before = layer.weight.detach().clone()
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    with precision.autocast():
        out = layer(torch.ones(2, 4))
    assert out.dtype == torch.bfloat16
    norm = precision.minimise(out.float().square().mean(), optimiser, "layer", clip=1.0)
    assert norm > 0
    assert layer.weight.dtype == torch.float32
    assert not torch.equal(before, layer.weight)


def test_png_decodes_to_the_same_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    data = png(image)
    start = data.index(b"IDAT") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    rows = np.frombuffer(zlib.decompress(data[start : start + size]), np.uint8).reshape(5, 22)
    assert (rows[:, 0] == 2).all()
    back = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(5, 7, 3)
    np.testing.assert_array_equal(back, image)
    crc = zlib.crc32(data[start - 4 : start + size])
    assert data[start + size : start + size + 4] == crc.to_bytes(4, "big")


def test_training_needs_torch_numpy_and_safetensors_only(
    prepared_file: Path, tmp_path: Path
) -> None:
    """On a machine without Pillow, scipy, tqdm and the rest, from a checkout that is not installed."""
    source = Path(loop.__file__).parents[2]
    code = (
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Sparse(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'PIL', 'scipy', 'tqdm', 'jinja2', 'platformdirs'}:\n"
        "            return None\n"
        "        return super().find_spec(name, path, target)\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Sparse\n"
        "from kssgan.cli import main\n"
        f"sys.exit(main(['train', {str(prepared_file)!r}, '--out', {str(tmp_path / 'run')!r}, '--preset',"
        " 'smoke', '--steps', '2', '--set', 'check=1', '--set', 'bank=1', '--threads', '1', '--device',"
        " 'cpu', '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 2


def test_two_processes_cannot_train_in_one_folder(whole: Path, prepared_file: Path) -> None:
    with checkpoint.locked(whole), pytest.raises(UsageError, match="another process"):
        train(prepared_file, out=whole, config=TINY, device="cpu", resume=True)
    done = train(prepared_file, out=whole, config=TINY, device="cpu", resume=True)
    assert done.finished
