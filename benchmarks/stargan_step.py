"""One training step of the paper (k-Same-Siamese-GAN) against a plain StarGAN step, in turns.

    python benchmarks/stargan_step.py --batch 16 --rounds 3 --threads 2 [--json FILE]

Same networks (8.4 and 44.8 million weights at 128 px), same batch, five updates of the critic, each with
its gradient penalty, one of the generator. The plain step is written here from StarGAN's description:
photographs, drawings and x^ pass through the critic one after the other, the penalty is differentiated twice,
the generator's drawings are made again for its own update, the cycle is L1, Adam is PyTorch's default. The
paper's step has a twin to train and to ask besides. Rows: both L_rec terms (as preset), the cycle alone
(Eq. 3 as printed), and StarGAN's L1 by our step: the same work as the plain step.

CPU time of the process is shown beside wall time because it depends less on what else runs. On a GPU every
step also runs in tf32, fp16 and bf16, with the peak of allocated memory, and ours is replayed as one CUDA
graph, as ``kssgan train`` does.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

import kssgan
from kssgan.losses.penalty import between
from kssgan.models.siamese import SiameseConfig
from kssgan.models.star_critic import Judgement, StarCriticConfig
from kssgan.models.star_generator import StarGeneratorConfig
from kssgan.training.precision import Precision, PrecisionName
from kssgan.training.replay import RECORDED_AFTER, Replay
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs, conditions
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import SiameseSettings

_ATTRIBUTES = (3, 2)  # categories: five conditions, as StarGAN's on CelebA
_FIRST = RECORDED_AFTER + 2  # steps on a GPU until one is recorded and replayed
_PRESETS = {
    "paper": SiameseSettings(),
    "paper, cycle alone": replace(SiameseSettings(), lambda_released=0.0),
    "our step, L1": replace(SiameseSettings(), reconstruction="l1"),
}


class PlainStep:
    """StarGAN's step as one would write it first."""

    def __init__(self, networks: SiameseNetworks, precision: PrecisionName) -> None:
        self.generator, self.critic = networks.generator, networks.critic
        self.device = next(self.critic.parameters()).device
        s = SiameseSettings()
        self.settings = s
        self.adam_g = torch.optim.Adam(self.generator.parameters(), s.rate, s.betas)
        self.adam_d = torch.optim.Adam(self.critic.parameters(), s.rate, s.betas)
        self.arithmetic = Precision(precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")

    def __call__(self, batch: SiameseBatch) -> None:
        """Critic five times, generator once."""
        self.arithmetic.settle()
        c_real = conditions(batch.code, batch.attributes, _ATTRIBUTES)
        c_wanted = conditions(batch.code, batch.wanted, _ATTRIBUTES)
        for _ in range(self.settings.n_critic):
            self.teach_critic(batch, c_wanted)
        with self.arithmetic.autocast():
            drawn = self.generator(batch.real, c_wanted)
            judged = self.judge(drawn)
            returned = self.generator(drawn, c_real)
            loss = -judged.score.mean() + self.told(judged.attributes, batch.wanted)
            loss = loss + self.settings.lambda_rec * (batch.real - returned).abs().mean()
        self.minimise(loss, self.adam_g)

    def teach_critic(self, batch: SiameseBatch, c_wanted: Tensor) -> None:
        """One update of the critic."""
        with self.arithmetic.autocast():
            on_real = self.judge(batch.real)
            drawn = self.generator(batch.real, c_wanted).detach()
            on_drawn = self.judge(drawn)
            loss = on_drawn.score.mean() - on_real.score.mean()
            loss = loss + self.told(on_real.attributes, batch.attributes)
        share = torch.rand(len(drawn), device=self.device)
        mixed = between(batch.real, drawn, share).requires_grad_()
        score = self.judge(mixed).score
        (slope,) = torch.autograd.grad(score.sum(), mixed, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        self.minimise(loss + self.settings.lambda_gp * penalty, self.adam_d)

    def judge(self, x: Tensor) -> Judgement:
        """The critic's layers one after the other, without any of its short cuts."""
        for convolution in self.critic.down:
            x = F.leaky_relu(convolution(x), 0.01)
        assert self.critic.tell is not None
        told = self.critic.tell(x).flatten(1).split(_ATTRIBUTES, 1)
        return Judgement(self.critic.score(x).flatten(1).mean(1), tuple(told), None)

    def told(self, logits: tuple[Tensor, ...], categories: Tensor) -> Tensor:
        """Cross-entropies of the attributes, added up."""
        each = [
            F.cross_entropy(a, c) for a, c in zip(logits, categories.unbind(1), strict=True)
        ]
        return torch.stack(each).sum()

    def minimise(self, loss: Tensor, adam: torch.optim.Adam) -> None:
        """One update of a network."""
        self.adam_g.zero_grad()
        self.adam_d.zero_grad()
        torch.autograd.backward(self.scaler.scale(loss))
        self.scaler.step(adam)
        self.scaler.update()


def steps(
    size: int, batch: int, device: torch.device, precisions: list[PrecisionName]
) -> dict[str, Callable[[], Callable[[], object]]]:
    """By name what makes each step, ready to run on the same pictures."""
    source = torch.Generator().manual_seed(0)
    real = (torch.rand(batch, 3, size, size, generator=source) * 2 - 1).to(device)
    labels = [
        torch.stack([torch.randint(n, (batch,), generator=source) for n in _ATTRIBUTES], 1)
        for _ in range(2)
    ]
    shown, wanted = (categories.to(device) for categories in labels)
    seen = SiameseBatch(real, shown, real, wanted, torch.zeros(batch, 0, device=device))
    same = torch.arange(batch, device=device) % 2 == 0
    pairs = TwinPairs(real, torch.where(same[:, None, None, None], real, real.flip(0)), same)
    found: dict[str, Callable[[], Callable[[], object]]] = {}
    for name in precisions:
        mark = "" if len(precisions) == 1 else f" {name}"
        found[f"plain StarGAN{mark}"] = partial(_plain, size, name, seen)
        for preset, settings in _PRESETS.items():
            found[preset + mark] = partial(_ours, size, settings, name, seen, pairs)
    return found


def _networks(size: int, device: torch.device) -> SiameseNetworks:
    return SiameseNetworks(
        StarGeneratorConfig(conditions=sum(_ATTRIBUTES)),
        StarCriticConfig(size=size, attributes=_ATTRIBUTES),
        SiameseConfig(),
        SiameseSettings(),
        device=device,
    )


def _plain(size: int, precision: PrecisionName, batch: SiameseBatch) -> Callable[[], object]:
    step = PlainStep(_networks(size, batch.real.device), precision)
    return lambda: step(batch)


def _ours(
    size: int,
    settings: SiameseSettings,
    precision: PrecisionName,
    batch: SiameseBatch,
    pairs: TwinPairs,
) -> Callable[[], object]:
    arithmetic = Precision(precision, batch.real.device)
    networks = _networks(size, batch.real.device)
    improve = Replay(networks, settings, arithmetic, batch.real.device)
    shown = pairs if settings.reconstruction == "siamese" else None

    def step() -> None:
        arithmetic.settle()
        improve([batch], shown, 0)

    return step


class Cost(NamedTuple):
    """Seconds of one step, and CPU seconds of the process."""

    wall: float
    cpu: float


def timed(step: Callable[[], object], device: torch.device) -> Cost:
    """Run a step once."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize()
    begin, worked = perf_counter(), process_time()
    step()
    if on_gpu:
        torch.cuda.synchronize()
    return Cost(perf_counter() - begin, process_time() - worked)


def peak_mib(make: Callable[[], Callable[[], object]], count: int) -> float:
    """Largest memory that tensors of one kind of step held on a GPU, alone there, in some steps."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step = make()
    for _ in range(count):
        step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 2**20


def table(costs: dict[str, list[Cost]], peaks: dict[str, float]) -> list[dict[str, object]]:
    """Print medians, and how many times as fast as the first each step is."""
    print(f"\n{'':<26} {'step s':>8} {'CPU s':>8} {'as fast':>8} {'by CPU':>8} {'peak MiB':>9}")
    first = next(iter(costs.values()))
    rows: list[dict[str, object]] = []
    for name, mine in costs.items():
        # Steps of one round are compared with each other: they met the same other load.
        pairs = list(zip(first, mine, strict=True))
        wall = statistics.median([a.wall / b.wall for a, b in pairs])
        cpu = statistics.median([a.cpu / b.cpu for a, b in pairs])
        peak = peaks.get(name)
        memory = "" if peak is None else f"{peak:.0f}"
        print(
            f"{name:<26} {statistics.median([c.wall for c in mine]):>8.2f} "
            f"{statistics.median([c.cpu for c in mine]):>8.2f} "
            f"{wall:>7.2f}x {cpu:>7.2f}x {memory:>9}"
        )
        rows.append(
            {
                "name": name,
                "seconds": [c.wall for c in mine],
                "cpu_seconds": [c.cpu for c in mine],
                "times_as_fast": wall,
                "times_as_fast_by_cpu": cpu,
                "peak_mib": peak,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument(
        "--rounds", type=int, default=3, help="after one, on a GPU five, that do not count"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", help="presets beside the plain step")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    if device.index is not None:
        torch.cuda.set_device(device)
    precisions: list[PrecisionName] = (
        ["fp32", "tf32", "fp16", "bf16"] if device.type == "cuda" else ["fp32"]
    )
    for name in set(_PRESETS) - set(args.only or _PRESETS):
        del _PRESETS[name]
    makers = steps(args.size, args.batch, device, precisions)
    on_gpu = device.type == "cuda"
    peaks = {name: peak_mib(make, _FIRST) for name, make in makers.items()} if on_gpu else {}
    every = {name: make() for name, make in makers.items()}
    first = _FIRST if on_gpu else 1
    costs: dict[str, list[Cost]] = {name: [] for name in every}
    for turn in range(args.rounds + first):
        for name, step in every.items():
            cost = timed(step, device)
            if turn >= first:
                costs[name].append(cost)
            print(
                f"round {turn}: {name:<26} {cost.wall:8.2f} s, CPU {cost.cpu:8.2f} s",
                flush=True,
            )
    rows = table(costs, peaks)
    if args.json:
        machine = {
            "threads": args.threads,
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
            "python": platform.python_version(),
            "torch": torch.__version__,
        }
        result = {
            "kssgan": kssgan.__version__,
            "machine": machine,
            "size": args.size,
            "batch": args.batch,
            "steps": rows,
        }
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
