"""What k-Same-Net draws for people whom its network has never seen, and whom it looks like.

    python benchmarks/k_same_net.py faces.safetensors [--seed 0] [--sheet FILE.png]

``faces.safetensors`` is what ``kssgan prepare`` wrote; the network was trained on it. Groups of the people
held out, by Newton's k-Same inside one gender, each drawn with both expressions:

detected    share of pictures in which the detector finds one face
mixed       share that verify (FAR 1e-3) as one of the proxies that were mixed for them
proxy       the same for any of the proxies, mixed or not
member      the same for a member of the group
sharpness   median variance of the Laplacian over that of the photos held out
gender      share in which the probe reads the group's gender, where it says one
expression  the same for the expression that was asked for

First line: the proxies themselves, each drawn alone. A picture without a face verifies as nobody.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from kssgan import weights
from kssgan.auditing.quality import sharpness
from kssgan.baselines import KSameNet
from kssgan.evaluation.judging import Judge, Looked
from kssgan.faces import thresholds
from kssgan.faces.analyse import StandardAnalyser
from kssgan.faces.embed import DIMENSIONS
from kssgan.models.drawing import on_one_thread, picture_u8
from kssgan.models.proxy_network import at_crop_size
from kssgan.models.stored_proxies import StoredProxies, read_proxies
from kssgan.reporting import text_table
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import DetectedFace, FloatArray, PhotoFace, U8Array

KS = (3, 5, 10)
NAMES = (
    "k",
    "pictures",
    "detected",
    "mixed",
    "proxy",
    "member",
    "sharpness",
    "gender",
    "expression",
)
Row = list[int | float | str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.prepared)
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(StandardAnalyser(), Path(folder), DIMENSIONS)
        rows, lines = measured(data, judge, asked.seed)
    print(text_table(rows, NAMES))
    if asked.sheet is not None:
        Image.fromarray(np.concatenate(lines)).save(asked.sheet)


def measured(data: Prepared, judge: Judge, seed: int) -> tuple[list[Row], list[U8Array]]:
    """A row for the proxies and for each k, and some pictures of each k side by side."""
    stored = read_proxies(weights.read(KSameNet.weights))
    held_out = np.flatnonzero(data.held_out)
    usual = float(np.median([sharpness(data.crop(int(row))) for row in held_out]))
    rows_of = [
        np.flatnonzero(data.subject == s).tolist() for s in np.unique(data.subject[held_out])
    ]
    people = [[face(data, row) for row in rows] for rows in rows_of]
    means = np.stack([np.mean([f.embedding for f in own], 0) for own in people])
    known = (*data.scheme["gender"], "unknown")
    column = list(data.scheme).index("gender")
    genders = [known[int(data.labels[rows[0], column])] for rows in rows_of]
    method = KSameNet(stored=stored).fit(people)
    table, lines = [alone(stored, judge, usual)], []
    for k in KS:
        groups = method.groups(means, k, attributes={"gender": genders}, seed=seed)
        drawn, labels, mixed, members = [], [], [], []
        for group in range(groups.count):
            own = groups.members(group).tolist()
            shown = {genders[i] for i in own}
            of = {"gender": shown.pop()} if len(shown) == 1 else {}
            likeness = method.surrogate([people[i] for i in own])
            for expression in stored.labels:
                label = {**of, "expression": expression}
                labels.append(label)
                drawn.append(method.draw(likeness, label, seed=0))
                mixed.append(stored.embeddings[method.proxies_of(likeness, label)])
                members.append(np.stack([f.embedding for i in own for f in people[i]]))
        table.append(
            [k, *figures(np.stack(drawn), labels, judge, usual, mixed, members, stored)]
        )
        lines.append(np.concatenate(drawn[:8], 1))
    return table, lines


def face(data: Prepared, row: int) -> PhotoFace:
    """A photo of the prepared file as a face."""
    box = DetectedFace((0.0, 0.0, 1.0, 1.0), 1.0, np.zeros((5, 2), np.float32))
    return PhotoFace(data.crop(row), data.embedding[row], box)


def alone(stored: StoredProxies, judge: Judge, usual: float) -> Row:
    """The proxies themselves, each with every expression."""
    drawn, labels, own = [], [], []
    with on_one_thread():
        for number, gender in enumerate(stored.genders):
            for which, expression in enumerate(stored.labels):
                planes = stored.network(
                    torch.eye(len(stored.genders))[[number]],
                    torch.eye(len(stored.labels))[[which]],
                )
                drawn.append(picture_u8(at_crop_size(planes)[0]))
                labels.append({"gender": gender, "expression": expression})
                own.append(stored.embeddings[[number]])
    return [1, *figures(np.stack(drawn), labels, judge, usual, own, None, stored)]


def figures(
    drawn_u8: U8Array,
    labels: Sequence[Mapping[str, str]],
    judge: Judge,
    usual: float,
    mixed: Sequence[FloatArray],
    members: Sequence[FloatArray] | None,
    stored: StoredProxies,
) -> Row:
    """A row of the table after its k."""
    seen = judge.look(drawn_u8)
    everybody = [stored.embeddings] * len(drawn_u8)
    return [
        len(drawn_u8),
        float(seen.detected.mean()),
        verifies(seen, mixed),
        verifies(seen, everybody),
        "-" if members is None else verifies(seen, members),
        float(np.median([sharpness(picture) for picture in drawn_u8])) / usual,
        as_asked(seen, labels, "gender"),
        as_asked(seen, labels, "expression"),
    ]


def verifies(seen: Looked, of: Sequence[FloatArray]) -> float:
    """Share of pictures that verify as any of the embeddings that are given for them."""
    near = [
        bool(found) and float(np.linalg.norm(rows - own, axis=1).min()) <= thresholds.FAR_1E3
        for found, own, rows in zip(seen.detected, seen.embeddings, of, strict=True)
    ]
    return float(np.mean(near))


def as_asked(seen: Looked, labels: Sequence[Mapping[str, str]], name: str) -> float | str:
    """Share of pictures that show what was asked for, of those of which it was asked and is told."""
    told = [
        shown[name] == label[name]
        for shown, label in zip(seen.attributes, labels, strict=True)
        if name in shown and label.get(name)
    ]
    return float(np.mean(told)) if told else "-"


if __name__ == "__main__":
    main()
