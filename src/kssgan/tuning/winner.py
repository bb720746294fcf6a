"""The winner as a configuration file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kssgan.errors import StorageError
from kssgan.files import write_whole

__all__ = ["winner_toml", "write_winner"]


def winner_toml(
    kept: Mapping[str, Any], changed: Mapping[str, Any], *, scores: tuple[float, float] | None
) -> str:
    """TOML with what the study held fixed, then what the winning trial changed.

    Args:
        kept: options that are not of the trial.
        changed: options whose value in the winning trial is another than the default's.
        scores: of the default and of the winner; None where one of them is missing.

    >>> print(winner_toml({"k": 5}, {"rate": 0.001}, scores=(2.0, 1.5)))
    k = 5
    # A trial with these scored 1.5, the default 2:
    rate = 0.001
    <BLANKLINE>
    """
    lines = [f"{name} = {json.dumps(value)}" for name, value in kept.items()]
    if not changed:
        lines.append("# No trial scored better than the default.")
    elif scores is None:
        lines.append("# The best trial; the default has no score:")
    else:
        default, best = (f"{score:.4g}" for score in scores)
        lines.append(f"# A trial with these scored {best}, the default {default}:")
    lines += [f"{name} = {json.dumps(value)}" for name, value in changed.items()]
    return "\n".join(lines) + "\n"


def write_winner(path: Path, text: str) -> None:
    """Write the file in one step; an earlier one is replaced.

    Raises:
        StorageError: the disk is full or refuses.
    """
    try:
        write_whole(path, text, rivals=True)
    except OSError as error:
        raise StorageError(f"STUDY cannot be written ({type(error).__name__})") from None
