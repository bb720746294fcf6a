"""The command line as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
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


@pytest.mark.parametrize("stream", [">/dev/full", ">&-", "2>&-"])
def test_output_that_cannot_be_written_is_no_error(stream: str) -> None:
    """The status says what was done; a full disk below the output is told beside it."""
    code = f"{sys.executable} -m kssgan info --json {stream}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("could not be written (No space left" in done.stderr) == (stream == ">/dev/full")
    assert "internal error" not in done.stderr + done.stdout


def test_a_name_that_the_terminal_cannot_write(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from kssgan.cli._unheard import Unheard; import sys; "
         "Unheard(sys.stdout).write('K\u00f6ln')"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.stdout == "K\\xf6ln", done.stderr


def test_an_end_that_nobody_wanted_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kssgan.cli import deidentify

    out = tmp_path / "release"
    asked = ["deidentify", str(tmp_path), "--out", str(out)]

    def ends(error: BaseException, made: bool) -> Callable[[object], int]:
        def run(args: object) -> int:
            if made:
                out.mkdir()
            raise error

        return run

    for error, status in ((KeyboardInterrupt(), 130), (OSError("x"), 1)):
        for made, says in ((False, "nothing was released"), (True, "is complete")):
            monkeypatch.setattr(deidentify, "run", ends(error, made))
            assert main([*asked, "--json"]) == status
            said = capsys.readouterr()
            assert says in said.err
            if made:
                out.rmdir()
            assert json.loads(said.out)["exit_status"] == status
    # It was there before.
    monkeypatch.setattr(deidentify, "run", ends(KeyboardInterrupt(), False))
    assert main(asked) == 130
    assert "nothing was released" in capsys.readouterr().err


def test_usage_is_told_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["deidentify", "--json", "--no-such-option"])
    assert end.value.code == 2
    assert json.loads(capsys.readouterr().out)["exit_status"] == 2


def test_no_message_steers_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "a\x1b[31mb").mkdir()
    assert (
        main(["deidentify", str(tmp_path / "photos"), "--out", str(tmp_path / "a\x1b[31mb")])
        != 0
    )
    said = capsys.readouterr().err
    assert "a\\x1b[31mb" in said
    assert "\x1b" not in said


def test_paths_are_shown_on_one_line() -> None:
    assert shown("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert shown("\udcff") == "\\udcff"
    assert shown("Jürgen, Müller") == "Jürgen, Müller"
