"""The search space of the paper's training. Names are options of its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kssgan.tuning.space import Choice, Range, Space

__all__ = ["GALLERY_SPACE", "fitting"]

_ALL = "all"
_SIAMESE = ("margin", "lambda_released")

GALLERY_SPACE = Space(
    {
        "rate": Range(1e-5, 3e-3, "log", unit="Adam's step, of every network"),
        "beta1": Range(0.0, 0.9, unit="decay of Adam's mean, per step"),
        "beta2": Range(0.9, 0.9999, "complement", unit="decay of Adam's square, per step"),
        "lambda_cls": Range(0.1, 10.0, "log", unit="weight of the classification"),
        "lambda_rec": Range(0.1, 30.0, "log", unit="weight of L_rec on the cycle"),
        "lambda_released": Range(0.1, 30.0, "log", unit="weight of L_rec on what is released"),
        "lambda_gp": Range(1.0, 30.0, "log", unit="weight of the gradient penalty"),
        "n_critic": Range(1, 8, whole=True, unit="updates of the critic per update of G"),
        "batch": Range(4, 32, "log", whole=True, unit="photographs per update"),
        "margin": Range(0.0, 0.9, unit="similarity in 0..1 that is low enough"),
        "width": Range(16, 96, "log", whole=True, unit="channels of G and D at full size"),
        "attributes": Choice(
            ("all", "expression", "expression+gender"), unit="labels G is told"
        ),
        "grouping": Choice(("mdav", "k-same"), unit="how people are gathered"),
    }
)
"""Of presets ``paper`` and ``stargan``."""


def fitting(space: Space, scheme: Mapping[str, Sequence[str]], *, siamese: bool) -> Space:
    """Leave out what can make no difference.

    Args:
        space: whose parameter "attributes", if any, has the options "all" or names joined by "+".
        scheme: categories by attribute; label schemes that the collection does not have are left out, and
            the parameter where a single one is left.
        siamese: whether similarity is asked for; without it ``margin`` and ``lambda_released`` say nothing.
    """
    kept = dict(space.parameters)
    if not siamese:
        kept = {name: known for name, known in kept.items() if name not in _SIAMESE}
    known = kept.pop("attributes", None)
    if isinstance(known, Choice):
        has = {name for name, kinds in scheme.items() if len(kinds) > 1}
        options = [o for o in known.options if o == _ALL or set(o.split("+")) <= has]
        if len(options) > 1:
            kept["attributes"] = Choice(tuple(options), known.unit)
    return Space(kept)
