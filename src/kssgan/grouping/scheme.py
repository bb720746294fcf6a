"""Which labels there are, and their encoding for a generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.grouping.attributes import KNOWN, UNKNOWN, Attribute
from kssgan.types import FloatArray

__all__ = ["LabelScheme"]


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """Names and categories of labels, and their one-hot encoding.

    The encoding is the one-hot vectors of the attributes, one behind the other.

    Attributes:
        attributes: each name once.

    Raises:
        UsageError: an attribute comes twice.

    >>> scheme = LabelScheme((KNOWN["gender"], Attribute("glasses", ("no", "yes"), "photo")))
    >>> scheme.encode({"gender": "male"}).tolist()
    [0.0, 1.0, 0.0, 0.0]
    >>> scheme.decode(np.array([0.2, 0.8, 0.0, 0.0]))
    {'gender': 'male'}
    """

    attributes: tuple[Attribute, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, times in Counter(self.names).items() if times > 1]
        if twice:
            raise UsageError(f"attributes came twice: {', '.join(twice)}; list each once")

    @classmethod
    def of(cls, values: Sequence[Mapping[str, str]]) -> LabelScheme:
        """The known attributes and categories that occur in ``values``, in their usual order."""
        attributes = []
        for attribute in KNOWN.values():
            seen = {value[attribute.name] for value in values if attribute.name in value}
            kept = tuple(category for category in attribute.categories if category in seen)
            if kept:
                attributes.append(replace(attribute, categories=kept))
        return cls(tuple(attributes))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def width(self) -> int:
        """C, the length of the encoding."""
        return sum(len(attribute.categories) for attribute in self.attributes)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each attribute lies in the encoding."""
        found: dict[str, slice] = {}
        begin = 0
        for attribute in self.attributes:
            found[attribute.name] = slice(begin, begin + len(attribute.categories))
            begin += len(attribute.categories)
        return found

    def encode(self, values: Mapping[str, str]) -> FloatArray:
        """One-hot encoding of a photo's labels.

        Args:
            values: category by attribute; an attribute that is absent or "unknown" becomes zeros.

        Returns:
            (C,) float32, zeros and ones.

        Raises:
            UsageError: attributes or categories that the scheme does not have; all are told at once.
        """
        encoded = np.zeros(self.width, np.float32)
        problems = []
        if strange := sorted(set(values) - set(self.names)):
            problems.append(
                f"no attribute {', '.join(map(repr, strange))}; there are "
                f"{', '.join(self.names) or 'none'}"
            )
        slices = self.slices
        for attribute in self.attributes:
            value = values.get(attribute.name, UNKNOWN)
            if value in attribute.categories:
                encoded[slices[attribute.name].start + attribute.categories.index(value)] = 1.0
            elif value != UNKNOWN:
                problems.append(
                    f"{attribute.name} has no category {value!r}; there are "
                    f"{', '.join(attribute.categories)}"
                )
        if problems:
            raise UsageError("; ".join(problems))
        return encoded

    def decode(self, encoded: npt.ArrayLike) -> dict[str, str]:
        """Labels of an encoding, the inverse of :meth:`encode`.

        Args:
            encoded: (C,) one-hot or scores; the highest score of an attribute wins, the first of equals.

        Returns:
            Category by attribute, without attributes that have no positive score.

        Raises:
            UsageError: another shape, or a score that is not a number.
        """
        scores = np.asarray(encoded, np.float64)
        if scores.shape != (self.width,) or np.isnan(scores).any():
            raise UsageError(
                f"an encoding of shape {scores.shape} came; {self.width} numbers were wanted"
            )
        values = {}
        slices = self.slices
        for attribute in self.attributes:
            part = scores[slices[attribute.name]]
            if part.max() > 0:
                values[attribute.name] = attribute.categories[int(part.argmax())]
        return values
