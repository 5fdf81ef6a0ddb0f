"""Small networks with random weights for tests of the engine."""

from __future__ import annotations

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import Graph, build_graph

Results = dict[int, np.ndarray]

MIXED = """
convolutional filters=24 size=3 pad=1 batch_normalize=1 activation=leaky
maxpool size=2 stride=2
convolutional filters=32 size=3 pad=1 stride=2 activation=relu batch_normalize=1
convolutional filters=16 size=1 activation=linear
convolutional filters=32 size=3 pad=1 activation=mish
shortcut from=-3 activation=leaky
route layers=-1,-3
convolutional filters=20 size=5 pad=1 dilation=2 activation=swish
dropout probability=0.5
convolutional filters=20 size=3 pad=1 groups=4 activation=relu6
route layers=-1
avgpool
connected output=10 activation=linear
softmax
"""


def network(lines: str, *, channels: int = 3, height: int = 23, width: int = 29, seed: int = 0) -> Graph:
    """A graph from one line a layer, ``name option=value ...``, with random weights that keep values near 1."""
    text = f"[net]\nchannels={channels}\nheight={height}\nwidth={width}\n"
    for line in lines.split("\n"):
        name, *options = line.split() or [""]
        text += "\n".join([f"[{name}]", *options, ""]) if name else ""
    graph = build_graph(parse_cfg(text))
    random = np.random.default_rng(seed)
    for node in graph.nodes:
        for array in node.arrays:
            values = random.standard_normal(array.shape)
            if array.name == "rolling_variance":
                values = values**2 + 0.3
            elif array.name == "weights":
                values *= (2 / np.prod(array.shape[1:])) ** 0.5
            node.weights[array.name] = values.astype(np.float32)
    return graph


def pictures(graph: Graph, n: int = 1, seed: int = 1) -> np.ndarray:
    """Random input (n, *input_shape) float32 in 0..1."""
    return np.random.default_rng(seed).random((n, *graph.input_shape), dtype=np.float32)


def all_layers(graph: Graph) -> range:
    """Indexes of all layers."""
    return range(len(graph.nodes))


def assert_agrees(found: Results, graph: Graph, batch: np.ndarray, tolerance: float = 5e-6) -> None:
    """Every output equals the plain form in float64, against the layer's largest value."""
    expected = graph.run(batch.astype(np.float64), found)
    for index, output in found.items():
        assert output.dtype == np.float32
        assert output.shape == expected[index].shape
        difference = np.abs(output - expected[index]).max() / np.abs(expected[index]).max()
        assert difference < tolerance, f"layer {index} [{graph.nodes[index].type}]: {difference:.2e}"


def assert_same_bits(found: Results, others: Results) -> None:
    """The same outputs, bit by bit."""
    assert found.keys() == others.keys()
    for index, output in found.items():
        np.testing.assert_array_equal(output, others[index], err_msg=f"layer {index}")
