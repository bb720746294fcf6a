"""Which of the 468 points of the MediaPipe face mesh topology outline what."""

from __future__ import annotations

import numpy as np

from kssgan.types import FloatArray

__all__ = [
    "BEARD",
    "BESIDE_EYES",
    "BROWS",
    "CHEEKS",
    "CHIN",
    "EYES",
    "EYE_CORNERS",
    "FOREHEAD",
    "GLABELLA",
    "INNER_LIPS",
    "LENSES",
    "LIP_GAP",
    "LOWER_EDGE",
    "MOUTH_CORNERS",
    "NOSE",
    "NOSE_TIP",
    "NOSTRILS",
    "OUTER_LIPS",
    "OVAL",
    "POINTS",
    "STILL",
    "UPPER_EDGE",
    "across",
    "brow_line",
    "check_points",
    "higher_brow",
    "sides",
]

POINTS = 468
"""Points of a face."""

# fmt: off
BEARD: tuple[int, ...] = (
    164, 165, 391, 167, 393, 18, 200, 199, 175, 208, 428, 32, 262, 194, 418, 182, 406, 210, 430, 211, 431,
)
"""Upper lip and chin, where beards grow."""

BESIDE_EYES: tuple[tuple[int, ...], ...] = (
    (226, 31, 228, 229, 111, 117, 116, 143, 35, 156),
    (446, 261, 448, 449, 340, 346, 345, 372, 265, 383),
)
"""Skin around the outer corner of each eye, left and right in the picture, as mirrored pairs."""

CHIN = 152
"""Lowest point of the face."""

OVAL: tuple[int, ...] = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
"""Outline of the face from the middle of the forehead clockwise, around chin and temples."""

EYES: tuple[tuple[int, ...], ...] = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
"""Edges of the lids, left and right in the picture, upper lid first."""

BROWS: tuple[tuple[int, ...], ...] = (
    (46, 53, 52, 65, 55, 107, 66, 105, 63, 70),
    (276, 283, 282, 295, 285, 336, 296, 334, 293, 300),
)
"""Eyebrows, lower edge outwards in, then back along the upper edge."""

OUTER_LIPS: tuple[int, ...] = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)
"""Outline of the lips."""

UPPER_EDGE: tuple[int, ...] = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_EDGE: tuple[int, ...] = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""Edge of the upper and of the lower lip, from the left corner of the mouth to the right."""

INNER_LIPS: tuple[int, ...] = (*UPPER_EDGE, *LOWER_EDGE[-2:0:-1])
"""Edge of the opening between the lips, all around."""

CHEEKS: tuple[tuple[int, ...], ...] = (
    (117, 118, 101, 36, 205, 187, 123),
    (346, 347, 330, 266, 425, 411, 352),
)
"""Skin below the eyes, inside any beard's edge."""

NOSE: tuple[int, ...] = (168, 122, 196, 3, 51, 45, 4, 275, 281, 248, 419, 351)
"""Bridge of the nose down to its tip."""

NOSE_TIP = 4
"""Tip of the nose."""

NOSTRILS: tuple[int, ...] = (98, 97, 2, 326, 327, 294, 4, 64)
"""Underside of the nose."""

FOREHEAD: tuple[int, ...] = (108, 151, 337, 336, 9, 107)
"""Middle of the forehead, low enough to be free of hair on most people."""

GLABELLA: tuple[int, ...] = (107, 9, 336, 285, 417, 168, 193, 55)
"""Skin between the brows and at the root of the nose."""

LENSES: tuple[int, ...] = (127, 34, 116, 117, 50, 101, 36, 266, 330, 280, 346, 345, 264, 356)
"""Lower edge of where glasses may be, from the left temple over both cheeks to the right temple."""

STILL: tuple[int, ...] = (
    33, 133, 362, 263, 10, 338, 297, 332, 284, 251, 389, 109, 67, 103, 54, 21, 162,
)
"""What no expression moves on a skull: corners of the eyes, edge of the forehead."""
# fmt: on

LIP_GAP = (13, 14)
"""Middle of the upper and of the lower lip's inner edge."""

EYE_CORNERS = (33, 263)
"""Outer corners of the eyes, left and right in the picture."""

MOUTH_CORNERS = (61, 291)
"""Corners of the mouth, left and right in the picture."""


def check_points(points: FloatArray) -> None:
    """Refuse what is not one face's mesh.

    Raises:
        ValueError: another shape, or a coordinate that is not finite.
    """
    import numpy as np

    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(
            f"points of shape {points.shape} came; ({POINTS}, 2) finite (x, y) were wanted"
        )


def brow_line(points: FloatArray) -> float:
    """Row of the upper edge of the brows, mean of both."""
    return float(np.mean([points[list(brow), 1].min() for brow in BROWS]))


def higher_brow(points: FloatArray) -> float:
    """Row of the upper edge of the higher brow."""
    return float(min(points[list(brow), 1].min() for brow in BROWS))


def sides(points: FloatArray, rows: FloatArray) -> FloatArray:
    """(R, 2) columns where a face's outline lies to the left and right in each row, NaN outside of it."""
    outline = points[list(OVAL)]
    middle = outline[:, 0].mean()
    found = np.empty((len(rows), 2), np.float32)
    for side, part in enumerate((outline[:, 0] < middle, outline[:, 0] >= middle)):
        x, y = outline[part][np.argsort(outline[part, 1], kind="stable")].T
        found[:, side] = np.interp(rows, y, x, left=np.nan, right=np.nan)
    return found


def across(points: FloatArray, columns: FloatArray) -> FloatArray:
    """How far columns lie from a face's middle, in halves of its width; negative on the left."""
    middle = float(points[list(EYE_CORNERS), 0].mean())
    found: FloatArray = (columns - middle) / (np.ptp(points[list(OVAL), 0]) / 2)
    return found
