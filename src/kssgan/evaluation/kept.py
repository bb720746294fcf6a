"""Pictures that several cells need, drawn once and kept in the private folder while a run lasts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.evaluation.drawing import Drawn
from kssgan.evaluation.judging import Looked
from kssgan.files import in_one_step

__all__ = ["Kept"]

Pictures = tuple[Drawn, Looked]


class Kept:
    """Pictures and what was seen of them, by name.

    Two processes that need the same at the same time both draw it: they get the same, and neither waits.

    Args:
        folder: private.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, draw: Callable[[], Pictures]) -> Pictures:
        """What is kept under a name, drawn now where nothing is.

        Args:
            name: a file name without its ending, that says all that the pictures depend on.
            draw: makes them; called at most once.
        """
        path = self._folder / f"kept-{name}.npz"
        if not path.exists():
            made = draw()
            _write(path, *made)
            return made
        with np.load(path) as file:
            ends = np.cumsum(file["sizes"])[:-1]
            members = np.split(file["members"], ends)
            told = json.loads(str(file["told"]))
            drawn = Drawn(
                file["pictures"], members, told["least"], told["labels"], file["shapes"]
            )
            seen = Looked(
                file["detected"],
                file["embeddings"],
                told["attributes"],
                file["landmarks"],
                {name: file[f"view-{name}"] for name in told["views"]},
            )
        return drawn, seen


def _write(path: Path, drawn: Drawn, seen: Looked) -> None:
    told = {
        "least": drawn.least,
        "labels": [dict(label) for label in drawn.labels],
        "attributes": [dict(read) for read in seen.attributes],
        "views": list(seen.views),
    }
    views: dict[str, Any] = {f"view-{name}": vectors for name, vectors in seen.views.items()}
    # An open file: savez would give a path another ending.
    with in_one_step(path, rivals=True) as part, part.open("wb") as file:
        np.savez(
            file,
            **views,
            pictures=drawn.pictures,
            members=np.concatenate(list(drawn.members)),
            sizes=np.array([len(people) for people in drawn.members]),
            shapes=drawn.shapes,
            detected=seen.detected,
            embeddings=seen.embeddings,
            landmarks=seen.landmarks,
            told=np.array(json.dumps(told)),
        )
