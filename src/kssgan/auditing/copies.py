"""Rules 3, 5 and 7: is an original in the release, or one original under two people's names?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.auditing._pictures import ReleaseFiles, pixels_of
from kssgan.auditing._prints import CANDIDATE, COPY, centre_square, likeness_of
from kssgan.auditing.gallery import Gallery
from kssgan.auditing.report import Problem
from kssgan.faces.copies import same_picture
from kssgan.types import FaceAnalyser, PhotoFace, U8Array

__all__ = ["Shown", "byte_copies", "candidates", "duplicate_people", "near_copies"]

_MOST = 2000
_PER_PICTURE = 3
_BLOCK = 512


def byte_copies(
    release: ReleaseFiles, gallery: Gallery, refused: set[str]
) -> tuple[Problem, ...]:
    """Originals that lie in the release byte for byte, under whatever name."""
    there = set(release.pictures)
    copied = [n for n, d in zip(gallery.photos, gallery.digests, strict=True) if d in there]
    return _copied(copied, refused, "byte for byte")


def _copied(names: Sequence[str], refused: set[str], how: str) -> tuple[Problem, ...]:
    problems = []
    if bad := sorted(set(names) & refused):
        problems.append(
            Problem(
                5, "breaks", f"{len(bad)} refused photos are in the release, {how}", tuple(bad)
            )
        )
    if bad := sorted(set(names) - refused):
        problems.append(
            Problem(3, "breaks", f"{len(bad)} originals are in the release, {how}", tuple(bad))
        )
    return tuple(problems)


@dataclass(frozen=True, slots=True)
class Shown:
    """Pictures that a recipient sees: files of the release, and pictures inside its pages.

    Attributes:
        pixels: opens each, (H, W, 3) or None.
        paths: file of each, or None for a picture inside a page.
        close: (picture, photo) pairs that a recogniser finds suspiciously close.
        prints: (P, V, 576) fingerprints of V views of each.
        flat: (P,) without any detail.
    """

    pixels: Sequence[Callable[[], U8Array | None]]
    paths: Sequence[Path | None]
    close: Sequence[tuple[int, int]]
    prints: np.ndarray[Any, np.dtype[np.float16]]
    flat: np.ndarray[Any, np.dtype[np.bool_]]


def near_copies(
    shown: Shown,
    gallery: Gallery,
    *,
    originals: Path,
    analyser: FaceAnalyser,
    refused: set[str],
) -> tuple[tuple[Problem, ...], int, tuple[str, ...]]:
    """Originals that a recipient sees in another file: scaled, cut, saved again, mirrored, relit.

    Whole photos, their middle squares and their head crops are compared with every picture by
    fingerprint; the closest are opened again and compared closely. A cut-out other than these three is
    beyond this search.

    Returns:
        Problems, pictures that are near-copies, and notes.
    """
    pairs, capped = candidates(shown, gallery)
    by_photo: dict[int, list[int]] = defaultdict(list)
    for picture, photo in pairs:
        by_photo[photo].append(picture)
    copied: list[str] = []
    pictures: set[int] = set()
    # A crop is made again here instead of keeping every crop in memory.
    numbers = sorted(by_photo)
    again = analyser.analyse(originals / gallery.photos[n] for n in numbers)

    @lru_cache(maxsize=64)
    def opened(picture: int) -> tuple[U8Array | None, U8Array | None]:
        path = shown.paths[picture]
        face = None if path is None else next(iter(analyser.analyse([path])))
        return shown.pixels[picture](), face.crop if isinstance(face, PhotoFace) else None

    for number, result in zip(numbers, again, strict=True):
        views = _views(originals / gallery.photos[number], result)
        for picture in by_photo[number]:
            whole, crop = opened(picture)
            own = result.crop if isinstance(result, PhotoFace) else None
            if _is_copy(views, own, whole, crop):
                copied.append(gallery.photos[number])
                pictures.add(picture)
    for number, turned in sorted(_turned_copies(shown, gallery, originals).items()):
        copied.append(gallery.photos[number])
        pictures |= turned
    notes: tuple[str, ...] = ()
    if capped:
        notes = (
            f"near-copies: only the {_MOST} closest pairs of fingerprints were compared closely",
        )
    problems = _copied(
        copied, refused, "as a near-copy (scaled, cut, saved again, turned or relit)"
    )
    return problems, len(pictures), notes


def _is_copy(
    views: Sequence[U8Array], own: U8Array | None, whole: U8Array | None, crop: U8Array | None
) -> bool:
    if whole is not None and any(likeness_of(view, whole) >= COPY for view in views):
        return True
    # A copy that was turned or moved is upright again in its own head crop.
    if own is None or crop is None:
        return False
    return likeness_of(own, crop) >= COPY or same_picture(own, crop)


def _views(path: Path, result: object) -> list[U8Array]:
    views = []
    if isinstance(result, PhotoFace):
        views.append(result.crop)
    whole = pixels_of(path)
    if whole is not None:
        views += [whole, centre_square(whole)]
    return views


def candidates(shown: Shown, gallery: Gallery) -> tuple[list[tuple[int, int]], bool]:
    """(picture, photo) pairs worth a close look, closest first, and whether some were left out."""
    best = _scores(gallery, _squares(shown))
    per_picture: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for (picture, photo), score in best.items():
        per_picture[picture].append((score, photo))
    chosen = [
        (score, picture, photo)
        for picture, found in per_picture.items()
        for score, photo in sorted(found, reverse=True)[:_PER_PICTURE]
    ]
    chosen += [(1.0, picture, photo) for picture, photo in shown.close]
    for picture in np.flatnonzero(shown.flat).tolist():
        chosen += [(1.0, picture, photo) for photo in np.flatnonzero(gallery.flat).tolist()]
    chosen.sort(key=lambda c: -c[0])
    pairs = list(dict.fromkeys((p, o) for _, p, o in chosen))
    return pairs[:_MOST], len(pairs) > _MOST


def _squares(shown: Shown) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Fingerprints (P, V, 24, 24) float32."""
    side = math.isqrt(shown.prints.shape[2])
    found: np.ndarray[Any, np.dtype[np.float32]] = shown.prints.astype(np.float32)
    return found.reshape(*found.shape[:2], side, side)


