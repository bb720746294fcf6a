"""A recogniser of the user's own, as an ONNX file: a second attacker beside the shipped one.

It is given head crops, cuts out of them what it was trained on by the five points, and its vectors are made
unit vectors. It judges and is never asked to form groups. Needs the extra ``onnx``.

By default the cut is the one of ArcFace and most recognisers after it: 112 x 112 pixels, the five points
brought onto their usual places by a similarity, RGB, ``(value - 127.5) / 127.5``, channels first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from kssgan.errors import UsageError
from kssgan.faces.align import CHIP_SIZE, CHIP_TEMPLATE, HEAD_TEMPLATE, cut
from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["ARCFACE_TEMPLATE", "TEMPLATES", "OnnxRecogniser", "OnnxSettings", "plug"]

ARCFACE_TEMPLATE: FloatArray = np.array(
    [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ],
    np.float32,
)
"""(5, 2) where ArcFace wants the points in 112 x 112 pixels (Deng et al. 2019 and its published code)."""

TEMPLATES: Mapping[str, tuple[FloatArray, int]] = {
    "arcface": (ARCFACE_TEMPLATE, 112),
    "dlib": (CHIP_TEMPLATE, CHIP_SIZE),
    "head": (HEAD_TEMPLATE, CROP_SIZE),
}
"""Names of cuts: where the points lie, and in a square of what side. Scaled to the model's size."""

_ORDERS = ("rgb", "bgr")
_BATCH = 16
_EXTRA = "pip install 'kssgan[onnx]'"


@dataclass(frozen=True, slots=True)
class OnnxSettings:
    """What an ONNX recogniser wants to be shown; ``docs/recognizer.md`` has examples.

    Attributes:
        path: the model: one input (N, 3, size, size) or (N, size, size, 3) float32, one output (N, D).
        size: side of its input in pixels.
        order: of colours, "rgb" or "bgr".
        mean: taken from every value, 0..255.
        std: what is left is divided by it.
        template: how the face is cut, of :data:`TEMPLATES`.

    Raises:
        UsageError: a value is not usable.
    """

    path: Path
    size: int = 112
    order: str = "rgb"
    mean: float = 127.5
    std: float = 127.5
    template: str = "arcface"

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 16 <= self.size <= 1024:
            raise UsageError(
                f"recogniser size={self.size!r} came; a whole number of pixels from 16 to 1024 was wanted"
            )
        if self.order not in _ORDERS:
            raise UsageError(f"recogniser order={self.order!r} came; rgb or bgr was wanted")
        if self.template not in TEMPLATES:
            raise UsageError(
                f"recogniser template={self.template!r} came; of {', '.join(TEMPLATES)} one was wanted"
            )
        if not np.isfinite([self.mean, self.std]).all() or self.std <= 0:
            raise UsageError(
                f"recogniser mean={self.mean} and std={self.std} came; a finite mean and a std above 0 were "
                f"wanted"
            )

    @classmethod
    def parse(cls, path: Path, text: str = "") -> OnnxSettings:
        """Settings as on the command line.

        Args:
            path: the model.
            text: ``name=value`` with commas between; what is left out is ArcFace's.

        Raises:
            UsageError: another name, or a value that is not usable.

        >>> OnnxSettings.parse(Path("m.onnx"), "size=160,order=bgr").size
        160
        """
        known = {f.name for f in fields(cls)} - {"path"}
        found: dict[str, Any] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, equals, value = (p.strip() for p in part.partition("="))
            if name not in known or not equals:
                raise UsageError(
                    f"recogniser setting {part!r} came; {', '.join(f'{n}=..' for n in sorted(known))} "
                    f"were wanted"
                )
            try:
                found[name] = (
                    int(value)
                    if name == "size"
                    else float(value)
                    if name in ("mean", "std")
                    else value.lower()
                )
            except ValueError:
                raise UsageError(
                    f"recogniser {name}={value!r} came; a number was wanted"
                ) from None
        return cls(path, **found)

    @property
    def said(self) -> str:
        """How faces are aligned and what the model is given, in one sentence without its path."""
        return (
            f"{self.size} x {self.size} pixels cut from the head crop by a similarity of the five points "
            f"onto the {self.template} template, {self.order.upper()}, (value - {self.mean:g}) / {self.std:g}"
        )

    def digest(self) -> str:
        """Changes with the model and with how it is asked.

        Raises:
            UsageError: the model cannot be read.
        """
        total = hashlib.sha256(self.said.encode())
        total.update(_read(self.path))
        return total.hexdigest()


