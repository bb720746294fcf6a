"""Two tables of CelebA that :mod:`kssgan.grouping.celeba` does not read: official split and five points.

``list_eval_partition.txt``: a file name and 0 (training), 1 (validation) or 2 (test) a line.
``list_landmarks_align_celeba.txt``: the number of photos, ten column names, then a file name and x y of left
eye, right eye, nose, left and right mouth corner a line, in pixels of the aligned 178 x 218 photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kssgan.errors import BadTable
from kssgan.types import FloatArray

__all__ = ["Tables", "find_tables", "read_landmarks", "read_partition"]


@dataclass(frozen=True)
class Tables:
    """Where the tables lie.

    Attributes:
        attributes: ``list_attr_celeba.txt``.
        identities: ``identity_CelebA.txt``.
        landmarks: ``list_landmarks_align_celeba.txt``, None where absent.
        partition: ``list_eval_partition.txt``, None where absent.
    """

    attributes: Path
    identities: Path
    landmarks: Path | None
    partition: Path | None


def find_tables(root: Path) -> Tables:
    """Look for the tables in the folder, its ``Anno`` and ``Eval``, and beside the folder.

    Raises:
        BadTable: attributes or identities are missing.
    """
    homes = [root, root / "Anno", root / "Eval"]
    homes += [root.parent, root.parent / "Anno", root.parent / "Eval"]

    def find(name: str) -> Path | None:
        return next((home / name for home in homes if (home / name).is_file()), None)

    names = ("list_attr_celeba.txt", "identity_CelebA.txt")
    attributes, identities = (find(name) for name in names)
    if attributes is None or identities is None:
        missing = [n for n, p in zip(names, (attributes, identities), strict=True) if p is None]
        raise BadTable(
            f"{' and '.join(missing)} not found in DATA, its Anno/ and Eval/, or beside it; copy CelebA's "
            f"tables there, or use --format folder"
        )
    return Tables(
        attributes,
        identities,
        find("list_landmarks_align_celeba.txt"),
        find("list_eval_partition.txt"),
    )


def read_partition(path: Path) -> dict[str, int]:
    """Part of each file name.

    Raises:
        BadTable: a line that is not a name and 0, 1 or 2.
    """
    found: dict[str, int] = {}
    for line, cells in _lines(path):
        if len(cells) != 2 or cells[1] not in ("0", "1", "2"):
            raise BadTable(
                f"list_eval_partition.txt, line {line}: not a file name and 0, 1 or 2"
            )
        found[cells[0]] = int(cells[1])
    return found


def read_landmarks(path: Path) -> dict[str, FloatArray]:
    """(5, 2) points of each file name, pixels of the aligned photo.

    Raises:
        BadTable: a line that is not a name and ten numbers.
    """
    found: dict[str, FloatArray] = {}
    for line, cells in _lines(path):
        if line <= 2 and (len(cells) == 1 or not cells[1].lstrip("-").isdigit()):
            continue  # the number of photos, and the names of the columns
        try:
            values = [float(cell) for cell in cells[1:]]
        except ValueError:
            values = []
        if len(values) != 10:
            raise BadTable(
                f"list_landmarks_align_celeba.txt, line {line}: not a file name and ten numbers"
            )
        found[cells[0]] = np.array(values, np.float32).reshape(5, 2)
    return found


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTable(f"{path.name} cannot be read ({type(error).__name__})") from None
    lines = ((n, line.split()) for n, line in enumerate(text.splitlines(), start=1))
    return [(n, cells) for n, cells in lines if cells]
