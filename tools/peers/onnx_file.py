"""A graph with its weights as an ONNX file, batch normalization folded in; detectors end before their heads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from darknetpy.graph import INPUT, Graph, Node
from tools.peers.networks import (
    PASSING,
    answers,
    converted_nodes,
    crop_window,
    meeting,
    not_convertible,
    parts,
    pool_padding,
)

OPSET, FORMAT = 18, 9
_SIMPLE = {"relu": "Relu", "mish": "Mish", "logistic": "Sigmoid", "tanh": "Tanh"}


def write_onnx(path: Path, graph: Graph, batch: int) -> None:
    """Write the file, and its weights beside it. Raises NotConvertible."""
    model = _Model(batch)
    for node in converted_nodes(graph):
        emit = EMITTERS.get(node.type, _pass_on if node.type in PASSING else None)
        if emit is None:
            raise not_convertible(node)
        model.names[node.index] = emit(model, node, [model.names[source] for source in node.sources])
    outputs = [
        helper.make_tensor_value_info(model.names[index], TensorProto.FLOAT, [batch, *graph.nodes[index].output_shape])
        for index in answers(graph)
    ]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *graph.input_shape])]
    made = helper.make_graph(model.nodes, "network", inputs, outputs, model.constants)
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
    onnx.save(whole, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)


class _Model:
    """The parts of the file in the making; ``names`` are those of layers' outputs."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.names: dict[int, str] = {INPUT: "input"}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """Add an operator; returns the name of its output."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, array: np.ndarray) -> str:
        """Add a constant; returns its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def numbers(self, *values: int) -> str:
        """Add whole numbers as a constant."""
        return self.constant(np.array(values, np.int64))

    def activated(self, node: Node, name: str) -> str:
        """Add a layer's activation."""
        activation = node.options.activation
        if activation == "linear":
            return name
        if activation == "leaky":
            return self.add("LeakyRelu", [name], alpha=0.1)
        if activation == "relu6":
            return self.add("Clip", [name, self.constant(np.float32(0)), self.constant(np.float32(6))])
        if activation == "swish":
            return self.add("Mul", [name, self.add("Sigmoid", [name])])
        if activation not in _SIMPLE:
            raise not_convertible(node, f"activation={activation}")
        return self.add(_SIMPLE[activation], [name])


def _pass_on(model: _Model, node: Node, inputs: list[str]) -> str:
    return inputs[0]


def _convolve(model: _Model, node: Node, inputs: list[str]) -> str:
    weights, biases = node.layer.folded()  # type: ignore[attr-defined]  # only convolutional layers come here
    options, padding, dilation = node.options, node.layer.padding, node.layer.dilation  # type: ignore[attr-defined]
    name = model.add(
        "Conv",
        [inputs[0], model.constant(weights), model.constant(biases)],
        kernel_shape=[options.size] * 2,
        strides=[options.stride_y, options.stride_x],
        pads=[padding] * 4,
        dilations=[dilation] * 2,
        group=options.groups,
    )
    return model.activated(node, name)


def _connect(model: _Model, node: Node, inputs: list[str]) -> str:
    if node.options.batch_normalize:
        raise not_convertible(node, "batch_normalize=1")
    arrays = [model.constant(node.weights[name]) for name in ("weights", "biases")]
    name = model.add("Gemm", [model.add("Flatten", inputs), *arrays], transB=1)
    shaped = model.add("Reshape", [name, model.numbers(model.batch, *node.output_shape)])
    return model.activated(node, shaped)


def _crop(model: _Model, node: Node, inputs: list[str]) -> str:
    starts, ends = zip(*crop_window(node), strict=True)
    cut = model.add("Slice", [inputs[0], model.numbers(*starts), model.numbers(*ends), model.numbers(2, 3)])
    if node.options.noadjust:
        return cut
    return model.add("Sub", [model.add("Mul", [cut, model.constant(np.float32(2))]), model.constant(np.float32(1))])


def _pool(model: _Model, node: Node, inputs: list[str]) -> str:
    options = node.options
    return model.add(
        "MaxPool",
        inputs,
        kernel_shape=[options.size] * 2,
        strides=[options.stride_y, options.stride_x],
        pads=list(pool_padding(node)),
    )


def _average(model: _Model, node: Node, inputs: list[str]) -> str:
    return model.add("GlobalAveragePool", inputs)


def _enlarge(model: _Model, node: Node, inputs: list[str]) -> str:
    if node.options.stride < 1:
        raise not_convertible(node, "with a negative stride")
    scales = model.constant(np.array([1, 1, node.options.stride, node.options.stride], np.float32))
    return model.add("Resize", [inputs[0], "", scales], mode="nearest", nearest_mode="floor",
                     coordinate_transformation_mode="asymmetric")  # fmt: skip


def _add(model: _Model, node: Node, inputs: list[str]) -> str:
    total = inputs[0]
    for name, (step, taken, missing) in zip(inputs[1:], meeting(node), strict=True):
        if step > 1 or taken < node.input_shapes[1][0]:
            ends = model.numbers(taken, *node.input_shapes[1][1:])
            name = model.add("Slice", [name, model.numbers(0, 0, 0), ends, model.numbers(1, 2, 3),
                                       model.numbers(1, step, step)])  # fmt: skip
        if missing:
            name = model.add("Pad", [name, model.numbers(0, 0, 0, 0, 0, missing, 0, 0)])
        total = model.add("Add", [total, name])
    return model.activated(node, total)


def _join(model: _Model, node: Node, inputs: list[str]) -> str:
    if node.options.groups > 1:
        inputs = [
            model.add("Slice", [name, model.numbers(first), model.numbers(end), model.numbers(1)])
            for name, (first, end) in zip(inputs, parts(node), strict=True)
        ]
    return model.add("Concat", inputs, axis=1) if len(inputs) > 1 else inputs[0]


def _scale(model: _Model, node: Node, inputs: list[str]) -> str:
    return model.activated(node, model.add("Mul", inputs))


def _softmax(model: _Model, node: Node, inputs: list[str]) -> str:
    flat = model.add("Flatten", inputs)
    if node.options.temperature != 1:
        flat = model.add("Div", [flat, model.constant(np.float32(node.options.temperature))])
    return model.add("Softmax", [flat], axis=1)


EMITTERS: dict[str, Callable[[_Model, Node, list[str]], str]] = {
    "avgpool": _average,
    "connected": _connect,
    "convolutional": _convolve,
    "crop": _crop,
    "maxpool": _pool,
    "route": _join,
    "scale_channels": _scale,
    "shortcut": _add,
    "softmax": _softmax,
    "upsample": _enlarge,
}
"""Section type -> the function that adds its operators and returns the name of its output."""
