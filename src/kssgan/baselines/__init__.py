"""The methods to compare with, by name.

Those of :data:`K_SAME` draw one picture for a group (:class:`kssgan.types.SurrogateMethod`) and keep k;
those of :data:`PER_PHOTO` redraw each photo (:class:`PhotoMethod`) and promise nothing about k.
"""

from __future__ import annotations

from kssgan.baselines.appearance import KSameM
from kssgan.baselines.eigen import KSameEigen
from kssgan.baselines.furthest import KSameFurthest
from kssgan.baselines.net import KSameNet
from kssgan.baselines.per_photo import BlackBox, Blur, PhotoMethod, Pixelation
from kssgan.baselines.pixel import KSame, KSamePixel
from kssgan.baselines.select import KSameSelect

__all__ = [
    "BASELINES",
    "K_SAME",
    "PER_PHOTO",
    "BlackBox",
    "Blur",
    "KSame",
    "KSameEigen",
    "KSameFurthest",
    "KSameM",
    "KSameNet",
    "KSamePixel",
    "KSameSelect",
    "PhotoMethod",
    "Pixelation",
]

K_SAME: dict[str, type[KSameEigen | KSameM | KSameNet | KSamePixel]] = {
    method.name: method
    for method in (KSamePixel, KSameEigen, KSameSelect, KSameM, KSameFurthest, KSameNet)
}
"""Baselines that keep k."""

PER_PHOTO: dict[str, type[Blur | Pixelation | BlackBox]] = {
    method.name: method for method in (Blur, Pixelation, BlackBox)
}
"""Baselines without k."""

BASELINES: dict[
    str, type[KSameEigen | KSameM | KSameNet | KSamePixel | Blur | Pixelation | BlackBox]
] = {
    **K_SAME,
    **PER_PHOTO,
}
"""Every baseline by its name on the command line."""
