"""Make ``docs/results.md`` and its figures from an evaluation's ``results.csv``.

    kssgan evaluate DATA --out RESULTS --methods ... && python tools/results_page.py RESULTS

Numbers only; it shows nobody.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from kssgan.reporting import Results, results_files, results_markdown

DOCS = Path(__file__).parent.parent / "docs"


def read_results(folder: Path) -> Results:
    """The table and what it is of."""
    about = json.loads((folder / "evaluation.json").read_text("utf-8"))
    if not about.get("finished"):
        raise SystemExit(
            "the evaluation is not finished; run kssgan evaluate again, it goes on"
        )
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)
        ]
    return Results(rows, about)


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text or None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument(
        "--note",
        action="append",
        default=[],
        help="a sentence that readers must know of the data",
    )
    asked = parser.parse_args()
    results = read_results(asked.results)
    images = asked.docs / "images" / "results"
    images.mkdir(parents=True, exist_ok=True)
    for name, text in results_files(results):
        if name.endswith(".svg"):
            (images / Path(name).name).write_text(text, "utf-8")
    text = results_markdown(results, images="images/results", notes=asked.note)
    (asked.docs / "results.md").write_text(text, "utf-8")
    print(f"{len(results.rows)} cells: docs/results.md, {len(list(images.iterdir()))} figures")


if __name__ == "__main__":
    main()
