"""The tables of CelebA in the layout in which they are distributed.

``list_attr_celeba.txt``: a line with the number of photos, a line with 40 attribute names, then a file name
and 40 values 1 or -1 a line. ``identity_CelebA.txt``: a file name and the number of a person a line. The
photos and tables may not be redistributed; only their layout is known here.

Reference: Liu et al. 2015, Deep Learning Face Attributes in the Wild, doi 10.1109/ICCV.2015.425.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from kssgan.grouping._csv import lines_in_words, raise_problems

__all__ = [
    "CelebaAttributes",
    "is_attribute_table",
    "is_identity_table",
    "read_attributes",
    "read_identities",
]

_MEANING = {
    "Smiling": ("expression", {"1": "happy", "-1": "neutral"}),
    "Male": ("gender", {"1": "male", "-1": "female"}),
    "Young": ("age", {"1": "young", "-1": "middle"}),
}
_IDENTITY = re.compile(r"[^\s,;]+\.(?:jpe?g|png)\s+\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CelebaAttributes:
    """What ``list_attr_celeba.txt`` says, in our words.

    Attributes:
        files: file names as the table has them.
        labels: expression, gender and age band of each.
        lines: the line of each, from 1.
        ignored_columns: the attributes that are never released.
    """

    files: list[str]
    labels: list[dict[str, str]]
    lines: list[int]
    ignored_columns: tuple[str, ...]


def _head(text: str) -> list[str]:
    return text.lstrip()[:20_000].split("\n", 2)


def is_attribute_table(text: str) -> bool:
    """Whether this is ``list_attr_celeba.txt``: a count, then names without commas."""
    head = _head(text)
    return (
        len(head) > 1
        and re.fullmatch(r"\d+", head[0].strip()) is not None
        and not set(_MEANING).isdisjoint(head[1].split())
    )


def is_identity_table(text: str) -> bool:
    """Whether this is ``identity_CelebA.txt``: a file name, blanks, a number."""
    return _IDENTITY.fullmatch(_head(text)[0].strip()) is not None


def read_attributes(text: str) -> CelebaAttributes:
    """Read ``list_attr_celeba.txt``.

    Smiling becomes expression happy, not smiling neutral; Male becomes gender. Young becomes age young, not
    Young becomes middle, which stands for 35 and over here: the table tells no more.

    Raises:
        BadTable: lines with other than one value per attribute, or values other than 1 and -1.
    """
    names: list[str] | None = None
    counted = False
    files: list[str] = []
    labels: list[dict[str, str]] = []
    lines: list[int] = []
    wrong_length: list[int] = []
    wrong_value: list[int] = []
    for line, content in enumerate(text.splitlines(), start=1):
        cells = content.split()
        if not cells:
            continue
        if not counted:
            counted = True
            continue
        if names is None:
            names = cells
            continue
        if len(cells) != len(names) + 1:
            wrong_length.append(line)
            continue
        row = dict(zip(names, cells[1:], strict=True))
        if not set(row.values()) <= {"1", "-1"}:
            wrong_value.append(line)
            continue
        files.append(cells[0])
        labels.append(
            {
                name: words[row[column]]
                for column, (name, words) in _MEANING.items()
                if column in row
            }
        )
        lines.append(line)
    problems = []
    if wrong_length:
        problems.append(
            f"{lines_in_words(wrong_length)}: not a file name and one value per attribute"
        )
    if wrong_value:
        problems.append(f"{lines_in_words(wrong_value)}: values other than 1 and -1")
    raise_problems("labels", problems)
    ignored = tuple(name for name in names or () if name not in _MEANING)
    return CelebaAttributes(files, labels, lines, ignored)


def read_identities(text: str) -> tuple[list[str], list[str], list[int]]:
    """Read ``identity_CelebA.txt``.

    Returns:
        File names, numbers of people (as text) and line numbers.

    Raises:
        BadTable: lines that are not a file name and a number.
    """
    files: list[str] = []
    people: list[str] = []
    lines: list[int] = []
    wrong: list[int] = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        if _IDENTITY.fullmatch(content.strip()) is None:
            wrong.append(line)
            continue
        name, person = content.split()
        files.append(PurePosixPath(name).name)
        people.append(person)
        lines.append(line)
    if wrong:
        raise_problems("subjects", [f"{lines_in_words(wrong)}: not a file name and a number"])
    return files, people, lines
