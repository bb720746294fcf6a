"""How a ledger hides what it holds: hashes to recognise by, sealed text to read again, one HMAC over all."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from pathlib import Path

from kssgan.deidentification.keys import read_identities, seal, unseal
from kssgan.errors import LedgerRefused, UsageError

__all__ = ["Vault", "changed"]

_PURPOSE = b"kssgan-ledger/1 "


class Vault:
    """The key of a ledger, and what it is good for.

    Args:
        key: file with a secret key.

    Raises:
        UsageError: no such key.
    """

    def __init__(self, key: Path) -> None:
        self._identities = read_identities(key)
        text = str(self._identities[0])
        if not text.startswith("AGE-SECRET-KEY-"):
            raise UsageError(
                "the ledger's key is of another kind; AGE-SECRET-KEY-1... was wanted"
            )
        self._secret = text.encode()

    @property
    def fingerprint(self) -> str:
        """Tells this key from others without telling the key."""
        return self._mac(b"key", b"").hex()

    def name_hash(self, name: str) -> bytes:
        """To recognise a name by."""
        return self._mac(b"name", name.encode("utf-8", "surrogateescape"))

    def photo_hash(self, content: str) -> bytes:
        """To recognise a photo by, from the SHA-256 of its bytes (hex)."""
        return self._mac(b"photo", content.encode())

    def seal_of(self, rows: Iterable[tuple[object, ...]]) -> str:
        """One HMAC-SHA256 (hex) over rows."""
        total = hmac.new(self._key(b"seal"), digestmod="sha256")
        for row in rows:
            total.update(repr(row).encode() + b"\n")
        return total.hexdigest()

    def sealed(self, data: bytes) -> bytes:
        """Encrypted and authenticated; never twice the same."""
        return seal(data, [identity.to_public() for identity in self._identities])

    def unsealed(self, data: bytes) -> bytes:
        """What was sealed.

        Raises:
            LedgerRefused: it was changed.
        """
        try:
            return unseal(data, self._identities)
        except (ValueError, TypeError):
            raise changed() from None

    def _mac(self, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self._key(purpose), data, "sha256")

    def _key(self, purpose: bytes) -> bytes:
        # A key of its own for each purpose, so that no answer of one is an answer of another.
        return hmac.digest(self._secret, _PURPOSE + purpose, "sha256")


def changed() -> LedgerRefused:
    """The error of a ledger that is not as it was written."""
    return LedgerRefused(
        "the ledger is damaged, or was changed by something else than kssgan; put back the last good copy "
        "of it (of the time after its last release)"
    )
