"""The log for TensorBoard as well, where that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kssgan.errors import UsageError
from kssgan.types import U8Array

__all__ = ["Board"]


class Board:
    """Scalars and sheets as TensorBoard's event files in RUN/tensorboard.

    Sheets show real people: the folder is as secret as RUN.

    Args:
        run: RUN; None writes nothing.
        step: a resumed run's, from which on earlier lines no longer count.

    Raises:
        UsageError: tensorboardX is not installed.
    """

    def __init__(self, run: Path | None, *, step: int = 0) -> None:
        self._writer: Any = None
        if run is None:
            return
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise UsageError(
                "--tensorboard needs tensorboardX; pip install 'kssgan[tensorboard]', or leave it out"
            ) from None
        folder = run / "tensorboard"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._writer = SummaryWriter(str(folder), purge_step=step or None)

    def scalars(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """One line of the log."""
        if self._writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._writer.add_scalar(f"{kind}/{name}", value, step)

    def sheet(self, step: int, picture_u8: U8Array) -> None:
        """A sheet (H, W, 3) uint8."""
        if self._writer is not None:
            self._writer.add_image("sheet", picture_u8, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer is not None:
            self._writer.close()
