"""Rule 4, names and order: could anybody derive a released name from the photo behind it?

Deterministic links are looked for one by one (equal stems, digests of names and contents, names that
seeded generators give, numbers counted up) and order by Kendall's tau with its exact distribution. A
*keyed* derivation cannot be told from chance; nothing found is therefore not a proof.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from kssgan.auditing._statistics import poisson_tail
from kssgan.auditing._streams import SEEDS, seeded_names
from kssgan.auditing._tables import stem
from kssgan.auditing.guarantee import people
from kssgan.auditing.report import Problem, Severity

__all__ = [
    "FALSE_ALARM",
    "link_problems",
    "name_problems",
    "naming_problems",
    "order_problems",
]

FALSE_ALARM = 1e-6
"""Chance that truly random names or orders are called a leak, for each test."""

_HASHES: tuple[Callable[[bytes], bytes], ...] = (
    lambda b: hashlib.md5(b, usedforsecurity=False).digest(),
    lambda b: hashlib.sha1(b, usedforsecurity=False).digest(),
    lambda b: hashlib.sha256(b).digest(),
    lambda b: hashlib.sha512(b).digest(),
    lambda b: hashlib.sha3_256(b).digest(),
    lambda b: hashlib.blake2b(b).digest(),
    lambda b: hashlib.blake2b(b, digest_size=16).digest(),
    lambda b: hashlib.blake2s(b).digest(),
)
_SHORTEST = 8
_BLOCK = 512
_LONG = 8
"""Letters from which a file's name is no number or word by chance."""
_SHOWN = re.compile(r"""\ssrc=["']([^"']*)["']""")
_SHARED = (2, 3, 4, 6, 8, 12, 16)
"""So many first or last letters two names may have in common."""


def name_problems(
    pairs: Sequence[tuple[str, str, str]],
    originals: Path,
    *,
    extra_seeds: Iterable[int] = (),
) -> tuple[Problem, ...]:
    """Look for released names that follow from what they were made of.

    Args:
        pairs: (original, subject, released) of every released photo.
        originals: folder of the photos; each is read once for digests of its content.
        extra_seeds: further seeds to try.
    """
    stems = {PurePosixPath(released).stem for _, _, released in pairs}
    checks = (
        _equal_stems(pairs),
        _digests(pairs, originals),
        _seeded(stems, extra_seeds),
        _counted(stems),
        _clock(stems),
    )
    return tuple(p for p in checks if p)


def _equal_stems(pairs: Sequence[tuple[str, str, str]]) -> Problem | None:
    names = {PurePosixPath(released).stem.lower() for _, _, released in pairs}
    letters = max(10, len(set("".join(names))))
    alphabet = set("".join(names))
    hits, usual = [], 0.0
    # A person's many photos share a file: each word is held against each name once.
    tried: set[tuple[str, str]] = set()
    for original, subject, released in pairs:
        stem = PurePosixPath(released).stem.lower()
        for token in {PurePosixPath(original).stem.lower(), subject.lower()} - {""}:
            if (token, stem) in tried:
                continue
            tried.add((token, stem))
            places = max(0, len(stem) - len(token) + 1)
            usual += places * float(letters) ** -len(token) if set(token) <= alphabet else 0.0
            if token in stem:
                hits.append(released)
    if not hits or poisson_tail(len(hits), max(usual, 1e-12)) >= FALSE_ALARM:
        return None
    return Problem(
        4,
        "breaks",
        f"{len(set(hits))} released files bear the name of the photo or of the person behind them",
        tuple(sorted(set(hits))),
    )


