"""A worker in a process of its own: python _worker.py FOLDER TRIALS SECONDS [URL]; trials sleep."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kssgan.tuning.report import Report
from kssgan.tuning.run import tune
from kssgan.tuning.space import Range, Space, Values

SPACE = Space({"x": Range(-5, 5)})


def main() -> None:
    folder, trials, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

    def score(values: Values, report: Report) -> float:
        time.sleep(seconds)
        return float(values["x"]) ** 2

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begin = time.perf_counter()
    tune(
        score,
        out=folder,
        solver="random",
        space=SPACE,
        default={"x": 4.0},
        trials=trials,
        budget=1,
        storage=sys.argv[4] if len(sys.argv) > 4 else None,
    )
    sys.stdout.write(f"{time.perf_counter() - begin}\n")


if __name__ == "__main__":
    main()
