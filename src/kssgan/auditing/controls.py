"""Known answers first: an attack that fails them measures nothing, so its figures are withheld.

- *Identity*: the originals themselves as the release. Everybody must be named.
- *Black*: one and the same empty picture for all. Nobody can be named above chance.
- *Random k-Same*: means of k people drawn at random. At most one in k can be named.
"""

from __future__ import annotations

import numpy as np

from kssgan.auditing._compare import compare
from kssgan.auditing.gallery import Embedder
from kssgan.auditing.report import Control
from kssgan.faces.align import face_only
from kssgan.types import FloatArray, IntArray, U8Array

__all__ = ["run_controls"]

_IDENTITY = 0.95


def run_controls(
    gallery: FloatArray,
    people: IntArray,
    *,
    k: int,
    view: str,
    crops: U8Array,
    crop_people: IntArray,
    embedder: Embedder | None,
    masked: bool,
    seed: int,
) -> tuple[Control, ...]:
    """Attack three releases whose answers are known.

    With an embedder the controls are pictures (some originals' crops, a black picture, pixel means);
    without one they are embeddings.

    Args:
        gallery: (F, D) embeddings of originals, of at least two people.
        people: (F,) whose.
        k: people in a group of the k-Same control.
        view: words for the report ("full" or "face-only" crops).
        crops: (M, 256, 256, 3) head crops of some originals.
        crop_people: (M,) whose.
        embedder: embeds crops; may be None.
        masked: whether crops are masked before embedding.
        seed: draws the random groups.
    """
    persons = np.unique(people)
    if embedder is not None and np.unique(crop_people).size >= 2:
        shown = face_only(crops) if masked else crops
        identity, owners = embedder(shown), crop_people
        dark = np.zeros((1, *crops.shape[1:]), np.uint8)
        black = embedder(face_only(dark) if masked else dark)[0]
    else:
        _, first = np.unique(people, return_index=True)
        identity, owners = gallery[first], people[first]
        black = np.zeros(gallery.shape[1], np.float32)
        black[0] = 1.0
    size = min(k, np.unique(owners).size)
    groups = _random_groups(owners, size, seed)
    if embedder is not None and np.unique(crop_people).size >= 2:
        means = np.stack([np.rint(crops[g].mean(axis=0)).astype(np.uint8) for g in groups])
        surrogates = embedder(face_only(means) if masked else means)
    else:
        raw = np.stack([identity[g].mean(axis=0) for g in groups])
        surrogates = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)

    def rank1(probes: FloatArray, truths: list[dict[int, int]]) -> float:
        seen = np.ones(len(probes), bool)
        found = compare(probes, seen, truths, gallery, people, threshold=0.0)
        return float((found.rank1 * found.files).sum() / found.files.sum())

    as_is = rank1(identity, [{int(p): 1} for p in owners])
    empty = rank1(np.tile(black, (len(persons), 1)), [{int(p): 1} for p in persons])
    same = rank1(
        np.asarray(surrogates, np.float32), [{int(owners[i]): 1 for i in g} for g in groups]
    )
    chance = 1.0 / len(persons)
    return (
        Control(f"identity, {view}", "about 1", as_is, as_is >= _IDENTITY),
        Control(
            f"black picture, {view}", f"chance, {chance:.3f}", empty, empty <= chance + 1e-6
        ),
        Control(
            f"random k-Same, {view}", f"at most {1 / size:.3f}", same, same <= 1 / size + 1e-6
        ),
    )


def _random_groups(owners: IntArray, size: int, seed: int) -> list[IntArray]:
    """Rows of one photo each of ``size`` people; people left over join the last group."""
    _, first = np.unique(owners, return_index=True)
    shuffled = np.random.default_rng(seed).permutation(first).astype(np.int64)
    whole = max(1, len(shuffled) // size)
    groups = [shuffled[i * size : (i + 1) * size] for i in range(whole)]
    groups[-1] = shuffled[(whole - 1) * size :]
    return groups
