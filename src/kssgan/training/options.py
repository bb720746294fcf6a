"""Options as plain values: read with every problem told at once, written so that they round-trip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from kssgan.errors import UsageError

__all__ = ["MOST_SEED", "Options"]

MOST_SEED = 2**31
"""Seeds are below this: a step's own chance is drawn from seed and number together, in 64 bits."""


class Options:
    """A dataclass whose values JSON and TOML hold."""

    def __post_init__(self) -> None:
        if problems := self._not_finite():
            raise UsageError("; ".join(problems))

    def _not_finite(self) -> list[str]:
        """What is wrong with infinite numbers and NaN, for a class that tells all its problems at once."""
        return [
            f"{name} is {value}, a finite number was wanted"
            for name, value in vars(self).items()
            if isinstance(value, float) and not math.isfinite(value)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values: they round-trip through JSON and TOML."""
        values = asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_json`.

        Raises:
            UsageError: unknown names or values of another kind, all told at once.
        """
        return cls(**_known(cls, values))


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a configuration's class takes.

    Raises:
        UsageError: unknown names or values of another kind, all told at once.
    """
    kinds = get_type_hints(kind)
    known, problems = {}, []
    if strange := [repr(name) for name in values if name not in kinds]:
        problems.append(f"no option {', '.join(strange)}; there are {', '.join(kinds)}")
    for name, value in values.items():
        if name not in kinds:
            continue
        if (right := _as(kinds[name], value)) is None:
            problems.append(f"{name} = {value!r} is of the wrong kind{_choices(kinds[name])}")
        else:
            known[name] = right
    if problems:
        raise UsageError("; ".join(problems))
    return known


def _as(kind: Any, value: Any) -> Any:
    """The value as an option of that kind, None where it is not one."""
    if kind is bool:
        return value if isinstance(value, bool) else None
    if kind is int:
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if kind is float:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        return _real(value) if right else None
    if kind is str or get_origin(kind) is Literal:
        return value if isinstance(value, str) else None
    if not isinstance(value, list | tuple):
        return None
    parts = [_as(get_args(kind)[0], part) for part in value]
    return None if None in parts else tuple(parts)


def _real(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number may have any length
        return math.inf


def _choices(kind: Any) -> str:
    return f"; choose one of {', '.join(get_args(kind))}" if get_origin(kind) is Literal else ""