class OnnxRecogniser:
    """Runs a model on one thread, so that the same file gives the same vectors every time.

    Args:
        settings: the model and what it wants.

    Raises:
        UsageError: onnxruntime is not installed, or the model cannot be read, wants another input, or gives
            another output.
    """

    def __init__(self, settings: OnnxSettings) -> None:
        self.settings = settings
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(
                _read(settings.path), options, providers=["CPUExecutionProvider"]
            )
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - the runtime has a class of its own for every fault
            raise UsageError(
                f"the recogniser is no model that onnxruntime can run ({type(error).__name__}); give an ONNX "
                f"file that holds its own weights"
            ) from None
        self._name, self._first, self._count = self._input()
        self.dimensions = self._probe()

    def embed_crops(self, crops_u8: U8Array) -> FloatArray:
        """Embed head crops.

        Args:
            crops_u8: (N, 256, 256, 3) uint8 RGB, cut by :func:`kssgan.faces.align.head_crop`.

        Returns:
            (N, D) float32, unit length.

        Raises:
            ValueError: another shape or type.
            UsageError: the model gave something that is no vector.
        """
        if crops_u8.dtype != np.uint8 or crops_u8.shape[1:] != (CROP_SIZE, CROP_SIZE, 3):
            raise ValueError(
                f"crops of shape {crops_u8.shape} and type {crops_u8.dtype} came; "
                f"(N, {CROP_SIZE}, {CROP_SIZE}, 3) uint8 was wanted"
            )
        found = np.zeros((len(crops_u8), self.dimensions), np.float32)
        for start in range(0, len(crops_u8), self._count):
            part = crops_u8[start : start + self._count]
            # Always as many: some models want that, and a face's vector shall not depend on others.
            batch = np.zeros(
                (self._count, self.settings.size, self.settings.size, 3), np.float32
            )
            for row, crop in enumerate(part):
                batch[row] = self._cut(crop)
            found[start : start + len(part)] = self._run(batch)[: len(part)]
        return found

    def _cut(self, crop_u8: U8Array) -> FloatArray:
        settings = self.settings
        template, side = TEMPLATES[settings.template]
        # Pixel centres lie at whole numbers, so a square twice as large has its points at 2 p + 1/2.
        wanted = (template + 0.5) * np.float32(settings.size / side) - 0.5
        chip = cut(crop_u8, HEAD_TEMPLATE, wanted, settings.size).astype(np.float32)
        shown = chip[..., ::-1] if settings.order == "bgr" else chip
        prepared: FloatArray = (shown - np.float32(settings.mean)) / np.float32(settings.std)
        return prepared

    def _run(self, batch: FloatArray) -> FloatArray:
        asked = batch.transpose(0, 3, 1, 2) if self._first else batch
        try:
            raw = np.asarray(
                self._session.run(None, {self._name: np.ascontiguousarray(asked)})[0]
            )
        except Exception as error:  # noqa: BLE001 - see above
            raise UsageError(
                f"the recogniser could not be run on {asked.shape} float32 ({type(error).__name__}); state "
                f"its size, or give another model"
            ) from None
        if raw.ndim != 2 or len(raw) != len(batch) or raw.shape[1] < 2:
            raise UsageError(
                f"the recogniser gave an output of shape {raw.shape} for {len(batch)} faces; "
                f"({len(batch)}, D) with D of 2 or more was wanted; give the part of it that embeds faces"
            )
        vectors = raw.astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise UsageError(
                "the recogniser gave numbers that are not finite; check mean and std"
            )
        unit: FloatArray = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit

    def _input(self) -> tuple[str, bool, int]:
        """Name of the input, whether channels come first, and how many faces it takes at a time."""
        inputs, size = self._session.get_inputs(), self.settings.size
        if len(inputs) != 1:
            raise UsageError(
                f"the recogniser has {len(inputs)} inputs; one, the picture, was wanted"
            )
        shape, kind = list(inputs[0].shape), inputs[0].type
        first, last = [3, size, size], [size, size, 3]
        if kind == "tensor(float)" and len(shape) == 4:
            for channels_first, wanted in ((True, first), (False, last)):
                fits = zip(shape[1:], wanted, strict=True)
                if all(not isinstance(came, int) or came == want for came, want in fits):
                    count = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else _BATCH
                    return inputs[0].name, channels_first, count
        raise UsageError(
            f"the recogniser wants an input {kind} of shape {shape}; tensor(float) of (N, 3, {size}, {size}) "
            f"or (N, {size}, {size}, 3) can be given; state another size with size=, or convert the model"
        )

    def _probe(self) -> int:
        """Length of its vectors, from a first run."""
        size = self.settings.size
        return int(self._run(np.zeros((self._count, size, size, 3), np.float32)).shape[1])


def plug(recognizer: str | os.PathLike[str] | OnnxSettings | None) -> OnnxRecogniser | None:
    """The recogniser of a path or of settings, run once; None for none.

    Raises:
        UsageError: it cannot be used.
    """
    if recognizer is None:
        return None
    if not isinstance(recognizer, OnnxSettings):
        recognizer = OnnxSettings.parse(Path(recognizer))
    return OnnxRecogniser(recognizer)


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(
            f"a recogniser of your own needs onnxruntime, which is not installed; {_EXTRA}"
        ) from None
    onnxruntime.disable_telemetry_events()  # only builds for Windows have any
    return onnxruntime


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the recogniser cannot be read ({type(error).__name__}); give the path of an ONNX file"
        ) from None
