"""A network's layers by OpenCV's names, numbers and types.

OpenCV makes one to four layers of a section: a [convolutional] with batch normalization and leaky is ``conv_0``,
``bn_0`` and ``leaky_1``. Numbers are those of the section, but of the next one for an activation; they run on where
OpenCV needs more of them ([crop], a [route] of several layers with groups=). Sections that OpenCV 4 does not read are
one layer each, named after the section. Measured with opencv-python-headless 4.14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from darknetpy.compat.opencv_heads import RowsOfBoxes, rows_of_boxes
from darknetpy.config.options import read_options
from darknetpy.errors import Findings
from darknetpy.graph import Graph, Node
from darknetpy.layers.base import COMMON_OPTIONS, Layer
from darknetpy.layers.parts.anchors import anchor_sizes

_OF_SECTIONS = {
    "maxpool": ("pool", "Pooling"),
    "avgpool": ("avgpool", "Pooling"),
    "softmax": ("softmax", "Softmax"),
    "crop": ("crop", "Slice"),
    "dropout": ("identity", "Identity"),
    "cost": ("identity", "Identity"),
    "reorg": ("reorg", "Reorg"),
    "upsample": ("upsample", "Resize"),
    "shortcut": ("shortcut", "Eltwise"),
    "sam": ("sam", "Eltwise"),
    "scale_channels": ("scale_channels", "Scale"),
    "convolutional": ("conv", "Convolution"),
    "connected": ("fullyConnected", "InnerProduct"),
}
"""Section -> the name and the type of the layer that OpenCV makes of it first."""
_OF_ACTIVATIONS = {
    "leaky": "ReLU", "relu": "ReLU", "mish": "Mish", "swish": "Swish", "logistic": "Sigmoid", "tanh": "TanH",
}  # fmt: skip
_BEFORE_ACTIVATION = {"activation": "linear"}
_BARE = {"activation": "linear", "batch_normalize": "0", "cbn": "0"}

Partly = Callable[[list[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class LayerOfOpenCV:
    """One of OpenCV's layers: the whole of a section, or a part of one.

    ``partly`` computes the output from the section's inputs; it is None where it is the section's own output, which
    the engine gives. ``rows`` says how a head's input becomes rows of boxes instead.
    """

    name: str
    type: str
    node: Node
    partly: Partly | None = None
    rows: RowsOfBoxes | None = None
    blobs: tuple[np.ndarray, ...] = field(default=(), repr=False)

    @property
    def needed(self) -> tuple[int, ...]:
        """Indexes of the sections whose outputs it is made of; -1 is the network's input."""
        return (self.node.index,) if self.partly is None and self.rows is None else self.node.sources


def layers_of_opencv(graph: Graph) -> list[LayerOfOpenCV]:
    """The layers in OpenCV's order; their ids begin with 1, as 0 is the network's input."""
    layers: list[LayerOfOpenCV] = []
    number = 0
    for node in graph.nodes:
        made = list(_layers_of(node, number))
        number += _numbers_taken(node)
        activation = node.options.get("activation", "linear")
        if activation != "linear" and node.type in _OF_SECTIONS:
            made[-1] = replace(made[-1], partly=_otherwise(node, _BEFORE_ACTIVATION))
            made.append(LayerOfOpenCV(f"{activation}_{number}", _OF_ACTIVATIONS.get(activation, activation), node))
        layers += made
    return layers


def outputs(graph: Graph, layers: list[LayerOfOpenCV]) -> list[int]:
    """The ids of layers whose output no other layer reads."""
    read = {source for node in graph.nodes for source in node.sources}
    last = {layer.node.index: number for number, layer in enumerate(layers, 1)}
    return [number for index, number in last.items() if index not in read]


def forms_of_outputs(graph: Graph) -> dict[int, tuple[int, ...]]:
    """For sections without a picture: the shape in which OpenCV gives their output, (-1,) or (-1, 1, 1).

    A fully connected layer gives the first, a mean of each channel the second, and what follows keeps the form.
    """
    forms: dict[int, tuple[int, ...]] = {}
    for node in graph.nodes:
        if node.output_shape[1:] in ((), (1, 1)):
            before = forms.get(node.sources[0])
            forms[node.index] = (-1,) if node.type == "connected" else before or (-1, 1, 1)
    return forms


