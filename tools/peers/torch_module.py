"""A graph with its weights as a PyTorch module, batch normalization folded in; detectors end before their heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

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

Tensor = torch.Tensor
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "leaky": lambda x: functional.leaky_relu(x, 0.1),
    "logistic": torch.sigmoid,
    "mish": functional.mish,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "swish": functional.silu,
    "tanh": torch.tanh,
}
LOWEST = -3.4e38  # pads what a window must not choose


def write_torchscript(path: Path, graph: Graph, batch: int) -> None:
    """Write the traced module. Raises NotConvertible."""
    module = Network(graph).eval().requires_grad_(False)
    with torch.no_grad():
        example = torch.zeros(batch, *graph.input_shape)
        torch.jit.save(torch.jit.trace(module, example, check_trace=False), path)


class Network(torch.nn.Module):
    """The layers in order; gives a tuple of the outputs of some, by default the answers."""

    activations: ClassVar = ACTIVATIONS

    def __init__(self, graph: Graph, wanted: Sequence[int] | None = None) -> None:
        super().__init__()
        self.answers = answers(graph) if wanted is None else wanted
        self.nodes = converted_nodes(graph, self.answers)
        self.parts = torch.nn.ModuleDict()
        for node in self.nodes:
            if node.type not in FORMS and node.type not in PASSING:
                raise not_convertible(node)
            activation = node.options.activation if "activation" in node.options else "linear"
            if activation not in ACTIVATIONS:
                raise not_convertible(node, f"activation={activation}")
            if node.type == "convolutional":
                self.parts[str(node.index)] = self.convolution(node)
            elif node.type == "connected":
                self.parts[str(node.index)] = _connected(node)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The answers for (n, c, h, w)."""
        values = {INPUT: x}
        for node in self.nodes:
            inputs = [values[source] for source in node.sources]
            name = str(node.index)
            weights = self.parts[name] if name in self.parts else None  # noqa: SIM401 - a ModuleDict has no get
            found = inputs[0] if node.type in PASSING else FORMS[node.type](node, inputs, weights)
            activation = node.options.activation if "activation" in node.options else "linear"
            values[node.index] = self.activations[activation](found)
        return tuple(values[index] for index in self.answers)

    def convolution(self, node: Node) -> torch.nn.Module:
        """A convolution with its weights, batch normalization folded in."""
        layer: Any = node.layer
        return convolution(node, *layer.folded())


def convolution(node: Node, weights: np.ndarray, biases: np.ndarray | None) -> torch.nn.Conv2d:
    """A convolution with these weights, without the layer's batch normalization and activation."""
    layer: Any = node.layer
    options = node.options
    made = torch.nn.Conv2d(
        node.input_shapes[0][0],
        options.filters,
        options.size,
        (options.stride_y, options.stride_x),
        layer.padding,
        layer.dilation,
        options.groups,
        bias=biases is not None,
    )
    made.weight.data = torch.from_numpy(weights)
    if biases is not None:
        made.bias.data = torch.from_numpy(biases)  # type: ignore[union-attr]
    return made


def _connected(node: Node) -> torch.nn.Linear:
    if node.options.batch_normalize:
        raise not_convertible(node, "batch_normalize=1")
    weights = torch.from_numpy(node.weights["weights"])
    made = torch.nn.Linear(weights.shape[1], weights.shape[0])
    made.weight.data, made.bias.data = weights, torch.from_numpy(node.weights["biases"])
    return made


def _pool(node: Node, inputs: list[Tensor], part: Any) -> Tensor:
    top, left, bottom, right = pool_padding(node)
    options = node.options
    strides = (options.stride_y, options.stride_x)
    if top == bottom and left == right:
        return functional.max_pool2d(inputs[0], options.size, strides, (top, left))
    padded = functional.pad(inputs[0], (left, right, top, bottom), value=LOWEST)
    return functional.max_pool2d(padded, options.size, strides)


def _add(node: Node, inputs: list[Tensor], part: Any) -> Tensor:
    total = inputs[0]
    for x, (step, taken, missing) in zip(inputs[1:], meeting(node), strict=True):
        met = x[:, :taken, ::step, ::step]
        total = total + (functional.pad(met, (0, 0, 0, 0, 0, missing)) if missing else met)
    return total


def _join(node: Node, inputs: list[Tensor], part: Any) -> Tensor:
    taken = [x[:, first:end] for x, (first, end) in zip(inputs, parts(node), strict=True)]
    return torch.cat(taken, 1) if len(taken) > 1 else taken[0]


def _crop(node: Node, inputs: list[Tensor], part: Any) -> Tensor:
    (top, bottom), (left, right) = crop_window(node)
    cut = inputs[0][:, :, top:bottom, left:right]
    return cut if node.options.noadjust else 2 * cut - 1


def _connect(node: Node, inputs: list[Tensor], part: Any) -> Tensor:
    return part(inputs[0].flatten(1))[:, :, None, None]


FORMS: dict[str, Callable[[Node, list[Tensor], Any], Tensor]] = {
    "avgpool": lambda node, inputs, part: inputs[0].mean((2, 3), keepdim=True),
    "connected": _connect,
    "convolutional": lambda node, inputs, part: part(inputs[0]),
    "crop": _crop,
    "maxpool": _pool,
    "route": _join,
    "scale_channels": lambda node, inputs, part: inputs[0] * inputs[1],
    "shortcut": _add,
    "softmax": lambda node, inputs, part: torch.softmax(inputs[0].flatten(1) / node.options.temperature, 1),
    "upsample": lambda node, inputs, part: functional.interpolate(inputs[0], scale_factor=node.options.stride),
}
"""Section type -> its value from (node, inputs, module with its weights), before the activation."""
