"""Who judges a gallery's drawings: photographs of people, best of such as no run ever learnt from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kssgan.training.gallery_data import GalleryData, small_photographs
from kssgan.training.prepared import Prepared
from kssgan.training.score import Probe
from kssgan.types import IntArray

__all__ = ["Jury", "held_out_jury", "own_jury"]

_BATCH = 256


class Jury(NamedTuple):
    """What drawings are compared with.

    Attributes:
        photographs: (M, 3, size, size) in [-1, 1].
        counts: categories of each attribute that is asked for.
        told: the attributes that G is told, as columns of ``counts``.
        probes: by attribute, fitted on the jury's own photographs.
    """

    photographs: Tensor
    counts: tuple[int, ...]
    told: tuple[int, ...]
    probes: dict[int, Probe]


def own_jury(data: GalleryData, count: int) -> Jury:
    """People of the gallery itself, where nobody else is there: they were learnt from."""
    probes = {
        column: Probe(map(data.photographs, _batches(rows)), torch.from_numpy(kinds), many)
        for column, many in enumerate(data.counts)
        for rows, kinds in [data.known(column)]
        if np.unique(kinds).size > 1
    }
    photographs = data.photographs(data.spread(max(count, 32)))
    return Jury(photographs, data.counts, tuple(range(len(data.counts))), probes)


def held_out_jury(
    file: Prepared, rows: IntArray, data: GalleryData, size: int, device: torch.device
) -> Jury:
    """People who are in no group.

    All attributes of the file are asked for, also those that G is not told, so that runs with other labels
    are judged alike.

    Args:
        file: the whole collection.
        rows: photographs of the jury.
        data: the gallery.
        size: side of the pictures.
        device: where.
    """
    pictures = (small_photographs(file, rows, size).float() / 127.5 - 1).to(device)
    names = [name for name, kinds in file.scheme.items() if len(kinds) > 1]
    probes: dict[int, Probe] = {}
    for column, name in enumerate(names):
        kinds = file.labels[rows, list(file.scheme).index(name)]
        known = np.flatnonzero(kinds >= 0)
        if np.unique(kinds[known]).size > 1:
            chosen = pictures[torch.from_numpy(known).to(device)]
            many = len(file.scheme[name])
            probes[column] = Probe([chosen], torch.from_numpy(kinds[known]), many)
    counts = tuple(len(file.scheme[name]) for name in names)
    return Jury(pictures, counts, tuple(names.index(name) for name in data.labels), probes)


def _batches(rows: IntArray) -> list[IntArray]:
    """Rows in parts whose photographs fit in memory."""
    return np.split(rows, range(_BATCH, len(rows), _BATCH))
