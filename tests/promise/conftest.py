"""Fixtures of the promise: a place for every example, and no way to the developer's own cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kssgan.faces import copies
from kssgan.types import U8Array


@pytest.fixture(autouse=True)
def _private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session", autouse=True)
def _compared_once() -> Iterator[None]:
    """Painted people come again and again: two crops that were compared need not be compared anew."""
    known: dict[tuple[bytes, bytes], bool] = {}
    real = copies.same_picture

    def same_picture(crop_a: U8Array, crop_b: U8Array) -> bool:
        one, other = (hashlib.sha256(crop.tobytes()).digest() for crop in (crop_a, crop_b))
        if (one, other) not in known:
            known[one, other] = real(crop_a, crop_b)
        return known[one, other]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "same_picture", same_picture)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Callable[[], AbstractContextManager[Path]]:
    """``with home() as folder:`` an empty folder that is gone afterwards; one per example."""

    @contextmanager
    def fresh() -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        yield folder
        shutil.rmtree(folder)

    return fresh
