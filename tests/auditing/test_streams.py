"""Seeded names are recognised: every way is held against the library that really draws it."""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kssgan.auditing._streams import seeded_names

HEX = "0123456789abcdef"


def _python(seed: int) -> dict[str, Callable[[], str]]:
    r = random.Random(seed)
    return {
        "getrandbits": lambda: f"{r.getrandbits(128):032x}",
        "randbytes": lambda: r.randbytes(16).hex(),
        "short": lambda: r.randbytes(8).hex(),
        "uuid4": lambda: uuid.UUID(int=r.getrandbits(128), version=4).hex,
        "choice": lambda: "".join(r.choice(HEX) for _ in range(32)),
        "choices": lambda: "".join(r.choices(HEX, k=32)),
        "randint": lambda: bytes(r.randint(0, 255) for _ in range(16)).hex(),
        "getrandbits8": lambda: bytes(r.getrandbits(8) for _ in range(16)).hex(),
    }


def _numpy(draw: Any, integers: Any) -> dict[str, Callable[[], str]]:
    return {
        "bytes": lambda: draw.bytes(16).hex(),
        "integers": lambda: bytes(integers(0, 256, 16).tolist()).hex(),
        "uint8": lambda: integers(0, 256, 16, dtype=np.uint8).tobytes().hex(),
        "digits": lambda: "".join(HEX[i] for i in integers(0, 16, 32)),
        "choice": lambda: "".join(draw.choice(list(HEX), 32)),
    }


def _ways(seed: int) -> dict[str, Callable[[], str]]:
    ways = {}
    for name in _python(seed):
        ways[f"random.{name}"] = _python(seed)[name]
    for name in _numpy(None, None):
        state = np.random.RandomState(seed)
        ways[f"RandomState.{name}"] = _numpy(state, state.randint)[name]
        rng = np.random.default_rng(seed)
        ways[f"default_rng.{name}"] = _numpy(rng, rng.integers)[name]
    return ways


@pytest.mark.parametrize("way", _ways(0))
@pytest.mark.parametrize("seed", [0, 42, 9876])
def test_the_first_name_of_a_seeded_generator_is_found(way: str, seed: int) -> None:
    name = _ways(seed)[way]()
    assert seeded_names([name, secrets.token_hex(len(name) // 2)]) == {name}


@pytest.mark.parametrize("way", ["random.uuid4", "default_rng.digits", "RandomState.integers"])
def test_later_names_of_favourite_seeds_are_found(way: str) -> None:
    draw = _ways(1234)[way]
    later = [draw() for _ in range(12)]
    assert set(later[5:]) <= seeded_names(later)


def test_other_seeds_are_found_when_named() -> None:
    name = random.Random(987_654_321).randbytes(16).hex()
    assert not seeded_names([name])
    assert seeded_names([name], extra_seeds=[987_654_321]) == {name}


def test_names_of_the_operating_system_are_not_blamed() -> None:
    assert not seeded_names(secrets.token_hex(16) for _ in range(5000))
    assert not seeded_names(uuid.uuid4().hex for _ in range(5000))
    assert not seeded_names(["abc", "0123", "not hexadecimal at all"])
