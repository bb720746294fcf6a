"""Learning the network of k-Same-Net: who becomes a proxy, the loss, and the tool."""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kssgan.errors import UsageError
from kssgan.models.stored_proxies import read_proxies, write_proxies
from kssgan.training.prepared import Prepared
from kssgan.training.proxies import ProxyRecipe, choose_proxies, proxy_loss, train_proxies

ROOT = Path(__file__).parents[2]
TINY = {"code": 6, "hidden": 12, "spread": 6, "widths": (10, 8, 6)}


@pytest.fixture(scope="module")
def tool() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield importlib.import_module("train_k_same_net")


def test_proxies_are_training_people_alone(prepared: Prepared) -> None:
    lessons = choose_proxies(prepared)
    held_out = np.unique(prepared.subject[prepared.held_out])
    learnt = {picture.permute(1, 2, 0).numpy().tobytes() for picture in lessons.pictures}
    rows = [row for row in range(len(prepared)) if prepared.crop(row).tobytes() in learnt]
    assert len(rows) == len(lessons.proxy) > 8
    assert not set(prepared.subject[rows]) & set(held_out)
    assert len(lessons.genders) == len(np.unique(prepared.subject[rows]))
    for number, subject in enumerate(np.unique(prepared.subject[rows])):
        own = [r for r in rows if prepared.subject[r] == subject]
        mean = prepared.embedding[own].mean(0)
        mean /= max(float(np.linalg.norm(mean)), 1e-9)
        assert np.allclose(lessons.embeddings[number], mean, atol=1e-6)
        gender = prepared.labels[own[0], 1]
        assert lessons.genders[number] == ("female", "male", "")[gender]


def test_at_most_so_many_of_each_gender_those_with_more_photos_first(
    prepared: Prepared,
) -> None:
    whole = choose_proxies(prepared)
    assert max(whole.genders.count(g) for g in set(whole.genders)) > 2
    lessons = choose_proxies(prepared, most=2)
    assert all(lessons.genders.count(g) <= 2 for g in set(lessons.genders))
    assert np.bincount(lessons.proxy).min() == 2
    unlabelled = replace(prepared, scheme={"age": ("a", "b"), "gender": ("f", "m")})
    with pytest.raises(UsageError, match="expressions"):
        choose_proxies(unlabelled)


def test_the_loss_by_hand() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(2, 3, 64, 64) * 2 - 1
    same = proxy_loss(wanted, wanted)
    assert float(same.total) == 0
    shifted = proxy_loss(wanted + 0.25, wanted, texture=0, face=0)
    assert float(shifted.parts["l1"]) == pytest.approx(0.25, abs=1e-5)
    assert float(shifted.parts["bands"]) == pytest.approx(0, abs=1e-5)  # a tone has no detail
    blurred = torch.nn.functional.avg_pool2d(wanted, 3, 1, 1)
    assert float(proxy_loss(blurred, wanted).parts["bands"]) > 0.1
    # A mistake in the face costs more than one in a corner.
    face, corner = wanted.clone(), wanted.clone()
    face[..., 36:40, 30:34] += 0.5
    corner[..., :4, :4] += 0.5
    assert proxy_loss(face, wanted).parts["l1"] > 2 * proxy_loss(corner, wanted).parts["l1"]


