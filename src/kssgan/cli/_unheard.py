"""Output that nobody may hear: its reader goes away, as with ``| head``, or its disk is full."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, TextIO

__all__ = ["Unheard"]


class Unheard:
    """A text stream that is silent from when it cannot be written to.

    Args:
        stream: what is written to; None, as where a program is started without stdout, hears nothing.

    Attributes:
        lost: why something was not written, in words; empty where all was, or where the reader went away.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.lost = ""
        # A name that the terminal's code has no letter for is no reason to end.
        if (changed := getattr(stream, "reconfigure", None)) is not None:
            with suppress(OSError, ValueError):
                changed(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write a text; returns its length."""
        try:
            return len(text) if self._stream is None else self._stream.write(text)
        except OSError as error:
            self._silence(error)
            return len(text)

    def flush(self) -> None:
        """Send what was written."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except OSError as error:
            self._silence(error)

    def _silence(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self.lost = self.lost or error.strerror or type(error).__name__
        # What is left in the buffer, and what Python flushes when it ends, goes nowhere.
        with suppress(OSError, AttributeError):
            own = self._stream.fileno()  # type: ignore[union-attr]
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, own)
            os.close(nowhere)

    def isatty(self) -> bool:
        """Whether somebody reads along."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
