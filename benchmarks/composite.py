"""Composites on real photos: natural, nobody's, and how much of the donor is left in them.

    python benchmarks/composite.py [../shared/faces] [--groups 17] [--own] [--json FILE] [--sheet FILE.png]

The folder (or the one that KSSGAN_FACES names) holds ``labels.csv`` (file, subject, gender) and photos in two
or more sets, the first folder of their path. For each set, random groups of one gender are drawn from its
people; donors come from another set, with --own from the same one as well: its other people, without anybody
who looks like a member. Photos, donors, means and composites go through the program's own
detector, landmarks, recogniser and screening. Random groups are harder than released ones, which are formed
of people who look alike.

sharp     variance of the Laplacian of grey at 256 px over the mean of the members' photos; mean of groups
kid       kernel distance to the set's photos on the features that ``kssgan.auditing.quality.FEATURES`` names;
          beside it the bare mean's, that of what the shipped generator draws of the same means, and that of
          the donors' own portraits, whose hair and clothes a composite keeps. The second, of face-only crops,
          leaves all that out
peak      highest point of the mean spectrum above its ring, dB over photos' (checkerboards, weaves)
found     share in which the detector finds one face
member    nearest photo of the group's people: median distance, share of near-copies, share at FAR 1e-3
lender    the same of the donor whose head is shown, and the median on face-only crops
donors    the same of the nearest of all donors (as the audit sees it), beside the set's photos, whose people
          are no donors

A near-copy is closer than ``thresholds.COPY``, or the same picture to :mod:`kssgan.faces.copies` on the face.
A sheet shows real people: keep it out of the repository.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from kssgan.auditing.quality import (
    FEATURES,
    features,
    kernel_distance,
    mean_spectrum,
    sharpness,
    spectrum_peak,
    spectrum_slope,
)
from kssgan.deidentification.donors import DonorReader
from kssgan.deidentification.methods import make_method
from kssgan.errors import UnusablePhoto
from kssgan.faces import align, choose, detect, embed, thresholds
from kssgan.faces.analyse import StandardAnalyser
from kssgan.faces.copies import AGREEMENT, agreement
from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate.composite_method import CompositeSurrogate
from kssgan.surrogate.donors import Donor
from kssgan.types import CROP_SIZE, FloatArray, PhotoFace, SurrogateMethod, U8Array

KS = (3, 5, 10)
Row = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """One set of photos; F photos with a face, D portraits fit to lend a head.

    Attributes:
        faces: crop, embedding and landmarks of each photo.
        subjects: of each photo.
        genders: of each photo.
        donors: screened portraits.
        donor_subjects: of each portrait.
        donor_faces: number in ``faces`` of each portrait.
        screening: portraits by what the screening said.
    """

    faces: list[PhotoFace]
    subjects: list[str]
    genders: list[str]
    donors: list[Donor]
    donor_subjects: list[str]
    donor_faces: list[int]
    screening: dict[str, int]

    @property
    def embeddings(self) -> FloatArray:
        """(F, 128) float32."""
        return np.stack([face.embedding for face in self.faces])


@dataclass(frozen=True)
class Made:
    """One group's pictures, (256, 256, 3) uint8, photos of its people, the donors, seconds of one CPU."""

    bare: U8Array
    drawn: U8Array
    generated: U8Array
    members: list[int]
    lenders: tuple[int, ...]
    seconds: float


