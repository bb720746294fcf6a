"""Rule 6 is not built: the program, its help and its documents must say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kssgan
from kssgan.cli import main

from ._collections import PLAIN, asked, paint

ROOT = Path(__file__).parents[2]


def test_the_closing_words_warn_of_a_second_release(home: Callable[[], Any]) -> None:
    with home() as folder:
        paint(PLAIN, folder / "photos")
        made = kssgan.deidentify(
            folder / "photos", out=folder / "release", **asked(PLAIN, folder / "photos")
        )
    (warning,) = [words for words in made.words if "ledger" in words]
    assert "Do not release these people again" in warning
    assert "two releases together can tell them apart" in warning


def test_no_flag_pretends_that_there_is_a_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["deidentify", "--help"])
    assert "--ledger" not in capsys.readouterr().out


def test_readme_and_guarantee_say_that_it_is_not_built() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "no ledger yet" in readme
    guarantee = (ROOT / "docs" / "guarantee.md").read_text(encoding="utf-8")
    assert "**This rule is not built yet:**" in guarantee
    assert "| 6 stable | not built yet |" in guarantee
