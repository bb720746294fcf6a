"""An evaluation for readers: figures, one page, and a text for the documentation. No picture of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from kssgan.reporting._charts import Line, Point, line_chart, scatter_chart
from kssgan.reporting._marks import Sheet
from kssgan.reporting._templates import render
from kssgan.reporting._text import number
from kssgan.reporting.attacks import WORDS as ATTACK_WORDS
from kssgan.reporting.attacks import attack_table, violations

__all__ = ["Results", "results_files", "results_markdown", "results_page"]

_QUALITIES = ("", "_q95", "_q75", "_q50", "_q25")
PRIVACY = {
    "rank1": "rank-1",
    "one_over_k": "1/k",
    "rank5": "rank-5",
    "group1": "group found",
    "auc": "AUC",
    "eer": "EER",
    "tar_at_far_1e2": "TAR at FAR 1e-2",
    "tar_at_far_1e3": "TAR at FAR 1e-3",
    "verifies": "verifies as a member",
    "parrot_rank1": "parrot rank-1",
    "recompute_rank1": "recompute rank-1",
}
"""Columns of the privacy table for readers, mean over seeds."""

UTILITY = {
    "sharpness_ratio": "sharpness",
    "kid": "KID",
    "fid": "FID",
    "fid_photos": "FID of as many photos",
    "variety": "variety",
    "detected": "detected",
    "landmark_error": "landmark error",
    "expression_agrees": "expression shown",
    "gender_agrees": "gender kept",
    "age_agrees": "age kept",
    "expression_learnt": "expression learnt",
    "expression_learnt_photos": "of as many photos",
    "expression_even": "expression learnt, all drawn as often",
    "expression_even_photos": "of as many photos",
    "gender_learnt": "gender learnt",
    "gender_learnt_photos": "of as many photos",
}
"""Columns of the utility table for readers, mean over seeds."""


@dataclass(frozen=True, slots=True)
class Results:
    """An evaluation.

    Attributes:
        rows: as in ``results.csv``: ``method``, ``k``, ``seed``, figures by name, None where not taken.
        about: command, date, photos, people, seeds, controls; no names.
    """

    rows: Sequence[Mapping[str, Any]]
    about: Mapping[str, Any]

    @property
    def methods(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(str(row["method"]) for row in self.rows))

    @property
    def sizes(self) -> list[int]:
        """Every k of methods that form groups."""
        return sorted({int(row["k"]) for row in self.rows} - {1})

    def values(self, method: str, k: int, name: str) -> list[float]:
        """A figure over seeds; empty where it was not taken."""
        return [
            float(row[name])
            for row in self.rows
            if row["method"] == method and row["k"] == k and row.get(name) is not None
        ]

    def mean(self, method: str, k: int, name: str) -> float | None:
        """Mean over seeds, None where a figure was not taken."""
        found = self.values(method, k, name)
        return fmean(found) if found else None

    def pairs(self) -> list[tuple[str, int]]:
        """Every method with every k that it was measured at, 1 for those that redraw each photo."""
        found = {(str(row["method"]), int(row["k"])) for row in self.rows}
        return sorted(found, key=lambda pair: (self.methods.index(pair[0]), pair[1]))


def results_files(*results: Results) -> Iterator[tuple[str, str | bytes]]:
    """Every file of a report, by its name relative to its folder.

    Args:
        results: one evaluation, or several of different photos: figures and text of the second are called
            ``figures-2`` and ``results-2.md``.
    """
    for number_, own in enumerate(results, 1):
        more = f"-{number_}" if number_ > 1 else ""
        for name, sheet in _figures(own).items():
            yield f"figures{more}/{name}.svg", sheet.svg()
            yield f"figures{more}/{name}.png", sheet.png()
        yield f"results{more}.md", results_markdown(own, images=f"figures{more}")
    yield "index.html", results_page(*results)


def results_page(*results: Results) -> str:
    """One HTML document with every figure and every column of the table of each evaluation."""
    return render("results.html.j2", evaluations=[_for_page(own) for own in results])


def _for_page(results: Results) -> dict[str, Any]:
    from markupsafe import Markup

    names = list(results.rows[0]) if results.rows else []
    figures = [Markup(sheet.svg()) for sheet in _figures(results).values()]  # noqa: S704 - escaped where drawn
    return {
        "about": results.about,
        "figures": figures,
        "tables": [(title, words, *table) for title, words, table in _tables(results)],
        "attacks": attack_table(results.rows),
        "attack_words": [word.removeprefix("- ").replace("*", "") for word in ATTACK_WORDS],
        "violations": violations(results.rows),
        "recogniser": results.about.get("recognizer"),
        "names": names,
        "rows": [[_words(row.get(name), 4) for name in names] for row in results.rows],
    }


def results_markdown(
    results: Results,
    *,
    images: str = "figures",
    notes: Sequence[str] = (),
    sheets: Mapping[str, str] | None = None,
) -> str:
    """The documentation's text: what was run, the tables, the figures.

    Args:
        results: the evaluation.
        images: folder of the figures as the text refers to it.
        notes: what readers must know of the data, one sentence each.
        sheets: pictures of people who do not exist, captions by file name in ``images``.
    """
    about = results.about
    photos = about["photos"]
    lines = [
        "# Results",
        "",
        "Generated by `kssgan evaluate`; do not edit. The paper's Figures 7 and 8 as numbers; "
        + ("people on pictures do not exist." if sheets else "no picture of anybody."),
        "",
        f"- command: `{about['command']}`",
        f"- data: {photos['used']} of {photos['found']} files, {about['people']} people "
        f"({about['subjects']})",
        f"- seeds: 0 to {about['seeds'] - 1}; date {about['date']}; kssgan {about['kssgan']}; "
        f"{about['machine']}",
        f"- KID and FID on `{about['features']}`; verification at distance {number(about['threshold'], 4)} "
        "(FAR 1e-3 on these photos)",
        *_recogniser(about),
        *(f"- {note}" for note in notes),
        "",
        "Controls, which had to pass before a figure was shown:",
        "",
        "| control | wanted | got |",
        "|---|---|---|",
        *(f"| {c['name']} | {c['wanted']} | {_got(c)} |" for c in about["controls"]),
        "",
        "Tables are means over seeds. Methods with k 1 redraw each photo and keep no k.",
        "",
    ]
    for title, words, (header, rows) in _tables(results):
        lines += [f"## {title}", "", *(f"- {line}" for line in words), ""]
        lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    lines += [*_attacks(results), "## Figures", ""]
    for file, caption in (sheets or {}).items():
        lines += [f"![{caption}]({images}/{file})", "", f"{caption}.", ""]
    for name, sheet in _figures(results).items():
        lines += [f"![{sheet.title}]({images}/{name}.svg)", ""]
    return "\n".join(lines)


_PRIVACY_WORDS = (
    "rank-1, rank-5, AUC, EER, TAR: the naive attack (the recogniser knows every original); "
    "1/k beside them.",
    "Group found: somebody behind the picture is named first.",
    "Verifies as a member: share of pictures within the threshold of somebody behind them.",
    "Parrot: the best of the attackers who learn from de-identified pictures of their own.",
    "Recompute: the attacker runs the code again with the seed.",
)
_UTILITY_WORDS = (
    "Sharpness: variance of the Laplacian over the photos'; noise and hard edges raise it, "
    "so read it beside KID (lower is nearer to photos).",
    "FID has a bias that grows as pictures get fewer, and covariances are shrunk, so compare it with the "
    "FID of as many photos beside it, not across k.",
    "Variety: median distance between faces on different pictures, over that between photos of different "
    "people; low means one face many times.",
    "Landmark error: between the landmarks found on a picture and those of the group's mean shape (of the "
    "photo, with k 1), over the distance of the eyes; median. A method that moves features on purpose, as "
    "ours does, is charged for it.",
    "Expression shown: the probe reads off the picture what most of its group show (with k 1: what it reads "
    "off the photo); means that draw no expression are asked the same.",
    "Kept: the probe reads the same off the surrogate as off the person's photos.",
    "Learnt: balanced accuracy on photos of people left out, of a logistic regression taught by the other "
    "people's pictures with their released labels; 0.5 is chance of two. Labels are what the probes read off "
    "photos. Few pictures teach little, and where all show one expression none can be learnt: beside it what "
    "as many photos of each label teach. All drawn as often: a picture of each of at most 120 groups, "
    "drawn so that every expression is shown by as many, whatever their people show.",
    "The photos themselves: as far as pictures can get. Head crops are read again as pictures are, which "
    "leaves out the probes' own errors; what is learnt is taught by photos.",
)


def _recogniser(about: Mapping[str, Any]) -> list[str]:
    """The user's own recogniser, by its digest and how faces were given to it."""
    own = about.get("recognizer")
    if not own:
        return []
    return [f"- *your recogniser*: ONNX, digest `{own['digest'][:16]}`; {own['alignment']}"]


