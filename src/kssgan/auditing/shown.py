"""Everything that a release shows, in its files and inside its pages, and the photos that are nearest."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.auditing import copies
from kssgan.auditing._case import Case
from kssgan.auditing._compare import nearest
from kssgan.auditing._pictures import pixels_of
from kssgan.auditing._prints import PRINT, print_of
from kssgan.auditing.gallery import Gallery, Surrogates
from kssgan.faces import thresholds
from kssgan.faces.decode import formats
from kssgan.types import U8Array

__all__ = ["closest", "decoded", "shown_pictures"]


def shown_pictures(case: Case, seen: Surrogates, gallery: Gallery) -> copies.Shown:
    """Distinct pictures of the release and the pictures inside its pages.

    Args:
        case: its release, and what lies inside its pages.
        seen: the distinct pictures.
        gallery: the originals.
    """
    root = case.release.root
    paths: list[Path | None] = [
        root / case.release.pictures[sha].files[0] for sha in seen.digests
    ]
    opens: list[Callable[[], U8Array | None]] = [partial(pixels_of, p) for p in paths if p]
    prints, flat = [seen.prints], [seen.flat]
    for data in dict.fromkeys(case.embedded):
        pixels = decoded(data)
        own = np.zeros((1, seen.prints.shape[1], PRINT), np.float16)
        if pixels is not None:
            own[0, 0] = print_of(pixels)
        opens.append(partial(decoded, data))
        paths.append(None)
        prints.append(own)
        flat.append(np.array([pixels is not None and not own.any()]))
    close = closest(seen, gallery, thresholds.COPY)
    return copies.Shown(opens, paths, close, np.concatenate(prints), np.concatenate(flat))


def closest(seen: Surrogates, gallery: Gallery, limit: float) -> list[tuple[int, int]]:
    """Every picture's nearest photo, where it is within a distance.

    Args:
        seen: the distinct pictures.
        gallery: the photos.
        limit: the distance.

    Returns:
        Number of a picture, and number of a photo in the gallery.
    """
    rows = np.flatnonzero(seen.detected)
    distance, photo = nearest(seen.embeddings[rows], gallery.embeddings)
    # As the distances are: a limit that is met counts.
    near = np.flatnonzero(distance <= np.float32(limit))
    return [(int(rows[i]), int(gallery.faces[photo[i]])) for i in near]


def decoded(data: bytes) -> U8Array | None:
    """Pixels (H, W, 3) of a picture file's content, None where there is no picture."""
    try:
        with Image.open(io.BytesIO(data), formats=formats()) as image:
            return np.asarray(image.convert("RGB"))
    except Exception:  # noqa: BLE001 - a damaged picture can raise anything in a decoder
        return None
