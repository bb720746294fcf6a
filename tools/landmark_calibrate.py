"""Turn the landmark network's two signs of failure into an estimated error and a limit."""

from __future__ import annotations

import numpy as np
import torch

from kssgan.faces._mesh_net import MeshNets
from kssgan.faces.landmarks import BATCH, two_fits
from kssgan.types import BoolArray, FloatArray, U8Array
from landmark_conditions import CONDITIONS, crops_under, nme, no_faces
from landmark_data import Canvases, held_out

__all__ = ["BAD", "LIMIT", "calibrate", "signs_of"]

BAD = 0.08
"""A fit whose mean error is above this share of the eye distance has failed (as 300-W counts)."""

LIMIT = 0.06
"""Estimated error above which a fit is not used."""

_NO_FACE = 0.4  # what the estimate should be where there is no face


def signs_of(nets: MeshNets, crops_u8: U8Array) -> tuple[FloatArray, FloatArray]:
    """Points (N, 468, 2) and signs of failure (N, 2) of crops."""
    points, signs = [], []
    for start in range(0, len(crops_u8), BATCH):
        part = torch.from_numpy(crops_u8[start : start + BATCH]).permute(0, 3, 1, 2)
        with torch.inference_mode():
            found, sign = two_fits(nets, part.float() / 255 - 0.5)
        points.append(found.numpy())
        signs.append(sign.numpy())
    return np.concatenate(points), np.concatenate(signs)


def _gather(
    nets: MeshNets, canvases: Canvases, chosen: BoolArray, *, seed: int
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Signs (M, 2), true errors (M,) and subject halves (M,) over all conditions."""
    rows = np.flatnonzero(chosen).astype(np.int64)
    half = held_out([canvases.subjects[int(row)] for row in rows], seed=seed + 1, share=0.5)
    signs, errors, halves = [], [], []
    for n, condition in enumerate(CONDITIONS.values()):
        crops, truth = crops_under(condition, canvases, rows, seed=1000 * seed + n)
        points, sign = signs_of(nets, crops)
        signs.append(sign)
        errors.append(nme(points, truth).clip(max=_NO_FACE))
        halves.append(half)
        if n == 0:
            signs.append(signs_of(nets, no_faces(crops, seed=seed))[1])
            errors.append(np.full(len(rows), _NO_FACE, np.float32))
            halves.append(half)
    return np.concatenate(signs), np.concatenate(errors), np.concatenate(halves)


def _solve(signs: FloatArray, errors: FloatArray) -> FloatArray:
    design = np.column_stack([np.ones(len(signs)), signs])
    solution: FloatArray = np.linalg.lstsq(design, np.log(errors), rcond=None)[0].astype(
        np.float32
    )
    return solution


def _estimate(signs: FloatArray, solution: FloatArray) -> FloatArray:
    estimate: FloatArray = np.exp(solution[0] + signs @ solution[1:])
    return estimate


def calibrate(
    nets: MeshNets, canvases: Canvases, chosen: BoolArray, *, seed: int
) -> dict[str, float]:
    """Fit the estimate on held-out people, write it into ``nets.calibration``, and say how well it does.

    The rates are cross-fitted: each half of the people is judged by what the other half taught.

    Returns:
        Rates of missed failures and of false alarms, and how well estimate and error rank alike.
    """
    signs, errors, half = _gather(nets, canvases, chosen, seed=seed)
    guess = np.empty_like(errors)
    for part in (half, ~half):
        guess[part] = _estimate(signs[part], _solve(signs[~part], errors[~part]))
    solution = _solve(signs, errors)
    nets.calibration.copy_(torch.tensor([*solution, LIMIT]).half().float())
    bad, alarm = errors > BAD, guess > LIMIT
    ranks = [np.argsort(np.argsort(values)) for values in (guess, errors)]
    return {
        "fits": len(errors),
        "bad": int(bad.sum()),
        "bad_above": BAD,
        "limit": LIMIT,
        "missed": float((bad & ~alarm).sum() / bad.sum()),
        "false_alarms": float((~bad & alarm).sum() / (~bad).sum()),
        "rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }
