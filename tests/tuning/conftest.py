"""Scores that need no model."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kssgan.tuning.report import Report
from kssgan.tuning.space import Choice, Range, Space, Values

MIXED = Space(
    {
        "x": Range(-5, 5),
        "rate": Range(1e-4, 1.0, "log"),
        "n": Range(1, 8, whole=True),
        "kind": Choice(("good", "fair", "bad")),
    }
)
MIXED_DEFAULT: Values = {"x": -4.0, "rate": 0.9, "n": 8, "kind": "bad"}
PLAIN = Space({"x": Range(-5, 5), "y": Range(-5, 5)})
PLAIN_DEFAULT: Values = {"x": -4.0, "y": 4.0}


def parabola(values: Values, report: Report) -> float:
    return (float(values["x"]) - 1) ** 2 + (float(values["y"]) + 2) ** 2


def mixed(values: Values, report: Report) -> float:
    kinds = {"good": 0, "fair": 1, "bad": 3}
    return (
        0.3 * abs(float(values["x"]) - 1)
        + abs(math.log10(float(values["rate"])) + 2)
        + 0.1 * abs(int(values["n"]) - 3)
        + kinds[str(values["kind"])]
    )


class Noisy:
    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, values: Values, report: Report) -> float:
        return parabola(values, report) + float(self._rng.normal(0, 0.3))


BIN = Path("/usr/lib/postgresql")
USER, USER_GROUP = "nobody", "nogroup"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of our own on loopback, run by another user where we are root."""
    found = sorted(BIN.glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    root = os.geteuid() == 0
    if root and not shutil.which("setpriv"):
        pytest.skip(
            "PostgreSQL refuses to run as root, and there is no setpriv to be another user"
        )
    folder = Path("/tmp" if root else str(tmp_path_factory.getbasetemp()))
    home = folder / f"kssgan-postgres-{os.getpid()}"
    home.mkdir(mode=0o700)
    if root:
        shutil.chown(home, USER)

    def run(*command: str) -> list[str]:
        ids = ["setpriv", f"--reuid={USER}", f"--regid={USER_GROUP}", "--clear-groups"]
        return [*(ids if root else []), *command]

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binaries = found[-1].parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    server = None
    try:
        subprocess.run(
            run(
                str(binaries / "initdb"), "-D", f"{home}/data", "-U", "tuner", "-A", "trust",
                "--no-sync", "-E", "UTF8", "--locale=C",
            ),
            check=True,
            **quiet,
        )  # fmt: skip
        server = subprocess.Popen(
            run(
                str(binaries / "postgres"), "-D", f"{home}/data", "-p", str(port), "-k", str(home),
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
            ),
            **quiet,
        )  # fmt: skip
        _wait(port, server)
        yield f"postgresql+pg8000://tuner@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # fast: does not wait for clients to leave
            server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "PostgreSQL ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PostgreSQL does not answer")
