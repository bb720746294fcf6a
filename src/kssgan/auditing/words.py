"""Rule 4, texts: does a file or a folder of the release say the name of a photo or of a person?"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from kssgan.auditing.report import Problem, Severity

__all__ = ["Inside", "carried", "raw", "word_problems"]

_DATA_URI = re.compile(r"(?<!\w)data:([^,\"'\s<>]*),([^\"'<>()]*)", re.IGNORECASE)
_CODED = re.compile(
    r"[A-Za-z0-9+/_=-]{1024,}|(?:[A-Za-z0-9+/_=-]{60,}[\s\"',\\]+){15,}"
    r"|(?:[A-Za-z0-9+/_=-]{24,}[\s\"',\\]+){38,}|(?:%[0-9A-Fa-f]{2}){256,}"
)
"""Bytes written as text, in one piece or in lines: a kilobyte is a picture's thumbnail."""
_NUMBERS = re.compile(r"(?:\b\d{1,3}\s*,\s*){256,}")
_MANY = 64
"""Different numbers from which a row of them is bytes and no sizes of groups."""
_SILENT = re.compile(r"<wbr\s*/?>|&shy;|[\u00ad\u200b-\u200d\u2060\ufeff]", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_APART = re.compile(r"[<>\"\n\r\t\0]")
_CELLS = re.compile(r"[<>\"\n\r\t\0,;]")
_SHORT, _DIGITS = 4, 6
_TOKEN = re.compile(r"[^\s\"'<>=,;:()\[\]{}]+")
_PROSE = frozenset({".html", ".htm", ".md", ".txt", ".rst"})
_ORDINARY_WORDS = (
    "adult age angry attributes birth cells certificate child claimed contemptuous count "
    "disgusted expression face faces false fearful female file files format found gender "
    "group groups happy holds ignored image images information label labels lookalike loss "
    "male manifest mean middle mode neutral null people person photo photos picture pictures "
    "refused release released report sad senior share sizes statement strict subject "
    "subjects surprised surrogate true versions weights young"
)
_OWN_WORDS = (
    "a above again alikes all among an analyser and any apart are as at be but by byte can "
    "cannot check collections consolas content counts csv data declared dejavu detector "
    "distinct do each escrow every for generator grouping had hair has heic hold holder how "
    "html identical if in is it its json k know knowledge kssgan landmarks least ledger "
    "liberation linked look lookalikes map max mdav measured menlo merged mono networks no "
    "not noto numpy of on once one or originals out own pairs per pillow pixels png policy "
    "preserveaspectratio private probability probes python quick recognised recogniser "
    "reduced roboto same sans score security see segoe select several sha sha256 sides signs "
    "size so someone stands tells that the them this to torch two txt unequal unknown user "
    "utf utility variant variants viewbox was we what where whether which who whoever with"
)
_ORDINARY = frozenset(f"{_ORDINARY_WORDS} {_OWN_WORDS}".split(" "))


def word_problems(
    texts: Mapping[str, str],
    folders: Iterable[str],
    names: Iterable[tuple[str, str]],
    known: Iterable[str],
) -> tuple[Problem, ...]:
    """Search the release's texts, and the names of its folders, for names of photos and people.

    File names with their ending, and names that are no ordinary words, break the promise, in any case of
    letters and whatever stands between their words; a lower-case word in prose, and a word that differs in
    its capitals, only warn, since a person may be called "May". Numbers of fewer than six digits are
    skipped, and names of fewer than four letters, but for those of two or three with a capital, which warn.

    Args:
        texts: content of the release's files that are not pictures, by relative path.
        folders: relative paths of folders, and of all files.
        names: (original, subject) of every photo.
        known: words that may be there: the released labels.
    """
    ordinary = _ORDINARY | {word for name in known for word in _words(name.casefold())}
    full: set[str] = set()
    parts: set[str] = set()
    for original, subject in names:
        path = PurePosixPath(original)
        full |= {original, path.name}
        parts |= {path.stem, subject, *path.parts[:-1]}
    bare = [name for part in parts if (name := _Name(part)).tells(ordinary)]
    said: dict[str, set[str]] = {"breaks": set(), "warns": set()}
    in_texts = ((name, way) for name, text in texts.items() for way in _readings(name, text))
    for relative, text in chain(in_texts, [("", "\n".join(folders))]):
        suffix = Path(relative).suffix.lower()
        read = _Read(text, _CELLS if suffix == ".csv" else _APART)
        said["breaks"] |= {name for name in full if read.has_token(name)}
        for name in bare:
            if severity := read.says(name, prose=suffix in _PROSE, ordinary=ordinary):
                said[severity].add(name.name)
    said["warns"] -= said["breaks"]
    problems = []
    if said["breaks"]:
        problems.append(
            Problem(
                4,
                "breaks",
                f"texts and folders of the release contain {len(said['breaks'])} names of photos or people",
                tuple(sorted(said["breaks"])),
            )
        )
    if said["warns"]:
        problems.append(
            Problem(
                4,
                "warns",
                f"texts in the release contain {len(said['warns'])} words that are also names of photos or "
                f"people",
                tuple(sorted(said["warns"])),
            )
        )
    return tuple(problems)


class _Name:
    """A name, and its words with and without capitals."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words = _words(name)
        self.folded = [word.casefold() for word in self.words]

    def tells(self, ordinary: frozenset[str]) -> bool:
        """Whether it can be told from what every release says."""
        if ordinary.issuperset(self.folded):
            return False
        name = self.name.strip()
        if name.isdigit():
            return len(name) >= _DIGITS
        return len(self.name) >= _SHORT or (len(self.name) > 1 and self.name[:1].isupper())


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text))


class _Read:
    """A text, to be searched for many names.

    Args:
        text: as it is written.
        apart: what parts cells; no name goes across it.
    """

    def __init__(self, text: str, apart: re.Pattern[str]) -> None:
        text = unicodedata.normalize("NFKC", _SILENT.sub("", text))
        self._folded_text = text.casefold()
        self._tokens = _tokens(self._folded_text)
        self._cased = "\0".join(
            f" {' '.join(_WORD.findall(part))} " for part in apart.split(text)
        )
        self._folded = self._cased.casefold()
        self._known = frozenset(_WORD.findall(self._folded))

    def has_token(self, name: str) -> bool:
        """Whether a name stands there as it is, in any case of letters."""
        name = unicodedata.normalize("NFKC", name).casefold()
        pieces = _TOKEN.findall(name)
        if pieces == [name]:
            return name in self._tokens
        return (
            bool(pieces)
            and all(p in self._tokens for p in pieces)
            and name in self._folded_text
        )

    def says(self, name: _Name, *, prose: bool, ordinary: frozenset[str]) -> Severity | None:
        """How grave it is that a name stands there; None where it does not."""
        if not self._known.issuperset(name.folded):
            return None
        # Numbers alone stand everywhere side by side.
        if all(word.isdigit() for word in name.words):
            return "breaks" if self.has_token(name.name) else None
        if f" {' '.join(name.folded)} " not in self._folded:
            return None
        exact = f" {' '.join(name.words)} " in self._cased
        if len(name.name) < _SHORT:
            return "warns" if exact else None
        if not all(word.isalpha() for word in name.words):
            return "breaks"
        if not exact:
            return "warns"
        plain = all(w.islower() or w.casefold() in ordinary for w in name.words)
        return "warns" if plain and prose else "breaks"


class Inside(NamedTuple):
    """What texts carry beside words.

    Attributes:
        pictures: the bytes of data URIs.
        coded: texts with bytes written in another way, which nobody can judge.
    """

    pictures: list[bytes]
    coded: list[str]


def carried(texts: Mapping[str, str]) -> Inside:
    """Look for pictures inside texts: in data URIs of any kind, also inside drawings (SVG) that are there."""
    found = Inside([], [])
    for relative, written in texts.items():
        ways = dict.fromkeys(
            (written, html.unescape(written), unquote(written, errors="surrogateescape"))
        )
        inside: dict[bytes, None] = {}
        for text in ways:
            inside |= dict.fromkeys(_data(text))
        found.pictures.extend(inside)
        if any(_coded(_DATA_URI.sub(" ", text)) for text in ways):
            found.coded.append(relative)
    return found


def _coded(text: str) -> bool:
    rows = (re.findall(r"\d+", row) for row in _NUMBERS.findall(text))
    return bool(_CODED.search(text)) or any(len(set(row)) >= _MANY for row in rows)


def _data(text: str) -> Iterator[bytes]:
    """Content of the data URIs of a text; of drawings that of theirs as well."""
    for kind, body in _DATA_URI.findall(text):
        if kind.lower().endswith(";base64"):
            try:
                data = base64.b64decode(re.sub(r"\s", "", unquote(body)), validate=True)
            except (binascii.Error, ValueError):
                # Not to be read as it is, but by somebody.
                data = _bytes(body)
        else:
            data = unquote_to_bytes(_bytes(body))
        try:
            nested = list(_data(data.decode("utf-8")))
        except UnicodeDecodeError:
            nested = []
        yield from nested or [data]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def raw(path: Path) -> str:
    """A text as it is written; empty where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _readings(name: str, text: str) -> Iterator[str]:
    # Base64 would contain every short word sooner or later.
    text = _DATA_URI.sub(" ", text)
    yield text
    for other in (html.unescape(text), unquote(text, errors="surrogateescape")):
        if other != text:
            yield other
    if Path(name).suffix.lower() == ".json":
        try:
            yield "\n".join(_strings(json.loads(text)))
        except (ValueError, RecursionError):
            return


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def _tokens(text: str) -> set[str]:
    tokens = set(_TOKEN.findall(text))
    return tokens | {piece for token in tokens for piece in re.split(r"[/\\.]", token)}
