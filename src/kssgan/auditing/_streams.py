"""Random names that are not random: every name that common generators give for small seeds.

A program that draws "random" hexadecimal names from a seeded generator can be run again by anybody, and
then its first name is the first photo's. Three generators (Python's ``random``, NumPy's ``RandomState``
and ``default_rng``) are all streams of 32-bit words, and the usual ways to make a name out of them (bytes,
``getrandbits``, ``uuid``, ``choice``, ``choices``, ``randint``, ``integers``) are all cheap functions of
those words. Ten thousand seeds of each are tried for the first name of a stream (raw bytes: at any of the
first words); a few favourite seeds also for later places, since a program may have drawn before.

The first call takes seconds and keeps an index (about 30 MB) for the next ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["SEEDS", "seeded_names"]

SEEDS = 10_000
"""Seeds 0..SEEDS-1 are tried with every generator."""

_FAVOURITES = (*range(8), 10, 42, 99, 100, 123, 1234, 1337, 12345, *range(2018, 2031))
_DEEP_WORDS, _WORDS, _STEP = 1024, 112, 2500
_RAW_WORDS = 48
_Words = npt.NDArray[np.uint32]
_Digits = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]
_Engine = Callable[[int, int], _Words]


def seeded_names(names: Iterable[str], *, extra_seeds: Iterable[int] = ()) -> frozenset[str]:
    """Those names that a common generator gives for a small seed.

    Args:
        names: hexadecimal, lower case, without dashes; shorter than 12 digits are skipped, since they
            would meet by chance.
        extra_seeds: tried as well, for example a seed that the release itself mentions.

    Returns:
        The names found. Of truly random ones 12 digits long, 1,000 are mistaken less than once in 10,000
        times; 32 digits never meet by chance.
    """
    wanted: dict[int, list[tuple[bytes, str, bool]]] = {}
    for name in names:
        if len(name) >= 12 and set(name) <= set("0123456789abcdef"):
            digits = bytes(int(c, 16) for c in name)
            # ``%032x`` of ``getrandbits`` writes the last drawn byte first. A UUID's version and variant,
            # which overwrite drawn bits, lie in neither key.
            for turned in (False, True) if len(name) % 2 == 0 else (False,):
                order = _turn(digits) if turned else digits
                wanted.setdefault(_key(order[:8]), []).append((order, name, turned))
    if not wanted:
        return frozenset()
    deep = tuple(s for s in dict.fromkeys(extra_seeds) if 0 <= s < 2**32)
    indexes = [_usual_index(), *([_Index(list(_deep_blocks(deep)))] if deep else [])]
    found: set[str] = set()
    for index in indexes:
        for key, digits_at in index.find(np.fromiter(wanted, np.uint32, len(wanted))):
            for order, name, turned in wanted[key]:
                if _same(digits_at[: len(order)].tobytes(), order, turned=turned):
                    found.add(name)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Block:
    """Seeds x places of one way to make names."""

    engine: int
    flavour: int
    seeds: Sequence[int]
    words: int
    starts: _Places

    def digits(self, seeds: Sequence[int]) -> _Digits:
        return _FLAVOURS[self.flavour](_words(self.engine, seeds, self.words))


@lru_cache(maxsize=2)
def _words(engine: int, seeds: Sequence[int], words: int) -> _Words:
    # All flavours of the same seeds follow each other, and seeding is the slow part.
    return np.stack([_ENGINES[engine](seed, words) for seed in seeds])


class _Index:
    """All eight-digit keys of some blocks, sorted, so that a name is looked up and not searched."""

    def __init__(self, blocks: Sequence[_Block]) -> None:
        self._blocks = blocks
        keys = [_keys(block.digits(block.seeds), block.starts).ravel() for block in blocks]
        self._ends = np.cumsum([part.size for part in keys])
        flat = np.concatenate(keys)
        self._order = np.argsort(flat, kind="stable").astype(np.int32)
        self._sorted = flat[self._order]

    def find(self, keys: _Words) -> Iterator[tuple[int, _Digits]]:
        """Every place where one of the keys stands: the key, and the stream's digits from there on."""
        low = np.searchsorted(self._sorted, keys, side="left")
        high = np.searchsorted(self._sorted, keys, side="right")
        for key, first, last in zip(keys.tolist(), low.tolist(), high.tolist(), strict=True):
            for place in self._order[first:last].tolist():
                number = int(np.searchsorted(self._ends, place, side="right"))
                block = self._blocks[number]
                inside = place - (int(self._ends[number - 1]) if number else 0)
                row, column = divmod(inside, block.starts.size)
                digits = block.digits((block.seeds[row],))
                yield key, digits[0, int(block.starts[column]) :]


@cache
def _usual_index() -> _Index:
    return _Index([*_first_blocks(), *_deep_blocks(_FAVOURITES)])