def _digests(pairs: Sequence[tuple[str, str, str]], originals: Path) -> Problem | None:
    stems: dict[str, list[str]] = {}
    for _, _, released in pairs:
        stem = PurePosixPath(released).stem
        for form in {stem, stem.lower().replace("-", "")}:
            if len(form) >= _SHORTEST:
                stems.setdefault(form[:_SHORTEST], []).append(form)
                stems.setdefault(form[-_SHORTEST:], []).append(form)
    if not stems:
        return None
    found: set[str] = set()
    hexadecimal = all(
        set(form) <= set("0123456789abcdef") for f in stems.values() for form in f
    )
    for text in _inputs(pairs, originals):
        for digest in _spellings(text, only_hexadecimal=hexadecimal):
            for form in stems.get(digest[:_SHORTEST], ()):
                if digest.startswith(form):
                    found.add(form)
            for form in stems.get(digest[-_SHORTEST:], ()):
                if digest.endswith(form):
                    found.add(form)
    if not found:
        return None
    return Problem(
        4,
        "breaks",
        f"{len(found)} released names are digests of a photo's name, number, person or content; anybody "
        f"who has the photo or its name can compute them",
        tuple(sorted(found)),
    )


def _inputs(pairs: Sequence[tuple[str, str, str]], originals: Path) -> Iterator[bytes]:
    texts: set[str] = set()
    rows = list(dict.fromkeys((o, s) for o, s, _ in pairs))
    for number, (original, subject) in enumerate(rows):
        path = PurePosixPath(original)
        texts |= {original, path.name, path.stem, subject, f"{subject}/{path.name}"}
        texts |= {str(originals / original), str((originals / original).absolute())}
        texts |= {str(number), f"{number:04d}", f"{number:06d}"}
    for text in texts:
        yield text.encode("utf-8", "surrogateescape")
    for original, _ in rows:
        try:
            yield (originals / original).read_bytes()
        except (OSError, ValueError):
            continue


def _spellings(text: bytes, *, only_hexadecimal: bool) -> Iterator[str]:
    for function in _HASHES:
        digest = function(text)
        yield digest.hex()
        if only_hexadecimal:
            continue
        yield base64.b32encode(digest).decode().rstrip("=").lower()
        yield base64.urlsafe_b64encode(digest).decode().rstrip("=")
    yield f"{zlib.crc32(text):08x}"
    if len(text) < 4096:
        name = text.decode("utf-8", "replace")
        for space in (
            uuid.NAMESPACE_DNS,
            uuid.NAMESPACE_URL,
            uuid.NAMESPACE_OID,
            uuid.NAMESPACE_X500,
        ):
            yield uuid.uuid5(space, name).hex
            yield uuid.uuid3(space, name).hex
        yield text.hex()
        yield base64.urlsafe_b64encode(text).decode().rstrip("=")


def _seeded(stems: Iterable[str], extra_seeds: Iterable[int]) -> Problem | None:
    found = seeded_names(
        {s.lower().replace("-", "") for s in stems}, extra_seeds=tuple(extra_seeds)
    )
    if not found:
        return None
    return Problem(
        4,
        "breaks",
        f"{len(found)} released names come from a generator with a small seed (0..{SEEDS - 1} were "
        f"tried), so that anybody can draw them again in the order of the photos",
        tuple(sorted(found)),
    )


def _counted(stems: Iterable[str]) -> Problem | None:
    """Numbers that fill their range: 0001, 0002, ... in tens or sixteens, behind one common word."""
    names = sorted(set(stems))
    if len(names) < 3:
        return None
    for pattern, base in ((r"(.*?)(\d+)$", 10), (r"(.*?)([0-9a-f]+)$", 16)):
        parts = [re.fullmatch(pattern, name) for name in names]
        if not all(parts) or len({m.group(1) for m in parts if m}) > 1:
            continue
        values = sorted(int(m.group(2), base) for m in parts if m)
        if values[-1] - values[0] <= 8 * len(values):
            return Problem(
                4,
                "breaks",
                f"the {len(names)} released names are numbers counted up; their order cannot be shown to "
                f"come from chance",
            )
    return None


def _clock(stems: Iterable[str]) -> Problem | None:
    plain = [s.lower().replace("-", "") for s in stems]
    made = [s for s in plain if re.fullmatch(r"[0-9a-f]{12}1[0-9a-f]{19}", s)]
    # One random name in sixteen looks so; all of six or more do not.
    if len(plain) < 6 or len(made) < len(plain):
        return None
    return Problem(4, "breaks", "the released names are UUIDs made from a clock (version 1)")


