"""One cell of the table: a method at one k and seed, attacked and judged."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing.gallery import small_grey
from kssgan.auditing.gate import person_distances
from kssgan.auditing.identification import identify
from kssgan.auditing.parrot import head_distances, lda_distances
from kssgan.auditing.recompute import recompute_distances
from kssgan.baselines import PhotoMethod
from kssgan.errors import KssganError
from kssgan.evaluation.drawing import Drawn, draw_groups, form_groups, redraw
from kssgan.evaluation.judging import Judge, Looked
from kssgan.evaluation.kept import Kept, Pictures
from kssgan.evaluation.photos import Photos
from kssgan.evaluation.utility import utility_figures
from kssgan.types import Groups, SurrogateMethod

__all__ = ["measure"]

_OTHER = 1_000_003  # seed of the parrot's own run, one for all seeds of a method and k
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
        drawn = draw_groups(method, photos, groups, seed)
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
    near = person_distances(seen.embeddings, photos.embeddings, photos.subject)
    near = np.where(seen.detected[:, None], near, _NOTHING)
    naive = identify(near, drawn.truths, seed=seed)
    found: dict[str, Any] = {
        "pictures": len(drawn.members),
        "people": photos.persons,
        "least_people": drawn.least,
        **naive.figures(),
        **_likeness(near, seen, drawn, threshold),
        **_parrot(photos, drawn, seen, learnt, learnt_seen, probed),
        "recompute_rank1": _recompute(drawn, photos.persons),
        **utility_figures(photos, drawn, seen, seed=seed),
        "seconds_drawing": drawing,
        "seconds": perf_counter() - begin,
    }
    return found


def _own_run(method: SurrogateMethod, photos: Photos, judge: Judge, k: int) -> Pictures:
    """The parrot's: groups of her own, from one photo of each person."""
    groups = form_groups(method, photos, k, _OTHER)
    learnt = draw_groups(method, photos, groups, _OTHER, first=True)
    return learnt, judge.look(learnt.pictures)


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
    truths = [drawn.truths[row] for row in probed]
    pairs = [(row, int(p)) for row, people in enumerate(learnt.members) for p in people]
    rows, who = np.array(pairs, np.int64).T
    small, small_probes = (
        np.stack([small_grey(p).ravel() for p in pictures])
        for pictures in (learnt.pictures, drawn.pictures[probed])
    )
    found: dict[str, float | None] = {}
    persons = photos.persons
    by_pixels = lda_distances(small[rows], who, small_probes, persons)
    found[names[0]] = identify(by_pixels, truths).rank(1)[0]
    usable = learnt_seen.detected[rows]
    attacks: dict[str, Callable[..., _Array]] = {
        "parrot_embeddings": lda_distances,
        "parrot_head": head_distances,
    }
    for name, attack in attacks.items():
        near = np.full((len(probed), persons), _UNKNOWN)
        if usable.any():
            near = attack(
                learnt_seen.embeddings[rows[usable]],
                who[usable],
                seen.embeddings[probed],
                persons,
            )
        near[~seen.detected[probed]] = _UNKNOWN
        found[name] = identify(near, truths).rank(1)[0]
    found["parrot_rank1"] = max(float(value or 0) for value in found.values())
    return found


def _recompute(drawn: Drawn, persons: int) -> float:
    pairs = [(row, int(p)) for row, people in enumerate(drawn.members) for p in people]
    small = np.ascontiguousarray(drawn.pictures[:, ::4, ::4])
    near = recompute_distances(small, small, np.array(pairs), persons)
    return identify(np.minimum(near, 1e6), drawn.truths).rank(1)[0]
