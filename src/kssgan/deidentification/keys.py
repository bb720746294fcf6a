"""Key files, and what is sealed with them: the standard age format, so that the ``age`` tool opens it too.

A key pair has two files. The secret one (``AGE-SECRET-KEY-1...``) opens what was sealed, the public one
(``age1...``) only seals. ``age-keygen`` makes such files, and :func:`new_key` does. Lines that are empty or
begin with ``#`` are comments. Whatever is sealed is authenticated: one changed bit, and it does not open.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kssgan.errors import BadOutput, OutputExists, UsageError
from kssgan.files import reveal, storage

__all__ = [
    "key_of",
    "new_key",
    "public_name",
    "read_identities",
    "read_recipients",
    "seal",
    "unseal",
    "write_secret_key",
]

_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - how a line begins, no secret
_LARGEST = 1 << 20


def public_name(path: Path) -> Path:
    """Where :func:`new_key` puts the public key of the secret key ``path``.

    >>> public_name(Path("keys/officer.key")).as_posix()
    'keys/officer.key.pub'
    """
    return path.with_name(f"{path.name}.pub")


def key_of(path: Path) -> Path:
    """Where the key of a ledger is, unless the caller says otherwise.

    >>> key_of(Path("study.ledger")).name
    'study.ledger.key'
    """
    return path.with_name(f"{path.name}.key")


def new_key(path: Path) -> Path:
    """Make a key pair: the secret key into ``path`` (0600), the public one beside it.

    Returns:
        The public key's file, the only one that a releasing machine needs.

    Raises:
        OutputExists: one of the two is already there.
        BadOutput: the folder is missing.
        StorageError: the disk refuses.
    """
    public = public_name(path)
    if os.path.lexists(public):
        raise OutputExists(
            f"a public key ({public}) is already there and is never overwritten; choose another name"
        )
    recipient = write_secret_key(path)
    with storage("the public key could not be written"):
        _create(public, f"{recipient}\n", 0o644)
    return public


def write_secret_key(path: Path) -> str:
    """Make a secret key in ``path`` (0600); returns the public key that belongs to it.

    Raises:
        OutputExists: the file is already there.
        BadOutput: the folder is missing.
        StorageError: the disk refuses.
    """
    from pyrage import x25519

    if not path.parent.is_dir():
        raise BadOutput("the folder that shall hold the key does not exist; make it first")
    identity = x25519.Identity.generate()
    recipient = str(identity.to_public())
    with storage("the key could not be written"):
        # Complete under a hidden name first: nobody may read half a key.
        hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _create(hidden, f"# public key: {recipient}\n{identity}\n", 0o600)
            reveal(hidden, path)
        except FileExistsError:
            raise OutputExists(
                f"a key ({path}) is already there and is never overwritten; choose another name"
            ) from None
        finally:
            hidden.unlink(missing_ok=True)
    return recipient


def read_recipients(path: Path) -> list[Any]:
    """Public keys for which something shall be sealed.

    Raises:
        UsageError: unreadable, no key in it, or the secret key, which must not be on this machine.
    """
    from pyrage import RecipientError, ssh, x25519

    found = []
    for line in _lines(path):
        if line.startswith(_SECRET):
            raise UsageError(
                "the key file holds the secret key, with which this machine could open the escrow; give "
                "the public key (a line that begins with age1), and keep the secret one elsewhere"
            )
        kind = ssh.Recipient if line.startswith("ssh-") else x25519.Recipient
        try:
            found.append(kind.from_str(line))
        except (RecipientError, ValueError):
            raise _no_key("a public key, age1... or ssh-ed25519 ...") from None
    if not found:
        raise _no_key("a public key, age1... or ssh-ed25519 ...")
    return found


def read_identities(path: Path) -> list[Any]:
    """Secret keys with which something may be opened.

    Raises:
        UsageError: unreadable, or no secret key in it.
    """
    from pyrage import IdentityError, ssh, x25519

    lines = _lines(path)
    try:
        if any(line.startswith("-----BEGIN") for line in lines):
            return [ssh.Identity.from_buffer(path.read_bytes())]
        found = [x25519.Identity.from_str(line) for line in lines]
    except (IdentityError, ValueError, OSError):
        raise _no_key("a secret key, AGE-SECRET-KEY-1...") from None
    if not found:
        raise _no_key("a secret key, AGE-SECRET-KEY-1...")
    return found


def seal(data: bytes, recipients: Sequence[Any]) -> bytes:
    """Encrypt and authenticate, so that only the recipients' secret keys open it."""
    import pyrage

    sealed: bytes = pyrage.encrypt(data, list(recipients))
    return sealed


def unseal(data: bytes, identities: Sequence[Any]) -> bytes:
    """Open what :func:`seal` made.

    Raises:
        ValueError: another key, or one bit of it has changed.
    """
    import pyrage

    try:
        opened: bytes = pyrage.decrypt(data, list(identities))
    except pyrage.DecryptError as error:
        raise ValueError(str(error)) from None
    return opened


def _lines(path: Path) -> list[str]:
    # "from None": the system's own message carries the path, and a wrong file may hold anything.
    try:
        if not path.is_file():
            raise UsageError(
                "the key file is not there; give the path of a file that holds a key"
            )
        if path.stat().st_size > _LARGEST:
            raise _no_key("a small text file")
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"the key file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _no_key("a text file") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _no_key(wanted: str) -> UsageError:
    return UsageError(
        f"the key file is no key of the wanted kind; {wanted} was wanted, as "
        f"`kssgan reidentify --new-key FILE` or age-keygen makes it"
    )


def _create(path: Path, text: str, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
