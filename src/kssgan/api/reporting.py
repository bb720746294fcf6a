"""Pages and figures of what other verbs have written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kssgan.api.extras import need
from kssgan.errors import OutputExists, StorageError, UsageError

if TYPE_CHECKING:
    from kssgan.types import PathLike

__all__ = ["report"]


def report(*folders: PathLike, out: PathLike) -> Path:
    """Draw what studies or evaluations found, again and again, from what they have written.

    Studies give Figures 4 and 5 of the paper; those of equal space, budget and data are shown together, seeds
    of one solver as a band. Evaluations give their tables, Figure 7 and frontiers; those of the same photos
    are put together in one table, others follow each other on the page. No photo is needed.

    Args:
        folders: all of :func:`tune`, or all of :func:`evaluate`.
        out: folder to write; must not exist.

    Returns:
        The page.

    Raises:
        UsageError: a folder is neither, both kinds came, or evaluations that contradict each other.
        OutputExists: ``out`` is already there.
        StorageError: the disk is full or refuses.
    """
    folder, given = Path(out), [Path(path) for path in folders]
    if folder.exists():
        raise OutputExists("DIR is already there and is never overwritten; choose another")
    if not given:
        raise UsageError("no folder came; give folders of kssgan tune, or of kssgan evaluate")
    evaluated = [(path / "evaluation.json").is_file() for path in given]
    if any(evaluated) and not all(evaluated):
        raise UsageError(
            f"{sum(evaluated)} of {len(given)} folders are evaluations and the others are not; their figures "
            "have nothing in common, so report studies and evaluations one after the other"
        )
    files = _results_report(given) if all(evaluated) else _tuning_report(given)
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        raise StorageError(f"DIR cannot be written ({type(error).__name__})") from None
    return folder / ("index.html" if all(evaluated) else "report.html")


def _tuning_report(studies: Sequence[Path]) -> dict[str, bytes]:
    from kssgan.reporting.tuning import tuning_page

    need("optuna")
    from kssgan.tuning.saved import read_study

    return tuning_page([read_study(study) for study in studies])


def _results_report(folders: Sequence[Path]) -> dict[str, bytes]:
    from kssgan.evaluation.saved import put_together, read_results
    from kssgan.evaluation.table import csv_text
    from kssgan.reporting.results import results_files

    results = put_together([read_results(folder) for folder in folders])
    files = {
        f"results{f'-{place}' if place > 1 else ''}.csv": csv_text(own.rows)
        for place, own in enumerate(results, 1)
    }
    return {
        name: content
        if isinstance(content, bytes)
        else content.encode("utf-8", "backslashreplace")
        for name, content in (*files.items(), *results_files(*results))
    }
