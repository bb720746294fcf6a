"""The certificate against the files: it is never evidence, but a wrong one must not leave the building."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kssgan.auditing._tables import MapRow, stem
from kssgan.auditing.guarantee import Guarantee
from kssgan.auditing.report import Problem

__all__ = ["certificate_problems", "claimed_k"]

_LONG_NAME = 8
"""Letters from which a file's name is no number or word by chance."""


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
        return (
            Problem(
                2,
                "breaks",
                "certificate.json cannot be read, so the k that it claims is not known; remove or restore it",
            ),
        )
    problems = []
    if "k_claimed" in certificate and claimed_k(certificate) is None:
        problems.append(
            Problem(2, "breaks", "the certificate's k_claimed is no number, so it is not known")
        )
    if certificate.get("mode") == "utility":
        problems.append(
            Problem(
                2,
                "breaks",
                "the release was made in utility mode, which draws every picture from one photo and promises "
                "nothing; the figures of the attacks below are all that is known",
            )
        )
    if named := sorted(_named(json.dumps(certificate), rows)):
        problems.append(
            Problem(
                4,
                "breaks",
                f"the certificate names {len(named)} released files, which may tell them from equal ones or "
                f"tie them together; it may name none",
                tuple(named),
            )
        )
    better = _claims_more(certificate, counted)
    if better:
        problems.append(
            Problem(
                2,
                "breaks",
                f"the certificate claims more than the files show ({', '.join(better)}): "
                f"k {certificate.get('k_measured')} against {counted.k_measured}, largest share "
                f"{certificate.get('max_share')} against {counted.max_share:.4f}",
            )
        )
    differing = [
        *(name for name in _differing(certificate, counted, rows) if name not in better),
        *_sums(certificate),
    ]
    if differing:
        problems.append(
            Problem(
                2, "warns", f"the certificate disagrees with the files: {', '.join(differing)}"
            )
        )
    return tuple(problems)


def _named(text: str, rows: Sequence[MapRow]) -> set[str]:
    """Released files whose name stands in a text."""
    words = set(re.findall(r"[\w-]+", text.casefold()))
    stems = {file: stem(file) for file in {row.released for row in rows}}
    return {file for file, own in stems.items() if len(own) >= _LONG_NAME and own in words}


def _claims_more(certificate: Mapping[str, Any], counted: Guarantee) -> list[str]:
    """Statements that promise more than was measured."""
    k, share = certificate.get("k_measured"), certificate.get("max_share")
    found = []
    if isinstance(k, int) and k > counted.k_measured:
        found.append("k_measured")
    if isinstance(share, int | float) and share < counted.max_share - 1e-6:
        found.append("max_share")
    return found


def _differing(
    certificate: Mapping[str, Any], counted: Guarantee, rows: Sequence[MapRow]
) -> list[str]:
    """Statements whose number is another than the measured one."""
    photos = _photos(certificate)
    released = len({row.original for row in rows if row.released})
    photos_known = len({row.original for row in rows})
    expected: dict[str, tuple[Any, float]] = {
        "k_measured": (certificate.get("k_measured"), counted.k_measured),
        "max_share": (certificate.get("max_share"), counted.max_share),
        "photos released": (photos.get("released"), released),
        "photos refused": (photos.get("refused"), photos_known - released),
    }
    return [
        name
        for name, (said, measured) in expected.items()
        if isinstance(said, int | float) and not math.isclose(said, measured, abs_tol=1e-4)
    ]


def _sums(certificate: Mapping[str, Any]) -> list[str]:
    """Counts that do not add up."""
    photos = _photos(certificate)
    parts = [photos.get(name) for name in ("found", "ignored", "refused", "released")]
    numbers = [n for n in parts if isinstance(n, int)]
    if len(numbers) == len(parts) and numbers[0] != sum(numbers[1:]):
        return ["photos found = ignored + refused + released"]
    return []


def _photos(certificate: Mapping[str, Any]) -> Mapping[str, Any]:
    photos = certificate.get("photos")
    return photos if isinstance(photos, Mapping) else {}
