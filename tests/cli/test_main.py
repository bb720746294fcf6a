"""The command line as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kssgan
from kssgan.cli import build_parser, main
from kssgan.cli._paths import shown
from kssgan.cli._unheard import Unheard


def _python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=False, timeout=120
    )


def test_module_and_console_script_are_the_same() -> None:
    script = Path(sys.executable).with_name("kssgan")
    as_module = _python("-m", "kssgan", "--version")
    as_script = subprocess.run(
        [script, "--version"], capture_output=True, text=True, check=True
    )
    assert as_module.stdout == as_script.stdout == f"kssgan {kssgan.__version__}\n"


@pytest.mark.parametrize("verb", ["deidentify", "audit"])
def test_help_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([verb, "--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert f"kssgan {verb} " in out


def test_help_says_what_is_released_first() -> None:
    first = (build_parser().description or "").splitlines()[0]
    assert "256-pixel head crop" in first


@pytest.mark.parametrize("args", [[], ["nonsense"], ["deidentify"], ["deidentify", "x"]])
def test_usage_gives_two(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(args)
    assert done.value.code == 2
    assert "usage: kssgan" in capsys.readouterr().err


def test_info_verifies_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"detector", "recogniser"} <= set(facts["weights"])
    assert all(w["intact"] for w in facts["weights"].values())
    assert main(["info"]) == 0
    assert "biometric" in capsys.readouterr().out


def test_damaged_weights_are_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kssgan import weights

    index = {name: {"sha256": "0" * 64} for name in weights.names()}
    monkeypatch.setattr("kssgan.weights._index", lambda: index)
    assert main(["info"]) == 1
    assert "DAMAGED" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = f"{sys.executable} -m kssgan info | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_stream_whose_reader_left_is_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        heard = Unheard(gone)
        assert heard.write("x" * 100_000) == 100_000
        heard.flush()
        heard.write("y")
        heard.flush()


def test_paths_are_shown_on_one_line() -> None:
    assert shown("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert shown("\udcff") == "\\udcff"
    assert shown("Jürgen, Müller") == "Jürgen, Müller"
