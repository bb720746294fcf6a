"""The cache is private, gives back what was put in, and takes damage for absence."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kssgan.deidentification.cache import Cache, default_cache
from kssgan.errors import BadOutput, Reason
from kssgan.types import DetectedFace, PhotoFace, Refused


def _face(seed: int = 0) -> PhotoFace:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 100, (5, 2)).astype(np.float32)
    return PhotoFace(
        rng.integers(0, 256, (256, 256, 3), np.uint8),
        rng.normal(0, 1, 128).astype(np.float32),
        DetectedFace((1.5, 2.25, 3.125, 1 / 3), 0.987654321, points),
    )


def _cache(tmp_path: Path, version: str = "v1") -> Cache:
    return Cache(tmp_path / "cache", tmp_path, version)


def test_a_face_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    cache, face = _cache(tmp_path), _face()
    cache.put(cache.key("a"), face)
    back = _cache(tmp_path).get(cache.key("a"))
    assert isinstance(back, PhotoFace)
    assert np.array_equal(back.crop, face.crop)
    assert np.array_equal(back.embedding, face.embedding)
    assert back.face.box == face.face.box
    assert back.face.score == face.face.score
    assert np.array_equal(back.face.points, face.face.points)


def test_what_was_read_off_the_face_comes_back(tmp_path: Path) -> None:
    cache, read = _cache(tmp_path), {"expression": "happy", "gender": "female"}
    cache.put(cache.key("a"), replace(_face(), attributes=read))
    back = cache.get(cache.key("a"))
    assert isinstance(back, PhotoFace)
    assert back.attributes == read


def test_an_entry_of_an_older_format_is_not_seen(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.put("key", _face())
    path = cache.folder / "key"
    whole = path.read_bytes()
    assert whole.startswith(b"kssgan-cache/3\n")
    path.write_bytes(whole.replace(b"kssgan-cache/3", b"kssgan-cache/2", 1))
    assert cache.get("key") is None


def test_another_version_or_photo_is_not_seen(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.put(cache.key("a"), _face())
    assert cache.get(cache.key("b")) is None
    newer = _cache(tmp_path, "v2")
    assert newer.get(newer.key("a")) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_refusals_that_may_pass_are_not_kept(tmp_path: Path, reason: Reason) -> None:
    cache = _cache(tmp_path)
    cache.put("key", Refused(reason))
    lasting = reason in {Reason.NO_FACE, Reason.FACE_TOO_SMALL, Reason.SEVERAL_FACES}
    assert cache.get("key") == (Refused(reason) if lasting else None)


def test_any_damage_is_absence(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.put("key", _face())
    path = cache.folder / "key"
    whole = path.read_bytes()
    for at in (0, 14, 20, 60, 200, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert cache.get("key") is None, at
    for length in (0, 10, 47, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert cache.get("key") is None, length
    path.write_bytes(whole)
    assert cache.get("key") is not None
    (cache.folder / "other").write_bytes(whole)
    assert cache.get("other") is None


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.put("key", _face())
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in cache.folder.iterdir()} == {0o600}
    cache.folder.chmod(0o755)
    assert stat.S_IMODE(_cache(tmp_path).folder.stat().st_mode) == 0o700


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    folder = _cache(tmp_path).folder
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadOutput):
        _cache(tmp_path)


def test_remove_leaves_other_collections(tmp_path: Path) -> None:
    here, there = _cache(tmp_path), Cache(tmp_path / "cache", tmp_path / "photos", "v1")
    here.remove()
    assert there.folder.is_dir()
    assert not here.folder.exists()


def test_the_default_is_below_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache().name == "kssgan"


def test_a_cache_in_use_by_another_run_is_left_to_it(tmp_path: Path) -> None:
    first, second = _cache(tmp_path), _cache(tmp_path)
    first.put(first.key("a"), _face())
    first.remove()
    assert isinstance(second.get(second.key("a")), PhotoFace)
    first.close()
    second.remove()
    assert not second.folder.exists()


def test_a_cache_removed_under_a_run_is_made_again(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.folder.rmdir()
    cache.put(cache.key("a"), _face())
    assert isinstance(cache.get(cache.key("a")), PhotoFace)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
