"""The certificate against the files: it is never evidence, but a wrong one must not leave the building."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kssgan.auditing._tables import MapRow
from kssgan.auditing.guarantee import Guarantee
from kssgan.auditing.report import Problem

__all__ = ["certificate_problems", "claimed_k"]


def claimed_k(certificate: Mapping[str, Any] | None) -> int | None:
    """The k that a release claims, or None."""
    value = (certificate or {}).get("k_claimed")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def certificate_problems(
    certificate: Mapping[str, Any] | None,
    counted: Guarantee,
    rows: Sequence[MapRow],
) -> tuple[Problem, ...]:
    """Compare the certificate's statements with what was measured.

    Args:
        certificate: parsed; None if there is none, empty if it could not be read.
        counted: the audit's own count.
        rows: the map.
    """
    if certificate is None:
        return ()
    if not certificate:
        return (Problem(2, "warns", "certificate.json cannot be read"),)
    problems = []
    if certificate.get("mode") == "utility":
        problems.append(
            Problem(
                2,
                "breaks",
                "the release was made in utility mode, which draws every picture from one photo and promises "
                "nothing; the figures of the attacks below are all that is known",
            )
        )
    k = certificate.get("k_measured")
    share = certificate.get("max_share")
    better = [
        name
        for name, wrong in (
            ("k_measured", isinstance(k, int) and k > counted.k_measured),
            (
                "max_share",
                isinstance(share, int | float) and share < counted.max_share - 1e-6,
            ),
        )
        if wrong
    ]
    if better:
        problems.append(
            Problem(
                2,
                "breaks",
                f"the certificate claims more than the files show ({', '.join(better)}): "
                f"k {k} against {counted.k_measured}, largest share {share} against "
                f"{counted.max_share:.4f}",
            )
        )
    released = [r for r in rows if r.released]
    photos = certificate.get("photos")
    photos = photos if isinstance(photos, Mapping) else {}
    expected: dict[str, tuple[Any, float]] = {
        "k_measured": (k, counted.k_measured),
        "max_share": (share, counted.max_share),
        "photos released": (photos.get("released"), len(released)),
        "photos refused": (photos.get("refused"), len(rows) - len(released)),
    }
    differing = [
        name
        for name, (said, measured) in expected.items()
        if name not in better
        and isinstance(said, int | float)
        and not math.isclose(said, measured, abs_tol=1e-4)
    ]
    parts = [photos.get(n) for n in ("found", "ignored", "refused", "released")]
    numbers = [n for n in parts if isinstance(n, int)]
    if len(numbers) == len(parts) and numbers[0] != sum(numbers[1:]):
        differing.append("photos found = ignored + refused + released")
    if differing:
        problems.append(
            Problem(
                2, "warns", f"the certificate disagrees with the files: {', '.join(differing)}"
            )
        )
    return tuple(problems)
