"""``--recognizer``: a recogniser of the user's own, for the verbs that attack."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kssgan.errors import UsageError

if TYPE_CHECKING:
    from kssgan.faces.onnx_recogniser import OnnxSettings

__all__ = ["add_recognizer", "recognizer_of"]


def add_recognizer(parser: argparse.ArgumentParser) -> None:
    """Add the options to a verb."""
    parser.add_argument(
        "--recognizer",
        type=Path,
        metavar="MODEL.onnx",
        help="a second attacker: your own recogniser, shown 112 x 112 pixels as ArcFace is; needs the "
        "extra onnx",
    )
    parser.add_argument(
        "--recognizer-input",
        metavar="SETTINGS",
        help="what it wants instead, with commas between: size=112, order=rgb|bgr, mean=127.5, std=127.5, "
        "template=arcface|dlib|head",
    )


def recognizer_of(args: argparse.Namespace) -> OnnxSettings | None:
    """What was asked for.

    Raises:
        UsageError: settings without a model, or that are not usable.
    """
    if args.recognizer is None:
        if args.recognizer_input is not None:
            raise UsageError("--recognizer-input came without --recognizer; give the model too")
        return None
    from kssgan.faces.onnx_recogniser import OnnxSettings

    return OnnxSettings.parse(args.recognizer, args.recognizer_input or "")
