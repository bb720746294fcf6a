"""Paths as a person reads them: names may hold newlines and bytes that no terminal should obey."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["shown"]


def shown(path: str | Path) -> str:
    r"""Printable form of a path; control characters and undecodable bytes are escaped.

    >>> shown("a\nb")
    'a\\nb'
    """
    text = os.fspath(path)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
