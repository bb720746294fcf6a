"""How photograph-like pictures are: sharpness, spectrum, and a kernel distance on named features.

No single figure tells. A sharpened mean is sharp, noise is sharper still, and a stolen photo is perfect: each
figure here is for one way to cheat the others, and ``benchmarks/picture_gate.py`` shows that it is caught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = [
    "FEATURES",
    "KernelDistance",
    "Spectrum",
    "features",
    "features_and_places",
    "frechet_distance",
    "kernel_distance",
    "mean_spectrum",
    "sharpness",
    "spectrum_peak",
    "spectrum_slope",
]

Spectrum = npt.NDArray[np.float64]

FEATURES = "centerface-body-4-8-16"
"""Name of what :func:`features` returns; distances on other features cannot be compared."""

# Of the detector's body: at a quarter, an eighth and a sixteenth of the size.
_STAGES = (0, 1, 3)
# Where a face lies in a head crop, rows and columns, and what is seen of it in how many parts a side.
_WINDOW = (slice(80, 208), slice(64, 192))
_PLACES_STAGE = 1
_PARTS = 4
_RING = 0.02  # cycles per pixel
_FINE = (0.25, 0.45)
_COARSE = (0.04, 0.12)


def sharpness(picture_u8: U8Array) -> float:
    """Variance of the Laplacian of the grey picture, grey levels squared.

    Args:
        picture_u8: (H, W, 3) uint8.
    """
    grey = picture_u8.astype(np.float64).mean(2)
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((4 * inner - around).var())


def mean_spectrum(pictures_u8: Sequence[U8Array]) -> Spectrum:
    """Mean power of the grey pictures under a Hann window, (H, W // 2 + 1), frequencies as of ``rfft2``.

    Args:
        pictures_u8: (H, W, 3) uint8 each, all of one size, at least one.
    """
    if not pictures_u8:
        raise ValueError("no pictures came; a spectrum needs at least one")
    total: Spectrum | None = None
    for picture in pictures_u8:
        grey = picture.astype(np.float64).mean(2)
        height, width = grey.shape
        window = np.hanning(height)[:, None] * np.hanning(width)[None]
        power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
        total = power if total is None else total + power
    assert total is not None
    return total / len(pictures_u8)


def spectrum_peak(spectrum: Spectrum) -> float:
    """Highest power above its ring's median beyond 0.2 cycles per pixel, in decibels.

    Checkerboards, woven textures and grids that a network draws stand out as single points of a ring; photos,
    sharpening and noise spread theirs evenly. A single picture of nothing special has some 10 dB.
    """
    radius, power = _radii(spectrum), 10 * np.log10(spectrum + 1e-12)
    rings = (radius / _RING).astype(int)
    highest = -np.inf
    for ring in range(int(0.2 / _RING), int(0.5 / _RING)):
        values = power[rings == ring]
        highest = max(highest, float(values.max() - np.median(values)))
    return highest


def spectrum_slope(spectrum: Spectrum) -> float:
    """Fine power (0.25 to 0.45 cycles per pixel) over coarse power (0.04 to 0.12), in decibels.

    Photos lie in a narrow band; noise and sharpening lie above it and blurs below.
    """
    radius = _radii(spectrum)
    fine, coarse = (
        spectrum[(low <= radius) & (radius < high)].mean() for low, high in (_FINE, _COARSE)
    )
    return float(10 * np.log10((fine + 1e-12) / (coarse + 1e-12)))


def _radii(spectrum: Spectrum) -> Spectrum:
    height = spectrum.shape[0]
    width = 2 * (spectrum.shape[1] - 1)
    found: Spectrum = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    return found


def features(pictures_u8: Sequence[U8Array]) -> FloatArray:
    """What the shipped detector's body sees, named by :data:`FEATURES`.

    Args:
        pictures_u8: (H, W, 3) uint8 each, sides multiples of 32.

    Returns:
        (N, 304) float32: mean and standard deviation over the picture of every channel at three scales.

    Reference: the body is MobileNetV2 as CenterFace uses it (Xu et al. 2020). No Inception network: its
    published weights may not be shipped, so distances here cannot be compared with published KIDs.
    """
    return features_and_places(pictures_u8)[0]


def features_and_places(pictures_u8: Sequence[U8Array]) -> tuple[FloatArray, FloatArray]:
    """:func:`features`, and what the same body sees where on the face: a mean over a picture sees no mouth.

    Args:
        pictures_u8: (N, 256, 256, 3) uint8 head crops.

    Returns:
        (N, 304) and (N, 512) float32; the second are means of every channel at an eighth of the size, over
        4 x 4 squares of the face's place in a head crop.
    """
    from kssgan.faces import detect

    body = detect.Detector().network
    found, places = [], []
    with torch.inference_mode():
        for picture in pictures_u8:
            planes = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
            maps = body.body(planes[None].float())
            parts = [
                torch.cat([maps[i].mean((2, 3)), maps[i].std((2, 3))], 1)[0] for i in _STAGES
            ]
            found.append(torch.cat(parts).numpy())
            places.append(_places(maps[_PLACES_STAGE][0]))
    return np.stack(found), np.stack(places)


def _places(maps: torch.Tensor) -> FloatArray:
    """Means of (C, H, W) maps over squares of the face's window, (16 C,)."""
    scale = CROP_SIZE // maps.shape[1]
    rows, columns = (slice(s.start // scale, s.stop // scale) for s in _WINDOW)
    face = torch.nn.functional.adaptive_avg_pool2d(maps[:, rows, columns], _PARTS)
    found: FloatArray = face.flatten().numpy()
    return found


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance and how sure it is.

    Attributes:
        value: unbiased estimate of the squared distance; 0 for equal distributions, may be below.
        deviation: the standard deviation that as many other pictures of the same making would have; not
            below it on average. NaN for two pictures, which do not tell it.
    """

    value: float
    deviation: float


def kernel_distance(
    drawn: FloatArray, real: FloatArray, *, scale: FloatArray
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x.y / d + 1)**3.

    Args:
        drawn: (N, d) features of pictures, at least two.
        real: (M, d) features of photos, at least two; the deviation takes them as given.
        scale: (R, d) features of photos that centre and scale every feature; the same for all comparisons.

    Raises:
        ValueError: if a side has fewer than two pictures.

    Reference: Binkowski et al. 2018, "Demystifying MMD GANs" (KID), on other features. The deviation is the
    jackknife's: Arvesen 1969, "Jackknifing U-statistics"; Efron, Stein 1981 show that it errs upwards.
    """
    x, y = _standardised(drawn, real, scale)
    within_x, within_y, across = _kernel(x, x), _mean_of_pairs(_kernel(y, y)), _kernel(x, y)
    value = _mean_of_pairs(within_x) + within_y - 2 * across.mean()
    count = len(x)
    if count == 2:
        return KernelDistance(float(value), float("nan"))
    # The same without each of the pictures.
    own, far = within_x.sum(1) - np.diagonal(within_x), across.mean(1)
    pairs = (own.sum() - 2 * own) / ((count - 1) * (count - 2))
    without = pairs + within_y - 2 * (far.sum() - far) / (count - 1)
    return KernelDistance(float(value), float(without.std() * (count - 1) ** 0.5))


def frechet_distance(drawn: FloatArray, real: FloatArray, *, scale: FloatArray) -> float:
    """Fréchet distance between two Gaussians with the means and shrunk covariances of the features.

    A covariance of fewer pictures than features is singular, so each side's is drawn towards a multiple of
    the identity by the share that Ledoit and Wolf give, and the more so the fewer its pictures. That leaves a
    bias: few photos lie far from many others. Compare with the distance of as many photos, never across
    numbers of pictures.

    Args:
        drawn: (N, d) features of pictures, at least two.
        real: (M, d) features of photos, at least two.
        scale: (R, d) features of photos that centre and scale every feature; the same for all comparisons.

    Returns:
        ``|m - n|**2 + trace(A + B - 2 (A B)**0.5)``, not below 0.

    Reference: Heusel et al. 2017 (FID), on other features; Ledoit, Wolf 2004, "A well-conditioned estimator
    for large-dimensional covariance matrices".
    """
    x, y = _standardised(drawn, real, scale)
    a, b = _shrunk_covariance(x), _shrunk_covariance(y)
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # The eigenvalues of A B are those of the symmetric A**0.5 B A**0.5.
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0)).sum()
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return float(max(0.0, apart + np.trace(a) + np.trace(b) - 2 * shared))


def _standardised(
    drawn: FloatArray, real: FloatArray, scale: FloatArray
) -> tuple[Spectrum, Spectrum]:
    """Features of both sides, centred and scaled as of ``scale``."""
    if min(len(drawn), len(real)) < 2:
        raise ValueError(
            f"{len(drawn)} and {len(real)} pictures came; each side needs two or more"
        )
    middle = scale.astype(np.float64).mean(0)
    spread = np.maximum(scale.astype(np.float64).std(0), 1e-6)
    return (drawn - middle) / spread, (real - middle) / spread


def _shrunk_covariance(x: Spectrum) -> Spectrum:
    """Ledoit and Wolf's estimate from rows, (d, d)."""
    x = x - x.mean(0)
    rows, width = x.shape
    found: Spectrum = x.T @ x / rows
    level = np.trace(found) / width
    # Squared distances per feature: of the rows' products to their mean, and of that to the identity.
    noise = (((x**2).sum(1) ** 2).sum() / rows - (found**2).sum()) / (rows * width)
    away = ((found - level * np.eye(width)) ** 2).sum() / width
    share = min(1.0, noise / away) if away > 0 else 1.0
    shrunk: Spectrum = (1 - share) * found + share * level * np.eye(width)
    return shrunk


def _kernel(x: Spectrum, y: Spectrum) -> Spectrum:
    found: Spectrum = (x @ y.T / x.shape[1] + 1) ** 3
    return found


def _mean_of_pairs(within: Spectrum) -> float:
    """Mean of a square kernel without the pairs of a picture with itself."""
    rows = len(within)
    return float((within.sum() - np.trace(within)) / (rows * (rows - 1)))
