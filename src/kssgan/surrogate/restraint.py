"""S_g of few people is drawn towards the mean face of the public, so that no member shines through.

A mean of three is still much of each of the three. So every member weighs at most 1 / :data:`LIKE` of what a
generator sees, as in a mean of that many people; what is left is a mean of public people of the same gender,
in the group's own skin tone.

A smile of thirty people cannot be warped shut: what is left of their teeth and folds is read as a smile. So
where the wanted expression is foreign to S_g, the lower face is drawn towards a public mean that shows it.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._regions import doubled, lower_face
from kssgan.surrogate.shape import DARK, ShapeMean, moved, skin_tone
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray

__all__ = ["LIKE", "LOWER", "public_share", "restrained", "restrained_shape"]

LIKE = 16
"""A group's mean gives away no more than one of that many people does."""

LOWER = 0.9
"""Share of the public mean in the lower face of an S_g to which the wanted expression is most foreign."""


def public_share(people: int) -> float:
    """Share of the public mean in S_g of some people: 0 from :data:`LIKE` people on.

    >>> [round(public_share(k), 2) for k in (3, 5, 10, 30)]
    [0.81, 0.69, 0.38, 0.0]
    """
    return max(0.0, 1 - people / LIKE)


def restrained_shape(mean: ShapeMean, public: ShapeMean) -> FloatArray:
    """Shape of S_g drawn towards a public mean, (468, 2) float32; that of S_g where its people are enough."""
    share = public_share(mean.people)
    if not share:
        return mean.points
    points: FloatArray = ((1 - share) * mean.points + share * public.points).astype(np.float32)
    return points


def restrained(
    mean: ShapeMean,
    public: ShapeMean,
    *,
    points: FloatArray | None = None,
    warp: Warp | None = None,
    lower: float = 0.0,
) -> ShapeMean:
    """S_g drawn towards a public mean, in shape and picture; S_g itself where its people are enough.

    Args:
        mean: of a group; ``mean.people`` says how far.
        public: mean of people whom no release protects.
        points: (468, 2) float32 the shape of the result; left out, that of :func:`restrained_shape`.
        warp: to ``points``, where one is already made.
        lower: least share of the public mean in the lower face, 0..1, where ``public`` shows an expression
            that is foreign to ``mean``.

    Returns:
        Of as many people as ``mean``. Its skin tone is that of ``mean``: nobody is made lighter or darker.
    """
    share = public_share(mean.people)
    shape = restrained_shape(mean, public) if points is None else points
    if not share and not lower:
        return moved(mean, shape, warp)
    warp = warp or Warp(shape)
    own, other = (moved(m, shape, warp) for m in (mean, public))
    gain = np.log(skin_tone(own) + DARK) - np.log(skin_tone(other) + DARK)
    tinted = np.exp(np.log(other.image_01 + DARK) + gain) - DARK
    public_there = np.full((1, 1, 1), share, np.float32)
    if lower > share:
        there = doubled(lower_face(shape))[..., None]
        public_there = public_there + np.float32(lower - share) * there
    image = own.image_01 + public_there * (np.clip(tinted, 0, 1) - own.image_01)
    return ShapeMean(image.astype(np.float32), shape, mean.people)