class Eyes:
    """Detector and recogniser for pictures that are not files."""

    def __init__(self) -> None:
        self._detector = detect.Detector()
        self._recogniser = embed.Recogniser()

    def see(self, picture_u8: U8Array) -> tuple[FloatArray, U8Array] | None:
        """(128,) of the face in a picture and its head crop; None where no one face is found."""
        try:
            face = choose.choose_face(self._detector.detect(picture_u8))
        except UnusablePhoto:
            return None
        chip = align.recogniser_chip(picture_u8, face.points)
        found = self._recogniser.embed(chip[None])[0].copy()
        return found, align.head_crop(picture_u8, face.points)

    def face(self, picture_u8: U8Array) -> FloatArray | None:
        """The embedding alone."""
        seen = self.see(picture_u8)
        return None if seen is None else seen[0]

    def masked(self, crops_u8: Sequence[U8Array]) -> FloatArray:
        """(N, 128) of the faces without hair, clothes and background."""
        chips = align.chips_of_crops(align.face_only(np.stack(crops_u8)))
        found: FloatArray = self._recogniser.embed(chips)
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=default_folder())
    parser.add_argument("--k", type=int, nargs="+", default=list(KS))
    parser.add_argument("--groups", type=int, default=17, help="per row of the table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own", action="store_true", help="donors of the same set as well")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="mean, donor, composite of each group"
    )
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sets = load(asked.folder)
    for name, people in sets.items():
        counts = ", ".join(f"{n} {why}" for why, n in people.screening.items())
        print(f"donors from {name}: {counts}")
    rows, made = run(sets, asked.k, asked.groups, asked.seed, own=asked.own)
    for row in rows:
        print("\n".join(lines(row)), flush=True)
    if asked.sheet:
        pictures = [p for group in made for p in group]
        contact_sheet(pictures, 12).save(asked.sheet)
    if asked.json:
        about = {"machine": machine(), "seed": asked.seed, "features": FEATURES}
        screening = {name: people.screening for name, people in sets.items()}
        found = {**about, "screening": screening, "rows": rows}
        asked.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def run(
    sets: Mapping[str, Collection], ks: Sequence[int], groups: int, seed: int, *, own: bool
) -> tuple[list[Row], list[tuple[U8Array, U8Array, U8Array]]]:
    """Rows of the table, and mean, donor and composite of every group."""
    eyes, generator = Eyes(), make_method("generator")
    rows: list[Row] = []
    pictures: list[tuple[U8Array, U8Array, U8Array]] = []
    for name, people in sets.items():
        photos = [face.crop for face in people.faces]
        usual = features(photos)
        masked = features(list(align.face_only(np.stack(photos))))
        spectrum = mean_spectrum(photos)
        for lending, others in sets.items():
            if (lending == name and not own) or not others.donors:
                continue
            method = CompositeSurrogate(
                others.donors,
                np.stack([others.faces[i].embedding for i in others.donor_faces]),
                otherwise=mean_shape(),
                read_face=eyes.face,
                apart=thresholds.FAR_1E3,
                least=thresholds.COPY,
            )
            heads = [others.faces[i].crop for i in others.donor_faces]
            far = kernel_distance(features(heads), usual, scale=usual).value
            for k in ks:
                made = draw(people, method, generator, k, groups, seed)
                row: Row = {"members": name, "donors": lending, "k": k, "groups": len(made)}
                row |= naturalness(made, people, usual, masked) | {"kid_donors": far}
                row["peak"] -= spectrum_peak(spectrum)
                row["slope"] -= spectrum_slope(spectrum)
                row |= likeness(made, people, others, eyes)
                rows.append(row)
                for group in made:
                    head = others.faces[others.donor_faces[group.lenders[0]]].crop
                    pictures.append((group.bare, head, group.drawn))
    return rows, pictures


def draw(
    people: Collection,
    method: CompositeSurrogate,
    generator: SurrogateMethod,
    k: int,
    groups: int,
    seed: int,
) -> list[Made]:
    """Random groups of one gender, every photo of each member, drawn as a release would."""
    rng = np.random.default_rng([seed, k])
    made = []
    for number in range(groups):
        gender = ("female", "male")[number % 2]
        fitting = sorted(
            {s for s, g in zip(people.subjects, people.genders, strict=True) if g == gender}
        )
        chosen = rng.choice(fitting, k, replace=False)
        rows = [[i for i, s in enumerate(people.subjects) if s == one] for one in chosen]
        mean = method.surrogate([[people.faces[i] for i in one] for one in rows])
        clock = time.process_time()
        members = [i for one in rows for i in one]
        others = method.without(people.embeddings[members], closer_than=thresholds.LOOK_ALIKE)
        found = others.compose(mean, {"gender": gender}, seed=1000 * k + number)
        clock = time.process_time() - clock
        bare = np.rint(mean.image_01 * 255).astype(np.uint8)
        generated = generator.draw(mean, {"gender": gender}, seed=1000 * k + number)
        lenders = tuple(method.donors.index(others.donors[i]) for i in found.lenders)
        made.append(Made(bare, found.picture_u8, generated, members, lenders, clock))
    return made


