"""Table 1 of the paper: what mixed precision saves in training, at the same batch and on this machine.

    python benchmarks/mixed_precision.py [--batch 16] [--iterations 10] [--json FILE]

One iteration is one update of the generator with five of the critic (Algorithm 2), with preset ``paper``'s
networks at 128 px and random pictures. Arithmetics take turns, so that all meet the same other load; figures
are medians of the rounds.

s/10 it      seconds for ten iterations
200,000 it   hours for the paper's number of iterations, extrapolated
allocated    peak of the GPU's memory that tensors held, MiB
reserved     peak of what PyTorch had asked the GPU for, MiB
largest      largest batch that fits, to an eighth, with --largest (steps launched one by one)
skipped      steps that fp16 left out because a gradient overflowed

On a CPU there is no fp16, and no peak of memory to ask for; bf16 is measured beside fp32, and pays only where
the processor has instructions for it. Without them it is many times slower: try --size 32 --width 8 first.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import kssgan
from kssgan.models.siamese import SiameseConfig
from kssgan.models.star_critic import StarCriticConfig
from kssgan.models.star_generator import StarGeneratorConfig
from kssgan.training.precision import Precision, PrecisionName
from kssgan.training.replay import RECORDED_AFTER, Replay
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import SiameseSettings

ATTRIBUTES = (3, 2)  # five conditions, as StarGAN's
ITERATIONS = 200_000
MIB = 2**20


@dataclass
class Row:
    """Figures of one arithmetic."""

    name: PrecisionName
    seconds: list[float] = field(default_factory=list)
    allocated: float = 0.0
    reserved: float = 0.0
    largest: int = 0
    skipped: int = 0


class Trial:
    """Networks and one batch on a device, trained as ``kssgan train`` does: on a GPU steps are replayed.

    Args:
        name: arithmetic.
        batch: pictures.
        size: their side.
        width: channels at full size.
        device: where.
        record: False launches every operation by itself.
    """

    def __init__(
        self,
        name: PrecisionName,
        batch: int,
        size: int,
        width: int,
        device: torch.device,
        *,
        record: bool = True,
    ) -> None:
        source = torch.Generator().manual_seed(0)

        def pictures() -> torch.Tensor:
            return (torch.rand(batch, 3, size, size, generator=source) * 2 - 1).to(device)

        def kinds() -> torch.Tensor:
            columns = [torch.randint(n, (batch,), generator=source) for n in ATTRIBUTES]
            return torch.stack(columns, 1).to(device)

        depth = min(6, size.bit_length() - 2)
        settings = SiameseSettings()
        networks = SiameseNetworks(
            StarGeneratorConfig(conditions=sum(ATTRIBUTES), width=width),
            StarCriticConfig(size=size, width=width, depth=depth, attributes=ATTRIBUTES),
            SiameseConfig(),
            settings,
            device=device,
        )
        code = torch.zeros(batch, 0, device=device)
        self._batch = SiameseBatch(pictures(), kinds(), pictures(), kinds(), code)
        same = torch.arange(batch, device=device) % 2 == 0
        self._pairs = TwinPairs(pictures(), pictures(), same)
        self.precision = Precision(name, device)
        self._step = Replay(networks, settings, self.precision, device, record=record)

    def iterate(self, count: int) -> None:
        """Some iterations."""
        for seed in range(count):
            self._step([self._batch], self._pairs, seed)


def timed(row: Row, trial: Trial, iterations: int, device: torch.device) -> None:
    """Add one round to a row; the peak is that of all steps of the trial, the recorded one too."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begin = perf_counter()
    trial.iterate(iterations)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        row.allocated = max(row.allocated, torch.cuda.max_memory_allocated(device) / MIB)
        row.reserved = max(row.reserved, torch.cuda.max_memory_reserved(device) / MIB)
    row.seconds.append((perf_counter() - begin) * 10 / iterations)
    row.skipped = trial.precision.skipped


