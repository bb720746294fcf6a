"""What an audit found: a verdict, the problems behind it, the figures, and how they are shown.

Sentences name rules, counts and figures, never a photo, a person or a path: those stand in ``private``,
which neither the table nor the JSON shows unless asked to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["AuditReport", "Control", "Problem", "Severity"]

Severity = Literal["breaks", "warns"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a release.

    Attributes:
        rule: the rule of the promise (``docs/guarantee.md``) that it touches, 1..7.
        severity: "breaks" the promise, or "warns" of something a person should look at.
        sentence: what is wrong, in plain words, without names or paths.
        private: names and paths for the data holder's eyes; may be empty.
    """

    rule: int
    severity: Severity
    sentence: str
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A release with a known answer, put through an attack before the attack is believed.

    Attributes:
        name: what was put in.
        wanted: the known answer, in words.
        got: what the attack said (rank-1).
        passed: whether that is the known answer.
    """

    name: str
    wanted: str
    got: float
    passed: bool


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of :func:`kssgan.auditing.audit`.

    Attributes:
        holds: no problem breaks the promise.
        k_required: fewest people allowed behind a picture: the larger of what was asked for and what the
            certificate claims; 2 when neither says anything.
        k_claimed: the certificate's k, if there is a certificate.
        k_measured: fewest people behind a distinct picture, counted on the files.
        k_lookalikes: the same with people who look alike counted once; None if not measured.
        max_share: largest share of one picture's files that belongs to one person.
        problems: those that break the promise first.
        counts: photos, subjects, pictures, files.
        figures: measurements by topic; None where a control failed or nothing could be measured.
        controls: the attacks' known answers.
        notes: what was capped, skipped or assumed.
        k_over_time: fewest people whom all releases of the ledger together cannot tell apart; None without a
            ledger.
    """

    holds: bool
    k_required: int
    k_claimed: int | None
    k_measured: int
    k_lookalikes: int | None
    max_share: float
    problems: tuple[Problem, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    notes: tuple[str, ...] = ()
    k_over_time: int | None = None

    @property
    def exit_status(self) -> int:
        """0 when the promise holds, 4 when it does not."""
        return 0 if self.holds else 4

    @property
    def statement(self) -> str:
        """The verdict in one plain sentence."""
        if self.holds:
            return (
                f"The promise holds: behind every distinct picture stand at least {self.k_measured} "
                f"people, none with more than {self.max_share:.3f} of its files, and nothing found in "
                f"the release tells them apart."
                + (
                    ""
                    if self.k_over_time is None
                    else f" Over all releases of the ledger it is at least {self.k_over_time}."
                )
            )
        broken = sorted({p.rule for p in self.problems if p.severity == "breaks"})
        rules = ", ".join(str(rule) for rule in broken)
        return (
            f"The promise does NOT hold: rule {rules} is broken; do not hand this release over."
        )

    def to_json(self, *, private: bool = False) -> dict[str, Any]:
        """Plain data for ``json.dumps``.

        Args:
            private: also give names and paths; such a file belongs to the private side.
        """
        problems = [
            {"rule": p.rule, "severity": p.severity, "sentence": p.sentence}
            | ({"private": list(p.private)} if private else {})
            for p in self.problems
        ]
        return {
            "format": "kssgan-audit/1",
            "holds": self.holds,
            "statement": self.statement,
            "k_required": self.k_required,
            "k_claimed": self.k_claimed,
            "k_measured": self.k_measured,
            "k_lookalikes": self.k_lookalikes,
            "k_over_time": self.k_over_time,
            "max_share": self.max_share,
            "problems": problems,
            "counts": dict(self.counts),
            "figures": {
                topic: None if rows is None else dict(rows)
                for topic, rows in self.figures.items()
            },
            "controls": [
                {"name": c.name, "wanted": c.wanted, "got": c.got, "passed": c.passed}
                for c in self.controls
            ],
            "notes": list(self.notes),
        }

    def table(self, *, private: bool = False) -> str:
        """The report as text for a terminal, verdict first.

        Args:
            private: also list names and paths below each problem.
        """
        lines = [self.statement, ""]
        lines += _aligned(
            [
                ("k required", self.k_required),
                ("k claimed by the certificate", self.k_claimed),
                ("k measured on the files", self.k_measured),
                ("k with look-alikes counted once", self.k_lookalikes),
                *(
                    ()
                    if self.k_over_time is None
                    else (("k over all releases of the ledger", self.k_over_time),)
                ),
                ("largest share of one person", self.max_share),
                *self.counts.items(),
            ]
        )
        for p in self.problems:
            lines += ["", f"{p.severity.upper()} rule {p.rule}: {p.sentence}"]
            if private:
                lines += [f"    {item!a}" for item in p.private]
        for topic, rows in self.figures.items():
            lines += ["", topic]
            lines += ["  not measured"] if rows is None else _aligned(list(rows.items()), "  ")
        if self.controls:
            lines += ["", "controls (known answers, attacked first)"]
            lines += _aligned(
                [
                    (
                        c.name,
                        f"{'pass' if c.passed else 'FAIL'}: {c.got:.3f}, wanted {c.wanted}",
                    )
                    for c in self.controls
                ],
                "  ",
            )
        if self.notes:
            lines += ["", "notes", *(f"  - {note}" for note in self.notes)]
        return "\n".join(lines)


def _aligned(rows: Sequence[tuple[str, object]], indent: str = "") -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [
        f"{indent}{name.replace('_', ' '):<{width}}  {_cell(value)}" for name, value in rows
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 1e-4 else f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_cell(inner) for inner in value)
    return str(value)