def naming_problems(files: Mapping[str, str], texts: Mapping[str, str]) -> tuple[Problem, ...]:
    """Look for texts that name single files: what is said beside one tells it from its equals.

    A page may show each picture by the first of its files (``src="images/..."``), which is chosen by nothing
    that anybody knew before.

    Args:
        files: SHA-256 by released file.
        texts: content by name of every text but the manifest's rows.
    """
    first: dict[str, str] = {}
    for file in sorted(files):
        first.setdefault(files[file], file)
    stems = {stem(file): file for file in files}
    firsts = frozenset(first.values())
    named: set[str] = set()
    where: set[str] = set()
    for name, text in texts.items():
        rest = _SHOWN.sub(lambda found: " " if found[1] in firsts else found[0], text)
        words = set(re.findall(r"[\w-]+", rest.casefold()))
        found = {file for own, file in stems.items() if len(own) >= _LONG and own in words}
        named |= found
        where |= {name} if found else set()
    if not named:
        return ()
    return (
        Problem(
            4,
            "breaks",
            f"{len(where)} texts of the release name {len(named)} released files, which may tell them from "
            f"equal ones or tie them together; the rows of the manifest alone may",
            tuple(sorted(named)),
        ),
    )


def link_problems(
    pairs: Sequence[tuple[str, str, str]], orders: Mapping[str, Sequence[str]]
) -> tuple[Problem, ...]:
    """Look for what ties the files of one person together: parts of names in common, places side by side.

    Who can tell that several pictures are one person's knows more than each of them says; and whose file has
    no other one beside it is known by that.

    Args:
        pairs: as in :func:`name_problems`.
        orders: released files in an order that a recipient can see, by its name in words.
    """
    owner = {released: subject for _, subject, released in sorted(pairs, reverse=True)}
    held = Counter(owner.values())
    together = sum(count * (count - 1) // 2 for count in held.values())
    every = len(owner) * (len(owner) - 1) // 2
    if not together or together == every:
        return ()
    problems = []
    stems = {file: PurePosixPath(file).stem.lower() for file in owner}
    for letters in _SHARED:
        for where, part in (("begin", slice(letters)), ("end", slice(-letters, None))):
            alike = _pairs_alike(stem[part] for stem in stems.values())
            own = _pairs_alike((owner[file], stem[part]) for file, stem in stems.items())
            # As likely as for files of different people, of which one more may have it.
            usual = (alike - own + 1) / (every - together + 1) * together
            if own > usual and poisson_tail(own, usual) < FALSE_ALARM:
                problems.append(
                    Problem(
                        4,
                        "breaks",
                        f"in {own} of {together} pairs of files of one person the names {where} alike "
                        f"({letters} letters; by chance in {usual:.2g}), which ties them together",
                    )
                )
    for seen, order in orders.items():
        files = [file for file in order if file in owner]
        beside = sum(owner[a] == owner[b] for a, b in pairwise(files))
        usual = together / every * max(0, len(files) - 1)
        if beside > usual and poisson_tail(beside, usual) < FALSE_ALARM:
            problems.append(
                Problem(
                    4,
                    "breaks",
                    f"{seen} has {beside} files of one person side by side (by chance {usual:.2g}), which "
                    f"ties them together",
                )
            )
    # The tests speak of one thing; the first one says it.
    return tuple(problems[:1])


def _pairs_alike(keys: Iterable[Hashable]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(keys).values())


def order_problems(
    pairs: Sequence[tuple[str, str, str]],
    orders: Mapping[str, Sequence[str]],
    originals: Path,
    digests: Mapping[str, str],
) -> tuple[Problem, ...]:
    """Compare orders of the released files with orders of the photos (Kendall's tau, two-sided).

    Of all files, and of the files of each picture among themselves, summed over pictures: that tells one
    file from its equals though the pictures come in any order. Of all files exact for few, by the normal
    approximation for many. With few files even the very same order is likely by chance: below ten, no order
    can break the promise.

    Args:
        pairs: as in :func:`name_problems`.
        orders: released files in an order that a recipient can see, by its name in words.
        originals: folder of the photos.
        digests: SHA-256 by released file.
    """
    from scipy.stats import kendalltau

    first: dict[str, tuple[str, str]] = {}
    for original, subject, released in pairs:
        if released not in first or original < first[released][0]:
            first[released] = (original, subject)
    if len(first) < 3:
        return ()
    seconds = {file: _mtime(originals / first[file][0]) for file in first}
    keys: dict[str, Callable[[str], object]] = {
        "their names": lambda file: first[file][0],
        "their people": lambda file: first[file][1],
        "their times": lambda file: seconds[file],
    }
    tests = [(seen, hidden) for seen in orders for hidden in keys]
    count = 2 * len(tests) + len(orders)
    problems = list(_same_order(first, orders, digests, count))
    for seen, hidden in tests:
        files = [f for f in orders[seen] if f in first]
        values = [keys[hidden](f) for f in files]
        place = {v: i for i, v in enumerate(sorted(set(values), key=_sortable))}
        if len(place) < 3:
            continue
        outcome = kendalltau(range(len(files)), [place[v] for v in values])
        inside: dict[str, list[int]] = {}
        for file, value in zip(files, values, strict=True):
            inside.setdefault(digests.get(file, ""), []).append(place[value])
        tau, chance = _summed(inside.values())
        photos = f"the order of the photos by {hidden}"
        found = [
            *_likely(f"{seen} follows {photos}", outcome.statistic, outcome.pvalue * count),
            *_likely(f"{seen} follows, within pictures, {photos}", tau, chance * count),
        ]
        # They speak of one thing; the graver one says it.
        problems += sorted(found, key=lambda problem: problem.severity)[:1]
    return tuple(problems)


def _likely(said: str, tau: float, chance: float) -> list[Problem]:
    """A problem where an order is hardly chance; ``chance`` of all tests together."""
    if not chance < 1e-3:
        return []
    severity: Severity = "breaks" if chance < FALSE_ALARM else "warns"
    return [
        Problem(
            4, severity, f"{said} (tau {tau:.2f}; chance gives this in {chance:.1g} of audits)"
        )
    ]


def _same_order(
    first: Mapping[str, tuple[str, str]],
    orders: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    count: int,
) -> Iterator[Problem]:
    """Two pictures of the same people whose files come in the same order of people tie these together."""
    owner = {file: subject for file, (_, subject) in first.items()}
    edges = ((digests[file], owner[file]) for file in owner if file in digests)
    linked = [sorted(map(str, shas)) for shas, _ in people(edges)]
    for seen, order in orders.items():
        place: dict[str, dict[str, int]] = {}
        for number, file in enumerate(file for file in order if file in owner):
            place.setdefault(digests.get(file, ""), {}).setdefault(owner[file], number)
        rows = []
        for a, b in (pair for shas in linked for pair in pairwise(shas)):
            one, other = place.get(a, {}), place.get(b, {})
            # In the order of the first one's files.
            rows.append([other[who] for who in one if who in other])
        tau, chance = _summed(rows)
        yield from _likely(
            f"{seen} has the people of one picture in the order of another's, which ties them together,",
            tau,
            chance * count,
        )


def _summed(rows: Iterable[Sequence[int]]) -> tuple[float, float]:
    """Kendall's tau of several rows together, and the chance of one as far from 0 (normal approximation).

    Values that are equal count as neither order, which makes the chance too large.
    """
    score = spread = pairs = 0.0
    for row in rows:
        values, n = np.asarray(row), len(row)
        # In blocks: a picture may have very many files.
        for start in range(0, n, _BLOCK):
            block = np.sign(values[None] - values[start : start + _BLOCK, None])
            score += float(np.triu(block, start + 1).sum())
        spread += n * (n - 1) * (2 * n + 5) / 18
        pairs += n * (n - 1) / 2
    if not pairs:
        return 0.0, 1.0
    return score / pairs, math.erfc(max(0.0, abs(score) - 1) / math.sqrt(2 * spread))


def _sortable(value: object) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0
