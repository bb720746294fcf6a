"""Train the network of k-Same-Net on the training people of a prepared file.

python tools/train_k_same_net.py PREPARED --out FILE [--seed 0] [--rough-steps N] [--steps N] [--sheet PNG]

Works on one thread. Expressions that the file does not know are read off the faces by the shipped probes. The
sheet shows some proxies (photo, drawn, drawn with each expression) and mixtures of 3, 5 and 10: for your eyes
only, as it shows photos.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from kssgan.faces.align import chips_of_crops
from kssgan.faces.attributes import Probes
from kssgan.faces.embed import Recogniser
from kssgan.models.drawing import picture_u8
from kssgan.models.proxy_network import at_crop_size
from kssgan.models.stored_proxies import StoredProxies, read_proxies, write_proxies
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.training.proxies import Lessons, ProxyRecipe, choose_proxies, train_proxies
from kssgan.types import U8Array

MOST = 4_000_000  # bytes
SHOWN = 8


def main() -> None:
    usual = ProxyRecipe()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", type=Path, metavar="PREPARED")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--rough-steps", type=int, default=usual.rough_steps)
    parser.add_argument("--steps", type=int, default=usual.steps)
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    recipe = replace(usual, seed=asked.seed, rough_steps=asked.rough_steps, steps=asked.steps)
    begin, spent = time.perf_counter(), time.process_time()

    def told(step: int, parts: dict[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in parts.items())
        print(f"step {step}: {shown} ({time.perf_counter() - begin:.0f} s)", flush=True)

    data = labelled(load_prepared(asked.prepared))
    lessons = choose_proxies(data, most=recipe.most, seed=recipe.seed)
    facts = {"data": data.facts.get("digest", data.digest()), "torch": torch.__version__}
    stored = train_proxies(lessons, recipe, facts=facts, told=told)
    written = write_proxies(stored)
    if len(written) > MOST:
        raise SystemExit(f"{len(written)} bytes came, at most {MOST} are shipped")
    asked.out.write_bytes(written)
    seconds = time.perf_counter() - begin, time.process_time() - spent
    print(
        f"{len(written):,} bytes, {len(lessons.genders)} proxies, {len(lessons.proxy)} photos, "
        f"{seconds[0]:.0f} s ({seconds[1]:.0f} s of one core)"
    )
    if asked.sheet is not None:
        Image.fromarray(sheet(read_proxies(written), lessons)).save(asked.sheet)


def labelled(data: Prepared) -> Prepared:
    """The same with the expressions that are not known read off the crops."""
    column = list(data.scheme).index("expression")
    unknown = np.flatnonzero(data.labels[:, column] < 0)
    labels = data.labels.copy()
    recogniser, probes = Recogniser(), Probes()
    for rows in np.array_split(unknown, max(1, len(unknown) // 64)):
        if not len(rows):
            continue
        chips = chips_of_crops(np.stack([data.crop(int(row)) for row in rows]))
        read = probes.labels(*recogniser.embed_with_maps(chips))
        categories = data.scheme["expression"]
        for row, said in zip(rows, read, strict=True):
            if said.get("expression") in categories:
                labels[row, column] = categories.index(said["expression"])
    return replace(data, labels=labels)


def sheet(stored: StoredProxies, lessons: Lessons) -> U8Array:
    """Some proxies and mixtures, side by side."""
    rng = np.random.default_rng(1)
    people, labels = len(stored.genders), len(stored.labels)
    rows = rng.choice(len(lessons.proxy), SHOWN, replace=False)
    photos = [lessons.pictures[row].permute(1, 2, 0).numpy() for row in rows]
    lines = [np.concatenate(photos, 1)]
    own = np.eye(people, dtype=np.float32)[lessons.proxy[rows]]
    wanted = [[row] * SHOWN for row in range(labels)]
    mixtures = [own] * labels
    for size in (3, 5, 10):
        found = np.zeros((SHOWN, people), np.float32)
        for line in range(SHOWN):
            start = lessons.embeddings[lessons.proxy[rows[line]]]
            far = np.linalg.norm(stored.embeddings - start, axis=1)
            found[line, np.argsort(far)[:size]] = 1 / size
        mixtures.append(found)
        wanted.append([line % labels for line in range(SHOWN)])
    for mixture, label in zip(mixtures, wanted, strict=True):
        one_hot = torch.eye(labels)[torch.tensor(label)]
        with torch.inference_mode():
            drawn = stored.network(torch.from_numpy(mixture), one_hot)
            drawn = at_crop_size(drawn)
        lines.append(np.concatenate([picture_u8(picture) for picture in drawn], 1))
    return np.concatenate(lines)


if __name__ == "__main__":
    main()
