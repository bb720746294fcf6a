"""A folder of public portraits, read and screened for composites."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from kssgan.deidentification.scan import is_regular, scan
from kssgan.errors import Reason, UnusablePhoto, UsageError
from kssgan.faces import align, choose, decode, detect, embed, thresholds
from kssgan.faces.attributes import Probes
from kssgan.faces.landmarks import Landmarker, mean_shape
from kssgan.grouping.labels import read_labels
from kssgan.surrogate.composite_method import CompositeSurrogate
from kssgan.surrogate.donors import DONOR_SIZE, Donor, screen
from kssgan.types import CROP_SIZE, FloatArray, Progress, U8Array

__all__ = ["MOST_DONORS", "DonorReader", "composite_method"]

MOST_DONORS = 500
"""Portraits that are kept: each takes 0.8 MB of memory. Which ones depends on their contents."""

_SCALE = DONOR_SIZE // CROP_SIZE
_UNRELIABLE = "landmarks are not reliable"


class DonorReader:
    """Turns one photo into a donor, and reads the face of a picture."""

    def __init__(self) -> None:
        self._detector = detect.Detector()
        self._recogniser = embed.Recogniser()
        self._landmarker = Landmarker()
        self._probes = Probes()

    def read(self, path: Path, attributes: Mapping[str, str]) -> tuple[Donor, FloatArray] | str:
        """The donor with its embedding, or why the photo is passed over."""
        try:
            image = decode.open_photo(path)
            five = choose.choose_face(self._detector.detect(image)).points
            crop = align.head_crop(image, five)
            chip = align.recogniser_chip(image, five)
        except UnusablePhoto as error:
            return error.reason.value
        fit = self._landmarker.locate(crop[None])
        if not fit.reliable[0]:
            return _UNRELIABLE
        embeddings, maps = self._recogniser.embed_with_maps(chip[None])
        read = self._probes.labels(embeddings, maps)[0]
        # Groups take donors of their own gender; a donor's age band would be too uncertain to pass one over.
        known = {name: read[name] for name in ("gender",) if name in read} | dict(attributes)
        donor = Donor(_wide(image, five), (fit.points[0] + 0.5) * _SCALE - 0.5, known)
        fault = screen(donor)
        if fault is not None:
            return fault.value
        # 0.1 s that every group needs: here it is told as progress, and comes once for all processes.
        _ = donor.head
        return donor, embeddings[0].copy()

    def face(self, picture_u8: U8Array) -> FloatArray | None:
        """Embedding of the one face in a picture, (128,) float32; None where there is no one face.

        Args:
            picture_u8: (256, 256, 3) uint8.
        """
        try:
            five = choose.choose_face(self._detector.detect(picture_u8)).points
        except UnusablePhoto:
            return None
        chip = align.recogniser_chip(picture_u8, five)
        found: FloatArray = self._recogniser.embed(chip[None])[0].copy()
        return found


def composite_method(folder: Path, *, photos: Path, progress: Progress) -> CompositeSurrogate:
    """Read donors: frontal, sharp, nothing over the forehead, no glasses.

    A ``labels.csv`` in the folder (``file,gender,age,expression``) tells what is known of them; a gender that
    it does not tell is read off the face. Files of equal bytes count once. Nothing is written.

    Args:
        folder: of portraits, searched with its folders.
        photos: the folder of photos to protect; donors must lie elsewhere.
        progress: told of every portrait.

    Raises:
        UsageError: no folder, it holds PHOTOS or lies in it, or no portrait is fit.
        BadTable: ``labels.csv`` is not usable.
    """
    if not folder.is_dir():
        raise UsageError("the donors are no folder; give a folder of public portraits")
    here, private = folder.resolve(), photos.resolve()
    if here == private or here in private.parents or private in here.parents:
        raise UsageError(
            "donors and PHOTOS share a folder; nobody who is to be protected may lend a head, so keep "
            "the donors in a folder of their own"
        )
    names = scan(folder, decode.IMAGE_SUFFIXES).photos
    if not names:
        raise UsageError("the donors' folder holds no photo; give a folder of public portraits")
    table = folder / "labels.csv"
    labels = read_labels(table if table.is_file() else None, names, root=folder)
    passed: Counter[str] = Counter()
    donors: list[Donor] = []
    embeddings: list[FloatArray] = []
    reader = DonorReader()
    with progress("donors", total=len(names)) as step:
        for path, attributes in _by_content(
            folder, dict(zip(names, labels.values, strict=True))
        ):
            if len(donors) == MOST_DONORS:
                passed["there were enough"] += 1
            elif isinstance(found := reader.read(path, attributes), str):
                passed[found] += 1
            else:
                donors.append(found[0])
                embeddings.append(found[1])
            step(1)
    if not donors:
        why = ", ".join(f"{count} {reason}" for reason, count in passed.most_common())
        raise UsageError(
            f"none of {len(names)} portraits is fit to lend a head ({why}); give frontal, sharp portraits "
            f"without glasses, hats or fringes"
        )
    return CompositeSurrogate(
        donors,
        np.stack(embeddings),
        otherwise=mean_shape(),
        passed_over=dict(passed.most_common()),
        read_face=reader.face,
        apart=thresholds.FAR_1E3,
        least=thresholds.COPY,
    )


def _by_content(
    folder: Path, attributes: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Photos in the order of their SHA-256, those of equal bytes once; unreadable ones last."""
    digests: dict[str, str] = {}
    for name in sorted(attributes):
        path = folder / name
        try:
            if not is_regular(path):
                raise OSError(Reason.UNREADABLE)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            digest = f"unreadable {name}"
        digests.setdefault(digest, name)
    for digest in sorted(digests):
        yield folder / digests[digest], attributes[digests[digest]]


def _wide(image_u8: U8Array, five: FloatArray) -> U8Array:
    """The head crop at twice its size, (512, 512, 3) uint8."""
    template = ((align.HEAD_TEMPLATE + 0.5) * _SCALE - 0.5).astype(np.float32)
    return align.cut(image_u8, five, template, DONOR_SIZE)