def naturalness(
    made: Sequence[Made], people: Collection, usual: FloatArray, usual_masked: FloatArray
) -> Row:
    """Sharpness, kernel distance and spectrum of composites beside the bare means'."""
    drawn, bare = [m.drawn for m in made], [m.bare for m in made]
    generated = [m.generated for m in made]
    photos = [np.mean([sharpness(people.faces[i].crop) for i in m.members]) for m in made]
    ratios = [sharpness(p) / u for p, u in zip(drawn, photos, strict=True)]
    blurred = [sharpness(p) / u for p, u in zip(bare, photos, strict=True)]
    found = kernel_distance(features(drawn), usual, scale=usual)
    row: Row = {
        "sharp": float(np.mean(ratios)),
        "sharp_lowest": float(min(ratios)),
        "sharp_highest": float(max(ratios)),
        "sharp_bare": float(np.mean(blurred)),
        "kid": found.value,
        "kid_deviation": found.deviation,
        "kid_bare": kernel_distance(features(bare), usual, scale=usual).value,
        "kid_generator": kernel_distance(features(generated), usual, scale=usual).value,
        "seconds": float(np.median([m.seconds for m in made])),
    }
    for name, pictures in (
        ("kid_face", drawn),
        ("kid_face_bare", bare),
        ("kid_face_generator", generated),
    ):
        seen = features(list(align.face_only(np.stack(pictures))))
        row[name] = kernel_distance(seen, usual_masked, scale=usual_masked).value
    spectrum = mean_spectrum(drawn)
    return row | {"peak": spectrum_peak(spectrum), "slope": spectrum_slope(spectrum)}


def likeness(made: Sequence[Made], people: Collection, others: Collection, eyes: Eyes) -> Row:
    """Distances of composites to members, to the donor shown and to all donors."""
    seen = [(m, found) for m in made if (found := eyes.see(m.drawn)) is not None]
    row: Row = {"found": len(seen) / len(made)}
    portraits = [others.faces[i] for i in others.donor_faces]
    gallery = np.stack([face.embedding for face in portraits])
    member, lender, nearest, pixels = [], [], [], Counter[str]()
    most = -1.0
    for m, (embedding, crop) in seen:
        own = [people.faces[i] for i in m.members]
        member.append(apart(np.stack([face.embedding for face in own]), embedding).min())
        away = apart(gallery, embedding)
        lender.append(away[m.lenders[0]])
        nearest.append(away.min())
        closest = own[int(apart(np.stack([f.embedding for f in own]), embedding).argmin())]
        pixels["member"] += agreement(closest.crop, crop) >= AGREEMENT
        alike = agreement(portraits[m.lenders[0]].crop, crop)
        most = max(most, alike)
        pixels["lender"] += alike >= AGREEMENT
    for name, values in (("member", member), ("lender", lender), ("nearest_donor", nearest)):
        far = np.array(values)
        row[f"{name}_distance"] = float(np.median(far))
        row[f"{name}_least"] = float(far.min())
        row[f"{name}_copies"] = float((far < thresholds.COPY).mean())
        row[f"{name}_verifies"] = float((far < thresholds.FAR_1E3).mean())
    row |= {f"{name}_same_pictures": pixels[name] for name in ("member", "lender")}
    row["lender_agreement_most"] = most
    face_only = eyes.masked([crop for _, (_, crop) in seen])
    heads = eyes.masked([portraits[m.lenders[0]].crop for m, _ in seen])
    hidden = np.linalg.norm(face_only - heads, axis=1)
    row["lender_masked_distance"] = float(np.median(hidden))
    row["lender_masked_verifies"] = float((hidden < thresholds.FAR_1E3_FACE_ONLY).mean())
    control = np.array([apart(gallery, e).min() for e in people.embeddings])
    row["control_distance"] = float(np.median(control))
    row["control_verifies"] = float((control < thresholds.FAR_1E3).mean())
    return row


