"""Load what a verb needs, in less time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loading"]


@contextmanager
def loading() -> Iterator[None]:
    """Import heavy packages inside this: the search for garbage rests, and later passes over what they made.

    Torch makes some hundred thousand objects and drops none. To look through them again and again while it
    is loaded, and once more at the end of the run, takes a quarter of the time that loading takes. Not for
    the Python functions: the garbage of whoever calls them would stay for ever.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searched:
            gc.enable()