def test_it_learns(prepared: Prepared) -> None:
    lessons = choose_proxies(prepared, most=3)
    recipe = ProxyRecipe(rough_steps=100, steps=50, batch=4, rate=6e-3, texture=0)
    seen: dict[int, dict[str, float]] = {}
    stored = train_proxies(
        lessons, recipe, shape=TINY, told=lambda step, parts: seen.update({step: parts})
    )
    assert sorted(seen) == [50, 100, 150]
    assert set(seen[150]) == {"l1", "bands"}
    assert stored.facts["recipe"]["rough_steps"] == 100
    size = stored.network.config.size
    photos = torch.nn.functional.avg_pool2d(lessons.pictures.float(), 256 // size) / 127.5 - 1
    labels = torch.eye(2)[torch.from_numpy(lessons.label.clip(0))]
    with torch.inference_mode():
        drawn = stored.network(torch.eye(len(lessons.genders))[lessons.proxy], labels)
    mine = (drawn - photos).abs().mean((1, 2, 3))
    usual = (photos.mean(0) - photos).abs().mean((1, 2, 3))
    assert float(mine.mean()) < 0.8 * float(usual.mean())


def test_it_repeats_itself(prepared: Prepared) -> None:
    lessons = choose_proxies(prepared, most=3)
    recipe = ProxyRecipe(rough_steps=2, steps=3, batch=4)
    one, other = (
        write_proxies(train_proxies(lessons, recipe, shape=TINY, facts={"data": "d"}))
        for _ in range(2)
    )
    assert one == other
    third = train_proxies(lessons, replace(recipe, seed=1), shape=TINY, facts={"data": "d"})
    assert write_proxies(third) != one


def test_too_few_proxies(prepared: Prepared) -> None:
    lessons = choose_proxies(prepared, most=1)
    with pytest.raises(UsageError, match="at least 2"):
        train_proxies(replace(lessons, genders=("female",)), ProxyRecipe())


def test_the_tool_writes_weights_and_a_sheet(
    tool: Any,
    prepared_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, png = tmp_path / "net.safetensors", tmp_path / "sheet.png"
    asked = [str(prepared_file), "--out", str(out), "--rough-steps", "1", "--steps", "1"]
    monkeypatch.setattr("sys.argv", ["train_k_same_net.py", *asked, "--sheet", str(png)])
    threads = torch.get_num_threads()
    tool.main()
    torch.set_num_threads(threads)
    stored = read_proxies(out.read_bytes())
    assert stored.network.config.size == 128
    assert stored.labels == ("neutral", "happy")
    assert png.stat().st_size > 10_000
    assert f"{len(stored.genders)} proxies" in capsys.readouterr().out


def test_unknown_expressions_are_read_off_the_faces(tool: Any, prepared: Prepared) -> None:
    assert (prepared.labels[:, 0] < 0).any()
    labels = tool.labelled(prepared).labels
    assert (labels[:, 0] >= 0).all()
    known = prepared.labels[:, 0] >= 0
    assert np.array_equal(labels[known], prepared.labels[known])
    assert np.array_equal(labels[:, 1], prepared.labels[:, 1])


def test_shipping_keeps_all_other_entries(
    tool: Any,
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del tool  # its folder of tools is what is needed
    shipping = importlib.import_module("ship_k_same_net")
    folder, file = tmp_path / "weights", tmp_path / "net.safetensors"
    folder.mkdir()
    for name in ("index.json", "PROVENANCE.md"):
        (folder / name).write_bytes((shipping.WEIGHTS / name).read_bytes())
    before = json.loads((folder / "index.json").read_text())
    lessons = choose_proxies(prepared, most=3)
    recipe = ProxyRecipe(rough_steps=1, steps=1)
    facts = {"data": "0123456789abcdef", "torch": "2.0"}
    file.write_bytes(write_proxies(train_proxies(lessons, recipe, shape=TINY, facts=facts)))
    monkeypatch.setattr("sys.argv", ["ship", str(file), "--out", str(folder)])
    shipping.main()
    after = json.loads((folder / "index.json").read_text())
    mine = after.pop("k_same_net")
    before.pop("k_same_net", None)
    assert after == before
    shipped = (folder / "k_same_net.safetensors").read_bytes()
    assert shipped == file.read_bytes()
    assert mine["sha256"] == hashlib.sha256(shipped).hexdigest()
    story = (folder / "PROVENANCE.md").read_text()
    assert [line for line in story.splitlines() if line.startswith("## ")] == [
        f"## {name}" for name in sorted([*before, "k_same_net"])
    ]
    assert mine["sha256"] in story
    assert "`0123456789ab...`" in story
