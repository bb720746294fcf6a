"""The attributes that a release may carry, their categories, and the words people use for them.

=========== ======= ===================================================================
name        scope   categories
=========== ======= ===================================================================
expression  photo   neutral, happy, sad, angry, fearful, disgusted, surprised, contemptuous
gender      subject female, male
age         subject child (under 18), young (18-34), middle (35-59), senior (60 and over)
=========== ======= ===================================================================

Nothing else is ever released: a diagnosis or an ethnicity in the user's table stays on the private side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from kssgan.errors import UsageError

__all__ = ["ALIASES", "KNOWN", "UNKNOWN", "Attribute", "age_band", "is_missing", "understand"]

UNKNOWN = "unknown"
"""Category of a group in which nobody's label is known."""

ALIASES: Mapping[str, str] = MappingProxyType({"emotion": "expression", "sex": "gender"})
"""Other column names that are read where the usual one is absent."""

_OLDEST = 130.0
_YEARS = re.compile(r"\d{1,4}(?:[.,]\d+)?")
_BLANKS = re.compile(r"[\s_\-\u2013]+")
_MISSING = frozenset(
    {"", "unknown", "n/a", "na", "nan", "none", "null", "?", "-", "--", ".", "missing"}
)
_SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "expression": {
        "neutral": "neutrality no-expression expressionless",
        "happy": "happiness smile smiling joy joyful",
        "sad": "sadness unhappy sorrow",
        "angry": "anger mad",
        "fearful": "fear afraid scared frightened",
        "disgusted": "disgust",
        "surprised": "surprise astonished",
        "contemptuous": "contempt",
    },
    "gender": {"female": "f woman women girl", "male": "m man men boy"},
    "age": {
        "child": "kid children minor <18 0-17 under-18",
        "young": "18-34 young-adult",
        "middle": "35-59 middle-aged middle-age",
        "senior": "60+ elderly old >=60 over-60",
    },
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that is said about a photo or a person.

    Attributes:
        name: lower case, as the column of the manifest is headed.
        categories: what it can be, in the order of the one-hot encoding.
        scope: "photo" changes from photo to photo, "subject" stays with the person.

    Raises:
        UsageError: no categories, one of them twice or empty, or an unknown scope.
    """

    name: str
    categories: tuple[str, ...]
    scope: Literal["photo", "subject"]

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("an attribute came without a name; give it one, like 'expression'")
        if not self.categories or not all(self.categories):
            raise UsageError(
                f"attribute {self.name!r} came without categories, or with an empty one; "
                f"list what it can be"
            )
        if len(set(self.categories)) != len(self.categories):
            raise UsageError(
                f"attribute {self.name!r} came with a category twice; list each once"
            )
        if self.scope not in ("photo", "subject"):
            raise UsageError(
                f"attribute {self.name!r} came with scope {self.scope!r}; use 'photo' or 'subject'"
            )


KNOWN: Mapping[str, Attribute] = MappingProxyType(
    {
        attribute.name: attribute
        for attribute in (
            Attribute("expression", tuple(_SYNONYMS["expression"]), "photo"),
            Attribute("gender", tuple(_SYNONYMS["gender"]), "subject"),
            Attribute("age", tuple(_SYNONYMS["age"]), "subject"),
        )
    }
)
"""Every attribute that can be released, in the order of the manifest's columns."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    name: {
        word: category
        for category, words in by_category.items()
        for word in (category, *words.split())
    }
    for name, by_category in _SYNONYMS.items()
}


def age_band(years: float) -> str | None:
    """The band that an age in years falls into; None for what is no age.

    >>> [age_band(years) for years in (0, 17.9, 18, 34, 35, 59, 60, 1980, -1)]
    ['child', 'child', 'young', 'young', 'middle', 'middle', 'senior', None, None]
    """
    if not 0 <= years <= _OLDEST:  # also false for not-a-number
        return None
    for band, limit in (("child", 18), ("young", 35), ("middle", 60)):
        if years < limit:
            return band
    return "senior"


def is_missing(value: str) -> bool:
    """Whether a cell says that nothing is known (empty, "unknown", "n/a", ...)."""
    return value.strip().lower() in _MISSING


def understand(name: str, value: str) -> str | None:
    """The category that a user's word means, None where it is missing or not understood.

    Args:
        name: one of :data:`KNOWN`.
        value: a word in any case, or for age a number of years.

    >>> understand("expression", "Smiling"), understand("gender", "W?"), understand("age", "34")
    ('happy', None, 'young')
    """
    word = "-".join(_BLANKS.sub(" ", value.lower()).split())
    category = _WORDS[name].get(word)
    if category is None and name == "age" and _YEARS.fullmatch(value.strip()):
        return age_band(float(value.replace(",", ".")))
    return category
