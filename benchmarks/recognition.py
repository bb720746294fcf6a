"""How well the shipped recogniser tells people apart, and what the thresholds cost.

Run on a folder with ``labels.csv`` (file, subject, expression, gender)::

    python benchmarks/recognition.py ../shared/faces --json recognition.json

Prints a table; names no person and no file. Every figure in ``kssgan/faces/thresholds.py`` comes from here.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance, ImageFilter
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import chi2

from kssgan.errors import UnusablePhoto
from kssgan.faces import thresholds
from kssgan.faces.align import chips_of_crops, face_only, head_crop, recogniser_chip
from kssgan.faces.analyse import StandardAnalyser
from kssgan.faces.choose import choose_face
from kssgan.faces.copies import AGREEMENT, agreement
from kssgan.faces.decode import open_photo
from kssgan.faces.detect import Detector
from kssgan.faces.distances import to_all
from kssgan.faces.embed import Recogniser
from kssgan.types import FloatArray, PhotoFace, U8Array

PROJECTED = 10_000
Results = dict[str, Any]
Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Usable photos with their labels, in one order."""

    rows: list[dict[str, str]]
    faces: list[PhotoFace]
    paths: list[Path]

    @property
    def subjects(self) -> npt.NDArray[np.str_]:
        """The person in each photo."""
        return np.array([row["subject"] for row in self.rows])

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Neutral and smiling photo of each person who has both."""
        first: dict[str, int] = {}
        for n, row in enumerate(self.rows):
            if row["expression"] == "neutral":
                first[row["subject"]] = n
        for n, row in enumerate(self.rows):
            if row["expression"] == "happy" and row["subject"] in first:
                yield first[row["subject"]], n


def read_gallery(folder: Path, limit: int | None) -> tuple[Gallery, Results]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:limit]
    paths = [folder / row["file"] for row in rows]
    results = list(StandardAnalyser().analyse(paths))
    kept = [
        (r, f, p)
        for r, f, p in zip(rows, results, paths, strict=True)
        if isinstance(f, PhotoFace)
    ]
    gallery = Gallery([k[0] for k in kept], [k[1] for k in kept], [k[2] for k in kept])
    stages = ("decode", "detect", "embed")
    return gallery, {
        "photos": len(rows),
        "refused": len(rows) - len(kept),
        "people": len(set(gallery.subjects)),
        "ms_median": {
            s: round(1e3 * float(np.median([f.seconds[s] for f in gallery.faces])), 1)
            for s in stages
        },
    }


def _poisson_upper(count: int) -> float:
    return float(chi2.ppf(0.975, 2 * (count + 1)) / 2)


def _at(threshold: float, genuine: FloatArray, impostor: FloatArray) -> Results:
    false = int((impostor <= threshold).sum())
    pairs = PROJECTED * (PROJECTED - 1) / 2
    return {
        "threshold": threshold,
        "false_pairs": false,
        "far": false / impostor.size,
        "frr": float((genuine > threshold).mean()),
        "projected_false_pairs": round(false / impostor.size * pairs),
        "projected_upper_95": round(_poisson_upper(false) / impostor.size * pairs),
    }


def verification(gallery: Gallery, vectors: FloatArray) -> Results:
    """Genuine and impostor distances, error rates, rank-1 and errors by gender."""
    distance = to_all(vectors, vectors)
    upper = np.triu_indices(len(vectors), 1)
    subjects = gallery.subjects
    same = (subjects[:, None] == subjects[None])[upper]
    flat = distance[upper]
    genuine, impostor = flat[same], flat[~same]
    percent = (0, 5, 50, 95, 100)
    out: Results = {
        "genuine_pairs": int(genuine.size),
        "impostor_pairs": int(impostor.size),
        "genuine_percentiles_0_5_50_95_100": np.percentile(genuine, percent).round(3).tolist(),
        "impostor_percentiles_0_5_50_95_100": np.percentile(impostor, percent)
        .round(3)
        .tolist(),
    }
    for far in (1e-2, 1e-3, 1e-4):
        cut = float(np.quantile(impostor, far))
        out[f"at_far_{far:g}"] = {
            "threshold": round(cut, 4),
            "tar": float((genuine <= cut).mean()),
        }
    pairs = list(gallery.pairs())
    if pairs:
        probes = np.array([b for _, b in pairs])
        # The smiling photos search everybody's other photo: their own, and those of all other people.
        others = np.setdiff1d(np.arange(len(vectors)), probes)
        best = others[distance[np.ix_(probes, others)].argmin(axis=1)]
        out["rank1"] = float((subjects[best] == subjects[probes]).mean())
        out["rank1_gallery"] = int(others.size)
    gender = np.array([row["gender"] for row in gallery.rows])
    for name in sorted(set(gender) - {""}):
        both = ((gender[:, None] == name) & (gender[None] == name))[upper]
        out[f"far_at_look_alike_{name}"] = float(
            (flat[both & ~same] <= thresholds.LOOK_ALIKE).mean()
        )
        out[f"far_at_same_person_{name}"] = float(
            (flat[both & ~same] <= thresholds.SAME_PERSON).mean()
        )
    for label in ("SAME_PERSON", "LOOK_ALIKE", "FAR_1E3", "FAR_1E3_FACE_ONLY"):
        out[label] = _at(getattr(thresholds, label), genuine, impostor)
    return out


def clustering(gallery: Gallery, vectors: FloatArray) -> Results:
    """Complete linkage at SAME_PERSON: who is merged, who is split."""
    condensed = squareform(to_all(vectors, vectors), checks=False)
    clusters = fcluster(linkage(condensed, "complete"), thresholds.SAME_PERSON, "distance")
    subjects = gallery.subjects
    mixed = [c for c in set(clusters) if len(set(subjects[clusters == c])) > 1]
    repeated = [s for s in set(subjects) if (subjects == s).sum() > 1]
    split = [s for s in repeated if len(set(clusters[subjects == s])) > 1]
    return {
        "clusters": int(clusters.max()),
        "people": len(set(subjects)),
        "merged_clusters": len(mixed),
        "largest_merge": max((len(set(subjects[clusters == c])) for c in mixed), default=1),
        "people_with_several_photos": len(repeated),
        "people_split": len(split),
    }


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _trimmed(image: Image.Image, left: float, rest: float) -> Image.Image:
    w, h = image.size
    return image.crop(
        (round(w * left), round(h * rest), round(w * (1 - rest)), round(h * (1 - rest)))
    )


def _gamma(image: Image.Image, gamma: float) -> Image.Image:
    return image.point([round(255 * (v / 255) ** gamma) for v in range(256)] * 3)


def _side_light(image: Image.Image) -> Image.Image:
    ramp = np.linspace(0.35, 1.25, image.width)[None, :, None]
    return Image.fromarray((np.asarray(image) * ramp).clip(0, 255).astype(np.uint8))


COPIES: dict[str, Change] = {
    "jpeg quality 30": lambda i: _jpeg(i, 30),
    "half size": lambda i: _scaled(i, 0.5),
    "cut 5% all round": lambda i: _trimmed(i, 0.05, 0.05),
    "cut 8% left": lambda i: _trimmed(i, 0.08, 0),
    "brightness 1.2": lambda i: ImageEnhance.Brightness(i).enhance(1.2),
    "brightness 0.6": lambda i: ImageEnhance.Brightness(i).enhance(0.6),
    "gamma 1.6": lambda i: _gamma(i, 1.6),
    "grey": lambda i: i.convert("L").convert("RGB"),
    "mirrored": lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned 5 degrees": lambda i: i.rotate(5, Image.Resampling.BICUBIC),
    "blurred": lambda i: i.filter(ImageFilter.GaussianBlur(i.width / 300)),
    "mirrored, cut, 1.15x, half, q40": lambda i: _jpeg(
        ImageEnhance.Brightness(
            _scaled(_trimmed(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.04, 0.02), 0.5)
        ).enhance(1.15),
        40,
    ),
}


class _Cutter:
    def __init__(self) -> None:
        self.detector = Detector()
        self.recogniser = Recogniser()

    def __call__(self, image: Image.Image) -> tuple[U8Array, U8Array] | None:
        pixels = np.asarray(image)
        try:
            face = choose_face(self.detector.detect(pixels))
        except UnusablePhoto:
            return None
        return head_crop(pixels, face.points), recogniser_chip(pixels, face.points)


def copies(gallery: Gallery, count: int) -> Results:
    """Embedding distance and agreement of copies, against two photos of one person."""
    cut = _Cutter()
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(gallery.faces), min(count, len(gallery.faces)), replace=False)
    out: Results = {}
    for name, change in COPIES.items():
        found = [
            (n, cut(change(Image.fromarray(open_photo(gallery.paths[n]))))) for n in chosen
        ]
        kept = [(n, made) for n, made in found if made is not None]
        vectors = cut.recogniser.embed(np.stack([made[1] for _, made in kept]))
        own = np.stack([gallery.faces[n].embedding for n, _ in kept])
        lengths = np.linalg.norm(own - vectors, axis=1)
        agree = np.array([agreement(gallery.faces[n].crop, made[0]) for n, made in kept])
        both = [
            d <= thresholds.COPY and a >= AGREEMENT for d, a in zip(lengths, agree, strict=True)
        ]
        out[name] = {
            "photos": len(kept),
            "distance_max": round(float(np.max(lengths)), 3),
            "agreement_min": round(float(np.min(agree)), 3),
            "recognised": float(np.mean(both)),
        }
    pairs = list(gallery.pairs())
    agree = np.array(
        [agreement(gallery.faces[a].crop, gallery.faces[b].crop) for a, b in pairs]
    )
    out["two photos of one person"] = {
        "photos": len(pairs),
        "agreement_max": round(float(np.max(agree)), 3),
        "taken_for_copies": float((agree >= AGREEMENT).mean()),
    }
    return out


def harder(gallery: Gallery) -> Results:
    """Genuine pairs with the second photo spoiled, as no photos of other days are at hand."""
    cut = _Cutter()
    out: Results = {}
    spoil: dict[str, Callable[[Image.Image, float], Image.Image]] = {
        "eyes 20 px apart": lambda i, eyes: _scaled(i, 20 / eyes),
        "eyes 40 px apart, jpeg quality 15": lambda i, eyes: _jpeg(_scaled(i, 40 / eyes), 15),
        "light from the side": lambda i, _: _side_light(i),
        "dark (gamma 2.5)": lambda i, _: _gamma(i, 2.5),
    }
    for name, change in spoil.items():
        first, chips = [], []
        for a, b in gallery.pairs():
            image = Image.fromarray(open_photo(gallery.paths[b]))
            made = cut(change(image, gallery.faces[b].face.eye_distance))
            if made is not None:
                first.append(gallery.faces[a].embedding)
                chips.append(made[1])
        lengths = np.linalg.norm(
            np.stack(first) - cut.recogniser.embed(np.stack(chips)), axis=1
        )
        out[name] = {
            "pairs": len(chips),
            "percentiles_50_95_100": np.percentile(lengths, (50, 95, 100)).round(3).tolist(),
            "beyond_same_person": float((lengths > thresholds.SAME_PERSON).mean()),
            "beyond_look_alike": float((lengths > thresholds.LOOK_ALIKE).mean()),
        }
    return out


def show(results: Results, indent: int = 0) -> None:
    for name, value in results.items():
        if isinstance(value, dict) and any(isinstance(v, dict) for v in value.values()):
            print(f"{' ' * indent}{name}")
            show(value, indent + 2)
        elif isinstance(value, dict):
            line = ", ".join(
                f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items()
            )
            print(f"{' ' * indent}{name:<34} {line}")
        else:
            print(f"{' ' * indent}{name:<34} {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path, help="folder with labels.csv")
    parser.add_argument("--limit", type=int, help="use the first photos only")
    parser.add_argument(
        "--copies", type=int, default=60, help="photos from which copies are made (0: none)"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    gallery, results = read_gallery(options.faces, options.limit)
    results["machine"] = {
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }
    full = np.stack([face.embedding for face in gallery.faces])
    crops = np.stack([face.crop for face in gallery.faces])
    masked = Recogniser().embed(chips_of_crops(face_only(crops)))
    results["full"] = verification(gallery, full)
    results["face_only"] = verification(gallery, masked)
    results["complete_linkage"] = clustering(gallery, full)
    results["harder_genuine"] = harder(gallery)
    if options.copies:
        results["copies"] = copies(gallery, options.copies)
    show(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
