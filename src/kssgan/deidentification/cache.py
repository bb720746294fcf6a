"""The private cache: one face per photo, so that a repeated run resumes and memory stays flat.

Entries hold head crops, embeddings and what was read off the face: biometric data. The folder is 0700 and
its files 0600, and it is removed after a successful run unless the caller asked for a cache of their own.
Nothing in it is pickled, and an entry that does not match its checksum is taken for absent.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from kssgan.errors import BadOutput, Reason
from kssgan.types import CROP_SIZE, DetectedFace, PhotoFace, Refused

__all__ = ["Cache", "default_cache"]

_MAGIC = b"kssgan-cache/3\n"
_DIGEST = 32
_CROP_BYTES = CROP_SIZE * CROP_SIZE * 3
# These follow from a photo's pixels. Files that could not be read are tried anew in the next run.
_LASTING = {Reason.NO_FACE, Reason.FACE_TOO_SMALL, Reason.SEVERAL_FACES}


def default_cache() -> Path:
    """Where faces are kept during a run when no ``cache`` is given; need not exist."""
    return Path(platformdirs.user_cache_path("kssgan", appauthor=False))


class Cache:
    """Faces of one PHOTOS folder on disk, by the content of the photo and the analyser's version.

    Args:
        home: folder of caches; made if absent.
        photos: the folder of photos; each has a folder of its own in ``home``.
        version: of the analyser; entries of another version are not seen.

    Raises:
        BadOutput: the folder there belongs to somebody else, or is no folder.
        OSError: it cannot be made.
    """

    def __init__(self, home: Path, photos: Path, version: str) -> None:
        name = hashlib.sha256(os.fsencode(photos.resolve())).hexdigest()[:24]
        self.folder = home / f"photos-{name}"
        self._lock: int | None = None
        self._version = version
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise BadOutput(
                "the private cache folder is not this user's own; choose another cache"
            )
        self.folder.chmod(0o700)
        # Held until close(), so that another run on the same photos does not remove the cache when it
        # finishes first. Released by the system when the process ends, however it ends.
        self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # a file system without locks: the loser of the race looks anew
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let other runs remove this cache. Entries stay; reading and writing them goes on to work."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def key(self, content: str) -> str:
        """Name of the entry for a photo whose bytes have the SHA-256 ``content`` (hex)."""
        return hashlib.sha256(f"{self._version}\0{content}".encode()).hexdigest()

    def get(self, key: str) -> PhotoFace | Refused | None:
        """The entry; ``None`` if there is none or if it is damaged."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        try:
            return _parse(data, key)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            return None

    def put(self, key: str, result: PhotoFace | Refused) -> None:
        """Store an entry in one step; refusals that may pass away are not stored.

        Raises:
            OSError: disk full and the like.
        """
        if isinstance(result, Refused) and result.reason not in _LASTING:
            return
        # Gone only when a run that was just ending removed it before this one had its lock.
        self.folder.mkdir(mode=0o700, exist_ok=True)
        part = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_encode(key, result))
            part.replace(self._path(key))
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Delete the entries of this PHOTOS; other photos' caches stay.

        A cache that another run is using is left to that run, which removes it in its turn.
        """
        if self._lock is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            except OSError:
                pass
        shutil.rmtree(self.folder)

    def _path(self, key: str) -> Path:
        return self.folder / key


def _encode(key: str, result: PhotoFace | Refused) -> bytes:
    head: dict[str, Any] = {"key": key}
    body = b""
    if isinstance(result, Refused):
        head["refused"] = result.reason.name
    else:
        if result.crop.shape != (CROP_SIZE, CROP_SIZE, 3) or result.crop.dtype != np.uint8:
            raise TypeError(f"a crop is (256, 256, 3) uint8, {result.crop.shape} came")
        head["box"] = [float(v) for v in result.face.box]
        head["score"] = float(result.face.score)
        head["size"] = int(result.embedding.size)
        head["attributes"] = dict(result.attributes)
        body = np.asarray(result.embedding, "<f4").tobytes()
        body += np.asarray(result.face.points, "<f4").tobytes()
        if result.landmarks is not None:
            head["landmarks"] = len(result.landmarks)
            body += np.asarray(result.landmarks, "<f4").tobytes()
        # Plain: to pack it would save a quarter of the disk and cost as much time as to decode the photo.
        body += np.ascontiguousarray(result.crop).tobytes()
    text = json.dumps(head).encode()
    payload = struct.pack("<I", len(text)) + text + body
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def _parse(data: bytes, key: str) -> PhotoFace | Refused:
    start = len(_MAGIC) + _DIGEST
    payload = data[start:]
    if (
        not data.startswith(_MAGIC)
        or hashlib.sha256(payload).digest() != data[len(_MAGIC) : start]
    ):
        raise ValueError("damaged")
    (length,) = struct.unpack_from("<I", payload)
    head = json.loads(payload[4 : 4 + length])
    body = payload[4 + length :]
    if head["key"] != key:
        raise ValueError("the entry of another photo")
    if "refused" in head:
        return Refused(Reason[head["refused"]])
    size = 4 * int(head["size"])
    embedding = np.frombuffer(body[:size], "<f4").astype(np.float32)
    points = np.frombuffer(body[size : size + 40], "<f4").astype(np.float32).reshape(5, 2)
    landmarks, size = None, size + 40
    if "landmarks" in head:
        dense = body[size : size + 8 * int(head["landmarks"])]
        landmarks = np.frombuffer(dense, "<f4").astype(np.float32).reshape(-1, 2)
        size += len(dense)
    if len(body) - size != _CROP_BYTES:
        raise ValueError("a crop of another size")
    crop = np.frombuffer(body, np.uint8, offset=size).reshape(CROP_SIZE, CROP_SIZE, 3).copy()
    box = head["box"]
    face = DetectedFace((box[0], box[1], box[2], box[3]), head["score"], points)
    attributes = {str(name): str(value) for name, value in head["attributes"].items()}
    return PhotoFace(crop, embedding, face, landmarks=landmarks, attributes=attributes)
