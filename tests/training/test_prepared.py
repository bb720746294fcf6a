from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from kssgan.errors import UsageError
from kssgan.training.crops import pack, unpack
from kssgan.training.prepared import Prepared, load_prepared, save_prepared
from kssgan.types import U8Array


def smooth() -> U8Array:
    y, x = np.mgrid[:64, :64] / 63
    planes = [np.sin(3 * x + y), np.cos(2 * y - x), np.sin(4 * y) * x]
    return (127 + 120 * np.stack(planes, -1)).astype(np.uint8)


def test_crops_come_back() -> None:
    image = smooth()
    back = unpack(pack(image), 64, 64)
    apart = np.abs(back.astype(int) - image)
    assert apart.mean() < 1
    assert apart.max() <= 6
    luma = [0.299, 0.587, 0.114]
    assert np.abs(back @ luma - image @ luma).max() < 1.6


def test_grey_crops_come_back_exactly() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (16, 16, 1), np.uint8).repeat(3, 2)
    np.testing.assert_array_equal(unpack(pack(grey), 16, 16), grey)


def test_packed_crops_are_small_and_repeatable() -> None:
    image = smooth()
    assert pack(image) == pack(image.copy())
    assert len(pack(image)) < image.nbytes / 3


@pytest.mark.parametrize("bad", [b"", b"no zlib", pack(np.zeros((8, 8, 3), np.uint8))[:-4]])
def test_damaged_crops_are_refused(bad: bytes) -> None:
    with pytest.raises(ValueError, match="packed crop"):
        unpack(bad, 8, 8)


def test_crops_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="values, 96 were wanted"):
        unpack(pack(np.zeros((10, 10, 3), np.uint8)), 8, 8)


def test_a_prepared_file_round_trips(prepared: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    save_prepared(path, prepared)
    back = load_prepared(path)
    assert back.packed == list(prepared.packed)
    for name in ("subject", "landmarks", "reliable", "embedding", "labels", "held_out"):
        np.testing.assert_array_equal(getattr(back, name), getattr(prepared, name))
    assert back.scheme == prepared.scheme
    assert back.facts["made_by"] == "test"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["p.safetensors"]


def test_equal_content_gives_an_equal_digest(prepared: Prepared) -> None:
    assert prepared.digest() == replace(prepared, facts={}).digest()
    labels = prepared.labels.copy()
    labels[0, 0] = 1 - labels[0, 0]
    assert prepared.digest() != replace(prepared, labels=labels).digest()


def test_a_second_digest_is_of_embeddings_and_scheme(
    prepared: Prepared, prepared_file: Path
) -> None:
    mine = prepared.content_digest()
    rough = replace(prepared, embedding=prepared.embedding / np.float32(3))
    assert mine == load_prepared(prepared_file).content_digest()
    # What a file keeps of an embedding counts, no more.
    stored = rough.embedding.astype(np.float16).astype(np.float32)
    assert rough.content_digest() == replace(rough, embedding=stored).content_digest()
    turned = {name: kinds[::-1] for name, kinds in prepared.scheme.items()}
    for other in (rough, replace(prepared, scheme=turned)):
        assert other.digest() == prepared.digest()
        assert other.content_digest() != mine


def rewritten(path: Path, out: Path, **changes: object) -> Path:
    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    for name, value in changes.items():
        if name == "format":
            facts = json.loads(metadata["facts"]) | {"format": value}
            metadata["facts"] = json.dumps(facts)
        elif value is None:
            arrays.pop(name)
        else:
            arrays[name] = value  # type: ignore[assignment]
    save_file(arrays, out, metadata)
    return out


def test_bad_files_are_told_apart(prepared_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "bad.safetensors"
    with pytest.raises(UsageError, match="no such prepared file"):
        load_prepared(out)
    with pytest.raises(
        UsageError, match="kssgan-prepared/9 came, kssgan-prepared/1 was wanted"
    ):
        load_prepared(rewritten(prepared_file, out, format="kssgan-prepared/9"))
    out.write_bytes(b"\x00" * 100)
    with pytest.raises(UsageError, match="damaged"):
        load_prepared(out)
    out.write_bytes(prepared_file.read_bytes()[:-1000])
    with pytest.raises(UsageError, match="damaged"):
        load_prepared(out)
    save_file({"x": np.zeros(3)}, out)
    with pytest.raises(UsageError, match="another kind of file"):
        load_prepared(out)


def test_contradictions_inside_are_refused(
    prepared: Prepared, prepared_file: Path, tmp_path: Path
) -> None:
    mixed = prepared.held_out.astype(np.uint8)
    mixed[0] = 1  # the other photo of that person is trained on
    labels = prepared.labels.astype(np.int8)
    labels[0, 0] = 2
    flipped = prepared.landmarks.copy()
    flipped[0, 0] += 1
    cases: list[dict[str, object]] = [
        {"held_out": mixed},
        {"labels": labels},
        {"landmarks": flipped},
        {"subject": prepared.subject[:-1].astype(np.int32)},
        {"embedding": None},
        {"crop_sizes": np.zeros(len(prepared), np.int64)},
    ]
    for number, changes in enumerate(cases):
        bad = rewritten(prepared_file, tmp_path / f"{number}.safetensors", **changes)
        with pytest.raises(UsageError, match="make it again"):
            load_prepared(bad)
