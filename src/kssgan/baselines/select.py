"""k-Same-Select: k-Same inside equal attributes, so that the mean keeps them."""

from __future__ import annotations

from kssgan.baselines.pixel import KSamePixel

__all__ = ["KSameSelect"]


class KSameSelect(KSamePixel):
    """Pixel means of groups inside one gender and one age band.

    A part with fewer than k people joins its nearest one, so k always holds and the attribute not always. The
    original also partitions by expression; here a group is of people, who have several expressions.

    Reference: Gross, Airoldi, Malin, Sweeney 2005, "Integrating utility into face de-identification".
    """

    name = "k-same-select"
    within = ("gender", "age")
    fails = KSamePixel.fails + "; everybody in a group has the attribute, so it is disclosed"
