"""One surrogate a group, its pictures cell by cell; memory does not grow with the number of photos."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from kssgan.deidentification.look import PhotoReader, Seen
from kssgan.deidentification.plan import Plan
from kssgan.deidentification.png import encode_png
from kssgan.errors import PromiseError, UsageError
from kssgan.faces.threads import in_order
from kssgan.files import storage
from kssgan.types import PhotoFace, Progress, SurrogateMethod, U8Array

__all__ = ["Drawn", "draw_all", "draw_cells", "group_seed", "variant_seed"]

# Where a face is in a head crop. The background does not count: it may be white in every photo.
_FACE = (slice(80, 208, 4), slice(64, 192, 4))
# A picture that has half of a member's own pixels, to one grey level, is that member's photo.
_SAME = 1
_SHARE = 0.5
# Seeds that are tried for each variant.
_TRIES = 8


class Drawn(AbstractContextManager["Drawn"]):
    """Encoded pictures of a release, in a nameless file on the disk.

    Args:
        folder: on the disk that shall hold it.
    """

    def __init__(self, folder: Path) -> None:
        with storage("the private cache could not be written"):
            # Unbuffered: closing must have nothing left to write, or a full disk would refuse it there.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._ends = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, png: bytes) -> None:
        """Add the next picture."""
        with storage("the private cache could not be written"):
            self._file.seek(self._ends[-1])
            rest = memoryview(png)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._ends.append(self._ends[-1] + len(png))

    def __getitem__(self, picture: int) -> bytes:
        self._file.seek(self._ends[picture])
        return self._file.read(self._ends[picture + 1] - self._ends[picture])


def group_seed(seed: int, contents: Iterable[str]) -> int:
    """Seed of a group's pictures, 0..2**63-1: from the user's seed and who is in it, in no order.

    Args:
        seed: the user's.
        contents: SHA-256 of the group's photos.

    >>> group_seed(0, ["a", "b"]) == group_seed(0, ["b", "a"]) != group_seed(1, ["a", "b"])
    True
    """
    text = "\0".join([str(seed), *sorted(set(contents))])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def variant_seed(seed: int, number: int) -> int:
    """Seed of a group's variant, 0..2**63-1; that of the first, number 0, is the group's own.

    >>> variant_seed(7, 0), variant_seed(7, 1) == variant_seed(7, 2)
    (7, False)
    """
    return group_seed(seed, [f"variant {number}"]) if number else seed


def draw_cells(
    photos: Sequence[Seen],
    plan: Plan,
    method: SurrogateMethod,
    reader: PhotoReader,
    drawn: Drawn,
    *,
    seed: int,
    progress: Progress,
) -> None:
    """Draw the pictures of every cell into ``drawn``, in the order of the cells, then of the variants.

    Each group has one initial surrogate, from all its people, and its cells differ by their label alone:
    a mean per cell over unequal people could be subtracted from another. Variants differ by the seed alone.

    A method with a true attribute ``parallel`` draws several groups at a time, one in each thread; the
    pictures and their order are the same.

    Raises:
        PromiseError: a picture is a member's own photo.
        UsageError: variants were asked for, and the method draws the same picture whatever the seed.
    """
    cells_of: list[list[int]] = [[] for _ in range(plan.groups.count)]
    for cell, group in enumerate(plan.cells.group.tolist()):
        cells_of[group].append(cell)
    order = np.argsort(plan.photo_group, kind="stable")
    ends = np.searchsorted(plan.photo_group[order], np.arange(plan.groups.count), side="right")
    tasks = (
        partial(
            _draw_group,
            method,
            [photos[row] for row in rows.tolist()],
            plan.photo_person[rows].tolist(),
            reader,
            [plan.labels[cell] for cell in cells],
            seed,
            plan.variants,
        )
        for rows, cells in zip(np.split(order, ends[:-1]), cells_of, strict=True)
    )
    threads = None if getattr(method, "parallel", False) else 1
    with progress("surrogates", total=plan.groups.count) as step:
        for pictures in in_order(tasks, threads=threads):
            for png in pictures:
                drawn.append(png)
            step(1)


def draw_all(
    method: SurrogateMethod, surrogate: Any, labels: Sequence[Mapping[str, str]], *, seed: int
) -> Sequence[U8Array]:
    """A group's pictures, one for each label, (256, 256, 3) uint8; drawn together where a method can.

    Args:
        method: of any kind.
        surrogate: S_g, of that method.
        labels: of the cells.
        seed: of the group.
    """
    together = getattr(method, "draw_all", None)
    if together is None:
        return [method.draw(surrogate, label, seed=seed) for label in labels]
    pictures: Sequence[U8Array] = together(surrogate, labels, seed=seed)
    return pictures


def _draw_group(
    method: SurrogateMethod,
    photos: Sequence[Seen],
    persons: Sequence[int],
    reader: PhotoReader,
    labels: Sequence[Mapping[str, str]],
    seed: int,
    variants: int,
) -> list[bytes]:
    """PNGs of one group's cells; ``seed`` is the user's. What it read is let go when it ends."""
    people: dict[int, list[Seen]] = {}
    for person, photo in zip(persons, photos, strict=True):
        people.setdefault(person, []).append(photo)
    members = [_Faces(own, reader) for _, own in sorted(people.items())]
    own_seed = group_seed(seed, (photo.content for photo in photos))
    surrogate = method.surrogate(members)
    grids = [grid for person in members for grid in person.grids()]
    found: list[list[bytes]] = []
    number = last = 0
    while len(found) < variants and number - last < _TRIES * max(1, len(found)):
        drawn = draw_all(method, surrogate, labels, seed=variant_seed(own_seed, number))
        for picture_u8 in drawn:
            _check_nobody(picture_u8, grids)
        pngs = [encode_png(picture_u8) for picture_u8 in drawn]
        # Few donors make few heads: a picture that is there already is no variant.
        if not any(a == b for other in found for a, b in zip(other, pngs, strict=True)):
            found.append(pngs)
            last = number
        number += 1
    if len(found) == variants:
        return [png for cell in zip(*found, strict=True) for png in cell]
    raise UsageError(
        f"variants={variants} came, but {number} seeds gave only {len(found)} different pictures "
        f"of a group (surrogate {method.name!r}); ask for fewer, give more donors, or take the generator"
    )


class _Faces(Iterable[PhotoFace]):
    """One person's faces, loaded anew whenever they are read; a coarse grid of each crop is kept."""

    def __init__(self, own: Sequence[Seen], reader: PhotoReader) -> None:
        self._own = own
        self._reader = reader
        self._grids: dict[int, U8Array] = {}

    def __iter__(self) -> Iterator[PhotoFace]:
        for number, photo in enumerate(self._own):
            face = self._reader.face(photo)
            self._grids[number] = _grid(face.crop)
            yield face

    def grids(self) -> list[U8Array]:
        """A coarse grid of every crop, also of those that nobody has read."""
        if len(self._grids) < len(self._own):
            for _ in self:
                pass
        return list(self._grids.values())


def _grid(picture_u8: U8Array) -> U8Array:
    return picture_u8[_FACE].copy()


def _check_nobody(picture_u8: U8Array, grids: Sequence[U8Array]) -> None:
    mine = _grid(picture_u8).astype(np.int16)
    if any((np.abs(mine - own).max(2) <= _SAME).mean() >= _SHARE for own in grids):
        raise PromiseError(
            "a group's picture came out as one member's own photo, so nothing was released; the "
            "surrogate method is faulty, or photos of different subjects are nearly equal"
        )
