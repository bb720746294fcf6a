"""Charts drawn where they should be, and pages that leave nothing out."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.reporting import Results, results_files, results_markdown, results_page
from kssgan.reporting._charts import Line, Point, line_chart, scatter_chart
from kssgan.reporting._marks import Path, Sheet, Text
from kssgan.reporting.attacks import attack_table, violations

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
    base["fid"] = 12.5
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
    names = [f"figure7{q}" for q in ("", "_q95", "_q75", "_q50", "_q25")]
    names += ["rank1", "frontier_members"]
    assert set(files) == {
        *(f"figures/{name}.{kind}" for name in names for kind in ("svg", "png")),
        "index.html",
        "results.md",
    }  # no parrot was measured, so its frontier is missing
    for name, text in files.items():
        if name.endswith(".svg"):
            ET.fromstring(text)
        if name.endswith(".png"):
            image = Image.open(io.BytesIO(text))
            assert image.size == (960, 570)
            assert len(image.convert("RGB").getcolors(1 << 20)) > 20


def test_the_same_marks_are_drawn_and_written() -> None:
    sheet = Sheet("t", 100, 60, [Path([(10, 20), (90, 20)], "#c00000", 4, (20, 10))])
    assert 'points="10.0,20.0 90.0,20.0"' in sheet.svg()
    assert 'stroke-dasharray="20 10"' in sheet.svg()
    pixels = np.asarray(Image.open(io.BytesIO(sheet.png())).convert("RGB")).astype(int)
    red = pixels[30, :, 0] - pixels[30, :, 1] > 100  # the row of y = 20, in 1.5 times the size
    drawn = np.flatnonzero(red) / 1.5
    for low, high in ((10, 30), (40, 60), (70, 90)):
        assert ((drawn > low + 1) & (drawn < high - 1)).sum() > 20
        assert not ((drawn > high + 1) & (drawn < high + 9)).any()
    turned = Sheet("t", 100, 60, [Text((50, 30), "mmmm", "middle", turned=True)])
    ink = np.asarray(Image.open(io.BytesIO(turned.png())).convert("L")) < 128
    rows, columns = np.nonzero(ink)
    assert np.ptp(rows) > 2 * np.ptp(columns)  # reads upwards
    assert abs(rows.mean() / 1.5 - 30) < 2


def test_means_over_seeds_beside_one_over_k(results: Results) -> None:
    text = results_markdown(results)
    line = next(row for row in text.splitlines() if row.startswith("| k-same-m | 3 |"))
    assert line.split("|")[3:5] == [" 0.2 ", " 0.333 "]
    assert "| blur | 1 | 0.9 | 1 |" in text
    privacy, utility = text.split("## Utility")
    assert "| k-same-m | 3 | 0.5 | 3 | 12.5 |" in utility
    assert "recompute rank-1" in privacy.split("## Privacy")[1]
    assert "the photos themselves" not in utility.split("| method |")[1]
    assert "`kssgan evaluate DATA --out RESULTS`" in text
    assert "figures/figure7_q25.svg" in text


def test_the_photos_themselves_are_the_first_row_of_utility(results: Results) -> None:
    about = {**ABOUT, "photos_themselves": {"detected": 1.0, "gender_learnt": 0.95}}
    lines = results_markdown(Results(results.rows, about)).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("| method | k | sharpness"))
    names, first = lines[at].split(" | "), lines[at + 2].split(" | ")
    assert first[0] == "| the photos themselves"
    assert first[names.index("detected")] == "1"
    assert first[names.index("gender learnt")] == "0.95"


def test_sheets_are_shown_with_their_captions(results: Results) -> None:
    text = results_markdown(
        results, images="there", sheets={"a.jpg": "People who do not exist"}
    )
    assert "![People who do not exist](there/a.jpg)" in text
    assert "no picture of anybody" not in text
    assert "no picture of anybody" in results_markdown(results)


def test_several_evaluations_follow_each_other(results: Results) -> None:
    other = Results([_row("blur", 1, 0)], {**ABOUT, "people": 77})
    page = results_page(results, other)
    assert page.index("Evaluation 1") < page.index("4 people") < page.index("Evaluation 2")
    assert "77 people" in page.split("Evaluation 2")[1]
    names = [name for name, _ in results_files(results, other)]
    assert len(names) == len(set(names))
    assert {"figures-2/frontier_members.svg", "results-2.md"} <= set(names)
    assert "Evaluation 1" not in results_page(results)


def test_the_page_has_every_cell_and_loads_nothing(results: Results) -> None:
    page = results_page(results)
    assert page.count("<svg ") == 7
    assert page.count('<th scope="row">k-same-m</th>') == 4 + 2 + 2 + 2
    assert "img-src 'none'" in page
    assert not re.findall(r'(?:src|href)="', page)


def test_lines_lie_where_their_values_are() -> None:
    sheet = line_chart(
        [Line("a", [(0, 0.0, 0.0, 0.0), (1, 1.0, 0.5, 1.0)])],
        ["3", "5"],
        title="t",
        x="k",
        y="v",
    )
    line = re.search(r'polyline points="([^"]+)"[^>]*stroke-width="2"', sheet.svg())
    points = line.group(1).split()
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in points)
    assert (y0, y1) == (380 - 52, 36)  # from the axis to the top
    assert x1 - x0 == pytest.approx((640 - 64 - 168) / 2)


def test_points_lie_where_their_values_are_and_names_are_escaped() -> None:
    svg = scatter_chart([Point("<b>", "k=3", 1.0, -1.0)], title="a & b", x="x", y="y").svg()
    circle = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert (float(circle.group(1)), float(circle.group(2))) == (640 - 168, 380 - 52)
    assert "&lt;b&gt;" in svg
    assert "a &amp; b" in svg
    ET.fromstring(svg)


def test_what_was_not_measured_has_no_figure() -> None:
    rows = [{**_row("k-same-m", 3, 0), "sharpness_ratio_q50": None}]
    names = [name for name, _ in results_files(Results(rows, ABOUT))]
    assert "figures/figure7_q75.svg" in names
    assert not [name for name in names if "q50" in name]


def test_nothing_measured_gives_a_page_without_figures() -> None:
    assert "<svg" not in results_page(Results([], ABOUT))


def _attacked(**figures: Any) -> dict[str, Any]:
    base = {
        "rank1": 0.2,
        "rank1_low": 0.1,
        "rank1_high": 0.35,
        "group1": 0.5,
        "group1_chance": 0.05,
    }
    return _row("k-same-m", 5, 0, within_line="yes", violations="", **{**base, **figures})


def test_attacks_stand_beside_one_over_k_with_the_worst_bounds_of_the_seeds() -> None:
    rows = [
        _attacked(),
        {**_attacked(rank1=0.1, rank1_low=0.02, rank1_high=0.4), "seed": 1},
        _row("blur", 1, 0, rank1=0.9, within_line=None, violations=None),
    ]
    header, lines = attack_table(rows)
    assert header == ["method", "k", "1/k", "within 1/k", "naive", "group found: naive"]
    assert lines == [
        ["k-same-m", "5", "0.2", "yes", "0.15 (0.1-0.4)", "0.5 / 0.05"],
        ["blur", "1", "-", "-", "0.9", "-"],
    ]
    assert violations(rows) == []
    assert "No attack is proven" in results_markdown(Results(rows, ABOUT))


def test_a_violation_in_one_seed_stands_above_everything_else() -> None:
    torn = {**_attacked(), "seed": 1, "within_line": "no", "violations": "naive, parrot"}
    results = Results([_attacked(), torn], ABOUT)
    assert attack_table(results.rows)[1][0][3] == "NO: naive, parrot"
    said = "VIOLATION of 1/k: k-same-m at k = 5, seed 1: naive, parrot"
    assert said in results_markdown(results)
    assert said in results_page(results)
    assert "No attack is proven" not in results_page(results)


def test_a_control_that_failed_says_that_its_figures_are_withheld(results: Results) -> None:
    failed = {"name": "identity, face only", "wanted": "about 1", "got": 0.5, "passed": False}
    own = {"digest": "ab" * 32, "alignment": "112 x 112 pixels & so on"}
    told = {**ABOUT, "controls": [*ABOUT["controls"], failed], "recognizer": own}
    text = results_markdown(Results(results.rows, told))
    assert "| identity, face only | about 1 | **0.5: wrong, figures withheld** |" in text
    assert "digest `abababababababab`; 112 x 112" in text
    page = results_page(Results(results.rows, told))
    assert "wrong: figures withheld" in page
    assert "112 x 112 pixels &amp; so on" in page