def _scores(
    gallery: Gallery, squares: np.ndarray[Any, np.dtype[np.float32]]
) -> dict[tuple[int, int], float]:
    """Best agreement of (picture, photo) pairs that agree enough, as they are or mirrored."""
    photos = gallery.prints.reshape(-1, gallery.prints.shape[2])
    best: dict[tuple[int, int], float] = {}
    for turned in (squares, squares[..., ::-1]):
        probes = turned.reshape(*turned.shape[:2], -1)
        for view in range(probes.shape[1]):
            for start in range(0, len(photos), 3 * _BLOCK):
                part = photos[start : start + 3 * _BLOCK].astype(np.float32)
                scores = (part @ probes[:, view].T).reshape(-1, 3, len(probes)).max(axis=1)
                for row, picture in np.argwhere(scores >= CANDIDATE).tolist():
                    key = (picture, start // 3 + row)
                    best[key] = max(best.get(key, 0.0), float(scores[row, picture]))
    return best


def _turned_copies(shown: Shown, gallery: Gallery, originals: Path) -> dict[int, set[int]]:
    """Pictures by the photo that they show turned, upside down or as a negative.

    No recogniser finds a face in them, so fingerprints alone tell.
    """
    squares = _squares(shown)
    found: dict[int, set[int]] = defaultdict(set)
    for number, change in enumerate(_CHANGES):
        # A negative's detail is that of the picture, with the other sign.
        prints = -squares if number == 0 else np.rot90(squares, number, (2, 3))
        for picture, photo in sorted(_scores(gallery, prints))[:_MOST]:
            pixels, whole = (
                shown.pixels[picture](),
                pixels_of(originals / gallery.photos[photo]),
            )
            if pixels is None or whole is None:
                continue
            changed = np.ascontiguousarray(change(pixels))
            if any(likeness_of(v, changed) >= COPY for v in (whole, centre_square(whole))):
                found[photo].add(picture)
    return found


_CHANGES: tuple[Callable[[U8Array], U8Array], ...] = (
    lambda pixels: 255 - pixels,
    *(partial(np.rot90, k=number) for number in (1, 2, 3)),
)


def duplicate_people(
    members: Mapping[str, Iterable[frozenset[str]]],
    subject_rows: Mapping[str, Sequence[int]],
    gallery: Gallery,
    *,
    look_alike: float,
) -> tuple[int, int, tuple[str, ...]]:
    """Count people again where two of a picture's people are one human under two names.

    Args:
        members: by picture, the subjects of each person behind it.
        subject_rows: rows of ``gallery.photos`` of every subject.
        gallery: the originals.
        look_alike: distance up to which two faces may be one human.

    Returns:
        Fewest people when byte-identical and near-identical photos are merged; the same when look-alikes
        are merged too; names of the people merged for identical photos.
    """
    face_of = {int(photo): row for row, photo in enumerate(gallery.faces)}
    k_copies, k_alike = [], []
    merged: list[str] = []
    for people in members.values():
        persons = list(people)
        rows = [[r for s in person for r in subject_rows.get(s, ())] for person in persons]
        same = np.zeros((len(persons), len(persons)), bool)
        alike = np.zeros_like(same)
        for i in range(len(persons)):
            for j in range(i):
                if _one_photo(rows[i], rows[j], gallery, face_of):
                    same[i, j] = alike[i, j] = True
                    merged.append(" = ".join(sorted(persons[i] | persons[j])))
                elif _close(rows[i], rows[j], gallery, face_of, look_alike):
                    alike[i, j] = True
        k_copies.append(_parts(same))
        k_alike.append(_parts(alike))
    return min(k_copies, default=0), min(k_alike, default=0), tuple(sorted(set(merged)))


def _close(
    a: Sequence[int],
    b: Sequence[int],
    gallery: Gallery,
    face_of: Mapping[int, int],
    limit: float,
) -> bool:
    left = gallery.embeddings[[face_of[r] for r in a if r in face_of]]
    right = gallery.embeddings[[face_of[r] for r in b if r in face_of]]
    if not len(left) or not len(right):
        return False
    return bool(float((left @ right.T).max()) >= 1 - limit**2 / 2)


def _one_photo(
    a: Sequence[int], b: Sequence[int], gallery: Gallery, face_of: Mapping[int, int]
) -> bool:
    digests = {gallery.digests[r] for r in a} - {""}
    if digests & {gallery.digests[r] for r in b}:
        return True
    # Nearly equal pixels *and* nearly equal embeddings: portraits of one studio share the former alone.
    left, right = gallery.prints[list(a), 2], gallery.prints[list(b), 2]
    if not len(left) or not len(right):
        return False
    scores = left.astype(np.float32) @ right.astype(np.float32).T
    for i, j in np.argwhere(scores >= _SAME_PRINT):
        if _close([a[i]], [b[j]], gallery, face_of, _SAME_FACE):
            return True
    return False


_SAME_PRINT, _SAME_FACE = 0.985, 0.2


def _parts(edges: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    from scipy.sparse.csgraph import connected_components

    return int(connected_components(edges, directed=False)[0]) if len(edges) else 0