def apart(gallery: FloatArray, embedding: FloatArray) -> FloatArray:
    """Distances to each of (N, 128), (N,)."""
    found: FloatArray = np.linalg.norm(gallery - embedding, axis=1)
    return found


def lines(row: Row) -> list[str]:
    """One row in words and figures."""
    return [
        f"{row['members']} with donors from {row['donors']}, k {row['k']}, {row['groups']} groups: sharp "
        f"{row['sharp']:.2f} ({row['sharp_lowest']:.2f}..{row['sharp_highest']:.2f}; bare "
        f"{row['sharp_bare']:.2f})  kid {row['kid']:.2f} +- {row['kid_deviation']:.2f} (bare "
        f"{row['kid_bare']:.2f}, generator {row['kid_generator']:.2f}, donors' portraits "
        f"{row['kid_donors']:.2f})  kid of faces {row['kid_face']:.2f} (bare {row['kid_face_bare']:.2f}, "
        f"generator {row['kid_face_generator']:.2f})  peak {row['peak']:+.1f}  slope "
        f"{row['slope']:+.1f}  found {row['found']:.0%}  {row['seconds']:.2f} s",
        *(
            f"    {name.replace('_', ' '):<14} distance {row[f'{name}_distance']:.3f} (least "
            f"{row[f'{name}_least']:.3f})  near-copies {row[f'{name}_copies']:.0%}  FAR 1e-3 "
            f"{row[f'{name}_verifies']:.0%}"
            + (
                f"  same pictures {row[f'{name}_same_pictures']}"
                if f"{name}_same_pictures" in row
                else f"  (real people: {row['control_distance']:.3f}, {row['control_verifies']:.0%})"
            )
            for name in ("member", "lender", "nearest_donor")
        ),
        f"    lender, face only: distance {row['lender_masked_distance']:.3f}  FAR 1e-3 "
        f"{row['lender_masked_verifies']:.0%}  agreement at most {row['lender_agreement_most']:.2f}",
    ]


def load(folder: Path) -> dict[str, Collection]:
    """Photos by set, analysed and screened as the program does it."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    sets: dict[str, list[dict[str, str]]] = {}
    for label in labels:
        sets.setdefault(label["file"].split("/")[0], []).append(label)
    analyser, reader = StandardAnalyser(), DonorReader()
    found: dict[str, Collection] = {}
    for name, entries in sets.items():
        people = Collection([], [], [], [], [], [], {})
        counts: Counter[str] = Counter()
        results = analyser.analyse(folder / e["file"] for e in entries)
        for entry, face in zip(entries, results, strict=True):
            if not isinstance(face, PhotoFace):
                counts[face.reason.value] += 1
                continue
            people.faces.append(face)
            people.subjects.append(entry["subject"])
            people.genders.append(entry["gender"])
            known = {n: entry[n] for n in ("gender", "expression", "age") if entry.get(n)}
            portrait = reader.read(folder / entry["file"], known)
            counts[portrait if isinstance(portrait, str) else "fit"] += 1
            if not isinstance(portrait, str):
                people.donors.append(portrait[0])
                people.donor_subjects.append(entry["subject"])
                people.donor_faces.append(len(people.faces) - 1)
        people.screening.update(counts.most_common())
        found[name] = people
    return found


def contact_sheet(pictures: Sequence[U8Array], columns: int) -> Image.Image:
    """Pictures in rows."""
    count = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * CROP_SIZE, count * CROP_SIZE))
    for i, picture in enumerate(pictures):
        place = (i % columns * CROP_SIZE, i // columns * CROP_SIZE)
        sheet.paste(Image.fromarray(picture), place)
    return sheet


def machine() -> dict[str, str]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": "1",
    }


def default_folder() -> Path:
    beside = Path(__file__).parent.parent.parent / "shared" / "faces"
    return Path(os.environ.get("KSSGAN_FACES", beside))


if __name__ == "__main__":
    main()
