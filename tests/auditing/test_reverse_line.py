"""The reverse attack and the line 1/k by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from kssgan.auditing.line import ATTACKS, line_figures
from kssgan.auditing.reverse import reverse_figures


def _pictures(groups: list[list[int]]) -> list[np.ndarray]:
    return [np.array(group) for group in groups]


def test_reverse_by_hand() -> None:
    # Persons 0, 1, 2 share picture 0 and 3, 4 share picture 1. Person 0 has two photos, one of which
    # finds the other picture; person 4 finds the other picture; both pictures are as near to person 3.
    near = [[0.1, 0.8], [0.9, 0.2], [0.1, 0.8], [0.3, 0.4], [0.5, 0.5], [0.2, 0.6]]
    who = np.array([0, 0, 1, 2, 3, 4])
    found = reverse_figures(near, who, _pictures([[0, 1, 2], [3, 4]]))
    # Pictures: 1/2, 1, 1, 1/2, 0. Files: of three equal ones 1/6, 1/3, 1/3; of all five 1/5; 0.
    assert found["reverse_group1"] == pytest.approx((0.5 + 1 + 1 + 0.5 + 0) / 5)
    files = (1 / 6 + 1 / 3 + 1 / 3 + 1 / 5 + 0) / 5
    assert found["reverse_rank1"] == pytest.approx(files)
    assert found["reverse_group1_chance"] == pytest.approx(0.5)
    assert found["reverse_rank1_low"] == pytest.approx(beta.ppf(0.05, 2 * files, 3 - 2 * files))
    assert found["reverse_rank1_high"] == pytest.approx(
        beta.ppf(0.95, 2 * files + 1, 2 - 2 * files)
    )


def test_where_k_share_a_picture_reverse_stays_at_one_in_k() -> None:
    groups = _pictures([[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]])
    near = np.ones((10, 3))
    for picture, people in enumerate(groups):
        near[people, picture] = 0.0
    found = reverse_figures(near, np.arange(10), groups)
    assert found["reverse_group1"] == 1.0
    assert found["reverse_rank1"] == pytest.approx(
        3 / 10
    )  # each picture has one right file a person


def test_where_each_photo_is_redrawn_reverse_names_people() -> None:
    # Two photos of each of three people, redrawn: six pictures, and each photo finds its own.
    near = 1 - np.eye(6)
    who = np.array([0, 0, 1, 1, 2, 2])
    found = reverse_figures(near, who, _pictures([[person] for person in who.tolist()]))
    assert found["reverse_rank1"] == found["reverse_group1"] == 1.0
    assert found["reverse_group1_chance"] == pytest.approx(1 / 3)
    assert found["reverse_rank1_low"] == pytest.approx(0.05 ** (1 / 3))  # three people, not six


def test_reverse_exceptions() -> None:
    with pytest.raises(ValueError, match="one row for each original"):
        reverse_figures(np.zeros((2, 2)), np.array([0, 1]), _pictures([[0, 1]]))
    with pytest.raises(ValueError, match="no picture"):
        reverse_figures(np.zeros((2, 1)), np.array([0, 1]), _pictures([[0]]))


def test_a_lower_bound_above_one_in_k_is_a_violation_and_nothing_else_is() -> None:
    figures = {f"{name}_low": 0.0 for name in ATTACKS.values()}
    assert line_figures(figures, 5) == {"within_line": "yes", "violations": ""}
    # A rate above the line whose bound is below it proves nothing.
    assert line_figures(figures | {"rank1": 0.3, "rank1_low": 0.19}, 5)["within_line"] == "yes"
    assert line_figures(figures | {"rank1_low": 0.2}, 5)["within_line"] == "yes"  # on the line
    for attack, name in ATTACKS.items():
        told = line_figures(figures | {f"{name}_low": 0.201}, 5)
        assert told == {"within_line": "no", "violations": attack}
    both = line_figures(figures | {"rank1_low": 0.5, "recompute_rank1_low": 0.5}, 5)
    assert both["violations"] == "naive, recompute"


def test_without_k_or_a_figure_there_is_no_line() -> None:
    assert line_figures({"rank1_low": 0.9}, 1) == {"within_line": None, "violations": None}
    assert line_figures({"face_rank1_low": None}, 5) == {"within_line": "yes", "violations": ""}
