"""Look at every photo once, through the private cache."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kssgan.deidentification.cache import Cache
from kssgan.deidentification.scan import is_regular
from kssgan.errors import KssganError, Reason
from kssgan.files import storage
from kssgan.types import FaceAnalyser, FloatArray, PhotoFace, Progress, Refused

__all__ = ["PhotoReader", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo with one usable face. Its crop stays on the disk.

    Attributes:
        name: relative to PHOTOS.
        content: SHA-256 of its bytes, hex.
        embedding: (D,) float32, unit length.
        attributes: what the analyser reads off the face, category by attribute.
    """

    name: str
    content: str
    embedding: FloatArray
    attributes: Mapping[str, str] = field(default_factory=dict)


_Look = tuple[FloatArray, Mapping[str, str]]
"""What is kept of a face in memory: its embedding and its attributes."""


class PhotoReader:
    """Reads the faces of one PHOTOS folder; remembers them on disk, never in memory.

    Args:
        root: PHOTOS.
        analyser: looks at photos that the cache does not know.
        cache: where faces are kept.

    Attributes:
        seconds: time spent by stage ("decode", "detect", "embed"), as the analyser tells it.
    """

    def __init__(self, root: Path, analyser: FaceAnalyser, cache: Cache) -> None:
        self._root = root
        self._analyser = analyser
        self._cache = cache
        self._looking = threading.Lock()
        self.seconds: dict[str, float] = {"decode": 0.0, "detect": 0.0, "embed": 0.0}

    def read(
        self, names: Sequence[str], progress: Progress
    ) -> tuple[list[Seen], dict[str, Reason]]:
        """Find the face of each photo.

        Args:
            names: relative to PHOTOS.
            progress: told of every photo.

        Returns:
            The usable photos in the order of ``names``, and the reason of each of the others.

        Raises:
            StorageError: the cache cannot be written.
        """
        contents: dict[str, str] = {}
        refused: dict[str, Reason] = {}
        faces: dict[str, _Look | Reason] = {}
        new: dict[str, str] = {}
        with progress("faces", total=len(names)) as step:
            for name in names:
                content = _content(self._root / name)
                if isinstance(content, Reason):
                    refused[name] = content
                    step(1)
                    continue
                contents[name] = content
                if content not in faces and content not in new:
                    known = self._known(content)
                    if known is None:
                        # Counted when it is looked at; files of equal bytes are looked at once.
                        new[content] = name
                        continue
                    faces[content] = known
                step(1)
            for content, face in self._analyse(new, step):
                faces[content] = face
        seen = []
        for name, content in contents.items():
            face = faces[content]
            if isinstance(face, Reason):
                refused[name] = face
            else:
                seen.append(Seen(name, content, *face))
        return seen, refused

    def face(self, photo: Seen) -> PhotoFace:
        """Face and crop of a photo; looked at anew if the cache has lost it.

        Raises:
            KssganError: the photo has changed while the run was working.
        """
        found = self._cache.get(self._cache.key(photo.content))
        if found is None and _content(self._root / photo.name) == photo.content:
            with self._looking:  # several threads may miss an entry at a time
                found = next(iter(self._analyser.analyse([self._root / photo.name])))
        if not isinstance(found, PhotoFace):
            raise _changed()
        return found

    def _known(self, content: str) -> _Look | Reason | None:
        found = self._cache.get(self._cache.key(content))
        if isinstance(found, PhotoFace):
            return found.embedding, found.attributes
        return None if found is None else found.reason

    def _analyse(
        self, new: dict[str, str], step: Callable[[int], object]
    ) -> Iterator[tuple[str, _Look | Reason]]:
        if not new:
            return
        paths = (self._root / name for name in new.values())
        for (content, name), result in zip(
            new.items(), self._analyser.analyse(paths), strict=True
        ):
            # What was looked at must be what the digest is of.
            if _content(self._root / name) != content:
                raise _changed()
            with storage("the private cache could not be written"):
                self._cache.put(self._cache.key(content), result)
            step(1)
            if isinstance(result, Refused):
                yield content, result.reason
                continue
            for stage, spent in result.seconds.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
            yield content, (result.embedding, result.attributes)


def _changed() -> KssganError:
    return KssganError(
        "a photo changed or vanished while the run was working; nothing was released, run again"
    )


def _content(path: Path) -> str | Reason:
    """SHA-256 of a photo's bytes, or why they cannot be read."""
    if not is_regular(path):
        return Reason.UNREADABLE
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except PermissionError:
        return Reason.PERMISSION
    except OSError:
        return Reason.UNREADABLE
