"""The labels of all photos, and what became of the table that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kssgan.errors import UsageError
from kssgan.grouping.attributes import KNOWN, Attribute, understand
from kssgan.grouping.scheme import LabelScheme

__all__ = ["LabelTable", "counted", "replace_labels"]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The labels of all photos, and what became of the table's rows. For the private side.

    Attributes:
        scheme: attributes and categories that occur.
        values: per photo, category by attribute; attributes that are not known are absent.
        matched: rows that mean a photo of PHOTOS (with a subject column: a subject that has photos).
        outside: rows that were ignored because they do not.
        unmatched: photos without a row.
        unknown: cells that were neither empty nor understood, by attribute.
        ignored_columns: columns of the table that are never released.
        source: "csv", "celeba", "rafd" or "none".
    """

    scheme: LabelScheme
    values: list[dict[str, str]]
    matched: int = 0
    outside: int = 0
    unmatched: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    ignored_columns: tuple[str, ...] = ()
    source: str = "none"

    def words(self) -> str:
        """One line for the user, without any cell of the table.

        >>> LabelTable(LabelScheme(), [{}, {}], matched=1, outside=3, unmatched=1).words()
        'labels: nothing known; 1 photo without labels, 3 rows outside PHOTOS ignored'
        """
        known = ", ".join(
            f"{name} of {sum(name in value for value in self.values):,}"
            for name in self.scheme.names
        )
        notes = []
        if self.unmatched:
            notes.append(f"{counted(self.unmatched, 'photo')} without labels")
        if self.outside:
            notes.append(f"{counted(self.outside, 'row')} outside PHOTOS ignored")
        for name, number in self.unknown.items():
            notes.append(f"{counted(number, 'value')} of {name} not understood")
        if self.ignored_columns:
            notes.append(f"{counted(len(self.ignored_columns), 'other column')} never released")
        tail = f"; {', '.join(notes)}" if notes else ""
        photos = counted(len(self.values), "photo")
        return f"labels: {f'{known} of {photos}' if known else 'nothing known'}{tail}"


def counted(number: int, what: str) -> str:
    """A number of things in words.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def replace_labels(
    table: LabelTable, changes: Mapping[str, str], drawable: Mapping[str, Sequence[str]]
) -> LabelTable:
    """Give every photo of a release the same label (``--set expression=neutral``).

    Args:
        table: what the photos showed.
        changes: category by attribute; words that :func:`read_labels` understands are understood here.
        drawable: attributes and categories that the surrogate method draws
            (:attr:`~kssgan.types.SurrogateMethod.draws`).

    Returns:
        A new table; the old one is left as it is.

    Raises:
        UsageError: attributes or categories that the method does not draw: the label would not be true of
            the picture. All are told at once.
    """
    problems = []
    wanted: dict[str, str] = {}
    draws = ", ".join(drawable) if drawable else "no attribute at all"
    for name, value in changes.items():
        if name not in drawable:
            problems.append(f"{name!r} cannot be set: this surrogate method draws {draws}")
            continue
        categories = drawable[name]
        category = (
            value if value in categories or name not in KNOWN else understand(name, value)
        )
        if category is None or category not in categories:
            problems.append(
                f"{name!r} cannot be set to {value!r}: this surrogate method draws "
                f"{', '.join(categories)}"
            )
            continue
        wanted[name] = category
    if problems:
        raise UsageError("; ".join(problems))
    if not wanted:
        return table
    values = [{**value, **wanted} for value in table.values]
    kept = {attribute.name: attribute for attribute in table.scheme.attributes}
    for name, category in wanted.items():
        scope = KNOWN[name].scope if name in KNOWN else "photo"
        kept[name] = Attribute(name, (category,), scope)
    order = [name for name in KNOWN if name in kept] + [
        name for name in kept if name not in KNOWN
    ]
    ordered = [{name: value[name] for name in order if name in value} for value in values]
    return replace(
        table, scheme=LabelScheme(tuple(kept[name] for name in order)), values=ordered
    )
