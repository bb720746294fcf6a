"""Progress bars on stderr when it is a terminal, silence in pipes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bars"]


@contextmanager
def bars(stage: str, *, total: int | None = None) -> Iterator[Callable[[int], object]]:
    """A :class:`kssgan.types.Progress`: one bar per stage."""
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=f"{stage:>12}",
        file=sys.stderr,
        # A program may be started without one.
        disable=sys.stderr is None or not sys.stderr.isatty(),
        leave=False,
        dynamic_ncols=True,
    ) as bar:
        yield bar.update
