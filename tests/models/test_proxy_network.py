"""The up-convolutional network of k-Same-Net, and its file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from kssgan.errors import WeightsError
from kssgan.models.proxy_network import ProxyConfig, ProxyNetwork, at_crop_size
from kssgan.models.stored_proxies import FORMAT, StoredProxies, read_proxies, write_proxies

SMALL = ProxyConfig(5, 2, code=4, hidden=8, spread=3, widths=(6, 5, 4))


def network() -> ProxyNetwork:
    torch.manual_seed(1)
    made = ProxyNetwork(SMALL)
    # Heads start near zero; here their pictures shall show something.
    torch.nn.init.normal_(made.rough_head.weight, std=0.3)
    torch.nn.init.normal_(made.bands.weight, std=0.3)
    return made


def stored() -> StoredProxies:
    rows = np.eye(5, 8, dtype=np.float32)
    return StoredProxies(network(), rows, ("f", "m", "", "f", "m"), ("a", "b"), {"seed": 3})


def test_cardinality() -> None:
    made, label = network(), torch.eye(2)
    mixture = torch.eye(5)[:2]
    assert (SMALL.size, SMALL.rough_size) == (64, 16)
    assert made(mixture, label).shape == (2, 3, 64, 64)
    assert made.rough(mixture @ made.codes, label).shape == (2, 3, 16, 16)
    assert ProxyConfig(9, 2).size == 128
    assert at_crop_size(torch.ones(2, 3, 64, 64)).shape == (2, 3, 256, 256)
    assert ProxyConfig.from_json(json.loads(json.dumps(SMALL.to_json()))) == SMALL


def test_a_mixture_is_the_picture_of_the_mean_code() -> None:
    made, label = network(), torch.tensor([[0.0, 1.0]])
    mixture = torch.tensor([[0.0, 1 / 3, 0.0, 1 / 3, 1 / 3]])
    mean = made.codes[[1, 3, 4]].mean(0, keepdim=True)
    torch.testing.assert_close(made(mixture, label), made.decode(mean, label))
    assert (made(mixture, label) - made(torch.eye(5)[1:2], label)).abs().max() > 1e-3


def test_the_rough_picture_is_the_picture_seen_from_afar() -> None:
    made, label = network(), torch.eye(2)
    torch.nn.init.zeros_(made.bands.weight)
    code = made.codes[:2]
    afar = torch.nn.functional.avg_pool2d(made.decode(code, label), 4)
    rough = made.rough(code, label)
    assert (afar - rough).abs().mean() < 0.25 * rough.std()


def test_nothing_alternates_from_pixel_to_pixel() -> None:
    made = network()
    picture = made(torch.eye(5), torch.eye(2)[[0, 1, 0, 1, 0]])[..., 8:-8, 8:-8]
    sign = (-1.0) ** torch.arange(picture.shape[-1])
    size = picture.std()
    assert (picture * sign).mean((2, 3)).abs().max() < 0.02 * size
    assert (picture * sign[:, None]).mean((2, 3)).abs().max() < 0.02 * size


def test_every_part_learns() -> None:
    made = network()
    made(torch.eye(5)[:2], torch.eye(2)).square().mean().backward()
    for name, value in made.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().max() > 0, name


def test_a_file_gives_back_what_was_written() -> None:
    data = write_proxies(stored())
    assert data == write_proxies(stored())
    found = read_proxies(data)
    assert found.genders == ("f", "m", "", "f", "m")
    assert found.labels == ("a", "b")
    assert found.facts == {"seed": 3}
    assert np.array_equal(found.embeddings, stored().embeddings)
    mine, theirs = (n(torch.eye(5), torch.ones(5, 2) / 2) for n in (network(), found.network))
    assert (mine - theirs).abs().max() < 0.02
    assert not any(p.requires_grad for p in found.network.parameters())


@pytest.mark.parametrize("length", [0, 7, 100, 2000, -1])
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(WeightsError):
        read_proxies(write_proxies(stored())[:length])


def test_another_file_or_one_that_contradicts_itself_is_refused() -> None:
    data = write_proxies(stored())
    with pytest.raises(WeightsError, match="no weights of k-Same-Net"):
        read_proxies(data.replace(FORMAT.encode(), FORMAT[:-1].encode() + b"0"))
    with pytest.raises(WeightsError, match="damaged"):
        read_proxies(write_proxies(StoredProxies(network(), np.eye(4), "fmfm", "ab", {})))
    with pytest.raises(WeightsError, match="damaged"):
        read_proxies(write_proxies(StoredProxies(network(), np.eye(5), "fmfmf", "a", {})))
    broken = network()
    with torch.no_grad():
        broken.codes[0, 0] = float("nan")
    with pytest.raises(WeightsError, match="damaged"):
        read_proxies(write_proxies(StoredProxies(broken, np.eye(5), "fmfmf", "ab", {})))
