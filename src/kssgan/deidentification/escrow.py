"""The escrow: who is behind each released file, sealed for somebody who is not at this machine.

What was sealed names its release by the digests of its manifest and certificate. A manifest holds the
random file names, so no two releases have the same; an escrow therefore opens for its own release alone. It
is written like a map: a private file (0600) that appears with RELEASE or not at all.

With an escrow a release is pseudonymised, whatever k is: whoever holds the secret key can undo it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kssgan.deidentification.keys import read_identities, seal, unseal
from kssgan.deidentification.map import MapRow
from kssgan.deidentification.release import FILES
from kssgan.errors import EscrowRefused, UsageError

__all__ = ["Original", "make_escrow", "reidentify"]

_FORMAT = "kssgan-escrow/1"
_MANIFEST, _CERTIFICATE, _REPORT = FILES


class Original(NamedTuple):
    """A photo behind a released file.

    Attributes:
        original: its name relative to PHOTOS, with ``/``.
        subject: who is on it, as declared or as found.
    """

    original: str
    subject: str


def make_escrow(
    rows: Iterable[MapRow], manifest: bytes, certificate: bytes, recipients: Sequence[Any]
) -> bytes:
    """Seal the map of one release.

    Args:
        rows: of the map; refused photos are left out.
        manifest: content of the release's ``manifest.csv``.
        certificate: content of its ``certificate.json``.
        recipients: public keys, see :func:`~kssgan.deidentification.keys.read_recipients`.
    """
    content = {
        "format": _FORMAT,
        "manifest": hashlib.sha256(manifest).hexdigest(),
        "certificate": hashlib.sha256(certificate).hexdigest(),
        "rows": sorted(
            [row.released, row.original, row.subject] for row in rows if row.released
        ),
    }
    return seal(json.dumps(content).encode("ascii"), recipients)


def reidentify(
    release: str | os.PathLike[str],
    *,
    escrow: str | os.PathLike[str],
    key: str | os.PathLike[str],
) -> dict[str, tuple[Original, ...]]:
    """Open an escrow: the originals behind every released file.

    Args:
        release: the folder that was released.
        escrow: the sealed file that was written with it.
        key: file with the secret key.

    Returns:
        By released file (relative to RELEASE) the photos of the person who holds it. A picture of several
        people has several files; which of the equal files is whose is what the escrow knows.

    Raises:
        UsageError: a path cannot be read, or the key file is none (exit status 2).
        EscrowRefused: another key, a changed escrow, or the escrow of another release (4).
    """
    folder = Path(release)
    if not folder.is_dir():
        raise UsageError("RELEASE is not a folder; pass the folder that was released")
    identities = read_identities(Path(key))
    sealed = _read(Path(escrow), "the escrow")
    try:
        opened = unseal(sealed, identities)
    except ValueError:
        raise EscrowRefused(
            "the escrow does not open: it was sealed for another key, or it was changed since; use the "
            "secret key that belongs to the --escrow-key of that run, and an unchanged copy"
        ) from None
    content = _parse(opened)
    for name in (_MANIFEST, _CERTIFICATE):
        data = _read(folder / name, f"the release's {name}")
        if hashlib.sha256(data).hexdigest() != content[name.partition(".")[0]]:
            raise EscrowRefused(
                f"the escrow belongs to another release, or {name} was changed since; give the release "
                f"that was written together with this escrow"
            )
    found: dict[str, list[Original]] = {}
    for released, original, subject in content["rows"]:
        found.setdefault(released, []).append(Original(original, subject))
    return {released: tuple(originals) for released, originals in found.items()}


def _parse(opened: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(opened)
        if content["format"] != _FORMAT:
            raise EscrowRefused(
                "the escrow has a format that this version does not know; open it with the version of "
                "kssgan that wrote it, or a newer one"
            )
        rows_fit = all(len(row) == 3 for row in content["rows"])
    except (ValueError, KeyError, TypeError):
        rows_fit = False
    if not rows_fit:
        raise EscrowRefused(
            "the file opens with this key but is no escrow; give the file that --escrow wrote"
        )
    return content


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror}; check the path") from None
