"""One cell of the table: a method at one k and seed, attacked and judged."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing.gallery import small_grey
from kssgan.auditing.gate import person_distances
from kssgan.auditing.identification import Identification, identify
from kssgan.auditing.line import line_figures
from kssgan.auditing.parrot import head_distances, lda_distances
from kssgan.auditing.recompute import recompute_distances
from kssgan.auditing.reverse import reverse_figures
from kssgan.baselines import PhotoMethod
from kssgan.errors import KssganError
from kssgan.evaluation.drawing import Drawn, draw_groups, form_groups, redraw
from kssgan.evaluation.judging import Judge, Looked
from kssgan.evaluation.kept import Kept, Pictures
from kssgan.evaluation.photos import Photos
from kssgan.evaluation.utility import utility_figures
from kssgan.evaluation.views import FACE_ONLY, RECOGNIZER, limit_of
from kssgan.faces.distances import to_all
from kssgan.types import BoolArray, FloatArray, Groups, SurrogateMethod

__all__ = ["REVISION", "measure"]

REVISION = 2
"""Raised whenever figures are added or change; part of what tells a finished cell from a stale one."""

_OTHER = 1_000_003  # seed of the parrot's own run, one for all seeds of a method and k
_EVEN = 120  # groups that are drawn with every expression as often
_AGAIN = 1  # groups that are drawn a second time
_NOTHING = (
    2.0  # distance of a picture without a face to everybody: as far as unit vectors can be
)
_UNKNOWN = 1e6
_Array = npt.NDArray[np.float64]


def measure(
    method: SurrogateMethod | PhotoMethod,
    photos: Photos,
    judge: Judge,
    kept: Kept,
    *,
    k: int,
    seed: int,
    threshold: float,
) -> dict[str, Any]:
    """Draw a release and take its figures.

    Args:
        method: fitted.
        photos: the gallery.
        judge: looks at pictures.
        kept: pictures that other cells need too.
        k: people of a group; no meaning for methods that redraw each photo.
        seed: of groups and pictures.
        threshold: distance at which two faces verify.

    Returns:
        Figures by name, none of which tells a person; see ``docs/results.md`` for what they mean.

    Raises:
        TooFewPeople: fewer than k people.
        KssganError: a method drew another picture from the same group the second time.
    """
    begin = perf_counter()
    if isinstance(method, SurrogateMethod):
        groups = form_groups(method, photos, k, seed)
        drawn = draw_groups(method, photos, groups, seed, even=_EVEN)
        drawing = perf_counter() - begin
        _check_again(method, photos, groups, seed, drawn)
        probed = np.arange(len(drawn.members))
        seen = judge.look(drawn.pictures)
        learnt, learnt_seen = kept.get(
            f"{method.name}-k{k}", lambda: _own_run(method, photos, judge, k)
        )
    else:
        drawn = redraw(method, photos, range(len(photos.subject)))
        drawing = perf_counter() - begin
        lead = [int(photos.rows(person)[0]) for person in range(photos.persons)]
        learnt = drawn.of(lead)
        probed = np.setdiff1d(np.arange(len(drawn.members)), lead)
        seen = judge.look(drawn.pictures)
        learnt_seen = seen.of(lead)
    near = _near(photos, photos.embeddings, seen.embeddings, seen.detected)
    naive = identify(near, drawn.truths, seed=seed)
    found: dict[str, Any] = {
        "pictures": len(drawn.members),
        "people": photos.persons,
        "least_people": drawn.least,
        **naive.figures(),
        "group1_chance": float(np.mean([len(m) for m in drawn.members]) / photos.persons),
        **_likeness(near, seen, drawn, threshold),
        **_reverse(photos, photos.embeddings, seen.embeddings, seen.detected, drawn),
        **_parrot(photos, drawn, seen, learnt, learnt_seen, probed),
        **_recompute(drawn, photos.persons),
    }
    if FACE_ONLY in photos.views:
        found |= _face_only(photos, seen, drawn, seed)
    if RECOGNIZER in photos.views:
        found |= _recognizer(photos, seen, drawn, learnt_seen, learnt, probed, seed)
    found |= line_figures(found, k if isinstance(method, SurrogateMethod) else 1)
    found |= {
        **utility_figures(photos, drawn, seen, seed=seed),
        "seconds_drawing": drawing,
        "seconds": perf_counter() - begin,
    }
    return found


def _own_run(method: SurrogateMethod, photos: Photos, judge: Judge, k: int) -> Pictures:
    """The parrot's: groups of her own, from one photo of each person."""
    groups = form_groups(method, photos, k, _OTHER)
    learnt = draw_groups(method, photos, groups, _OTHER, first=True)
    return learnt, judge.look(learnt.pictures, views=(RECOGNIZER,))


