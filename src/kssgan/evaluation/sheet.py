"""The private sheet for the paper's Figure 6: originals above what each method makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.evaluation.drawing import draw_groups, form_groups
from kssgan.evaluation.photos import Photos
from kssgan.types import SurrogateMethod, U8Array

__all__ = ["figure_6", "write_sheet"]

_MOST = 8


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
        (rows x 256, people x 256, 3) uint8. It shows originals: private.
    """
    shown = np.random.default_rng(seed).permutation(photos.persons)[:_MOST].tolist()
    rows = [np.concatenate([photos.crops[photos.rows(p)[0]] for p in shown], axis=1)]
    for method in methods.values():
        groups = form_groups(method, photos, k, seed)
        wanted = [int(groups.labels[person]) for person in shown]
        only = sorted(set(wanted))
        drawn = draw_groups(method, photos, groups, seed, only=only)
        rows.append(np.concatenate([drawn.pictures[only.index(g)] for g in wanted], axis=1))
    return np.concatenate(rows)


def write_sheet(path: Path, sheet_u8: U8Array) -> None:
    """Write a sheet that its owner alone can read."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    Image.fromarray(sheet_u8).save(path)
