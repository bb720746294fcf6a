"""Put a trained generator among the shipped weights, with its digest in the index and the provenance.

python tools/ship_generator.py RUN/generator.safetensors [--refiner EARLIER.safetensors --share 0.5]
    [--faces PREPARED.safetensors]

With ``--refiner`` the weights of the refiner become a mean of this and an earlier export, ``--share`` of this
one's (network interpolation: Wang et al. 2018, ESRGAN): between soft and clean, and sharp and hard.
``--faces`` takes the public means, the face space, the detail of the donors' heads and of faces, and the
embeddings to which no picture may be near, anew from the prepared file that was trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as parse

from kssgan.models.stored import FORMAT, read_generator, write_generator
from kssgan.models.weights_file import about, packed, to_bytes
from kssgan.training.ageing import ageing
from kssgan.training.data import Photos, learnt_donors
from kssgan.training.face_detail import face_detail
from kssgan.training.face_space import face_space
from kssgan.training.head_detail import head_detail
from kssgan.training.means import public_means
from kssgan.training.prepared import load_prepared

WEIGHTS = Path(__file__).parents[1] / "src" / "kssgan" / "weights"
MOST = 16 * 2**20  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--refiner", type=Path, metavar="EARLIER")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--faces", type=Path, metavar="PREPARED")
    asked = parser.parse_args()
    data = asked.file.read_bytes()
    stored = read_generator(data)
    if asked.refiner is not None:
        other = read_generator(asked.refiner.read_bytes())
        with torch.no_grad():
            pairs = zip(
                stored.generator.refiner.parameters(),
                other.generator.refiner.parameters(),
                strict=True,
            )
            for mine, theirs in pairs:
                mine.lerp_(theirs, 1 - asked.share)
        mixed = {"step": other.facts.get("steps"), "share": asked.share}
        stored = replace(stored, facts={**stored.facts, "refiner_mixed": mixed})
    if asked.faces is not None:
        prepared = load_prepared(asked.faces)
        photos = Photos(prepared, torch.device("cpu"))
        photos.keep_donors(learnt_donors(stored, prepared))
        if not len(photos.donors):
            raise SystemExit("another prepared file came than the one that was trained on")
        label = next(iter(stored.labels))
        public, space = public_means(photos, label), face_space(photos, label)
        detail = head_detail(photos, np.arange(len(photos.donors)))
        face = face_detail(photos, label)
        stored = replace(
            stored,
            public=public,
            space=space,
            detail=detail,
            face=face,
            ageing=ageing(photos, label, space),
            trained_on=prepared.embedding[~prepared.held_out],
        )
    if asked.refiner is not None or asked.faces is not None:
        data = write_generator(stored)
    said = about(data) or {}
    if "packed" not in said:  # an export of an earlier version: the same tensors in fewer bytes
        tensors, kinds = packed(parse(data))
        data = to_bytes(tensors, {**said, "format": FORMAT, "packed": kinds})
    if len(data) > MOST:
        raise SystemExit(f"{len(data)} bytes came, at most {MOST} are shipped")
    digest = hashlib.sha256(data).hexdigest()
    stored = read_generator(data)
    codes = stored.codes.vector.size + stored.codes.layout.size + stored.codes.tone.size
    count = sum(p.numel() for p in stored.generator.parameters()) + codes
    if stored.space is not None:
        count += stored.space.pictures.size + stored.space.shapes.size
    index = WEIGHTS / "index.json"
    known = json.loads(index.read_text("utf-8"))
    before = known["generator"]
    known["generator"] = {
        "bytes": len(data),
        "parameters": count,
        "sha256": digest,
        "stored": "float16",
    }
    story = WEIGHTS / "PROVENANCE.md"
    text = story.read_text("utf-8").replace(before["sha256"], digest)
    text = re.sub(
        r"(File: `generator\.safetensors`, )[\d,]+( bytes)", rf"\g<1>{len(data):,}\g<2>", text
    )
    text = re.sub(r"with \d+ learned codes", f"with {len(stored.codes)} learned codes", text)
    text = re.sub(r"Of the \d+ donors'", f"Of the {len(stored.codes)} donors'", text)
    (WEIGHTS / "generator.safetensors").write_bytes(data)
    index.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")
    story.write_text(text, "utf-8")
    print(f"shipped: {len(data):,} bytes, {count:,} values, step {stored.facts.get('steps')}")


if __name__ == "__main__":
    main()
