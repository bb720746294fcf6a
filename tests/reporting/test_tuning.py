from __future__ import annotations

import io
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.errors import UsageError
from kssgan.reporting import tuning_page
from kssgan.reporting._charts import Line, line_chart
from kssgan.reporting._studies import best_so_far, by_solver, spread


def trial(number: int, score: float | None, **more: Any) -> dict[str, Any]:
    curve = [{"step": s, "loss": 3.0 / s} for s in (1, 2, 3)]
    if score is not None:
        curve += [{"step": s, "score": score + 3 - s} for s in (1, 2, 3)]
    return {
        "number": number,
        "state": "failed" if score is None else "complete",
        "values": {"rate": 0.1 * number, "kind": "a"},
        "score": score,
        "curve": curve,
        "facts": {} if score is None else {"held_out": score + 0.1},
        "seconds": 2.0,
        "reason": "",
    } | more


def study(solver: str, seed: int, scores: list[float | None]) -> dict[str, Any]:
    return {
        "solver": solver,
        "seed": seed,
        "budget": 3,
        "space": {"rate": {}, "kind": {}},
        "default": {"rate": 0.0, "kind": "a"},
        "storage": "",
        "study": f"{solver}-{seed}",
        "importance": {"rate": 0.75, "kind": 0.25},
        "trials": [trial(n, score) for n, score in enumerate(scores)],
    }


STUDIES = [
    study("pso", 0, [2.0, 1.0, None, 0.5]),
    study("pso", 1, [2.2, 1.4, 1.2, 1.3]),
    study("random", 0, [2.0, 3.0, 1.5, 1.6]),
    study("<b>mine", 0, [2.0, None, None, None]),
]


def test_a_page_with_the_figures_inside_and_beside() -> None:
    files = tuning_page(STUDIES)
    assert list(files) == [
        "figure4.png",
        "figure5_loss.png",
        "figure5_score.png",
        "report.html",
    ]
    for name in list(files)[:3]:
        image = Image.open(io.BytesIO(files[name]))
        assert image.size == (960, 570)
        assert image.format == "PNG"
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 20
    page = files["report.html"].decode()
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page
    assert "<b>mine" not in page
    assert "&lt;b&gt;mine" in page
    for text in (
        "Particle Swarm",
        "0.85 (0.5 to 1.2)",
        "2 of 2",
        "0 of 1",
        "optuna-dashboard pso-0/study.journal",
        "7 complete, 1 failed",
        "rate 0.3",
        "75%",
    ):
        assert text in page, text
    assert tuning_page(STUDIES) == files


def test_series() -> None:
    assert list(by_solver(STUDIES)) == ["random", "pso", "<b>mine"]
    assert best_so_far(STUDIES[0]) == {1: 2.0, 2: 1.0, 3: 1.0, 4: 0.5}
    assert best_so_far(study("pso", 0, [None, 2.0])) == {2: 2.0}
    assert spread([]) == []


def test_a_database_is_named_for_the_dashboard() -> None:
    page = tuning_page([STUDIES[0] | {"storage": "postgresql+pg8000://me:***@h/s"}])
    assert b"optuna-dashboard postgresql+pg8000://me:***@h/s" in page["report.html"]


def test_what_cannot_be_compared_is_refused() -> None:
    other = deepcopy(STUDIES[1]) | {"budget": 4}
    with pytest.raises(UsageError, match="differ in budget"):
        tuning_page([STUDIES[0], other])
    with pytest.raises(UsageError, match="nothing to draw"):
        tuning_page([study("pso", 0, [None, None])])


def test_trials_without_curves_leave_figure_5_out() -> None:
    bare = deepcopy(STUDIES[0])
    for one in bare["trials"]:
        one["curve"] = []
        one["facts"] = {}
    bare["importance"] = {}
    files = tuning_page([bare])
    assert list(files) == ["figure4.png", "report.html"]
    assert b"not measured" in files["report.html"]
    assert b"Too few trials" in files["report.html"]


def test_a_chart_is_a_function_of_its_lines() -> None:
    lines = [Line("one", [(0, 1.0, 0.9, 1.1), (5, 0.2, 0.1, 0.4)])]
    first = line_chart(lines, title="t", x="x", y="y").png()
    assert line_chart(lines, title="t", x="x", y="y").png() == first
    other = [Line("one", [(1, 1.0, 1.0, 1.0)], "#c05a1c")]
    assert line_chart(other, title="t", x="x", y="y").png() != first
    for values in ([], [(0.0, float("nan"), 0.0, 0.0)]):
        with pytest.raises(ValueError, match="points"):
            line_chart([Line("one", values)], title="t", x="x", y="y")
