"""When a run shall end before its last step: time is up, or a signal came."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from types import FrameType

__all__ = ["Stop", "signals"]


class Stop:
    """Whether the loop shall end after the step at hand.

    Args:
        begin: when the run began, as :func:`time.perf_counter` tells it.
        minutes: how long it may take; None for as long as it takes.

    Attributes:
        signalled: whether a signal came.
    """

    def __init__(self, begin: float, minutes: float | None) -> None:
        self.signalled = False
        self._until = None if minutes is None else begin + 60 * minutes

    @property
    def asked(self) -> bool:
        """Whether it shall end."""
        return self.signalled or (self._until is not None and perf_counter() >= self._until)


@contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """SIGTERM and SIGINT end the run between two steps; a second one ends it at once."""

    def note(signum: int, frame: FrameType | None) -> None:
        if stop.signalled:
            raise KeyboardInterrupt
        stop.signalled = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, note) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
