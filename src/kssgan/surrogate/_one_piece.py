"""A drawn head of one piece: no stumps of hair beside a jaw, no flecks on the wall, no holes.

Where one of the mixed donors has hair, and the others a wall, a network draws a piece of hair that nobody
wears. Hair beside a jaw hangs from above or rests on shoulders.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._mesh import CHIN, OVAL, sides
from kssgan.surrogate._regions import step
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["one_piece"]

# All pixels are those of a plane of 128.
_HEAD = 0.7  # how much of a place is head from which it counts as such
_BLEND = (3, 2)  # pixels around a fleck that go with it, pixels around the head that stay
_HOLE = 40  # most pixels of a hole: wider ones are wall seen between strands
_ROWS = (
    0.3,
    0.62,
    0.72,
)  # of a face's height, from its top: brows, where ears end, and their lobes
_EAR = 8.5  # pixels beside a face up to which an ear shows; hair that hides it is wider
_SKIN = 2.0  # pixels by which a face may be wider than its mesh
_WIDER = 0.5  # pixels by which hair may be wider than what it hangs from or rests on
_SOFT = 1.0  # pixels over which what is too wide ends
_EVEN = 1.5  # blur of the limit from row to row


def one_piece(head: FloatArray, points: FloatArray) -> FloatArray:
    """A head without what is loose, and without holes.

    Args:
        head: (128, 128) float32, how much of each place is head.
        points: (468, 2) where its face lies, pixels of a 256 px picture.

    Returns:
        The same, 0 where it is loose, 1 in holes.
    """
    from scipy import ndimage

    at = (points + np.float32(0.5)) * np.float32(len(head) / CROP_SIZE)
    outline = at[list(OVAL)]
    x, y = outline.mean(0)
    solid = head > _HEAD
    parts, _ = ndimage.label(solid)
    if not parts[int(y), int(x)]:  # a face that looks like the wall
        return head
    own = parts == parts[int(y), int(x)]
    wide, stays = _BLEND
    flecks = ndimage.binary_dilation(solid & ~own, iterations=wide)
    flecks &= ~ndimage.binary_dilation(own, iterations=stays)
    kept = (~flecks).astype(np.float32)
    top, chin = outline[:, 1].min(), at[CHIN, 1]
    first, ears, lobes = (round(float(top + share * (chin - top))) for share in _ROWS)
    rows = np.arange(first, len(head), dtype=np.float32) + np.float32(0.5)
    middle = int(x)
    # How far the face reaches to either side; below its chin it does not.
    faces = np.nan_to_num(abs(sides(at, rows) - np.float32(middle)))
    for right, part in enumerate((slice(middle), slice(middle, None))):
        outwards = slice(None, None, 1 if right else -1)
        face = faces[:, right]
        hanging = _hanging(own[first:, part][:, outwards], face, ears - first, lobes - first)
        kept[first:, part] *= hanging[:, outwards]
    holes, count = ndimage.label(ndimage.binary_fill_holes(own) & ~own)
    small = np.bincount(holes.ravel(), minlength=count + 1) <= _HOLE
    small[0] = False
    filled = ndimage.binary_dilation(small[holes]).astype(np.float32)
    found: FloatArray = np.maximum(head * kept, filled)
    return found


def _hanging(
    side: npt.NDArray[np.bool_], face: FloatArray, ears: int, lobes: int
) -> FloatArray:
    """(R, C) 1 but where one side of a head below an ear, read outwards, is wider than above and below.

    Below a place where nothing hangs beside the ``face`` (R,) nothing does, nor below an ear that shows: rows
    up to ``ears`` are beside it, rows up to ``lobes`` may be its lobe.
    """
    from scipy.ndimage import gaussian_filter1d

    width = side.shape[1]
    far = np.where(side.any(1), width - np.argmax(side[:, ::-1], axis=1), 0).astype(np.float32)
    shows = np.median((far - face)[:ears]) < _EAR
    far, face = far[ears:], face[ears:]
    bare = np.logical_or.accumulate((far <= face + _SKIN) & (face > 0))
    bare[lobes - ears :] |= shows
    above = np.where(bare, face + _SKIN, np.minimum.accumulate(far))
    below = np.minimum.accumulate(far[::-1])[::-1]
    most = np.maximum(above, below).astype(np.float32)
    most = np.maximum(most, gaussian_filter1d(most, _EVEN, mode="nearest"))
    beyond = np.arange(width, dtype=np.float32) + np.float32(0.5) - most[:, None]
    loose = step((beyond - np.float32(_WIDER)) / np.float32(_SOFT))
    hanging = np.ones(side.shape, np.float32)
    hanging[ears:] -= loose * (far - most > 2 * _WIDER)[:, None]
    return hanging
