"""Methods by the names of the command line: the baselines, and ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kssgan._version import __version__
from kssgan.baselines import BASELINES, PER_PHOTO, KSame, KSameNet, PhotoMethod
from kssgan.errors import UsageError
from kssgan.types import SurrogateMethod

__all__ = [
    "METHODS",
    "OURS",
    "check_methods",
    "forms_groups",
    "grouping_of",
    "make",
    "version_of",
]

OURS = "kss-gan"
METHODS: tuple[str, ...] = (*BASELINES, OURS)
"""Every name that can be evaluated."""


def check_methods(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once, in the order in which they came.

    Raises:
        UsageError: none, or one that is not known.
    """
    found = tuple(dict.fromkeys(names))
    if strange := [name for name in found if name not in METHODS]:
        raise UsageError(
            f"method {', '.join(map(repr, strange))} came; of {', '.join(METHODS)} some were wanted"
        )
    if not found:
        raise UsageError(f"no method came; of {', '.join(METHODS)} some were wanted")
    return found


def forms_groups(name: str) -> bool:
    """Whether a method keeps k (and so is drawn at every k)."""
    return name not in PER_PHOTO


def make(name: str, *, weights: Path | None = None) -> SurrogateMethod | PhotoMethod:
    """The method of that name; those that learn are not fitted yet.

    Args:
        name: of :data:`METHODS`.
        weights: of ``kssgan train``, for ours; the shipped ones otherwise.

    Raises:
        UsageError: another name, or weights that know one gallery alone.
        WeightsError: weights are missing or damaged.
    """
    if name == OURS:
        from kssgan.deidentification.gallery import GallerySurrogate
        from kssgan.deidentification.methods import make_method, trained_method

        if weights is None:
            return make_method("generator")
        method = trained_method(weights)
        if isinstance(method, GallerySurrogate):
            raise UsageError(
                "these weights know fixed groups of one gallery, so they cannot be drawn at every k; give "
                "weights for any gallery (presets smoke, small, robust)"
            )
        return method
    return BASELINES[name]()


def grouping_of(method: SurrogateMethod) -> KSame:
    """How a method's groups are formed: as it says itself, or by Newton's k-Same."""
    return method if isinstance(method, KSame) else KSame()


def version_of(name: str, *, weights: Path | None = None) -> str:
    """Changes when a method's pictures may change; part of what tells a finished cell from a stale one."""
    from kssgan import weights as shipped

    if name == KSameNet.name:
        return f"{__version__} {shipped.digest(KSameNet.weights)}"
    if name != OURS:
        return __version__
    if weights is None:
        return f"{__version__} {shipped.digest('generator')}"
    file = weights / "generator.safetensors" if weights.is_dir() else weights
    try:
        return f"{__version__} {hashlib.sha256(file.read_bytes()).hexdigest()}"
    except OSError as error:
        raise UsageError(f"the weights cannot be read ({type(error).__name__})") from None
