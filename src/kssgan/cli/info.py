"""``kssgan info``: versions, weights and where private things are kept."""

from __future__ import annotations

import argparse
import json
import platform
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from kssgan._version import __version__
from kssgan.errors import WeightsError

__all__ = ["add", "run"]

_PACKAGES = ("torch", "numpy", "scipy", "pillow", "safetensors")


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "info",
        help="versions, weights, and where private things are kept",
        description="Show versions, check the shipped weights and say where the private cache is.",
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="print it as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 1 when weights are damaged."""
    facts = _facts()
    if args.as_json:
        print(json.dumps(facts, indent=2))
    else:
        _tell(facts)
    return 0 if all(w["intact"] for w in facts["weights"].values()) else 1


def _facts() -> dict[str, Any]:
    from kssgan import weights
    from kssgan.deidentification import default_cache

    shipped = {}
    for name in weights.names():
        try:
            weights.load(name)
            intact = True
        except WeightsError:
            intact = False
        shipped[name] = {"sha256": weights.digest(name), "intact": intact}
    return {
        "kssgan": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "heic": find_spec("pillow_heif") is not None,
        "device": "cpu",
        "weights": shipped,
        "cache": str(default_cache()),
    }


def _tell(facts: dict[str, Any]) -> None:
    print(f"kssgan {facts['kssgan']}  (Python {facts['python']})")
    print(
        "packages   "
        + ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    )
    print(f"HEIC       {'yes' if facts['heic'] else 'no; pip install kssgan[heic]'}")
    for name, weight in facts["weights"].items():
        state = "intact" if weight["intact"] else "MISSING OR DAMAGED: reinstall kssgan"
        print(f"weights    {name:<11} {weight['sha256'][:16]}  {state}")
    print(f"cache      {facts['cache']}")
    print(
        "           biometric: removed after a successful run, kept after a failed one so that it resumes"
    )
