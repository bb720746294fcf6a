"""Put a trained network of k-Same-Net among the shipped weights, with its entries in index and provenance.

python tools/ship_k_same_net.py FILE [--out FOLDER]

FILE is what tools/train_k_same_net.py wrote. All other entries stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from kssgan.baselines import KSameNet
from kssgan.models.stored_proxies import StoredProxies, read_proxies

WEIGHTS = Path(__file__).parents[1] / "src" / "kssgan" / "weights"
MOST = 4_000_000  # bytes
NAME = KSameNet.weights

_ABOUT = """\
- Training data: {photos} photos of {proxies} people of the Face Research Lab London Set (DeBruine, Lisa;
  Jones, Benedict, 2017, figshare, doi 10.6084/m9.figshare.5047666), licence CC BY 4.0
  (https://creativecommons.org/licenses/by/4.0/), and of the official portraits of the 118th US Congress,
  works of the US Government in the public domain. The file holds a code, the recogniser's embedding and the
  gender of each; no photo, no name. The code of one proxy alone draws a soft picture of that person.
- Licence of this file: CC BY 4.0, with the attribution above.
- Use here: the method k-same-net, with which others are compared (`kssgan evaluate`)."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, default=WEIGHTS, metavar="FOLDER")
    asked = parser.parse_args()
    data = asked.file.read_bytes()
    if len(data) > MOST:
        raise SystemExit(f"{len(data)} bytes came, at most {MOST} are shipped")
    stored = read_proxies(data)
    entry = {
        "bytes": len(data),
        "parameters": sum(p.numel() for p in stored.network.parameters())
        + stored.embeddings.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "stored": "float16",
    }
    index = asked.out / "index.json"
    known = json.loads(index.read_text("utf-8"))
    known[NAME] = entry
    story = asked.out / "PROVENANCE.md"
    head, *sections = story.read_text("utf-8").split("\n## ")
    kept = [s for s in sections if s.partition("\n")[0].strip() != NAME]
    kept.append(told(stored, entry))
    body = "".join(f"\n## {section.rstrip()}\n" for section in sorted(kept))
    (asked.out / f"{NAME}.safetensors").write_bytes(data)
    index.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")
    story.write_text(head.rstrip() + "\n" + body, "utf-8")
    print(f"shipped: {len(data):,} bytes, {entry['parameters']:,} values")


def told(stored: StoredProxies, entry: Mapping[str, object]) -> str:
    """The section of the provenance."""
    facts, recipe = stored.facts, stored.facts["recipe"]
    return (
        f"{NAME}\n\n- File: `{NAME}.safetensors`, {entry['bytes']:,} bytes, SHA-256\n"
        f"  `{entry['sha256']}`\n"
        f"- Made by: `tools/train_k_same_net.py` ({recipe['rough_steps']:,} and {recipe['steps']:,} steps, "
        f"seed {recipe['seed']}, torch {facts['torch']};\n"
        f"  data digest `{facts['data'][:12]}...`), stored as float16\n"
        f"- Network: our own up-convolutional one in the sense of Dosovitskiy, Springenberg, Brox 2015, as "
        f"k-Same-Net asks for\n  (Meden, Emersic, Struc, Peer 2018).\n"
        + _ABOUT.format(photos=facts["photos"], proxies=len(stored.genders))
    )


if __name__ == "__main__":
    main()