def _numbers_taken(node: Node) -> int:
    if node.type == "crop":
        return 1 if node.options.noadjust else 2
    return len(node.sources) + 1 if _joins_parts(node) else 1


def _joins_parts(node: Node) -> bool:
    return node.type == "route" and node.options.groups > 1 and len(node.sources) > 1


def _layers_of(node: Node, number: int) -> Iterator[LayerOfOpenCV]:
    """The layers of a section but for its activation; ``number`` is that of the first."""
    rows = rows_of_boxes(node)
    if rows is not None:
        name = f"yolo_{number}" if node.type == "yolo" else "detection_out"
        anchors = anchor_sizes(node.layer) if node.type == "region" else rows.anchors
        yield LayerOfOpenCV(f"permute_{number}", "Permute", node, partly=_pixels_first)
        yield LayerOfOpenCV(name, "Region", node, rows=rows, blobs=(anchors.reshape(1, -1),))
    elif node.type in ("convolutional", "connected"):
        yield from _learned(node, number)
    elif node.type == "route":
        yield from _route(node, number)
    elif node.type == "crop" and not node.options.noadjust:
        yield LayerOfOpenCV(f"crop_{number}", "Slice", node, partly=_otherwise(node, {"noadjust": "1"}))
        yield LayerOfOpenCV(f"adjust_crop_{number + 1}", "Scale", node)
    else:
        name, kind = _OF_SECTIONS.get(node.type, (node.type, node.type))
        yield LayerOfOpenCV(f"{name}_{number}", kind, node)


def _learned(node: Node, number: int) -> Iterator[LayerOfOpenCV]:
    name, kind = _OF_SECTIONS[node.type]
    weights = node.weights
    biases = weights["biases"].reshape(1, -1)
    if not (node.options.batch_normalize or node.options.get("cbn")):
        yield LayerOfOpenCV(f"{name}_{number}", kind, node, blobs=(weights["weights"], biases))
        return
    bare = {"weights": weights["weights"], "biases": np.zeros_like(weights["biases"])}
    yield LayerOfOpenCV(f"{name}_{number}", kind, node, partly=_otherwise(node, _BARE, bare), blobs=(bare["weights"],))
    statistics = tuple(weights[key].reshape(1, -1) for key in ("rolling_mean", "rolling_variance", "scales"))
    yield LayerOfOpenCV(f"bn_{number}", "BatchNorm", node, blobs=(*statistics, biases))


def _route(node: Node, number: int) -> Iterator[LayerOfOpenCV]:
    if _joins_parts(node):
        for place in range(len(node.sources)):
            yield LayerOfOpenCV(f"slice_{number + place}", "Slice", node, partly=_part_of(node, place))
        number += len(node.sources)
    if len(node.sources) > 1:
        yield LayerOfOpenCV(f"concat_{number}", "Concat", node)
    elif node.options.groups > 1:
        yield LayerOfOpenCV(f"slice_{number}", "Slice", node)
    else:
        yield LayerOfOpenCV(f"identity_{number}", "Identity", node)


def _pixels_first(inputs: list[np.ndarray]) -> np.ndarray:
    return np.ascontiguousarray(inputs[0].transpose(0, 2, 3, 1))


def _part_of(node: Node, place: int) -> Partly:
    def partly(inputs: list[np.ndarray]) -> np.ndarray:
        width = inputs[place].shape[1] // node.options.groups
        return inputs[place][:, width * node.options.group_id : width * (node.options.group_id + 1)].copy()

    return partly


def _otherwise(node: Node, options: Mapping[str, str], weights: Mapping[str, np.ndarray] | None = None) -> Partly:
    """The section's plain form with some of its options otherwise."""

    def partly(inputs: list[np.ndarray]) -> np.ndarray:
        return _with_options(node.layer, options, weights or node.weights).forward(inputs)

    return partly


def _with_options(layer: Layer, options: Mapping[str, str], weights: Mapping[str, np.ndarray]) -> Layer:
    declared = (*layer.declared_options, *COMMON_OPTIONS)
    known = {option.name for option in declared}
    values = layer.section.values | {name: value for name, value in options.items() if name in known}
    section = replace(layer.section, values=values, raw=values)
    changed = type(layer)(read_options(section, declared, Findings(), dialect=layer.dialect), section, layer.dialect)
    changed.weights.update(weights)
    return changed