def measure(asked: argparse.Namespace, device: torch.device) -> list[Row]:
    """All arithmetics: memory each by itself, time in turns."""
    names: list[PrecisionName] = (
        ["fp32", "tf32", "fp16", "bf16"] if device.type == "cuda" else ["fp32", "bf16"]
    )
    rows = [Row(name) for name in names]
    for number in range(asked.rounds):
        for row in rows:
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            trial = Trial(row.name, asked.batch, asked.size, asked.width, device)
            trial.iterate(asked.warmup)
            timed(row, trial, asked.iterations, device)
            print(f"round {number + 1}: {row.name} {row.seconds[-1]:.2f} s/10 it", flush=True)
            del trial
            _free(device)
    if asked.largest and device.type == "cuda":
        if asked.memory:
            whole = torch.cuda.get_device_properties(device).total_memory
            share = min(1.0, asked.memory * 2**30 / whole)
            torch.cuda.set_per_process_memory_fraction(share, torch.cuda.current_device())
        for row in rows:
            row.largest = largest(row.name, asked, device)
    return rows


def largest(name: PrecisionName, asked: argparse.Namespace, device: torch.device) -> int:
    """The largest batch that fits, to an eighth: doubled, then halved in; 0 where not even the first does.

    Two iterations, as Adam of the generator gets its memory at the end of the first; launched one by one.
    """

    def fits(batch: int) -> bool:
        try:
            trial = Trial(name, batch, asked.size, asked.width, device, record=False)
            trial.iterate(2)
        except torch.OutOfMemoryError:
            return False
        finally:
            trial = None  # type: ignore[assignment]
            _free(device)
        return True

    low: int = asked.batch
    if not fits(low):
        return 0
    while low < 1 << 16 and fits(2 * low):
        low *= 2
    step = low // 2
    while step >= max(1, asked.batch // 2, low // 8):
        low += step if fits(low + step) else 0
        step //= 2
    return low


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def table(rows: list[Row]) -> list[dict[str, Any]]:
    """Print and return the figures."""
    print(
        f"\n{'':<6} {'s/10 it':>9} {'200,000 it':>11} {'times fp32':>11} {'allocated':>10} {'of fp32':>8} "
        f"{'reserved':>9} {'largest':>8} {'skipped':>8}"
    )
    first, found = rows[0], []
    for row in rows:
        seconds = statistics.median(row.seconds)
        # Runs of one round are compared with each other: they met the same other load.
        times = statistics.median(
            a / b for a, b in zip(first.seconds, row.seconds, strict=True)
        )
        share = row.allocated / first.allocated if first.allocated else float("nan")
        print(
            f"{row.name:<6} {seconds:>9.2f} {seconds * ITERATIONS / 36000:>9.1f} h {times:>10.2f}x "
            f"{row.allocated:>10.0f} {share:>8.2f} {row.reserved:>9.0f} {row.largest or '-':>8} "
            f"{row.skipped:>8}"
        )
        found.append(
            {
                "precision": row.name,
                "seconds_per_10": row.seconds,
                "times_fp32": times,
                "hours_for_200000": seconds * ITERATIONS / 36000,
                "allocated_mib": row.allocated or None,
                "reserved_mib": row.reserved or None,
                "largest_batch": row.largest or None,
                "skipped": row.skipped,
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="side of the pictures")
    parser.add_argument("--width", type=int, default=64, help="channels; 64 are StarGAN's")
    parser.add_argument("--iterations", type=int, default=10, help="timed in a round")
    parser.add_argument("--warmup", type=int, help="2; on a GPU 5, until a step is recorded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--largest", action="store_true", help="find the largest batch (GPU)")
    parser.add_argument(
        "--memory", type=float, help="with --largest: as on a card of so many GiB"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write every figure here")
    asked = parser.parse_args()
    device = torch.device(asked.device)
    if device.index is not None:
        torch.cuda.set_device(device)
    if asked.warmup is None:
        asked.warmup = RECORDED_AFTER + 2 if device.type == "cuda" else 2
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    )
    print(f"{name}; batch {asked.batch}, {asked.size} px")
    if device.type == "cpu":
        print("no GPU: fp16 and peak memory cannot be measured here; bf16 on this CPU instead")
    rows = table(measure(asked, device))
    if asked.json:
        about = {
            "device": name,
            "machine": platform.machine(),
            "torch": torch.__version__,
            "kssgan": kssgan.__version__,
            "batch": asked.batch,
            "size": asked.size,
            "width": asked.width,
            "memory_gib": asked.memory,
        }
        asked.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
