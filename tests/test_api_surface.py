"""The public names are an inventory: adding or losing one is a decision, not an accident."""

from __future__ import annotations

import kssgan
import kssgan.errors
import kssgan.types


def test_top_level_names() -> None:
    assert kssgan.__all__ == [
        "AuditReport",
        "Release",
        "__version__",
        "audit",
        "deidentify",
        "evaluate",
        "prepare",
        "reidentify",
        "report",
        "train",
        "tune",
    ]
    for name in kssgan.__all__:
        assert getattr(kssgan, name) is not None


def test_verbs_are_functions_even_after_their_rooms_are_imported() -> None:
    import kssgan.auditing
    import kssgan.deidentification
    import kssgan.preparation
    import kssgan.reporting
    import kssgan.training
    import kssgan.tuning

    assert callable(kssgan.deidentify)
    assert callable(kssgan.audit)
    assert callable(kssgan.evaluate)
    assert callable(kssgan.prepare)
    assert callable(kssgan.reidentify)
    assert callable(kssgan.report)
    assert callable(kssgan.train)
    assert callable(kssgan.tune)


def test_every_error_has_an_exit_status_and_a_builtin_base() -> None:
    for name in kssgan.errors.__all__:
        thing = getattr(kssgan.errors, name)
        if name == "Reason":
            continue
        assert issubclass(thing, kssgan.errors.KssganError)
        assert thing.exit_status in {1, 2, 4}
        if name not in {"KssganError", "PromiseError"}:
            builtins = {c for c in thing.__mro__ if c.__module__ == "builtins"}
            assert builtins - {object, BaseException, Exception}, name
