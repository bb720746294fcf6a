"""Another search space than the declared one, from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kssgan.errors import UsageError
from kssgan.files import read_toml
from kssgan.tuning.space import Choice, Range, Space

__all__ = ["changed_space", "read_space"]

_KINDS: Mapping[str, tuple[type, ...]] = {
    "low": (int, float),
    "high": (int, float),
    "scale": (str,),
    "options": (list,),
}


def read_space(path: Path, declared: Space) -> Space:
    """The declared space with a file's changes.

    A table for each parameter that shall differ: ``low``, ``high``, ``scale`` of numbers, ``options`` of
    words. ``NAME = false`` leaves a parameter at its default.

    Raises:
        UsageError: the file is no TOML, or asks for what cannot be; every problem is told at once.
    """
    return changed_space(declared, read_toml(path, "the search space"))


def changed_space(declared: Space, tables: Mapping[str, Any]) -> Space:
    """The declared space with changes; see :func:`read_space`.

    >>> changed_space(Space({"n": Range(1, 5, whole=True)}), {"n": {"high": 3}}).parameters["n"].high
    3
    """
    found, problems = dict(declared.parameters), []
    for name, table in tables.items():
        if name not in found:
            problems.append(
                f"no parameter {name!r}; there are {', '.join(declared.parameters)}"
            )
        elif table is False:
            del found[name]
        else:
            try:
                found[name] = _changed(found[name], table)
            except UsageError as error:
                problems.append(f"{name}: {error}")
    if not found and not problems:
        problems.append("nothing is left to tune")
    if problems:
        raise UsageError("; ".join(problems))
    return Space(found)


def _changed(known: Range | Choice, table: Any) -> Range | Choice:
    names = ("options",) if isinstance(known, Choice) else ("low", "high", "scale")
    if not isinstance(table, Mapping):
        raise UsageError(f"{table!r} came, a table of {', '.join(names)} or false was wanted")
    for name, value in table.items():
        if name not in names:
            raise UsageError(f"no {name!r} here; there are {', '.join(names)}")
        if not isinstance(value, _KINDS[name]) or isinstance(value, bool):
            raise UsageError(f"{name} = {value!r} is of the wrong kind")
    if isinstance(known, Choice):
        return replace(known, options=tuple(table.get("options", known.options)))
    return replace(known, **table)
