"""Charts drawn where they should be, and pages that leave nothing out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from kssgan.reporting import Results, results_files, results_markdown, results_page
from kssgan.reporting._plots import Line, Point, line_chart, scatter_chart

ABOUT: dict[str, Any] = {
    "command": "kssgan evaluate DATA --out RESULTS",
    "photos": {"used": 8, "found": 9, "ignored": 0, "refused": 1},
    "people": 4,
    "subjects": "declared",
    "seeds": 2,
    "date": "2026-01-02",
    "kssgan": "0",
    "machine": "any, 2 cores",
    "features": "named",
    "threshold": 0.37,
    "controls": [{"name": "identity", "wanted": "about 1", "got": 1.0, "passed": True}],
}


def _row(method: str, k: int, seed: int, **figures: Any) -> dict[str, Any]:
    base = {"method": method, "k": k, "seed": seed, "kid": 3.0, "verifies": 0.1, "rank1": 0.2}
    ratios = {f"sharpness_ratio{q}": 0.5 for q in ("", "_q95", "_q75", "_q50", "_q25")}
    return {**base, **ratios, "parrot_rank1": None, **figures}


@pytest.fixture
def results() -> Results:
    rows = [
        _row("k-same-m", k, seed, rank1=0.1 + 0.2 * seed) for k in (3, 5) for seed in (0, 1)
    ]
    return Results([*rows, _row("blur", 1, 0, rank1=0.9)], ABOUT)


def test_every_file_is_there_and_every_figure_is_well_formed(results: Results) -> None:
    files = dict(results_files(results))
    assert set(files) == {
        *(f"figures/figure7{q}.svg" for q in ("", "_q95", "_q75", "_q50", "_q25")),
        "figures/rank1.svg",
        "figures/frontier_members.svg",
        "index.html",
        "results.md",
    }  # no parrot was measured, so its frontier is missing
    for name, text in files.items():
        if name.endswith(".svg"):
            ET.fromstring(text)


def test_means_over_seeds_beside_one_over_k(results: Results) -> None:
    text = results_markdown(results)
    line = next(row for row in text.splitlines() if row.startswith("| k-same-m | 3 |"))
    assert line.split("|")[3:5] == [" 0.2 ", " 0.333 "]
    assert "| blur | 1 | 0.9 | 1 |" in text
    assert "`kssgan evaluate DATA --out RESULTS`" in text
    assert "figures/figure7_q25.svg" in text


def test_the_page_has_every_cell_and_loads_nothing(results: Results) -> None:
    page = results_page(results)
    assert page.count("<svg ") == 7
    assert page.count('<th scope="row">k-same-m</th>') == 4 + 2 + 2
    assert "img-src 'none'" in page
    assert not re.findall(r'(?:src|href)="', page)


def test_lines_lie_where_their_values_are() -> None:
    svg = line_chart(
        [Line("a", [(0, 0.0, 0.0, 0.0), (1, 1.0, 0.5, 1.0)])],
        ["3", "5"],
        title="t",
        x="k",
        y="v",
    )
    points = re.search(r'polyline points="([^"]+)"', svg).group(1).split()
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in points)
    assert (y0, y1) == (380 - 52, 36)  # from the axis to the top
    assert x1 - x0 == pytest.approx((640 - 64 - 168) / 2)


def test_points_lie_where_their_values_are_and_names_are_escaped() -> None:
    svg = scatter_chart([Point("<b>", "k=3", 1.0, -1.0)], title="a & b", x="x", y="y")
    circle = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert (float(circle.group(1)), float(circle.group(2))) == (640 - 168, 380 - 52)
    assert "&lt;b&gt;" in svg
    assert "a &amp; b" in svg
    ET.fromstring(svg)


def test_nothing_measured_gives_a_page_without_figures() -> None:
    assert "<svg" not in results_page(Results([], ABOUT))
