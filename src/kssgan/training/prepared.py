"""The prepared file: everything that training needs of a collection, in one safetensors file.

Biometric and private like the photos themselves: it holds head crops and embeddings. It holds no names of
files or people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kssgan.errors import UsageError
from kssgan.files import in_one_step
from kssgan.training.crops import unpack
from kssgan.types import CROP_SIZE, BoolArray, FloatArray, IntArray, U8Array

__all__ = ["FORMAT", "Prepared", "load_prepared", "save_prepared"]

FORMAT = "kssgan-prepared/1"
UNKNOWN = -1


@dataclass(frozen=True)
class Prepared:
    """One collection, ready for training. N photos of M subjects.

    Attributes:
        packed: N packed crops; see :meth:`crop`.
        subject: (N,) int64, 0..M-1.
        landmarks: (N, 468, 2) float32 in pixels of the crop.
        reliable: (N,) bool; where False the landmarks of a photo are not to be used.
        embedding: (N, D) float32, unit length.
        scheme: attribute names with their categories.
        labels: (N, A) int64 category numbers in the order of ``scheme``, -1 where unknown.
        held_out: (N,) bool, the same for all photos of a subject: never trained on, for validation.
        facts: where it came from: format, photos, refused, versions; no names.
    """

    packed: Sequence[bytes]
    subject: IntArray
    landmarks: FloatArray
    reliable: BoolArray
    embedding: FloatArray
    scheme: Mapping[str, tuple[str, ...]]
    labels: IntArray
    held_out: BoolArray
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return int(self.subject.max()) + 1 if len(self) else 0

    def crop(self, row: int) -> U8Array:
        """Head crop of one photo, (256, 256, 3) uint8."""
        return unpack(self.packed[row], CROP_SIZE, CROP_SIZE)

    def digest(self) -> str:
        """SHA-256 (hex) of the content, for the model card: equal data, equal digest."""
        total = hashlib.sha256()
        for crop in self.packed:
            total.update(hashlib.sha256(crop).digest())
        for array in (self.subject, self.landmarks, self.reliable, self.labels, self.held_out):
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()

    def content_digest(self) -> str:
        """SHA-256 (hex) of what :meth:`digest` leaves out: embeddings as stored, and the scheme."""
        total = hashlib.sha256(_told(self.scheme).encode())
        total.update(np.ascontiguousarray(_stored(self.embedding)).tobytes())
        return total.hexdigest()


def save_prepared(path: Path, data: Prepared) -> None:
    """Write a prepared file in one step.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    sizes = np.array([len(crop) for crop in data.packed], np.int64)
    arrays: dict[str, npt.NDArray[Any]] = {
        "crops": np.frombuffer(b"".join(data.packed), np.uint8),
        "crop_sizes": sizes,
        "subject": data.subject.astype(np.int32),
        "landmarks": data.landmarks.astype(np.float32),
        "reliable": data.reliable.astype(np.uint8),
        "embedding": _stored(data.embedding),
        "labels": data.labels.astype(np.int8),
        "held_out": data.held_out.astype(np.uint8),
    }
    facts = {**data.facts, "format": FORMAT, "digest": data.digest()}
    metadata = {
        "facts": json.dumps(facts, sort_keys=True),
        "scheme": _told(data.scheme),
    }
    with in_one_step(path, mode=0o600) as part:
        save_file(arrays, part, metadata)


def load_prepared(path: Path) -> Prepared:
    """Read a prepared file.

    Raises:
        UsageError: missing, no prepared file, of another version, or damaged.
    """
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            facts = json.loads(metadata.get("facts", "{}"))
            if facts.get("format") != FORMAT:
                came = facts.get("format", "another kind of file")
                raise UsageError(
                    f"{came} came, {FORMAT} was wanted; make it again with kssgan prepare"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            scheme = {name: tuple(c) for name, c in json.loads(metadata["scheme"])}
        ends = np.cumsum(arrays["crop_sizes"])
        blob = arrays["crops"].tobytes()
        if ends.size and int(ends[-1]) != len(blob):
            raise ValueError("crops and their sizes disagree")
        starts = np.concatenate([[0], ends[:-1]]).astype(int)
        data = Prepared(
            [blob[a:b] for a, b in zip(starts, ends, strict=True)],
            arrays["subject"].astype(np.int64),
            arrays["landmarks"],
            arrays["reliable"].astype(bool),
            arrays["embedding"].astype(np.float32),
            scheme,
            arrays["labels"].astype(np.int64),
            arrays["held_out"].astype(bool),
            facts,
        )
        _check(data)
        if data.digest() != facts.get("digest"):
            raise ValueError("its digest is another")
    except UsageError:
        raise
    except FileNotFoundError:
        raise UsageError(
            "there is no such prepared file; make one with kssgan prepare"
        ) from None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the prepared file cannot be used ({type(error).__name__}): it is damaged or of another kind; "
            f"make it again with kssgan prepare"
        ) from None
    return data


def _stored(embedding: FloatArray) -> npt.NDArray[np.float16]:
    return embedding.astype(np.float16)


def _told(scheme: Mapping[str, Sequence[str]]) -> str:
    return json.dumps([[name, list(c)] for name, c in scheme.items()])


def _check(data: Prepared) -> None:
    """Arrays that fit each other, people in one part each.

    Raises:
        ValueError: they do not.
    """
    n = len(data)
    shapes = {
        "subject": (data.subject.shape, (n,)),
        "landmarks": (data.landmarks.shape, (n, 468, 2)),
        "reliable": (data.reliable.shape, (n,)),
        "embedding": (data.embedding.shape[:1], (n,)),
        "labels": (data.labels.shape, (n, len(data.scheme))),
        "held_out": (data.held_out.shape, (n,)),
    }
    wrong = [name for name, (came, wanted) in shapes.items() if came != wanted]
    if wrong or not n:
        raise ValueError(f"{', '.join(wrong) or 'crops'}: number or shape")
    if data.subject.min() < 0 or np.unique(data.subject).size != data.subjects:
        raise ValueError("subjects are not numbered from 0 without gaps")
    if np.intersect1d(data.subject[data.held_out], data.subject[~data.held_out]).size:
        raise ValueError("a subject is held out and trained on")
    for column, categories in enumerate(data.scheme.values()):
        if data.labels[:, column].min() < -1 or data.labels[:, column].max() >= len(categories):
            raise ValueError("a label is not of its scheme")
