"""Train the dense landmark network on public faces and write the weights that kssgan ships.

    python tools/train_landmarks.py coarse ../shared/faces --run RUN
    python tools/train_landmarks.py fine   ../shared/faces --run RUN
    python tools/train_landmarks.py finish ../shared/faces --run RUN

The first two may run side by side. Both learn from four fifths of the people (``held_out``, by a hash of the
subject); ``finish`` folds the norms, calibrates the failure measure on the other fifth and writes
``landmarks.safetensors`` into RUN. The same seed on the same machine gives the same weights.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kssgan.faces._mesh_net import MeshNet, MeshNets, coarse_net, fine_net
from kssgan.faces.landmarks import WINDOW, aligned
from landmark_augment import Trouble, sample, spoil, turn_about
from landmark_calibrate import calibrate
from landmark_data import Canvases, cut_canvases, data_digest, held_out, mirror_order

_SCALE = 0.6  # canvas pixels per crop pixel: as fine as the sharper network looks
_STEPS = {"coarse": 2400, "fine": 3600}
_BATCH = {"coarse": 48, "fine": 32}


@dataclass
class Faces:
    """Training canvases with all that cutting them needs, as tensors."""

    images: torch.Tensor
    points: torch.Tensor
    origin: float
    scale: float
    mirror: torch.Tensor
    shape: torch.Tensor  # mean shape in crop pixels

    @classmethod
    def of(cls, canvases: Canvases, chosen: np.ndarray) -> Faces:
        """Keep the chosen photos."""
        points = torch.from_numpy(canvases.points[chosen])
        return cls(
            images=torch.from_numpy(canvases.images[chosen]),
            points=points,
            origin=canvases.origin,
            scale=canvases.scale,
            mirror=torch.from_numpy(mirror_order(canvases.points)),
            shape=((points - canvases.origin) / canvases.scale).mean(0),
        )

    def halved(self) -> Faces:
        """At half the resolution: all that the coarse network can see, and four times faster to cut."""
        images = torch.cat(
            [
                torch.nn.functional.avg_pool2d(part.float(), 2).round().byte()
                for part in torch.split(self.images, 50)
            ]
        )
        return replace(
            self,
            images=images,
            points=(self.points + 0.5) / 2 - 0.5,
            origin=(self.origin + 0.5) / 2 - 0.5,
            scale=self.scale / 2,
        )

    def trimmed(self) -> Faces:
        """Without the margins that no window of the fine network reaches."""
        side, edge = self.images.shape[-1], round(80 * self.scale)
        images = self.images[:, :, edge : side - edge // 2, edge : side - edge].contiguous()
        return replace(
            self, images=images, points=self.points - edge, origin=self.origin - edge
        )


Maps = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def coarse_maps(faces: Faces) -> Maps:
    """Canvas to 64 px head crops whose five points were badly off: roll to 45 degrees, scale, shift."""

    def draw(points: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        count = len(points)
        wild = torch.rand(count, generator=rng) < 0.5
        any_roll = torch.rand(count, generator=rng) * 2 - 1
        roll = torch.where(
            wild, any_roll * math.pi / 4, torch.randn(count, generator=rng) * 0.15
        )
        scale = torch.exp((torch.rand(count, generator=rng) * 2 - 1) * math.log(1.4))
        shift = (torch.rand(count, 2, generator=rng) * 2 - 1) * 0.12 * 64
        # To the pixels of the reduced crop, then about the middle of the face.
        size = 64 / 256 / faces.scale
        base = torch.tensor([(size, 0.0), (0.0, size)])
        move = 0.5 * 64 / 256 - 0.5 - faces.origin * size
        turn = turn_about((31.5, 38.0), roll, scale, shift)
        linear = turn[:, :, :2] @ base
        offset = turn[:, :, :2] @ torch.full((2, 1), move) + turn[:, :, 2:]
        return torch.cat([linear, offset], 2)

    return draw


def fine_maps(faces: Faces) -> Maps:
    """Canvas to windows that follow the truth up to what a rough first fit gets wrong."""
    shape = faces.shape

    def draw(points: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        count = len(points)
        wild = 1 + 2 * (torch.rand(count, generator=rng) < 0.2).float()
        roll = torch.randn(count, generator=rng) * 0.05 * wild
        scale = torch.exp(torch.randn(count, generator=rng) * 0.05 * wild)
        shift = torch.randn(count, 2, generator=rng) * 0.025 * 96 * wild[:, None]
        turn = turn_about((47.5, 47.5), roll, scale, shift)
        to_window = aligned(points, WINDOW.to_window(shape))
        linear = turn[:, :, :2] @ to_window[:, :, :2]
        return torch.cat([linear, turn[:, :, :2] @ to_window[:, :, 2:] + turn[:, :, 2:]], 2)

    return draw


def batch(
    faces: Faces, maps: Maps, size: int, count: int, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw spoiled pictures with their truth; half of the time mirrored, an eighth left as they are."""
    chosen = torch.randint(len(faces.images), (count,), generator=rng)
    canvases, points = faces.images[chosen].float() / 255, faces.points[chosen]
    bend = torch.randn(count, 2, 4, 4, generator=rng) * 0.022
    bend = bend * (torch.rand(count, 1, 1, 1, generator=rng) < 0.7)
    fill = torch.rand(count, 3, 1, 1, generator=rng)
    kept = torch.rand(count, 1, 1, 1, generator=rng)
    fill = torch.where(kept < 0.5, -1.0, torch.where(kept < 0.75, 0.0, fill))
    pictures, truth = sample(canvases, points, maps(points, rng), size, bend=bend, fill=fill)
    flipped = torch.rand(count, generator=rng) < 0.5
    pictures[flipped] = pictures[flipped].flip(3)
    other = truth[flipped][:, faces.mirror]
    truth[flipped] = torch.stack([size - 1 - other[..., 0], other[..., 1]], -1)
    rest = count // 8
    hard = spoil(pictures[rest:], truth[rest:], Trouble(), rng)
    return torch.cat([pictures[:rest].clamp(0, 1), hard]), truth


