"""Train the probes (expression, gender, age band) on public faces and write the weights that kssgan ships.

    python tools/train_probes.py ../shared/faces [--keep FILE.npz] [--out DIR] [--json FILE]

Prints how often the probes are right about people they have not seen, then fits them on everybody and writes
``probes.safetensors`` with its entries in ``index.json`` and ``PROVENANCE.md``. The same seed on the same
machine gives the same weights. ``benchmarks/probes.py`` has the figures in full.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from kssgan.faces.attributes import PROBES, Probes
from probe_data import data_digest, read_faces
from probe_fit import WANTED, Fitted, cross_validate, fit_all

WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "kssgan" / "weights"
_ABOUT = """\
- Probes: three multinomial logistic classifiers of our own on the recogniser's frozen features: expression
  (neutral, happy), gender (female, male), age band (young 18-34, middle 35-59, senior 60 and over). No
  landmarks: they added nothing to the map (`docs/decisions.md`).
- Training data: Face Research Lab London Set (DeBruine, Lisa; Jones, Benedict, 2017, figshare,
  doi 10.6084/m9.figshare.5047666), licence CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), and
  official portraits of the 118th US Congress, works of the US Government in the public domain. Gender and age
  as these collections or public records give them. No photo and no feature of a person is in the file.
- Licence of this file: CC BY 4.0, with the attribution above.
- Use here: labels where the user gives none (`--auto-label`). No children and no other expressions were seen
  in training; whom the probes get wrong is in `docs/probes.md`."""


def store(arrays: dict[str, Any], made: str, out: Path) -> None:
    """Write the weights and their entries, leaving all others as they are."""
    data = save(arrays)
    (out / "probes.safetensors").write_bytes(data)
    entry = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "stored": "float32",
        "parameters": int(sum(array.size for array in arrays.values())),
    }
    path = out / "index.json"
    index = json.loads(path.read_text("utf-8"))
    index["probes"] = entry
    path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")
    path = out / "PROVENANCE.md"
    head, *sections = path.read_text("utf-8").split("\n## ")
    kept = [s for s in sections if s.partition("\n")[0].strip() != "probes"]
    kept.append(
        f"probes\n\n- File: `probes.safetensors`, {entry['bytes']:,} bytes, SHA-256\n"
        f"  `{entry['sha256']}`\n- Made by: {made}\n{_ABOUT}"
    )
    body = "".join(f"\n## {section.rstrip()}\n" for section in sorted(kept))
    path.write_text(head.rstrip() + "\n" + body, "utf-8")
    print(f"probes: {entry['parameters']:,} parameters, {len(data):,} bytes")


def arrays_of(fitted: dict[str, Fitted]) -> dict[str, Any]:
    """What is shipped, by name."""
    arrays: dict[str, Any] = {}
    for name, probe in fitted.items():
        arrays[f"{name}.weight"] = np.ascontiguousarray(probe.weight, np.float32)
        arrays[f"{name}.bias"] = np.ascontiguousarray(probe.bias, np.float32)
        arrays[f"{name}.least"] = np.array(probe.least, np.float32)
    Probes(arrays)
    return arrays


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("faces", type=Path, help="folder with labels.csv and photos")
    parser.add_argument("--keep", type=Path, help="remember the features here (biometric)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder of shipped weights")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    faces = read_faces(args.faces, seed=args.seed, kept=args.keep)
    digest = data_digest(args.faces)
    told: dict[str, Any] = {"seed": args.seed, "data": digest, "probes": {}}
    fitted = {}
    print(
        f"{'attribute':<12}{'photos':>8}{'right':>8}{'said':>8}{'right of those':>16}{'limit':>7}"
    )
    for name in PROBES:
        unseen, _ = cross_validate(faces, name, seed=args.seed)
        right = unseen.probability[0].argmax(1) == unseen.target
        said = ~unseen.declined[0]
        fitted[name] = fit_all(faces, name, seed=args.seed)
        row = {
            "photos": len(right),
            "accuracy": float(right.mean()),
            "said": float(said.mean()),
            "accuracy_of_said": float(right[said].mean()),
            "wanted": WANTED[name],
            "least": fitted[name].least,
            "penalty": fitted[name].penalty,
            "temperature": fitted[name].temperature,
        }
        told["probes"][name] = row
        print(
            f"{name:<12}{row['photos']:>8}{row['accuracy']:>8.3f}{row['said']:>8.3f}"
            f"{row['accuracy_of_said']:>16.3f}{row['least']:>7.2f}"
        )
    made = (
        f"`tools/train_probes.py` (seed {args.seed}; data digest `{digest[:12]}...`), stored as\n"
        f"  float32"
    )
    store(arrays_of(fitted), made, args.out)
    print(json.dumps(told, indent=2))
    if args.json:
        args.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
