"""The certificate against the files: it is never evidence, but a wrong one must not leave the building."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from kssgan.auditing._tables import MapRow
from kssgan.auditing.guarantee import Guarantee
from kssgan.auditing.report import Problem

__all__ = ["certificate_problems", "claimed_k"]

_NUMBERS = ("k_measured", "k_declared", "max_share")


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
    if said := [name for name in _NUMBERS if not _is_number(certificate.get(name, 0))]:
        problems.append(
            Problem(2, "breaks", f"the certificate's {', '.join(said)} is no number")
        )
    mode = certificate.get("mode", "strict")
    if mode not in ("strict", "utility"):
        problems.append(
            Problem(
                2,
                "breaks",
                "the certificate's mode is another than strict, which alone promises",
            )
        )
    if mode == "utility":
        problems.append(
            Problem(
                2,
                "breaks",
                "the release was made in utility mode, which draws every picture from one photo and promises "
                "nothing; the figures of the attacks below are all that is known",
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


def _claims_more(certificate: Mapping[str, Any], counted: Guarantee) -> list[str]:
    """Statements that promise more than was measured."""
    declared = min((len(c.subjects) for c in counted.pictures.values()), default=0)
    found = []
    for name, most in (("k_measured", counted.k_measured), ("k_declared", declared)):
        if _is_number(said := certificate.get(name)) and said > most:
            found.append(name)
    share = certificate.get("max_share")
    if _is_number(share) and share < counted.max_share - 1e-6:
        found.append("max_share")
    return found


def _is_number(value: Any) -> TypeGuard[float]:
    """Whether it can be compared: neither text, nor truth, nor endless."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


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
        if said is not None
        and not (_is_number(said) and math.isclose(said, measured, abs_tol=1e-4))
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
