"""k-Same-Net: the contract, who is mixed, and what the shipped network draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch

from kssgan import weights
from kssgan.baselines import KSameNet
from kssgan.baselines.net import Likeness
from kssgan.errors import TooFewPeople, UsageError, WeightsError
from kssgan.faces.align import chips_of_crops
from kssgan.faces.attributes import Probes
from kssgan.faces.embed import Recogniser
from kssgan.models.proxy_network import ProxyConfig, ProxyNetwork
from kssgan.models.stored_proxies import StoredProxies, read_proxies, write_proxies
from kssgan.testing.contract import SurrogateContract, contract_people
from kssgan.types import DetectedFace, PhotoFace, SurrogateMethod

People = Sequence[Sequence[PhotoFace]]
PROXIES, WIDTH = 24, 8
LABELS = ("neutral", "happy")


@cache
def untrained() -> StoredProxies:
    """A small network that knows 24 proxies by 8 numbers each, like those of the contract's people."""
    torch.manual_seed(4)
    config = ProxyConfig(PROXIES, 2, code=6, hidden=12, spread=5, widths=(8, 6, 5))
    network = ProxyNetwork(config)
    torch.nn.init.normal_(network.rough_head.weight, std=0.2)
    rows = np.random.default_rng(5).normal(size=(PROXIES, WIDTH))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    genders = ("female", "male", "") * (PROXIES // 3)
    stored = StoredProxies(network, rows.astype(np.float32), genders, LABELS, {})
    return read_proxies(write_proxies(stored))


def face(embedding: np.ndarray) -> PhotoFace:
    unit = (embedding / np.linalg.norm(embedding)).astype(np.float32)
    box = DetectedFace((64, 64, 192, 224), 0.9, np.zeros((5, 2), np.float32))
    return PhotoFace(np.zeros((256, 256, 3), np.uint8), unit, box)


def fitted() -> KSameNet:
    return KSameNet(stored=untrained()).fit([])


class TestNet(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSameNet(stored=untrained(), apart=0.2).fit(people)

    def test_names_embeddings_and_scores_do_not_count(self) -> None:
        """Here embeddings are what counts; pictures, landmarks and attributes do not."""
        people = contract_people()
        method = self.make(people)
        other = [
            [
                replace(face, crop=255 - face.crop, landmarks=None, attributes={"a": "b"})
                for face in own
            ]
            for own in people
        ]
        assert self._drawn(method, people) == self._drawn(method, other)
        turned = [[replace(face, embedding=-face.embedding) for face in own] for own in people]
        assert self._drawn(method, people) != self._drawn(method, turned)


def test_the_nearest_proxies_are_mixed_as_many_as_members() -> None:
    rng = np.random.default_rng(6)
    for size in (2, 3, 5):
        members = [[face(row) for row in rng.normal(size=(2, WIDTH))] for _ in range(size)]
        own = [np.mean([f.embedding for f in faces], 0, dtype=np.float64) for faces in members]
        mean = np.mean([row / np.linalg.norm(row) for row in own], 0)
        far = np.linalg.norm(untrained().embeddings - mean, axis=1)
        surrogate = fitted().surrogate(members)
        assert np.allclose(surrogate.embedding, mean, atol=1e-6)
        assert fitted().proxies_of(surrogate, {}).tolist() == np.argsort(far)[:size].tolist()


def test_a_mixture_is_the_call_made_by_hand() -> None:
    likeness = Likeness(untrained().embeddings[3].astype(np.float64), 3)
    for expression, shares in (("happy", [0, 1]), ("neutral", [1, 0]), (None, [0.5, 0.5])):
        label = {} if expression is None else {"expression": expression}
        mixture = torch.zeros(1, PROXIES)
        mixture[0, fitted().proxies_of(likeness, label).tolist()] = 1 / 3
        with torch.inference_mode():
            planes = untrained().network(mixture, torch.tensor([shares]).float())
        planes = torch.nn.functional.interpolate(
            planes, scale_factor=4, mode="bicubic", align_corners=False
        )
        wanted = (planes[0].permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5
        drawn = fitted().draw(likeness, label, seed=1)
        assert np.abs(drawn - wanted).max() <= 1
        assert drawn.std() > 4


def test_gender_goes_before_nearness_and_never_leaves_a_place_empty() -> None:
    genders = np.array(untrained().genders)
    likeness = Likeness(untrained().embeddings[0].astype(np.float64), 6)
    for gender in ("female", "male"):
        chosen = fitted().proxies_of(likeness, {"gender": gender})
        assert set(genders[chosen]) == {gender}
    more = Likeness(likeness.embedding, 12)
    chosen = fitted().proxies_of(more, {"gender": "female"})
    assert (genders[chosen] == "female").tolist() == [True] * 8 + [False] * 4
    assert len(set(chosen.tolist())) == 12


def test_nobody_of_the_gallery_is_mixed() -> None:
    proxies = untrained().embeddings
    method = KSameNet(stored=untrained()).fit([[face(proxies[2])], [face(proxies[7])]])
    assert method.free_ is not None
    assert np.flatnonzero(~method.free_).tolist() == [2, 7]
    near = Likeness(proxies[2].astype(np.float64), 5)
    assert 2 in fitted().proxies_of(near, {})
    assert not {2, 7} & set(method.proxies_of(near, {}).tolist())
    with pytest.raises(TooFewPeople) as error:
        method.proxies_of(Likeness(near.embedding, PROXIES - 1), {})
    assert (error.value.have, error.value.need) == (PROXIES - 2, PROXIES - 1)


def test_no_order_of_members_changes_who_is_mixed() -> None:
    rows = np.random.default_rng(8).normal(size=(4, WIDTH))
    found = {
        fitted().surrogate([[face(rows[i])] for i in order]).embedding.tobytes()
        for order in permutations(range(4))
    }
    assert len(found) == 1


def test_exceptions() -> None:
    method = KSameNet(stored=untrained())
    members = [[face(np.ones(WIDTH))]] * 3
    with pytest.raises(UsageError, match="fit"):
        method.draw(method.surrogate(members), {}, seed=0)
    with pytest.raises(UsageError, match="without people"):
        method.surrogate([])
    with pytest.raises(UsageError, match=r"\(5,\) came.*\(8,\)"):
        method.surrogate([[face(np.ones(5))]])
    with pytest.raises(UsageError, match=r"\(5,\) came"):
        method.fit([[face(np.ones(5))]])


def test_the_shipped_network_knows_what_the_method_says_and_fits_its_place() -> None:
    data = weights.read(KSameNet.weights)
    assert len(data) <= 4_000_000
    stored = read_proxies(data)
    assert tuple(KSameNet.draws["expression"]) == tuple(stored.labels)
    assert stored.embeddings.shape == (len(stored.genders), 128)
    assert np.allclose(np.linalg.norm(stored.embeddings, axis=1), 1, atol=2e-3)
    assert min(stored.genders.count(g) for g in ("female", "male")) >= 60


def test_a_damaged_shipped_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = weights.read(KSameNet.weights)
    monkeypatch.setattr(weights, "read", lambda name: data[: len(data) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        KSameNet().fit([])


def test_shipped_pictures_show_the_expression_and_the_group_and_no_seed() -> None:
    method = KSameNet().fit([])
    rows = read_proxies(weights.read(KSameNet.weights)).embeddings
    groups = [Likeness(rows[i].astype(np.float64), 3) for i in range(0, len(rows), 40)]
    drawn = {
        name: np.stack([method.draw(g, {"expression": name}, seed=0) for g in groups])
        for name in LABELS
    }
    again = method.draw(groups[0], {"expression": "happy"}, seed=9)
    assert np.array_equal(again, drawn["happy"][0])
    recogniser, probes = Recogniser(), Probes()
    happy = {
        name: probes.read(*recogniser.embed_with_maps(chips_of_crops(pictures)))["expression"]
        .probability[:, LABELS.index("happy")]
        .mean()
        for name, pictures in drawn.items()
    }
    assert happy["happy"] > 0.5 > happy["neutral"]
    embeddings = recogniser.embed(chips_of_crops(drawn["neutral"]))
    apart = np.linalg.norm(embeddings[:, None] - embeddings, axis=2)
    assert apart[np.triu_indices(len(groups), 1)].min() > 0.1
