"""The verbs as Python functions with the command line's defaults; here the rooms meet.

Each verb is loaded on first use, and its rooms when it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kssgan.api.auditing import audit
    from kssgan.api.evaluating import evaluate
    from kssgan.api.releasing import deidentify, reidentify
    from kssgan.api.reporting import report
    from kssgan.api.training import gallery_groups, prepare, train
    from kssgan.api.tuning import tune

__all__ = [
    "audit",
    "deidentify",
    "evaluate",
    "gallery_groups",
    "prepare",
    "reidentify",
    "report",
    "train",
    "tune",
]

_HOME = {
    "audit": "auditing",
    "deidentify": "releasing",
    "evaluate": "evaluating",
    "gallery_groups": "training",
    "prepare": "training",
    "reidentify": "releasing",
    "report": "reporting",
    "train": "training",
    "tune": "tuning",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kssgan.api' has no attribute {name!r}")
    return getattr(import_module(f"kssgan.api.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