def _got(control: Mapping[str, Any]) -> str:
    """What an attack made of a known answer; a view that got it wrong shows no figures."""
    told = number(control["got"])
    return told if control.get("passed", True) else f"**{told}: wrong, figures withheld**"


def _attacks(results: Results) -> list[str]:
    """Attacks beside the line, as Markdown, violations first."""
    header, rows = attack_table(results.rows)
    broken = violations(results.rows)
    told = [f"**VIOLATION of 1/k: {one}**" for one in broken] or [
        "No attack is proven to name a person more often than 1 in k."
    ]
    return [
        "## Attacks beside 1/k",
        "",
        *(line for one in told for line in (one, "")),
        *ATTACK_WORDS,
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def _tables(
    results: Results,
) -> list[tuple[str, Sequence[str], tuple[list[str], list[list[str]]]]]:
    """Title, explanations, and header with rows, of each table for readers."""
    utility = _table(results, UTILITY)
    ceiling = results.about.get("photos_themselves")
    if ceiling:
        own = [_words(ceiling.get(name), 3) for name in UTILITY]
        utility[1].insert(0, ["the photos themselves", "-", *own])
    return [
        ("Privacy", _PRIVACY_WORDS, _table(results, PRIVACY)),
        ("Utility", _UTILITY_WORDS, utility),
    ]


def _table(results: Results, shown: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for method, k in results.pairs():
        row = [method, str(k)]
        for name in shown:
            value = 1 / k if name == "one_over_k" else results.mean(method, k, name)
            row.append(_words(value, 3))
        rows.append(row)
    return ["method", "k", *shown.values()], rows


def _figures(results: Results) -> dict[str, Sheet]:
    found: dict[str, Sheet] = {}
    sizes = results.sizes
    grouped = [
        m
        for m in results.methods
        if any(results.values(m, k, "sharpness_ratio") for k in sizes)
    ]
    if grouped:
        for quality in _QUALITIES:
            how = f", JPEG q={quality[2:]}" if quality else ", uncompressed"
            lines = [_line(results, m, f"sharpness_ratio{quality}") for m in grouped]
            if not any(line.values for line in lines):
                continue
            found[f"figure7{quality}"] = line_chart(
                lines,
                [str(k) for k in sizes],
                title=f"Sharpness by k{how} (band: seeds)",
                x="k",
                y="variance of Laplacian over photos'",
            )
        found["rank1"] = line_chart(
            [
                *(_line(results, method, "rank1") for method in grouped),
                Line("1/k", [(i, 1 / k, 1 / k, 1 / k) for i, k in enumerate(sizes)]),
            ],
            [str(k) for k in sizes],
            title="Rank-1 of the naive attack by k (band: seeds)",
            x="k",
            y="rank-1",
        )
    for name, x, label in (
        ("frontier_members", "verifies", "share of pictures that verify as a member"),
        ("frontier_parrot", "parrot_rank1", "rank-1 of the best parrot"),
    ):
        points = [
            Point(method, f"k={k}" if k > 1 else "", across, up)
            for method, k in results.pairs()
            if (across := results.mean(method, k, x)) is not None
            and (up := results.mean(method, k, "kid")) is not None
        ]
        if points:
            found[name] = scatter_chart(
                points,
                title="Privacy and utility (towards the lower left is better)",
                x=label,
                y="KID to photos",
            )
    return found


def _line(results: Results, method: str, name: str) -> Line:
    values: list[tuple[float, float, float, float]] = []
    for place, k in enumerate(results.sizes):
        found = results.values(method, k, name)
        if found:
            values.append((place, fmean(found), min(found), max(found)))
    return Line(method, values)


def _words(value: Any, digits: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, int | float):
        return number(value, digits)
    return str(value)
