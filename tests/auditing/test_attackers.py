"""Parrot, recompute and the gate against answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from kssgan.auditing.gate import gate, per_query_groups, person_distances
from kssgan.auditing.identification import identify
from kssgan.auditing.parrot import head_distances, lda_distances
from kssgan.auditing.recompute import recompute_distances


def _unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def faces() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(30), 2)
    return _unit(
        _unit(rng.normal(size=(30, 32)))[people] + rng.normal(0, 0.03, (60, 32))
    ), people


def test_lda_names_as_the_mahalanobis_distance_does() -> None:
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(5), 40)
    stretch = np.diag([6.0, 1.0, 1.0, 0.3, 1.0, 1.0])
    x = (rng.normal(size=(5, 6)) * 2)[who] + rng.normal(size=(200, 6)) @ stretch
    probes = rng.normal(size=(50, 6)) * 3
    found = lda_distances(x.astype(np.float32), who, probes.astype(np.float32), 5)
    means = np.stack([x[who == p].mean(0) for p in range(5)])
    within = (x - means[who]).T @ (x - means[who]) / 200
    # The same shrinkage, stated in the raw coordinates, where the principal axes are only a rotation.
    within = 0.9 * within + 0.1 * np.eye(6) * np.trace(within) / 6
    wanted = cdist(probes, means, "mahalanobis", VI=np.linalg.inv(within))
    assert (found.argmin(1) == wanted.argmin(1)).all()
    # The rest of the distance lies outside the space of the means: the same for all people.
    rest = wanted**2 - found**2
    assert np.ptp(rest, axis=1).max() < 1e-3 * wanted.max() ** 2


def test_the_head_is_at_the_optimum_that_torch_finds(faces) -> None:
    import torch

    x, who = faces
    found = head_distances(x, who, x, 30)
    inputs = torch.hstack([torch.from_numpy(x).double() * 16, torch.ones(60, 1).double()])
    weights = torch.zeros(33, 30, dtype=torch.double, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weights, torch.from_numpy(who))
        loss = loss + 1e-4 * (weights**2).sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    wanted = -torch.log_softmax(inputs @ weights, 1).detach().numpy()
    assert np.abs(np.exp(-found) - np.exp(-wanted)).max() < 5e-3


def test_a_parrot_learns_a_change_that_is_the_same_for_all(faces) -> None:
    x, who = faces
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(32, 32)))[0]
    changed = (x @ turn).astype(
        np.float32
    )  # a "de-identification" that no naive attacker sees through
    truths = [{int(p): 1} for p in who[1::2]]
    naive = identify(person_distances(changed[1::2], x, who), truths).rank(1)[0]
    assert naive < 0.2
    for attack in (lda_distances, head_distances):
        found = identify(attack(changed[::2], who[::2], changed[1::2], 30), truths)
        assert found.rank(1)[0] > 0.95


@pytest.mark.parametrize("attack", [lda_distances, head_distances])
def test_a_parrot_of_k_same_is_one_in_k(faces, attack) -> None:
    x, _ = faces
    groups = np.arange(30) // 5
    means = _unit(np.stack([x[::2][groups == g].mean(0) for g in range(6)]))
    found = identify(
        attack(means[groups], np.arange(30), means, 30),
        [{int(p): 1 for p in np.flatnonzero(groups == g)} for g in range(6)],
    )
    assert found.rank(1)[0] == pytest.approx(0.2)
    assert found.group1 == 1.0


def test_people_that_nobody_learnt_are_named_last(faces) -> None:
    x, who = faces
    for attack in (lda_distances, head_distances):
        found = attack(x[:20], who[:20], x[:4], 30)
        assert found[:, :10].max() < found[:, 10:].min()


def test_recompute_finds_the_group_and_no_more() -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    holders = [(g, 3 * g + i) for g in range(4) for i in range(3)]
    truths = [{3 * g + i: 1 for i in range(3)} for g in range(4)]
    found = identify(recompute_distances(pictures, pictures, holders, 12), truths)
    assert found.rank(1)[0] == pytest.approx(1 / 3)
    assert found.group1 == 1.0
    single = identify(
        recompute_distances(pictures, pictures, [(i, i) for i in range(4)], 4),
        [{i: 1} for i in range(4)],
    )
    assert single.rank(1)[0] == 1.0


def _gate(x: np.ndarray, who: np.ndarray, **changes):
    people = x[::2]
    averages = _unit(people[per_query_groups(people, 3)].mean(1))
    given = {
        "black": None,
        "per_query": averages,
        "askers": np.arange(30),
        "own": x[::6],
        "owners": who[::6],
        "k": 3,
        "threshold": 0.4,
    }
    return {c.name: c.passed for c in gate(x, who, **{**given, **changes})}


def test_the_gate_opens_for_attacks_that_work(faces) -> None:
    assert all(_gate(*faces).values())


def test_the_gate_stays_shut_for_attacks_that_do_not(faces) -> None:
    x, who = faces
    blind = np.broadcast_to(
        x[:1], x.shape
    ).copy()  # a recogniser that sees one face in everything
    assert not _gate(blind, who)["identity"]
    true_k_same = _unit(x[::2].reshape(10, 3, 32).mean(1))[np.arange(30) // 3]
    assert not _gate(x, who, per_query=true_k_same)["per-query average"]
    assert not _gate(x, who, own=-x[::6])["member's own photo"]


def test_each_person_leads_its_own_per_query_group(faces) -> None:
    groups = per_query_groups(faces[0][::2], 4)
    assert groups[:, 0].tolist() == list(range(30))
    assert groups.shape == (30, 4)
