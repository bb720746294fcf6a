"""kssgan: de-identify face photos with a k-anonymity promise measured on the written files.

Importing this package loads neither torch nor any model; the names below are loaded on first use.

>>> import kssgan
>>> kssgan.__version__.count(".")
2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kssgan._version import __version__

if TYPE_CHECKING:
    from kssgan.api import (
        audit,
        deidentify,
        evaluate,
        prepare,
        reidentify,
        report,
        train,
        tune,
    )
    from kssgan.auditing import AuditReport
    from kssgan.deidentification import Release

__all__ = [
    "AuditReport",
    "Release",
    "__version__",
    "audit",
    "deidentify",
    "evaluate",
    "prepare",
    "reidentify",
    "report",
    "train",
    "tune",
]

_HOME = {
    "AuditReport": "kssgan.auditing",
    "Release": "kssgan.deidentification",
    "audit": "kssgan.api",
    "deidentify": "kssgan.api",
    "evaluate": "kssgan.api",
    "prepare": "kssgan.api",
    "reidentify": "kssgan.api",
    "report": "kssgan.api",
    "train": "kssgan.api",
    "tune": "kssgan.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kssgan' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
