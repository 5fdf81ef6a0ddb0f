"""Random weights by the recipe of the recorded networks: values neither vanish nor explode on their way."""

from __future__ import annotations

import math

import numpy as np

from darknetpy.graph import INPUT, Graph, Node

GAIN = 1.4  # of the weights
SMOOTH_GAIN = 1.0  # for activations with which values would grow from layer to layer, and rounding with them
SMOOTH = frozenset({"mish", "relu6", "swish"})


def usual_gain(graph: Graph) -> float:
    """A gain with which the network's values stay of one order of magnitude."""
    activations = {node.options["activation"] for node in graph.nodes if "activation" in node.options}
    return SMOOTH_GAIN if activations & SMOOTH else GAIN


def fill(graph: Graph, seed: int, gain: float) -> None:
    """Give all arrays of a graph values, drawn in the order of the weights file.

    Biases 0.1 x, scales 1 + 0.2 x, means 0.2 x, variances 0.3 + x^2, weights x * sqrt(gain / fan_in), those of a
    shortcut 0.5 + 0.4 x; x is normal, and all is float32.
    """
    random = np.random.default_rng(seed)
    for node in graph.nodes:
        for array in node.arrays:
            x = random.standard_normal(array.shape, dtype=np.float32)
            node.weights[array.name] = _values(node.type, array.name, x, gain)


def _values(kind: str, name: str, x: np.ndarray, gain: float) -> np.ndarray:
    if name.endswith("biases"):
        return np.float32(0.1) * x
    if name.endswith("scales"):
        return 1 + np.float32(0.2) * x
    if name.endswith("rolling_mean"):
        return np.float32(0.2) * x
    if name.endswith("rolling_variance"):
        return np.float32(0.3) + x * x
    if kind == "shortcut":
        return np.float32(0.5) + np.float32(0.4) * x
    return x * np.float32(np.sqrt(gain / math.prod(x.shape[1:])))


def settle(graph: Graph, batch: np.ndarray) -> None:
    """Divide the last weights before each answer by the deviation of what they give for a batch.

    Softmax would answer 0 and 1 otherwise, and heads with boxes without end, which hides differences.
    """
    last = {_weighted(graph, index).index for index in answering(graph)}
    for index, values in graph.run(batch, last).items():
        deviation = values.std()
        if "weights" in graph.nodes[index].weights and 0 < deviation < np.inf:
            graph.nodes[index].weights["weights"] /= deviation


def answering(graph: Graph) -> list[int]:
    """The heads of a detector, or the last layer."""
    return list(graph.heads) or [graph.output_index]


def _weighted(graph: Graph, index: int) -> Node:
    """The nearest layer with weights, from a layer back to the input."""
    node = graph.nodes[index]
    while "weights" not in node.weights and node.sources[0] != INPUT:
        node = graph.nodes[node.sources[0]]
    return node


def random_batch(images: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Stable random pictures (images, *shape) float32 in 0..1, drawn one after the other."""
    return np.random.default_rng(seed).random((images, *shape), dtype=np.float32)