def no_faces(pictures: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Turn face pictures into what is none: shuffled tiles, upside down, noise, plain colour."""
    out = pictures.clone()
    size = pictures.shape[-1]
    for n in range(len(out)):
        kind = int(torch.randint(6, (1,), generator=rng))
        if kind < 3:
            parts = (2, 3, 4)[kind]
            tile = size // parts
            tiles = out[n].unfold(1, tile, tile).unfold(2, tile, tile).flatten(1, 2)
            tiles = tiles[:, torch.randperm(parts * parts, generator=rng)]
            tiles = tiles.reshape(3, parts, parts, tile, tile).permute(0, 1, 3, 2, 4)
            out[n, :, : tile * parts, : tile * parts] = tiles.reshape(3, tile * parts, -1)
        elif kind == 3:
            out[n] = out[n].flip(1)
        elif kind == 4:
            coarse = torch.rand(1, 3, 6, 6, generator=rng)
            cloud = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")[0]
            out[n] = (cloud + 0.2 * torch.rand(3, size, size, generator=rng)).clamp(0, 1)
        else:
            out[n] = out[n].roll((size // 2, size // 2), (1, 2))
    return out


def nme(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """(B,) mean distance of the points over the distance of the outer eye corners."""
    eyes = (truth[:, 33] - truth[:, 263]).norm(dim=1)
    error: torch.Tensor = (found - truth).norm(dim=2).mean(1) / eyes
    return error


def train(part: str, faces: Faces, run: Path, *, seed: int, steps: int) -> None:
    """Train one network and save it with its norms; goes on where a stopped run left off."""
    torch.manual_seed(seed)
    net = coarse_net(normed=True) if part == "coarse" else fine_net(normed=True)
    if part == "coarse":
        net.mean.copy_((faces.shape + 0.5) / 256)
        faces = faces.halved()
        maps = coarse_maps(faces)
    else:
        net.mean.copy_((WINDOW.to_window(faces.shape) + 0.5) / net.size)
        faces = faces.trimmed()
        maps = fine_maps(faces)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / 100)
        return warm * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * step / steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    start, spent, saved = 0, 0.0, run / f"{part}.state.pt"
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        start, spent = state["step"], state["seconds"]
    begun, total = time.process_time(), 0.0
    for step in range(start, steps):
        # A generator per step: stopping and going on changes nothing.
        rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
        pictures, truth = batch(faces, maps, net.size, _BATCH[part], rng)
        wrong = len(pictures) // 10
        pictures[-wrong:] = no_faces(pictures[-wrong:], rng)
        found, doubt = net(pictures - 0.5)
        error = nme(found, truth)
        goal = error.detach().clamp(0.005, 0.4).log()
        goal[-wrong:] = math.log(0.4)
        loss = error[:-wrong].mean() + 0.01 * torch.nn.functional.smooth_l1_loss(doubt, goal)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += float(error[:-wrong].detach().mean())
        if (step + 1) % 100 == 0 or step + 1 == steps:
            seconds = spent + time.process_time() - begun
            print(
                f"{part} step {step + 1}: NME {total / 100:.4f}, {seconds:.0f} s of one core",
                flush=True,
            )
            total = 0.0
            torch.save(
                {
                    "net": net.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step + 1,
                    "seconds": seconds,
                },
                saved,
            )


def folded(net: MeshNet, plain: MeshNet) -> MeshNet:
    """Copy ``net`` into ``plain`` (made without norms), each norm folded into its convolution."""
    source, out = net.state_dict(), {}
    for name in plain.state_dict():
        stem, _, kind = name.rpartition(".")
        norm = f"{stem.rpartition('.')[0]}.1"
        if f"{norm}.running_var" not in source or not stem.endswith(".0"):
            out[name] = source[name]
            continue
        gain = source[f"{norm}.weight"].double()
        gain = gain / (source[f"{norm}.running_var"].double() + 1e-5).sqrt()
        if kind == "weight":
            out[name] = (source[name].double() * gain[:, None, None, None]).float()
        else:
            mean, bias = (
                source[f"{norm}.running_mean"].double(),
                source[f"{norm}.bias"].double(),
            )
            out[name] = (bias - mean * gain).float()
    plain.load_state_dict(out)
    return plain


def finish(folder: Path, run: Path, *, seed: int) -> None:
    """Fold, calibrate on the held-out people, and write the weights with a record of how they came."""
    from safetensors.torch import save_file

    nets = MeshNets()
    record: dict[str, object] = {"seed": seed, "data": data_digest(folder)}
    for part in ("coarse", "fine"):
        state = torch.load(run / f"{part}.state.pt", weights_only=True)
        trained = coarse_net(normed=True) if part == "coarse" else fine_net(normed=True)
        trained.load_state_dict(state["net"])
        folded(trained, getattr(nets, part))
        record[part] = {"steps": state["step"], "core_seconds": round(state["seconds"])}
    canvases = cut_canvases(folder, 1.0)
    nets.mirror.copy_(torch.from_numpy(mirror_order(canvases.points)))
    nets.half().float()  # what is shipped is what is calibrated
    chosen = held_out(canvases.subjects, seed=seed)
    record["calibration"] = calibrate(nets.eval(), canvases, chosen, seed=seed)
    state = {name: value.half().contiguous() for name, value in nets.state_dict().items()}
    save_file(state, run / "landmarks.safetensors")
    (run / "record.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


def main() -> None:
    """Read the command line and run one stage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("stage", choices=["coarse", "fine", "finish"])
    parser.add_argument(
        "faces", type=Path, help="folder with labels.csv, landmarks.npz and photos"
    )
    parser.add_argument("--run", type=Path, required=True, help="where the run is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the stage's own number")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if args.stage == "finish":
        finish(args.faces, args.run, seed=args.seed)
        return
    cached = args.run / "canvases.npz"
    if cached.exists():
        with np.load(cached) as kept:
            canvases = Canvases(
                images=kept["images"],
                points=kept["points"],
                origin=float(kept["origin"]),
                scale=float(kept["scale"]),
                london=kept["london"],
                subjects=kept["subjects"].tolist(),
            )
    else:
        canvases = cut_canvases(args.faces, _SCALE)
        np.savez(cached, **vars(canvases))
    faces = Faces.of(canvases, ~held_out(canvases.subjects, seed=args.seed))
    train(args.stage, faces, args.run, seed=args.seed, steps=args.steps or _STEPS[args.stage])


if __name__ == "__main__":
    main()
