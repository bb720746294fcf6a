"""Every error a caller may meet, with the exit status it stands for.

::

    KssganError                     1  something failed; nothing was released
    ├── UsageError (ValueError)     2  an argument is wrong
    │   ├── OutputExists            2  (FileExistsError) the output is already there
    │   ├── BadOutput               2  the output cannot be written where it was asked for
    │   └── BadTable                2  a labels, subjects or map CSV is not usable
    ├── PromiseError                4  the k promise cannot be met, or does not hold
    │   ├── TooFewPeople            4  (ValueError) fewer people than k; carries ``have``/``need``
    │   ├── EscrowRefused           4  (ValueError) an escrow cannot be opened for this release
    │   └── LedgerRefused           4  (ValueError) a ledger cannot keep earlier releases apart
    ├── WeightsError (RuntimeError) 1  shipped weights are missing or damaged
    ├── StorageError (OSError)      1  disk full, no permission while writing
    ├── TrainingFailed (ArithmeticError) 1  training diverged; names the last good checkpoint
    └── UnusablePhoto (ValueError)  -  one photo is refused; carries ``reason``; the run goes on

Messages say what came, what was wanted and the next step. They never carry a photo's path: those go to
the private map only. ``UnusablePhoto`` is the one error that is caught and listed instead of raised.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "BadOutput",
    "BadTable",
    "EscrowRefused",
    "KssganError",
    "LedgerRefused",
    "OutputExists",
    "PromiseError",
    "Reason",
    "StorageError",
    "TooFewPeople",
    "TrainingFailed",
    "UnusablePhoto",
    "UsageError",
    "WeightsError",
]


class Reason(StrEnum):
    """Why a photo is refused. The value is what the private map says.

    Those from ``WAITS`` on come with a ledger alone; how many people a newcomer waits for is added to it.
    """

    UNREADABLE = "unreadable file"
    PERMISSION = "permission denied"
    TOO_MANY_PIXELS = "too many pixels to decode safely"
    NO_FACE = "no face found"
    FACE_TOO_SMALL = "face too small"
    SEVERAL_FACES = "several faces of similar size"
    NO_SUBJECT = "no subject given"
    WAITS = "waits for"
    GROUP_ABSENT = "waits for absent people of its group"
    GROUP_SHORT = "its group has too few photos to be shown as before"
    GROUP_ALIKE = "looks like another person of its group"
    LEDGER_NAME = "known to the ledger under another name"
    LEDGER_UNSURE = "may be somebody of the ledger"


class KssganError(Exception):
    """Base of all errors raised on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class UsageError(KssganError, ValueError):
    """An argument is wrong; nothing was read or written."""

    exit_status = 2


class OutputExists(UsageError, FileExistsError):
    """The output is already there; it is never overwritten."""


class BadOutput(UsageError):
    """The output cannot be written there, or would lie where it must not."""


class BadTable(UsageError):
    """A CSV lacks columns, matches nothing or contradicts itself."""


class PromiseError(KssganError):
    """The promise of ``docs/guarantee.md`` cannot be met or does not hold."""

    exit_status = 4


class TooFewPeople(PromiseError, ValueError):
    """Fewer people than k.

    Attributes:
        have: people that can be told apart.
        need: the k that was asked for.
        what: who they are, "people" mostly.
    """

    def __init__(self, have: int, need: int, *, what: str = "people") -> None:
        super().__init__(
            f"{have} {what} that can be told apart, but k={need} needs at least {need}; "
            f"add photos of more people or ask for a smaller k"
        )
        self.have = have
        self.need = need
        self.what = what


class EscrowRefused(PromiseError, ValueError):
    """An escrow cannot be opened: another key, a changed file, another release."""


class LedgerRefused(PromiseError, ValueError):
    """A ledger cannot promise that releases stay apart: other settings, another key, a changed file."""


class WeightsError(KssganError, RuntimeError):
    """Shipped weights are missing, damaged or of another version."""


class StorageError(KssganError, OSError):
    """The disk is full or refuses to be written; no release was left behind."""


class TrainingFailed(KssganError, ArithmeticError):
    """Training diverged; the message names the last good checkpoint."""


class UnusablePhoto(KssganError, ValueError):
    """One photo cannot be protected, so it is refused and listed.

    Attributes:
        reason: what the private map will say.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
