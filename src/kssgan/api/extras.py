"""Packages that a verb needs and that not every installation has."""

from __future__ import annotations

from kssgan.errors import UsageError

__all__ = ["need"]


def need(module: str) -> None:
    """Refuse to go on without a package of kssgan[tune].

    Raises:
        UsageError: it is not installed.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(f"the package {module} is not installed; install kssgan[tune]")
