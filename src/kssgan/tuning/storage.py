"""Where a study is kept: a journal in its folder, or a database server that many machines reach."""

from __future__ import annotations

import os
import platform
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)

from kssgan.errors import StorageError, UsageError
from kssgan.tuning.journal import Journal

__all__ = ["close_storage", "me", "open_storage", "release_dead", "without_password"]

_BEAT = 20
_GRACE = 120
_TRIES = 5


def open_storage(folder: Path, url: str | None) -> BaseStorage:
    """Open what is there, make what is not.

    With a server, a worker gives a sign of life every 20 s; one that gave none for two minutes is taken for
    dead, and its trial for not finished.

    Args:
        folder: STUDY; it has the journal.
        url: of a database server; None takes the journal.

    Raises:
        UsageError: the URL is none, or its driver is not installed.
        StorageError: there is no such server, or it refuses; the journal cannot be written.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if url is None:
            try:
                return JournalStorage(Journal(folder / "study.journal"))
            except OSError as error:
                raise StorageError(
                    f"STUDY cannot be written ({type(error).__name__})"
                ) from None
        try:
            return _server(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise UsageError(
                f"the storage cannot be used ({type(error).__name__}); give a URL such as "
                "postgresql+pg8000://USER@HOST/DATABASE, and install kssgan[tune]"
            ) from None
        except (SQLAlchemyError, OSError) as error:
            raise StorageError(
                f"the storage {without_password(url)} cannot be opened ({type(error).__name__}); is its "
                "server running, and the database made?"
            ) from None


def _server(url: str) -> RDBStorage:
    for tries in range(_TRIES):
        try:
            return RDBStorage(
                url,
                engine_kwargs={"pool_pre_ping": True},
                heartbeat_interval=_BEAT,
                grace_period=_GRACE,
            )
        except (IntegrityError, ProgrammingError):
            # Two workers made the tables of a new database at the same moment.
            if tries == _TRIES - 1:
                raise
            time.sleep(0.2)
    raise AssertionError("the last try raises")


def close_storage(storage: BaseStorage) -> None:
    """Leave a database server; a journal is not held open."""
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def without_password(url: str) -> str:
    """A URL that may be shown.

    >>> without_password("postgresql+pg8000://me:secret@host/studies")
    'postgresql+pg8000://me:***@host/studies'
    """
    return make_url(url).render_as_string(hide_password=True)


def me() -> dict[str, Any]:
    """Who runs a trial."""
    return {"host": platform.node(), "pid": os.getpid()}


def release_dead(study: optuna.Study) -> None:
    """Mark trials of this machine's dead workers as failed, without waiting for the heartbeat's grace.

    A trial gets its worker's name a moment after it begins; one without a name for two minutes has lost it.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        worker = trial.user_attrs.get("worker")
        if worker is None:
            begun = trial.datetime_start
            dead = begun is not None and (datetime.now() - begun).total_seconds() > _GRACE
        else:
            dead = worker["host"] == platform.node() and not _alive(int(worker["pid"]))
        if dead:
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
