"""What may be tuned: each parameter with its unit, range and scale, declared once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from kssgan.errors import UsageError

__all__ = ["Choice", "Range", "Scale", "Space", "Value", "Values"]

Scale = Literal["linear", "log", "complement"]
Value = float | int | str
Values = dict[str, Value]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both allowed.

    Attributes:
        low: the smallest.
        high: the largest, above ``low``.
        scale: "linear"; "log", where factors matter; "complement", where factors of 1 - x matter, as for a
            decay that is nearly 1.
        whole: whole numbers only.
        unit: what it is counted in, for people.
    """

    low: float
    high: float
    scale: Scale = "linear"
    whole: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        problems = []
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            problems.append(f"{self.low} to {self.high} is no range")
        if self.scale not in get_args(Scale):
            problems.append(f"scale {self.scale!r}; choose one of {', '.join(get_args(Scale))}")
        if self.scale == "log" and not self.low > 0:
            problems.append(f"scale log wants numbers above 0, not {self.low}")
        if self.scale == "complement" and (self.whole or not self.high < 1):
            problems.append(f"scale complement wants numbers below 1, not {self.high}")
        if self.whole and not (float(self.low).is_integer() and float(self.high).is_integer()):
            problems.append(f"{self.low} to {self.high} came, whole numbers were wanted")
        if problems:
            raise UsageError("; ".join(problems))

    def allowed(self) -> str:
        """The range in words."""
        kind = "whole number" if self.whole else "number"
        unit = f" ({self.unit})" if self.unit else ""
        return f"a {kind} from {self.low:g} to {self.high:g}{unit}"

    def holds(self, value: Any) -> bool:
        """Whether a value is allowed."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (not self.whole or float(value).is_integer())

    def at(self, place: float) -> Value:
        """The value at a place in [0, 1]."""
        low, high = self._ends()
        x = self._back(low + min(max(place, 0.0), 1.0) * (high - low))
        if self.whole:
            return int(min(max(round(x), self.low), self.high))
        return float(min(max(x, self.low), self.high))

    def place(self, value: Value) -> float:
        """Inverse of :meth:`at`."""
        low, high = self._ends()
        return (self._scaled(float(value)) - low) / (high - low)

    def _ends(self) -> tuple[float, float]:
        # Every whole number has an equal share, those at the ends as well.
        half = 0.499 if self.whole else 0.0
        return self._scaled(self.low - half), self._scaled(self.high + half)

    def _scaled(self, x: float) -> float:
        if self.scale == "log":
            return math.log(x)
        return -math.log(1 - x) if self.scale == "complement" else x

    def _back(self, x: float) -> float:
        if self.scale == "log":
            return math.exp(x)
        return 1 - math.exp(-x) if self.scale == "complement" else x


@dataclass(frozen=True)
class Choice:
    """One of some words, without an order.

    Attributes:
        options: the words, 2 or more.
        unit: what they name, for people.
    """

    options: tuple[str, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        words = all(isinstance(option, str) for option in self.options)
        if (
            not words
            or len(set(self.options)) < 2
            or len(set(self.options)) < len(self.options)
        ):
            raise UsageError(
                f"options {self.options!r} came, 2 or more different words were wanted"
            )

    def allowed(self) -> str:
        """The options in words."""
        return f"one of {', '.join(self.options)}"

    def holds(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return value in self.options

    def at(self, place: float) -> Value:
        """The option at a place in [0, 1]."""
        last = len(self.options) - 1
        return self.options[min(max(int(place * len(self.options)), 0), last)]

    def place(self, value: Value) -> float:
        """Inverse of :meth:`at`: the middle of the option's share."""
        return (self.options.index(str(value)) + 0.5) / len(self.options)


@dataclass(frozen=True)
class Space:
    """Parameters by name.

    >>> space = Space({"margin": Range(0, 0.9), "kind": Choice(("a", "b"))})
    >>> space.at([0.5, 0.9])
    {'margin': 0.45, 'kind': 'b'}
    """

    parameters: Mapping[str, Range | Choice]

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values that are not of this space.

        Raises:
            UsageError: names every value that is not allowed, with what is.
        """
        problems = [
            f"{name} is {values.get(name)!r}, {known.allowed()} was wanted"
            for name, known in self.parameters.items()
            if not known.holds(values.get(name))
        ]
        problems += [f"no parameter {name!r}" for name in values if name not in self.parameters]
        if problems:
            raise UsageError("; ".join(problems))

    def at(self, places: Sequence[float]) -> Values:
        """Values at places in the unit cube, in the order of the parameters."""
        return {
            name: known.at(place)
            for (name, known), place in zip(self.parameters.items(), places, strict=True)
        }

    def places(self, values: Mapping[str, Value]) -> list[float]:
        """Inverse of :meth:`at`."""
        return [known.place(values[name]) for name, known in self.parameters.items()]

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Plain values, to compare and to store."""
        return {
            name: {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(known).items()}
            for name, known in self.parameters.items()
        }
