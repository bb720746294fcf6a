"""While packages are loaded nobody looks for garbage, and afterwards everybody does again."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kssgan.cli import main
from kssgan.cli._loading import loading


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    searched = gc.isenabled()
    yield
    gc.unfreeze()
    if searched:
        gc.enable()
    else:
        gc.disable()


def test_the_search_rests_and_what_was_made_is_left_out_of_later_ones() -> None:
    gc.enable()
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)


def test_it_goes_on_after_an_error() -> None:
    gc.enable()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    with loading():
        pass
    assert not gc.isenabled()


def test_a_verb_searches_while_it_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory must not grow with the number of photos."""
    found = []

    def deidentify(*args: object, **options: object) -> None:
        found.append(gc.isenabled())
        raise KeyboardInterrupt

    monkeypatch.setattr("kssgan.api.deidentify", deidentify, raising=False)
    assert main(["deidentify", "photos", "--out", "release"]) == 130
    assert found == [True]