def _near(
    photos: Photos, gallery: FloatArray, probes: FloatArray, detected: BoolArray
) -> FloatArray:
    """(P, S) distance of each picture to each person's nearest photo; far from all without a face."""
    near = person_distances(probes, gallery, photos.subject)
    return np.where(detected[:, None], near, np.float32(_NOTHING))


def _check_again(
    method: SurrogateMethod, photos: Photos, groups: Groups, seed: int, drawn: Drawn
) -> None:
    """The recompute attack rests on equal bytes; a group drawn again shows that they are."""
    chosen = np.random.default_rng(seed).permutation(groups.count)[:_AGAIN].tolist()
    again = draw_groups(method, photos, groups, seed, only=chosen)
    if not np.array_equal(again.pictures, drawn.pictures[chosen]):
        raise KssganError(
            f"{method.name} drew another picture of the same group the second time; its pictures are no "
            "function of group, label and seed"
        )


def _likeness(
    near: npt.NDArray[np.floating[Any]], seen: Looked, drawn: Drawn, threshold: float
) -> dict[str, float]:
    """Share of pictures that verify as somebody behind them, and as somebody else."""
    own, other = [], []
    for row, people in enumerate(drawn.members):
        if seen.detected[row]:
            mine = near[row] <= threshold
            own.append(bool(mine[people].any()))
            other.append(bool(np.delete(mine, people).any()))
    pictures = len(drawn.members)
    return {"verifies": sum(own) / pictures, "verifies_other": sum(other) / pictures}


def _ranked(found: Identification, name: str) -> dict[str, float]:
    """Rank-1 with its bounds and the share of groups found, under a name."""
    value, low, high = found.rank(1)
    return {
        f"{name}_rank1": value,
        f"{name}_rank1_low": low,
        f"{name}_rank1_high": high,
        f"{name}_group1": found.group1,
    }


def _reverse(
    photos: Photos, gallery: FloatArray, probes: FloatArray, detected: BoolArray, drawn: Drawn
) -> dict[str, float]:
    """Originals look for their pictures."""
    apart = np.where(detected[None], to_all(gallery, probes), np.float32(_NOTHING))
    return reverse_figures(apart, photos.subject, drawn.members)


def _face_only(photos: Photos, seen: Looked, drawn: Drawn, seed: int) -> dict[str, float]:
    """The naive attack where hair, clothes and background are hidden on both sides."""
    near = _near(photos, photos.views[FACE_ONLY], seen.views[FACE_ONLY], seen.detected)
    return _ranked(identify(near, drawn.truths, seed=seed), "face")


