"""Information loss against sums written out."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.errors import UsageError
from kssgan.grouping.loss import information_loss
from kssgan.types import Groups


def grouped(labels: list[int]) -> Groups:
    return Groups(np.array(labels), np.arange(len(labels)), k=2)


def test_equals_the_sums_written_out() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((30, 4)) + 3
    labels = rng.permutation(np.repeat(np.arange(6), 5))
    total = sum(np.sum((row - rows.mean(axis=0)) ** 2) for row in rows)
    within = sum(
        np.sum((rows[i] - rows[labels == labels[i]].mean(axis=0)) ** 2) for i in range(30)
    )
    assert information_loss(rows, grouped(labels.tolist())) == pytest.approx(
        100 * within / total
    )


def test_limits() -> None:
    rows = np.random.default_rng(2).standard_normal((8, 3))
    assert information_loss(rows, grouped([0] * 8)) == pytest.approx(100)
    assert (
        information_loss(np.repeat(rows, 2, axis=0), grouped([i // 2 for i in range(16)])) == 0
    )
    assert information_loss(np.ones((4, 3)), grouped([0, 0, 1, 1])) == 0
    assert information_loss(np.empty((0, 3)), grouped([])) == 0


@pytest.mark.parametrize("factor", [1e-200, 1e-30, 1e30, 1e200])
def test_scale_and_place_do_not_matter(factor: float) -> None:
    rows = np.random.default_rng(3).standard_normal((12, 3))
    groups = grouped([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    expected = information_loss(rows, groups)
    assert information_loss(rows * factor, groups) == pytest.approx(expected)
    assert information_loss(rows + 1e5, groups) == pytest.approx(expected)


def test_rows_and_groups_must_match() -> None:
    with pytest.raises(UsageError):
        information_loss(np.zeros((3, 2)), grouped([0, 0]))
    with pytest.raises(UsageError):
        information_loss(np.array([[np.nan], [0.0]]), grouped([0, 0]))
