"""Everything that may go wrong between a face and its head crop, on batches in torch.

One set of functions makes the training pictures and the conditions of ``benchmarks/landmarks.py``. Pictures
are (B, 3, S, S) float in [0, 1]; points (B, 468, 2) in their pixels. Lengths are given in shares of S or of
the distance of the outer eye corners, so that the same trouble can be made at any size.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

__all__ = ["Trouble", "sample", "spoil", "turn_about"]

_EYES = (33, 263)  # outer corners
_CHIN, _TOP, _BRIDGE, _LIP, _NOSE = 152, 10, 168, 13, 4


@dataclass(frozen=True)
class Trouble:
    """How often and how strongly pictures are spoiled; probabilities are per picture."""

    light: float = 1.0
    shadow: float = 0.35
    grey: float = 0.1
    boxes: float = 0.35
    glasses: float = 0.2
    mask: float = 0.1
    blur: float = 0.3
    small: float = 0.3
    noise: float = 0.35
    jpeg: float = 0.12


def turn_about(
    centre: tuple[float, float], roll: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor
) -> torch.Tensor:
    """(B, 2, 3) maps that turn (radians) and scale about ``centre``, then shift (B, 2)."""
    c, s = scale * torch.cos(roll), scale * torch.sin(roll)
    linear = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)
    middle = torch.tensor(centre)
    return torch.cat([linear, (middle + shift - linear @ middle)[:, :, None]], 2)


def sample(
    canvases: torch.Tensor,
    points: torch.Tensor,
    forward: torch.Tensor,
    size: int,
    *,
    bend: torch.Tensor | None = None,
    fill: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut pictures out of canvases.

    Args:
        canvases: (B, 4, C, C) in [0, 1]; the fourth channel is 1 where the photo is.
        points: (B, 468, 2) in canvas pixels.
        forward: (B, 2, 3) from canvas pixels to the pixels of the cut.
        size: side of the cut.
        bend: (B, 2, 4, 4) smooth displacement in shares of ``size``: other face shapes, truth moved along.
        fill: (B, 3, 1, 1) colour outside the photo; negative repeats its edge.

    Returns:
        Pictures (B, 3, size, size) and their points.
    """
    linear, move = forward[:, :, :2], forward[:, :, 2]
    back = torch.linalg.inv(linear)
    y, x = torch.meshgrid(torch.arange(size) + 0.0, torch.arange(size) + 0.0, indexing="ij")
    grid = torch.stack([x, y], -1).reshape(1, -1, 2).expand(len(canvases), -1, -1)
    places = points @ linear.transpose(1, 2) + move[:, None]
    if bend is not None:
        field = functional.interpolate(
            bend * size, size=(size, size), mode="bicubic", align_corners=True
        )
        grid = grid + field.flatten(2).transpose(1, 2)
        # The cut's pixel u shows place u + field(u); a point at place q is seen at u = q - field(u).
        goal = places
        for _ in range(4):
            at = (2 * places / (size - 1) - 1)[:, :, None]
            moved = functional.grid_sample(field, at, padding_mode="border", align_corners=True)
            places = goal - moved[:, :, :, 0].transpose(1, 2)
    sides = torch.tensor([canvases.shape[-1], canvases.shape[-2]])
    source = (grid - move[:, None]) @ back.transpose(1, 2)
    at = (2 * (source + 0.5) / sides - 1).reshape(-1, size, size, 2)
    cut = functional.grid_sample(canvases, at, padding_mode="border", align_corners=False)
    pictures, inside = cut[:, :3], cut[:, 3:]
    if fill is not None:
        inside = torch.where(fill[:, :1] < 0, torch.ones_like(inside), inside)
        pictures = pictures * inside + fill.clamp(min=0) * (1 - inside)
    return pictures, places


def spoil(
    pictures: torch.Tensor, points: torch.Tensor, trouble: Trouble, rng: torch.Generator
) -> torch.Tensor:
    """Change light and colour, hide parts, blur, add noise, compress; truth stays where it was."""
    out = _hide(pictures, points, trouble, rng)
    out = _light(out, trouble, rng)
    out = _soften(out, points, trouble, rng)
    out = _noise(out, trouble, rng)
    return _jpeg(out.clamp(0, 1), trouble.jpeg, rng)


def _uniform(rng: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=rng) * (high - low) + low


def _chosen(rng: torch.Generator, share: float, count: int) -> torch.Tensor:
    return torch.rand(count, generator=rng) < share


def _frame(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Middle of the eyes (B, 2), unit vector along them, and their distance (B, 1)."""
    left, right = points[:, _EYES[0]], points[:, _EYES[1]]
    distance = (right - left).norm(dim=1, keepdim=True)
    return (left + right) / 2, (right - left) / distance, distance


def _coordinates(points: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every pixel in the frame of the eyes: (B, S, S) along and below, in eye distances."""
    middle, along, distance = _frame(points)
    y, x = torch.meshgrid(torch.arange(size) + 0.0, torch.arange(size) + 0.0, indexing="ij")
    dx = (x - middle[:, 0, None, None]) / distance[:, :, None]
    dy = (y - middle[:, 1, None, None]) / distance[:, :, None]
    c, s = along[:, 0, None, None], along[:, 1, None, None]
    return dx * c + dy * s, dy * c - dx * s


def _cover(pictures: torch.Tensor, where: torch.Tensor, paint: torch.Tensor) -> torch.Tensor:
    return torch.lerp(pictures, paint.expand_as(pictures), where[:, None])


def _paint(pictures: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Plain colours, noise, or another picture of the batch shifted about: what hides a face."""
    count, _, size, _ = pictures.shape
    plain = torch.rand(count, 3, 1, 1, generator=rng)
    grain = functional.interpolate(
        torch.rand(count, 3, 12, 12, generator=rng), size=(size, size)
    )
    other = pictures[torch.randperm(count, generator=rng)]
    other = other.roll((int(torch.randint(size, (1,), generator=rng)), size // 3), (2, 3))
    kind = torch.rand(count, 1, 1, 1, generator=rng)
    return torch.where(kind < 0.5, plain, torch.where(kind < 0.75, (plain + grain) / 2, other))


def _hide(
    pictures: torch.Tensor, points: torch.Tensor, trouble: Trouble, rng: torch.Generator
) -> torch.Tensor:
    count, _, size, _ = pictures.shape
    u, v = _coordinates(points, size)
    edge = 0.03
    for _ in range(2):
        at = _uniform(rng, -1.0, 1.0, count, 2) * torch.tensor([0.9, 1.0]) + torch.tensor(
            [0, 0.4]
        )
        turn = _uniform(rng, 0, math.pi, count)[:, None, None]
        half = _uniform(rng, 0.1, 0.5, count, 2)
        p, q = u - at[:, 0, None, None], v - at[:, 1, None, None]
        p, q = p * turn.cos() + q * turn.sin(), q * turn.cos() - p * turn.sin()
        p, q = p.abs() / half[:, 0, None, None], q.abs() / half[:, 1, None, None]
        # A high power of both is a box, two is an ellipse.
        power = torch.where(_chosen(rng, 0.5, count), 2.0, 8.0)[:, None, None]
        inside = torch.sigmoid((1 - (p**power + q**power) ** (1 / power)) / edge / 2)
        inside = inside * _chosen(rng, trouble.boxes / 1.5, count)[:, None, None]
        pictures = _cover(pictures, inside, _paint(pictures, rng))
    pictures = _glasses(pictures, u, v, trouble.glasses, rng)
    # A mask: from the bridge of the nose downwards, inside the outline of the face.
    upper = _uniform(rng, 0.25, 0.6, count)[:, None, None]
    wide = _uniform(rng, 0.72, 0.9, count)[:, None, None]
    inside = torch.sigmoid((v - upper - 0.35 * u**2) / edge)
    inside = inside * torch.sigmoid((1 - (u / wide) ** 2 - ((v - 0.45) / 1.05) ** 2) / edge / 2)
    inside = inside * _chosen(rng, trouble.mask, count)[:, None, None]
    folds = 1 + 0.1 * torch.sin(v * _uniform(rng, 10, 40, count)[:, None, None])[:, None]
    return _cover(pictures, inside, torch.rand(count, 3, 1, 1, generator=rng) * folds)


def _glasses(
    pictures: torch.Tensor, u: torch.Tensor, v: torch.Tensor, share: float, rng: torch.Generator
) -> torch.Tensor:
    count = len(pictures)

    def each(low: float, high: float) -> torch.Tensor:
        return _uniform(rng, low, high, count)[:, None, None]

    centre, drop = each(0.32, 0.38), each(-0.02, 0.12)
    wide, high, thick = each(0.22, 0.32), each(0.16, 0.28), each(0.015, 0.06)
    power = torch.where(_chosen(rng, 0.5, count), 2.0, 5.0)[:, None, None]
    p, q = (u.abs() - centre).abs() / wide, (v - drop).abs() / high
    ring = ((p**power + q**power) ** (1 / power) - 1) * torch.minimum(wide, high)
    rim = torch.sigmoid((thick - ring.abs()) / 0.01)
    lens = torch.sigmoid(-ring / 0.01) * each(0, 1) * _chosen(rng, 0.4, count)[:, None, None]
    bar = torch.sigmoid((thick - (v - drop + 0.03).abs()) / 0.01)
    bar = bar * ((u.abs() < centre - wide) | ((u.abs() > centre + wide) & (u.abs() < 0.85)))
    on = _chosen(rng, share, count)[:, None, None]
    colour = torch.rand(count, 3, 1, 1, generator=rng) ** 2
    pictures = _cover(pictures, lens * on, colour)
    return _cover(pictures, torch.maximum(rim, bar) * on, colour * torch.rand(1, generator=rng))


def _light(pictures: torch.Tensor, trouble: Trouble, rng: torch.Generator) -> torch.Tensor:
    count, _, size, _ = pictures.shape

    def each(low: float, high: float) -> torch.Tensor:
        return _uniform(rng, low, high, count)[:, None, None, None]

    on = _chosen(rng, trouble.light, count)[:, None, None, None]
    gamma = torch.exp(each(-0.6, 0.6))
    tint = torch.exp(_uniform(rng, -0.2, 0.2, count, 3)[:, :, None, None])
    bright, contrast = torch.exp(each(-0.7, 0.35)), each(0.5, 1.4)
    out = pictures.clamp(1e-3, 1) ** gamma * tint * bright
    middle = out.mean((1, 2, 3), keepdim=True)
    out = (out - middle) * contrast + middle
    grey = out.mean(1, keepdim=True)
    faded = torch.where(
        _chosen(rng, trouble.grey, count)[:, None, None, None], 0.0, each(0.5, 1.3)
    )
    out = torch.where(on, (out - grey) * faded + grey, pictures)
    # Light from one side, smooth or with a hard shadow edge.
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij"
    )
    angle = each(0, 2 * math.pi)
    slope = (x * angle.cos() + y * angle.sin() - each(-0.4, 0.4)) * torch.exp(each(0, 3.5))
    dark = 1 - each(0.2, 0.85) * torch.sigmoid(slope)
    shaded = _chosen(rng, trouble.shadow, count)[:, None, None, None]
    return torch.where(shaded, out * dark, out).clamp(0, 1)


def _soften(
    pictures: torch.Tensor, points: torch.Tensor, trouble: Trouble, rng: torch.Generator
) -> torch.Tensor:
    out = pictures.clone()
    size = pictures.shape[-1]
    # One strength for all that are chosen: they run through one convolution.
    chosen = _chosen(rng, trouble.blur, len(out))
    distance = float(_frame(points)[2].mean())
    sigma = float(_uniform(rng, 0.01, 0.06, 1)) * distance
    if chosen.any() and sigma > 0.3:
        reach = math.ceil(2.5 * sigma)
        line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
        line = (line / line.sum()).expand(3, 1, 1, -1)
        part = functional.pad(out[chosen], (reach,) * 4, mode="replicate")
        if float(torch.rand(1, generator=rng)) < 0.75:
            part = functional.conv2d(part, line, groups=3)
            out[chosen] = functional.conv2d(part, line.transpose(2, 3), groups=3)
        else:  # moved while the shutter was open
            out[chosen] = functional.conv2d(part, line, groups=3)[:, :, reach:-reach]
    chosen = _chosen(rng, trouble.small, len(out))
    # The outer eye corners as few as 10 pixels apart.
    less = float(torch.exp(_uniform(rng, math.log(10), math.log(30), 1))) / distance
    if chosen.any() and less < 1:
        tiny = (max(8, round(size * less)),) * 2
        part = functional.interpolate(out[chosen], size=tiny, mode="bilinear", antialias=True)
        out[chosen] = functional.interpolate(part, size=(size, size), mode="bicubic").clamp(
            0, 1
        )
    return out


def _noise(pictures: torch.Tensor, trouble: Trouble, rng: torch.Generator) -> torch.Tensor:
    count = len(pictures)
    strength = _uniform(rng, 0.005, 0.09, count) * _chosen(rng, trouble.noise, count)
    return pictures + strength[:, None, None, None] * torch.randn(pictures.shape, generator=rng)


def _jpeg(pictures: torch.Tensor, share: float, rng: torch.Generator) -> torch.Tensor:
    out = pictures.clone()
    for n in _chosen(rng, share, len(out)).nonzero()[:, 0].tolist():
        pixels = (out[n] * 255 + 0.5).byte().permute(1, 2, 0).numpy()
        stream = io.BytesIO()
        quality = int(torch.randint(8, 60, (1,), generator=rng))
        Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
        with Image.open(stream) as opened:
            back = np.asarray(opened.convert("RGB"), dtype=np.float32) / 255
        out[n] = torch.from_numpy(back).permute(2, 0, 1)
    return out
