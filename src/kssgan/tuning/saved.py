"""A study as plain data, for reports: nothing of it is run or changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna

from kssgan.errors import UsageError
from kssgan.tuning.importance import importances
from kssgan.tuning.storage import open_storage
from kssgan.tuning.study import outcomes

__all__ = ["read_study"]


def read_study(folder: Path) -> dict[str, Any]:
    """Settings, trials and importances of a study.

    A study in its folder is read as it is now, also while workers run or after they were killed. Of one on a
    database server ``study.json`` says what the last worker on this machine left.

    Raises:
        UsageError: the folder is no study.
    """
    try:
        content: dict[str, Any] = json.loads((folder / "study.json").read_text("utf-8"))
        names = list(content["space"])
        content["trials"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"a folder came that is no study ({type(error).__name__}); give what kssgan tune --out wrote"
        ) from None
    if (folder / "study.journal").exists():
        study = optuna.load_study(
            study_name=content["study"], storage=open_storage(folder, None)
        )
        content["trials"] = [asdict(outcome) for outcome in outcomes(study)]
        content["importance"] = importances(study, names)
    return content
