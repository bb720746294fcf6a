"""The two networks against facts counted by hand, and against numbers from independent programs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kssgan import weights
from kssgan.errors import WeightsError
from kssgan.faces._centerface import CenterFace
from kssgan.faces._load import ready
from kssgan.faces._resnet import DlibResNet, _fit


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_recogniser_size() -> None:
    # dlib's file holds 5,614,592 numbers; the 29 affine layers (2 each) are folded into 29 biases.
    outputs = 32 * 7 + 64 * 8 + 128 * 6 + 256 * 6 + 256 * 2
    assert count(DlibResNet()) == 5_614_592 - 2 * outputs
    assert sum(1 for _ in DlibResNet().convolutions()) == 29


def test_detector_size() -> None:
    def inverted(inputs: int, outputs: int) -> int:
        wide = 6 * inputs
        return inputs * wide + wide + 9 * wide + wide + wide * outputs + outputs

    stem = (27 * 32 + 32) + (9 * 32 + 32) + (32 * 16 + 16)
    body, channels = 0, 16
    for outputs, blocks in ((24, 2), (32, 3), (64, 4), (96, 3), (160, 3), (320, 1)):
        for _ in range(blocks):
            body += inverted(channels, outputs)
            channels = outputs
    neck = (320 + 96 + 32 + 24) * 24 + 4 * 24 + 3 * (24 * 24 * 4 + 24)
    head = 24 * 24 * 9 + 24 + 24 * (1 + 2 + 2 + 10) + (1 + 2 + 2 + 10)
    assert count(CenterFace()) == stem + body + neck + head


def test_map_sizes() -> None:
    sizes = []
    network = DlibResNet()
    for module in (
        network.blocks[2],
        network.blocks[6],
        network.blocks[9],
        network.blocks[12],
        network.blocks[13],
    ):
        module.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.zeros(1, 3, 150, 150))
    assert sizes == [(32, 35, 35), (64, 17, 17), (128, 8, 8), (256, 4, 4), (256, 2, 2)]
    heat, size, offset, points = CenterFace()(torch.zeros(1, 3, 64, 96))
    assert [tuple(t.shape) for t in (heat, size, offset, points)] == [
        (1, n, 16, 24) for n in (1, 2, 2, 10)
    ]


def test_smaller_branch_is_padded_right_below_and_behind() -> None:
    small, large = torch.ones(1, 2, 3, 3), torch.zeros(1, 4, 4, 5)
    fitted = _fit(small, large)
    assert fitted.shape == (1, 4, 4, 5)
    assert fitted[:, :2, :3, :3].eq(1).all()
    assert fitted.sum() == 2 * 9
    assert _fit(large, small).shape == (1, 4, 4, 5)


def noise(*shape: int) -> np.ndarray:
    """Smooth deterministic noise, 0..255, that any program can make again."""
    values = (
        np.random.Generator(np.random.PCG64(7))
        .integers(0, 256, shape, dtype=np.uint8)
        .astype(np.float32)
    )
    for axis in (0, 1):
        values = (values + np.roll(values, 1, axis) + np.roll(values, 2, axis)) / 3
    return values.round()


# Made by dlib 20.0.1 and by OpenCV 5.0.0 (cv2.dnn) from the published files and noise(); ours runs on
# weights rounded to float16.
DLIB = [-0.101299, 0.083603, 0.037348, -0.029069, -0.162667, -0.076784, -0.026168, -0.090632]
DLIB_NORM = 1.287135
OPENCV = {
    "heat": [0.000862295, 0.00100498, 0.00103141, 0.00110522, 0.00134199],
    "size": [1.55643, 1.58049, 1.80525, 1.75094, 2.02827],
    "offset": [-0.0319213, -0.0852471, -0.0698147, -0.0689982, -0.0223876],
    "points": [0.31664, 0.257525, 0.261585, 0.232504, 0.256205],
}


def test_recogniser_known_answer() -> None:
    network = ready(DlibResNet(), "recogniser")
    with torch.inference_mode():
        out = network(torch.from_numpy(noise(150, 150, 3)).permute(2, 0, 1)[None])[0].numpy()
    np.testing.assert_allclose(out[:8], DLIB, atol=2e-3)
    assert abs(float(np.linalg.norm(out)) - DLIB_NORM) < 2e-3


def test_detector_known_answer() -> None:
    network = ready(CenterFace(), "detector")
    with torch.inference_mode():
        maps = network(torch.from_numpy(noise(96, 128, 3)).permute(2, 0, 1)[None])
    for name, out in zip(OPENCV, maps, strict=True):
        np.testing.assert_allclose(
            out[0, 0, 5, 3:8].numpy(), OPENCV[name], atol=2e-3, rtol=1e-2
        )


def test_weights_are_frozen_and_exact_in_float16() -> None:
    network = ready(CenterFace(), "detector")
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training
    for parameter in network.parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, parameter.half().float())


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(WeightsError, match="do not fit"):
        ready(CenterFace(), "recogniser")


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from kssgan.faces.detect import Detector
    from kssgan.faces.embed import Recogniser

    monkeypatch.setattr(weights, "digest", lambda _name: "0" * 64)
    with pytest.raises(WeightsError, match="damaged"):
        Detector()
    with pytest.raises(WeightsError, match="damaged"):
        Recogniser()
