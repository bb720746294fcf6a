"""Rule 3 for the portraits that lent their heads: is a surrogate a donor's face, is a donor a member?

A composite shows a donor's hair, clothes and background on purpose; its face must be nobody's all the same.
So everything here looks at faces: the recogniser's distances, and pixels inside the face's outline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kssgan.auditing._compare import distance_threshold, nearest
from kssgan.auditing._statistics import auc, mean_with_bounds, rate
from kssgan.auditing.copies import Shown, candidates
from kssgan.auditing.gallery import Gallery, Surrogates, list_photos
from kssgan.auditing.report import Problem
from kssgan.errors import UsageError
from kssgan.faces import thresholds
from kssgan.faces.copies import same_picture
from kssgan.types import CROP_SIZE, FaceAnalyser, PhotoFace, U8Array

__all__ = [
    "donor_copies",
    "donor_figures",
    "donors_who_are_members",
    "list_donors",
    "unmeasured_donors",
]


def list_donors(folder: Path, *, originals: Path, release: Path) -> tuple[str, ...]:
    """Portraits below the donors' folder, relative paths.

    Raises:
        UsageError: no folder, no portrait in it, or it shares a folder with the photos or the release.
    """
    if not folder.is_dir():
        raise UsageError(
            "the donors are not a folder; pass the folder that was given to deidentify"
        )
    here = folder.resolve()
    for path, what in ((originals, "the originals"), (release, "the release")):
        other = path.resolve()
        if here == other or here in other.parents or other in here.parents:
            raise UsageError(
                f"the donors share a folder with {what}; keep the donors in a folder of their own"
            )
    found, _ = list_photos(folder, without=())
    if not found:
        raise UsageError(
            "the donors' folder holds no photo; pass the folder given to deidentify"
        )
    return found


def donors_who_are_members(
    donors: Gallery, gallery: Gallery
) -> tuple[npt.NDArray[np.bool_], int, tuple[Problem, ...]]:
    """Donors who are people of the originals, refused photos included.

    A donor is a member when the portrait is an original byte for byte, or when its face is as near to an
    original as photos that ``--subjects auto`` takes for one person (``thresholds.SAME_PERSON``).

    Args:
        donors: D portraits, E of them with a face.
        gallery: the originals.

    Returns:
        (D,) whether each portrait is a member's; how many more portraits lie within
        ``thresholds.LOOK_ALIKE``, where the program lends no head either; the problem, if there is one.
    """
    originals = set(gallery.digests) - {""}
    member = np.array([digest in originals for digest in donors.digests], bool)
    away = nearest(donors.embeddings, gallery.embeddings)[0]
    member[donors.faces[away <= thresholds.SAME_PERSON]] = True
    alike = donors.faces[away <= thresholds.LOOK_ALIKE]
    more = int(np.count_nonzero(~member[alike]))
    if not member.any():
        return member, more, ()
    names = tuple(donors.photos[i] for i in np.flatnonzero(member))
    sentence = (
        f"{len(names)} of {len(donors.photos)} donors are people of the originals (the same file, or a face "
        f"as near as two photos of one person), and a member's own head may be shown; take these portraits "
        f"out of the donors, and release again if one of them may have lent a head"
    )
    return member, more, (Problem(3, "breaks", sentence, names),)


def donor_copies(
    shown: Shown,
    seen: Surrogates,
    donors: Gallery,
    *,
    root: Path,
    analyser: FaceAnalyser,
) -> tuple[dict[str, int], tuple[Problem, ...], tuple[str, ...]]:
    """Pictures whose *face* is a donor's: by the recogniser, or by the pixels inside the face.

    Hair, clothes and background do not count; they are a donor's in every composite. The recogniser's limit
    is ``thresholds.COPY``, nearer than any two different people on whom it was measured; pixels are compared
    by :func:`kssgan.faces.copies.same_picture`, for every picture's nearest donor within
    ``thresholds.LOOK_ALIKE`` and for every fingerprint that agrees.

    Args:
        shown: pictures of the release and inside its pages, with candidates among the donors.
        seen: the release's distinct pictures.
        donors: the portraits.
        root: their folder.
        analyser: finds faces.

    Returns:
        Counts of pictures (``near_copies``, ``near_copies_by_distance``, ``near_copies_by_pixels``), the
        problem, notes.
    """
    distance, donor = nearest(seen.embeddings, donors.embeddings)
    near = np.flatnonzero(seen.detected & (distance <= thresholds.COPY))
    by_distance = {int(picture): int(donors.faces[donor[picture]]) for picture in near}
    pairs, capped = candidates(shown, donors)
    by_pixels = _same_faces(shown, donors, pairs, root, analyser)
    both = {**by_distance, **by_pixels}
    counts = {
        "near_copies": len(both),
        "near_copies_by_distance": len(by_distance),
        "near_copies_by_pixels": len(by_pixels),
    }
    notes = (
        ("donors: only the closest pairs of fingerprints were compared by pixels",)
        if capped
        else ()
    )
    if not both:
        return counts, (), notes
    private = tuple(
        f"{path.name if path is not None else 'a picture inside a page'} shows {donors.photos[number]}"
        for path, number in ((shown.paths[picture], n) for picture, n in sorted(both.items()))
    )
    sentence = (
        f"{len(both)} of {len(shown.paths)} pictures show the face of a donor ({len(by_distance)} by the "
        f"recogniser, {len(by_pixels)} by their pixels), not that of their group; a surrogate must be "
        f"nobody's face"
    )
    return counts, (Problem(3, "breaks", sentence, private),), notes


def donor_figures(
    seen: Surrogates,
    donors: Gallery,
    gallery: Gallery,
    member: npt.NDArray[np.bool_],
    *,
    far: float,
    stated: float,
    seed: int,
) -> dict[str, Any] | None:
    """Likeness of the surrogates to the donors, beside that of people who are no donors.

    With many donors somebody among them is near to anybody, so no figure here stands alone: the originals'
    faces, unrelated people, are compared with the same donors.

    Args:
        seen: the release's distinct pictures.
        donors: the portraits.
        gallery: the originals.
        member: (D,) portraits that are left out, since they show people of the originals.
        far: false accept rate of the threshold.
        stated: the recogniser's threshold at that rate, where originals and donors are fewer than 10,000
            pairs.
        seed: of the resampling.

    Returns:
        ``threshold`` at that rate; ``verifies``: share of pictures that verify as a donor, with one-sided
        95 % bounds, and ``verifies_unrelated``, the same of the originals' faces; ``nearest_donor`` and
        ``nearest_donor_unrelated``, medians of distances to the nearest donor, and ``nearest_donor_least``;
        ``nearer_than_unrelated``: how often a picture is nearer to its nearest donor than an unrelated
        person is to theirs (0.5: no likeness beyond that of strangers), with a two-sided 95 % interval. The
        same on face-only crops ends in ``_face_only``. None where no portrait, picture or original has a
        face.
    """
    kept = ~member[donors.faces] if len(donors.faces) else np.zeros(0, bool)
    if not kept.any() or not seen.detected.any() or not len(gallery.embeddings):
        return None
    figures: dict[str, Any] = {}
    own = distance_threshold(gallery.embeddings, donors.embeddings[kept], far=far)
    limit = stated if own is None else own
    figures["threshold"] = limit
    figures["threshold_from"] = (
        "originals against donors" if own is not None else "the recogniser's stated value"
    )
    views = [("", seen.embeddings, donors.embeddings, gallery.embeddings)]
    if seen.masked is not None and donors.masked is not None and gallery.masked is not None:
        views.append(("_face_only", seen.masked, donors.masked, gallery.masked))
    for ending, pictures, portraits, people in views:
        found = nearest(pictures[seen.detected], portraits[kept])[0]
        others = nearest(people, portraits[kept])[0]
        if not ending:
            for name, values in (("verifies", found), ("verifies_unrelated", others)):
                share, low, high = rate(int(np.count_nonzero(values <= limit)), len(values))
                figures |= {name: share, f"{name}_low": low, f"{name}_high": high}
        figures |= {
            f"nearest_donor{ending}": float(np.median(found)),
            f"nearest_donor_least{ending}": float(found.min()),
            f"nearest_donor_unrelated{ending}": float(np.median(others)),
        }
        shares = [auc([value], others) for value in found]
        share, low, high = mean_with_bounds(shares, seed=seed)
        name = f"nearer_than_unrelated{ending}"
        figures |= {name: share, f"{name}_low": low, f"{name}_high": high}
    return figures


def unmeasured_donors(
    certificate: Mapping[str, Any] | None,
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """What to say when no donors were given: a warning for composites, a note for everything else."""
    if (certificate or {}).get("surrogate") == "composite":
        sentence = (
            "the certificate says that donors lent their heads, but none were given, so nobody knows whether "
            "a donor's face is shown; audit again with --donors DIR"
        )
        return (Problem(3, "warns", sentence),), ()
    return (), (
        "donors: none were given (--donors DIR is for composites). The shipped generator has no donors of "
        "the user's",
    )


def _same_faces(
    shown: Shown,
    donors: Gallery,
    pairs: Sequence[tuple[int, int]],
    root: Path,
    analyser: FaceAnalyser,
) -> dict[int, int]:
    """Pictures whose face is a donor's picture, with the number of that portrait."""
    by_donor: dict[int, list[int]] = defaultdict(list)
    for picture, number in pairs:
        by_donor[number].append(picture)

    @lru_cache(maxsize=256)
    def views(picture: int) -> tuple[U8Array, ...]:
        path = shown.paths[picture]
        face = None if path is None else next(iter(analyser.analyse([path])))
        if isinstance(face, PhotoFace):
            return (face.crop,)
        whole = shown.pixels[picture]()
        if whole is None:
            return ()
        scaled = Image.fromarray(whole).resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BICUBIC)
        return (np.asarray(scaled),)

    found: dict[int, int] = {}
    numbers = sorted(by_donor)
    for number, result in zip(
        numbers, analyser.analyse(root / donors.photos[n] for n in numbers), strict=True
    ):
        if not isinstance(result, PhotoFace):
            continue
        for picture in by_donor[number]:
            if picture not in found and any(
                same_picture(result.crop, v) for v in views(picture)
            ):
                found[picture] = number
    return found