def _first_blocks() -> Iterator[_Block]:
    start_only = np.zeros(1, np.int64)
    every_word = np.arange(0, 8 * _RAW_WORDS, 8)
    for engine in range(len(_ENGINES)):
        for first in range(0, SEEDS, _STEP):
            seeds = range(first, min(SEEDS, first + _STEP))
            yield _Block(engine, 0, seeds, _WORDS, every_word)
            for flavour in range(1, len(_FLAVOURS)):
                yield _Block(engine, flavour, seeds, _WORDS, start_only)


def _deep_blocks(seeds: Sequence[int]) -> Iterator[_Block]:
    for engine in range(len(_ENGINES)):
        for seed in seeds:
            for flavour, step in enumerate(_STEPS):
                block = _Block(engine, flavour, (seed,), _DEEP_WORDS, np.zeros(1, np.int64))
                width = block.digits(block.seeds).shape[1]
                starts = np.arange(0, width - 8, step)
                yield _Block(engine, flavour, (seed,), _DEEP_WORDS, starts)


def _keys(digits: _Digits, starts: _Places) -> _Words:
    keys = np.zeros((len(digits), starts.size), np.uint32)
    for i in range(8):
        keys = (keys << np.uint32(4)) | digits[:, starts + i]
    return keys


def _python(seed: int, words: int) -> _Words:
    raw = random.Random(seed).getrandbits(32 * words).to_bytes(4 * words, "little")
    return np.frombuffer(raw, "<u4")


class _Mersenne:
    """``RandomState``; seeding one again is a hundred times faster than making another."""

    def __init__(self) -> None:
        self._state = np.random.RandomState(0)

    def __call__(self, seed: int, words: int) -> _Words:
        self._state.seed(seed)
        return np.frombuffer(self._state.bytes(4 * words), "<u4")


def _pcg(seed: int, words: int) -> _Words:
    return np.frombuffer(np.random.default_rng(seed).bytes(4 * words), "<u4")


_ENGINES: tuple[_Engine, ...] = (_python, _Mersenne(), _pcg)


def _bytes_forward(words: _Words) -> _Digits:
    return _nibbles(words.astype("<u4").view(np.uint8).reshape(len(words), -1))


def _bytes_of_values(shift: int) -> Callable[[_Words], _Digits]:
    """One name byte from every word: its top eight bits (integers) or its low ones (randint)."""
    return lambda words: _nibbles(
        ((words >> np.uint32(shift)) & np.uint32(255)).astype(np.uint8)
    )


def _digits_of_values(shift: int, step: int = 1) -> Callable[[_Words], _Digits]:
    """One name digit from every (second) word."""
    return lambda words: ((words[:, ::step] >> np.uint32(shift)) & np.uint32(15)).astype(
        np.uint8
    )


def _rejecting(shift: int, limit: int) -> Callable[[_Words], _Digits]:
    """Python's ``choice`` and ``randrange``: draw one bit too many and draw again when too large."""

    def flavour(words: _Words) -> _Digits:
        values = (words >> np.uint32(shift)).astype(np.uint16)
        kept = values < limit
        # What is kept moves to the front in its order; rows end in zeros.
        place = np.cumsum(kept, axis=1, dtype=np.int32) - 1
        rows, columns = np.nonzero(kept)
        digits = np.zeros(values.shape, np.uint8)
        digits[rows, place[rows, columns]] = values[rows, columns]
        return digits if limit == 16 else _nibbles(digits)

    return flavour


def _nibbles(raw: _Digits) -> _Digits:
    out = np.empty((raw.shape[0], 2 * raw.shape[1]), np.uint8)
    out[:, ::2], out[:, 1::2] = raw >> 4, raw & 15
    return out


_FLAVOURS: tuple[Callable[[_Words], _Digits], ...] = (
    _bytes_forward,
    _bytes_of_values(24),
    _bytes_of_values(0),
    _digits_of_values(28),
    _digits_of_values(28, 2),
    _digits_of_values(0),
    _rejecting(27, 16),
    _rejecting(23, 256),
)
_STEPS = (8, 2, 2, 1, 1, 1, 1, 2)
"""Digits that one draw gives, by flavour: names begin between draws."""


def _key(digits: bytes) -> int:
    value = 0
    for d in digits:
        value = value << 4 | d
    return value


def _turn(digits: bytes) -> bytes:
    return b"".join(digits[i : i + 2] for i in range(len(digits) - 2, -1, -2))


def _same(piece: bytes, name: bytes, *, turned: bool) -> bool:
    """Equal, but for the six bits that a UUID of version 4 overwrites."""
    if piece == name:
        return True
    if len(name) != 32 or len(piece) != 32:
        return False
    forward, drawn = (_turn(name), _turn(piece)) if turned else (name, piece)
    if forward[12] != 4 or not 8 <= forward[16] <= 11 or (forward[16] ^ drawn[16]) & 3:
        return False
    return all(forward[i] == drawn[i] for i in range(32) if i not in (12, 16))
