"""What a release really gives away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kssgan.auditing import AuditReport, OnnxSettings
    from kssgan.auditing.releases import Releases
    from kssgan.types import FaceAnalyser, PathLike, Progress

__all__ = ["audit"]


def audit(
    release: PathLike,
    *,
    originals: PathLike,
    map_path: PathLike,
    labels: PathLike | None = None,
    donors: PathLike | None = None,
    ledger: PathLike | None = None,
    ledger_key: PathLike | None = None,
    analyser: FaceAnalyser | None = None,
    recognizer: PathLike | OnnxSettings | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Measure what a release really gives away, from its files and the private map.

    Works on anybody's release, and believes nothing that it says of itself.

    Args:
        release: the folder that was released.
        originals: the private photos; read, never changed.
        map_path: private CSV ``original,subject,released,reason``.
        labels: CSV that was given to :func:`deidentify`, to check what became of the labels.
        donors: folder that was given to :func:`deidentify`, to measure how much of a donor's face a composite
            shows and that no donor is a person of the originals. Either breaks the promise.
        ledger: that was given to :func:`deidentify`, to judge all of its releases together: whether
            intersecting them narrows anybody down to fewer than k people.
        ledger_key: file of the ledger's key; ``LEDGER.key`` by default.
        analyser: finds and compares faces; by default the shipped networks.
        recognizer: an ONNX file with a recogniser of your own, or
            :class:`kssgan.auditing.OnnxSettings` where it does not want ArcFace's input: a second attacker
            beside the shipped one. Needs the extra ``onnx``.
        progress: shows progress; nothing by default.

    Returns:
        The report: whether the promise holds, each problem, every figure.

    Raises:
        UsageError: a folder, the map or the ledger is not usable.
        LedgerRefused: another key, or a changed ledger.
        WeightsError: shipped weights are missing or damaged.
    """
    from kssgan.auditing import audit as run

    return run(
        release,
        originals=originals,
        map_path=map_path,
        labels=labels,
        donors=donors,
        releases=None if ledger is None else _releases(Path(ledger), ledger_key),
        analyser=analyser,
        recognizer=recognizer,
        progress=progress,
    )


def _releases(ledger: Path, key: PathLike | None) -> Releases:
    from kssgan.auditing.releases import KnownRelease, Releases
    from kssgan.deidentification.ledger import Ledger

    with Ledger(ledger, None if key is None else Path(key)) as opened:
        return Releases(
            int(opened.parameters.get("k", 2)),
            [KnownRelease(one.digest, one.pictures) for one in opened.editions()],
            opened.recogniser(),
        )
