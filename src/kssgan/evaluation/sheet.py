"""Private sheets: the paper's Figure 6, originals above what each method makes of them, and its Figure 8."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.errors import TooFewPeople
from kssgan.evaluation.drawing import draw_groups, form_groups
from kssgan.evaluation.photos import Photos
from kssgan.types import CROP_SIZE, SurrogateMethod, U8Array

__all__ = ["figure_6", "figure_8", "write_sheet"]

_MOST = 8
_FULL_SIZE = 12  # pictures that are shown as large as they are; more are shown at half the size


def figure_6(
    methods: Mapping[str, SurrogateMethod], photos: Photos, *, k: int, seed: int
) -> U8Array:
    """Rows: originals, then each method's surrogates of the same people; the paper shows k = 3.

    Args:
        methods: fitted, in the order of the rows.
        photos: the gallery.
        k: people of a group.
        seed: of groups, pictures, and who is shown.

    Returns:
        (rows x 256, people x 256, 3) uint8. It shows originals: private. A method that has too few people for
        this gallery (k-Same-Net, whose proxies may not be in it) has no row.

    Raises:
        TooFewPeople: no method has enough.
    """
    refused: TooFewPeople | None = None
    shown = np.random.default_rng(seed).permutation(photos.persons)[:_MOST].tolist()
    rows = [np.concatenate([photos.crops[photos.rows(p)[0]] for p in shown], axis=1)]
    for method in methods.values():
        try:
            groups = form_groups(method, photos, k, seed)
            wanted = [int(groups.labels[person]) for person in shown]
            only = sorted(set(wanted))
            drawn = draw_groups(method, photos, groups, seed, only=only)
        except TooFewPeople as error:
            refused = error
            continue
        rows.append(np.concatenate([drawn.pictures[only.index(g)] for g in wanted], axis=1))
    if refused is not None and len(rows) == 1:
        raise refused
    return np.concatenate(rows)


def figure_8(method: SurrogateMethod, photos: Photos, *, k: int, seed: int) -> U8Array:
    """Every group's surrogate, row by row; the paper shows k = 3 and k = 30.

    Args:
        method: fitted.
        photos: the gallery.
        k: people of a group.
        seed: of groups and pictures.

    Returns:
        (H, W, 3) uint8, pictures beside each other, white where none are left. Surrogates alone.
    """
    drawn = draw_groups(method, photos, form_groups(method, photos, k, seed), seed).pictures
    side = CROP_SIZE if len(drawn) <= _FULL_SIZE else CROP_SIZE // 2
    columns = ceil(sqrt(1.5 * len(drawn)))
    sheet = np.full((ceil(len(drawn) / columns) * side, columns * side, 3), 255, np.uint8)
    for place, picture in enumerate(drawn):
        row, column = (n * side for n in divmod(place, columns))
        small = Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)
        sheet[row : row + side, column : column + side] = np.asarray(small)
    return sheet


def write_sheet(path: Path, sheet_u8: U8Array) -> None:
    """Write a sheet that its owner alone can read."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    Image.fromarray(sheet_u8).save(path)
