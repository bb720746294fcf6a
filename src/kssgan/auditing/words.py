"""Rule 4, texts: does a file or a folder of the release say the name of a photo or of a person?"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from kssgan.auditing.report import Problem

__all__ = ["Inside", "carried", "word_problems"]

_DATA_URI = re.compile(r"data:([\w/+.-]*);base64,([A-Za-z0-9+/=\s]+)")
_CODED = re.compile(r"[A-Za-z0-9+/_=-]{1024,}|(?:[A-Za-z0-9+/_=-]{60,}[\s\"',\\]+){15,}")
"""Bytes written as text, in one piece or in lines: a kilobyte is a picture's thumbnail."""
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
    "above again among analyser apart apart. byte-identical check consolas "
    "content-security-policy counts data declared dejavu detector distinct each escrow every "
    "generator grouping hair heic hold holder information_loss k-same k_claimed k_declared "
    "k_measured kssgan kssgan-certificate landmarks least ledger liberation linked "
    "look-alikes lookalike_pairs lookalikes_merged max_share mdav menlo merged mono networks "
    "noto numpy once own pillow pixels preserveaspectratio probability probes python quick "
    "recognised recogniser reduced roboto sans score segoe select several sha-256 sha256 "
    "sides signs size someone stands tells that them this torch unequal unknown user utf-8 "
    "utility variants viewbox what where whether whoever with"
)
_ORDINARY = frozenset(f"{_ORDINARY_WORDS} {_OWN_WORDS}".split(" "))


def word_problems(
    root: Path,
    texts: Iterable[str],
    folders: Iterable[str],
    names: Iterable[tuple[str, str]],
    known: Iterable[str],
) -> tuple[Problem, ...]:
    """Search the release's texts, and the names of its folders, for names of photos and people.

    File names with their ending, and names that are no ordinary words, break the promise; a lower-case word
    in prose only warns, since a person may be called "may". Numbers of fewer than six digits are skipped.

    Args:
        root: the release.
        texts: its files that are not pictures, relative paths.
        folders: relative paths.
        names: (original, subject) of every photo.
        known: words that may be there: the released labels.
    """
    skipped = _ORDINARY | {w.lower() for w in known}
    full, bare = set(), set()
    for original, subject in names:
        path = PurePosixPath(original)
        full |= {original, path.name}
        for token in (path.stem, subject, *path.parts[:-1]):
            short = len(token) < 4 or (token.isdigit() and len(token) < 6)
            if not short and token.lower() not in skipped:
                bare.add(token)
    said: dict[str, set[str]] = {"breaks": set(), "warns": set()}
    in_texts = ((name, text) for name in texts for text in _readings(root / name))
    for relative, text in chain(in_texts, (("", folder) for folder in folders)):
        tokens = _tokens(text)
        for name in _present(full, text, tokens):
            said["breaks"].add(name)
        for name in _present(bare, text, tokens):
            ordinary = name.isalpha() and name.islower()
            prose = Path(relative).suffix.lower() in _PROSE
            said["warns" if ordinary and prose else "breaks"].add(name)
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


class Inside(NamedTuple):
    """What texts carry beside words.

    Attributes:
        pictures: the bytes of data URIs.
        coded: texts with bytes written in another way, which nobody can judge.
    """

    pictures: list[bytes]
    coded: list[str]


def carried(root: Path, texts: Iterable[str]) -> Inside:
    """Look for pictures inside texts: in data URIs of any kind, also inside drawings (SVG) that are there."""
    found = Inside([], [])
    for relative in texts:
        raw = _raw(root / relative)
        ways = dict.fromkeys((raw, html.unescape(raw), unquote(raw, errors="surrogateescape")))
        inside: dict[bytes, None] = {}
        for text in ways:
            inside |= dict.fromkeys(_data(text))
        found.pictures.extend(inside)
        if any(_CODED.search(_DATA_URI.sub(" ", text)) for text in ways):
            found.coded.append(relative)
    return found


def _data(text: str) -> Iterator[bytes]:
    """Content of the data URIs of a text; of drawings that of theirs as well."""
    for _, body in _DATA_URI.findall(text):
        try:
            data = base64.b64decode(re.sub(r"\s", "", body), validate=True)
        except (binascii.Error, ValueError):
            # Not to be read as it is, but by somebody.
            data = body.encode()
        try:
            nested = list(_data(data.decode("utf-8")))
        except UnicodeDecodeError:
            nested = []
        yield from nested or [data]


def _raw(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _readings(path: Path) -> Iterator[str]:
    # Base64 would contain every short word sooner or later.
    text = _DATA_URI.sub(" ", _raw(path))
    yield text
    for other in (html.unescape(text), unquote(text, errors="surrogateescape")):
        if other != text:
            yield other
    if path.suffix.lower() == ".json":
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


def _present(names: set[str], text: str, tokens: set[str]) -> Iterator[str]:
    """Names that stand in the text as whole words; names of several words are searched as they are."""
    for name in names:
        pieces = _TOKEN.findall(name)
        if pieces == [name]:
            if name in tokens:
                yield name
        elif pieces and all(p in tokens for p in pieces) and name in text:
            yield name
