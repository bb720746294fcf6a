"""Words and numbers as people read them; names that cannot break a page or a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

__all__ = ["cell_width", "count", "label_sources", "number", "printable", "share"]

# Control, format (bidirectional overrides), lone surrogates, private use, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""Show a name as it is, but escape what would move a cursor, reverse text or fail to encode.

    File names may hold any byte. Bytes that are not UTF-8 arrive as lone surrogates
    (``surrogateescape``) and are shown as ``\xNN``.

    >>> printable("Zoë, no. 3.jpg")
    'Zoë, no. 3.jpg'
    >>> print(printable("a\nb\x1b[31m\udcff"))
    a\nb\x1b[31m\xff
    """
    if text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _UNPRINTABLE else c for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def cell_width(text: str) -> int:
    """Columns that ``text`` takes in a terminal: wide signs two, combining marks none.

    >>> cell_width("abc"), cell_width("漢字"), cell_width("e\u0301")
    (3, 4, 1)
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "person", "people"), count(12345, "file")
    ('1 person', '12,345 files')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def number(value: float, digits: int = 3) -> str:
    """A number with at most ``digits`` decimals and no idle zeros.

    >>> number(0.2), number(1 / 3), number(1234567), number(83.0)
    ('0.2', '0.333', '1,234,567', '83')
    """
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def share(value: float) -> str:
    """A share in 0..1 as a percentage.

    >>> share(0.2), share(1 / 7)
    ('20%', '14.3%')
    """
    return f"{number(100 * value, 1)}%"


def label_sources(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the labels of each attribute come from, in words; empty where the certificate does not say.

    >>> label_sources({"labels": {"gender": {"of": "people", "user": 3, "probes": 40, "unknown": 1}}})
    [('gender', '3 of 44 people from the data holder, 40 read off the face by a probe, 1 unknown')]
    """
    return [
        (
            name,
            f"{of['user']:,} of {of['user'] + of['probes'] + of['unknown']:,} {of['of']} from the data "
            f"holder, {of['probes']:,} read off the face by a probe, {of['unknown']:,} unknown",
        )
        for name, of in certificate.get("labels", {}).items()
    ]
