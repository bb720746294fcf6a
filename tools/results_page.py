"""Make ``docs/results.md`` and its figures from evaluations.

    kssgan evaluate DATA --out RESULTS --methods ... && python tools/results_page.py RESULTS

``--page`` names another page (``docs/PAGE.md``, ``docs/images/PAGE``), as for other photos. Several RESULTS
of one page must be of the same photos. Numbers only; pictures of synthetic people, which
``tools/results_sheets.py`` draws, are shown where they lie in ``docs/images/results``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kssgan.errors import KssganError
from kssgan.evaluation.saved import put_together, read_results
from kssgan.reporting import results_files, results_markdown

DOCS = Path(__file__).parent.parent / "docs"
SHEETS = {
    "figure6.jpg": "Synthetic people at k = 3 (the paper's Figure 6): originals, then {methods}",
    "figure8-k3.jpg": "Every surrogate of ours of 67 synthetic people at k = 3 (the paper's Figure 8)",
    "figure8-k30.jpg": "The same at k = 30",
}
ROWS = {"k-same-m": "k-Same-M", "k-same-net": "k-Same-Net", "kss-gan": "kSS-GAN"}


def captions(images: Path) -> dict[str, str]:
    """Of the sheets that were drawn; ``figure6.txt`` says whose rows there are."""
    told = images / "figure6.txt"
    names = told.read_text("utf-8").split() if told.exists() else []
    methods = ", ".join(ROWS[name] for name in names)
    return {
        file: caption.format(methods=methods)
        for file, caption in SHEETS.items()
        if (images / file).exists()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULTS")
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--page", default="results", metavar="NAME")
    parser.add_argument(
        "--note",
        action="append",
        default=[],
        help="a sentence that readers must know of the data",
    )
    asked = parser.parse_args()
    try:
        together = put_together([read_results(folder) for folder in asked.results])
    except KssganError as error:
        raise SystemExit(str(error)) from None
    if len(together) > 1:
        raise SystemExit("evaluations of different photos came; one page is of the same photos")
    images = asked.docs / "images" / asked.page
    images.mkdir(parents=True, exist_ok=True)
    for name, content in results_files(*together):
        if isinstance(content, str) and name.endswith(".svg"):
            (images / Path(name).name).write_text(content, "utf-8")
    text = results_markdown(
        together[0], images=f"images/{asked.page}", notes=asked.note, sheets=captions(images)
    )
    (asked.docs / f"{asked.page}.md").write_text(text, "utf-8")
    print(
        f"{len(together[0].rows)} cells: docs/{asked.page}.md, figures in docs/images/{asked.page}"
    )


if __name__ == "__main__":
    main()