def _recognizer(
    photos: Photos,
    seen: Looked,
    drawn: Drawn,
    learnt_seen: Looked,
    learnt: Drawn,
    probed: npt.NDArray[np.int64],
    seed: int,
) -> dict[str, float | None]:
    """The same attacks with the user's own recogniser."""
    gallery, probes = photos.views[RECOGNIZER], seen.views[RECOGNIZER]
    near = _near(photos, gallery, probes, seen.detected)
    naive = identify(near, drawn.truths, seed=seed)
    limit = limit_of(photos, RECOGNIZER)
    verifies = None if limit is None else _likeness(near, seen, drawn, limit)["verifies"]
    reverse = _reverse(photos, gallery, probes, seen.detected, drawn)
    learners = _learners(
        photos, drawn, (probes, seen.detected), learnt, learnt_seen, RECOGNIZER, probed
    )
    best = max(learners.values(), key=lambda one: one.rank(1)[0], default=None)
    parrot = {} if best is None else _ranked(best, f"{RECOGNIZER}_parrot")
    return {
        **_ranked(naive, RECOGNIZER),
        f"{RECOGNIZER}_auc": naive.auc,
        f"{RECOGNIZER}_eer": naive.eer,
        f"{RECOGNIZER}_tar_at_far_1e2": naive.tar["1e2"],
        f"{RECOGNIZER}_tar_at_far_1e3": naive.tar["1e3"],
        f"{RECOGNIZER}_verifies": verifies,
        **{f"{RECOGNIZER}_{name}": value for name, value in reverse.items()},
        **parrot,
    }


def _parrot(
    photos: Photos,
    drawn: Drawn,
    seen: Looked,
    learnt: Drawn,
    learnt_seen: Looked,
    probed: npt.NDArray[np.int64],
) -> dict[str, float | None]:
    """Rank-1 of attackers who learnt from de-identified pictures of their own."""
    names = ("parrot_pixels", "parrot_embeddings", "parrot_head")
    if not probed.size:
        return dict.fromkeys((*names, "parrot_rank1"))
    rows, who = _taught(learnt)
    small, small_probes = (
        np.stack([small_grey(p).ravel() for p in pictures])
        for pictures in (learnt.pictures, drawn.pictures[probed])
    )
    by_pixels = lda_distances(small[rows], who, small_probes, photos.persons)
    found = {
        names[0]: identify(by_pixels, [drawn.truths[row] for row in probed]),
        **_learners(
            photos, drawn, (seen.embeddings, seen.detected), learnt, learnt_seen, None, probed
        ),
    }
    best = max(found.values(), key=lambda one: one.rank(1)[0])
    return {**{name: one.rank(1)[0] for name, one in found.items()}, **_ranked(best, "parrot")}


def _taught(learnt: Drawn) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of a picture of the attacker's own run and a person who holds it."""
    pairs = [(row, int(p)) for row, people in enumerate(learnt.members) for p in people]
    rows, who = np.array(pairs, np.int64).T
    return rows, who


def _learners(
    photos: Photos,
    drawn: Drawn,
    seen: tuple[FloatArray, BoolArray],
    learnt: Drawn,
    learnt_seen: Looked,
    view: str | None,
    probed: npt.NDArray[np.int64],
) -> dict[str, Identification]:
    """Attackers who learnt on what a recogniser sees; ``view`` names which, None the analyser's own."""
    if not probed.size:
        return {}
    (probes, detected), persons = seen, photos.persons
    taught = learnt_seen.embeddings if view is None else learnt_seen.views[view]
    rows, who = _taught(learnt)
    usable = learnt_seen.detected[rows]
    truths = [drawn.truths[row] for row in probed]
    attacks: dict[str, Callable[..., _Array]] = {
        "parrot_embeddings": lda_distances,
        "parrot_head": head_distances,
    }
    found = {}
    for name, attack in attacks.items():
        near = np.full((len(probed), persons), _UNKNOWN)
        if usable.any():
            near = attack(taught[rows[usable]], who[usable], probes[probed], persons)
        near[~detected[probed]] = _UNKNOWN
        found[name] = identify(near, truths)
    return found


def _recompute(drawn: Drawn, persons: int) -> dict[str, float]:
    pairs = [(row, int(p)) for row, people in enumerate(drawn.members) for p in people]
    small = np.ascontiguousarray(drawn.pictures[:, ::4, ::4])
    near = recompute_distances(small, small, np.array(pairs), persons)
    found = _ranked(identify(np.minimum(near, _UNKNOWN), drawn.truths), "recompute")
    return {name: value for name, value in found.items() if name != "recompute_group1"}
