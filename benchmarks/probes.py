"""How often the probes are right about people they have not seen, how often they decline, and who suffers.

    python benchmarks/probes.py ../shared/faces [--keep FILE.npz] [--json FILE]

Five folds disjoint in people, divided three times (so every photo is answered three times); penalty,
temperature and limit are chosen inside each (``tools/probe_fit.py``). So these figures are of probes fitted
on four fifths, not of the shipped one, which has seen everybody. One figure is of the shipped probe: smiles
in each collection, beside the geometry of the mouth. Prints tables; names no person and no file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from kssgan import weights
from kssgan.faces.attributes import PROBES, Probes
from kssgan.types import BoolArray, FloatArray
from probe_data import VIEWS, Faces, read_faces
from probe_fit import OutOfFold, cross_validate

_FEW = 8  # people of a group, below which no figure is given
_UPPER_LIP, _LOWER_LIP, _CORNERS, _EYES = 13, 14, (61, 291), (33, 263)


def figures(
    unseen: OutOfFold, categories: int, chosen: BoolArray, view: int = 0
) -> dict[str, Any]:
    """Accuracy and confusion of some photos: rows are the truth, the last column is what was declined."""
    target, declined = unseen.target[chosen], unseen.declined[view, chosen]
    guess = unseen.probability[view, chosen].argmax(1)
    right = guess == target
    confusion = np.zeros((categories, categories + 1), np.int64)
    np.add.at(confusion, (target, np.where(declined, categories, guess)), 1)
    there = [c for c in range(categories) if (target == c).any()]
    said = ~declined
    return {
        "answers": len(target),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean([right[target == c].mean() for c in there])),
        "declined": float(declined.mean()),
        "accuracy_of_said": float(right[said].mean()) if said.any() else float("nan"),
        "wrong_of_said": int((~right & said).sum()),
        "confusion": confusion.tolist(),
    }


def by_group(faces: Faces, unseen: OutOfFold, categories: int) -> dict[str, dict[str, Any]]:
    """The same for collections, genders and ethnicities with enough people."""
    rows = unseen.rows
    gender = np.array(["", *PROBES["gender"].categories])[faces.targets["gender"][rows] + 1]
    age = np.array(["", *PROBES["age"].categories])[faces.targets["age"][rows] + 1]
    found = {}
    for kind, values in (
        ("collection", faces.sources[rows]),
        ("gender", gender),
        ("age", age),
        ("ethnicity", faces.ethnicities[rows]),
    ):
        for value in np.unique(values):
            chosen = values == value
            if value and len(np.unique(faces.subjects[rows][chosen])) >= _FEW:
                found[f"{kind} {value}"] = figures(unseen, categories, chosen)
    return found


def smiles(faces: Faces, collection: str) -> dict[str, Any]:
    """The shipped expression probe on one collection, beside how the mouth is drawn."""
    chosen = faces.sources == collection
    maps: FloatArray = faces.maps[0, chosen].reshape(-1, 128, 5, 4)
    reading = Probes().read(faces.embeddings[0, chosen], maps)["expression"]
    happy = reading.probability[:, 1]
    points = faces.points[chosen].astype(np.float64)
    eyes = np.linalg.norm(points[:, _EYES[0]] - points[:, _EYES[1]], axis=1)
    gap = np.linalg.norm(points[:, _UPPER_LIP] - points[:, _LOWER_LIP], axis=1) / eyes
    wide = np.linalg.norm(points[:, _CORNERS[0]] - points[:, _CORNERS[1]], axis=1) / eyes
    lips = points[:, [_UPPER_LIP, _LOWER_LIP], 1].mean(1)
    lift = (lips - points[:, list(_CORNERS), 1].mean(1)) / eyes
    used = faces.reliable[chosen]
    return {
        "photos": int(chosen.sum()),
        "happy": float(((happy >= 0.5) & ~reading.declined).mean()),
        "neutral": float(((happy < 0.5) & ~reading.declined).mean()),
        "declined": float(reading.declined.mean()),
        "rank_correlation": {
            name: float(spearmanr(happy[used], measure[used]).statistic)
            for name, measure in (
                ("lip gap", gap),
                ("mouth width", wide),
                ("corner lift", lift),
            )
        },
        "happy_of_open_mouths": float((happy >= 0.5)[used & (gap > 0.05)].mean()),
    }


def joined(parts: list[OutOfFold]) -> OutOfFold:
    """Several divisions into folds as one: every photo once for each."""
    return OutOfFold(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.probability for part in parts], axis=1),
        np.concatenate([part.declined for part in parts], axis=1),
    )


def table(name: str, categories: tuple[str, ...], rows: dict[str, dict[str, Any]]) -> None:
    heads = "".join(
        f"{head:>10}" for head in ("answers", "right", "balanced", "declined", "of said")
    )
    print(f"\n{name:<24}{heads}")
    for title, row in rows.items():
        print(
            f"{title:<24}{row['answers']:>10}{row['accuracy']:>10.3f}{row['balanced_accuracy']:>10.3f}"
            f"{row['declined']:>10.3f}{row['accuracy_of_said']:>10.3f}"
        )
    print("confusion".ljust(24) + "".join(f"{c:>10}" for c in (*categories, "declined")))
    for category, counts in zip(categories, rows["all"]["confusion"], strict=True):
        print(f"  {category:<22}" + "".join(f"{count:>10}" for count in counts))


def main() -> None:
    """Measure, print the tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("--keep", type=Path, help="remember the features here (biometric)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="divisions into folds (default 3)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    faces = read_faces(args.faces, kept=args.keep)
    out: dict[str, Any] = {"seeds": args.seeds, "refused": faces.refused, "results": {}}
    for name, kind in PROBES.items():
        count = len(kind.categories)
        parts = [cross_validate(faces, name, seed=seed)[0] for seed in range(args.seeds)]
        unseen = joined(parts)
        everyone = np.ones(len(unseen.rows), bool)
        rows = {"all": figures(unseen, count, everyone)}
        rows["all, spoiled"] = figures(unseen, count, everyone, VIEWS.index("spoiled"))
        rows |= by_group(faces, unseen, count)
        for seed, part in enumerate(parts):
            rows[f"all, seed {seed}"] = figures(part, count, np.ones(len(part.rows), bool))
        out["results"][name] = rows
        table(name, kind.categories, rows)
    out["smiles"] = {c: smiles(faces, c) for c in np.unique(faces.sources).tolist()}
    probes, maps = Probes(), faces.maps[0].reshape(-1, 128, 5, 4)
    begun = time.perf_counter()
    probes.labels(faces.embeddings[0], maps)
    out["milliseconds_per_face"] = 1000 * (time.perf_counter() - begun) / len(maps)
    out["weights"] = weights.digest("probes")
    out["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    print(
        json.dumps({name: value for name, value in out.items() if name != "results"}, indent=2)
    )
    if args.json:
        args.json.write_text(json.dumps(out, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
