"""Small networks and weights files for the tests, made with NumPy and struct alone."""

from __future__ import annotations

import struct

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import Graph, build_graph

BASE = """[net]
width=32
height=32
channels=3

[convolutional]
filters=4
size=3
pad=1
batch_normalize=1
activation=leaky

[convolutional]
filters=2
size=1
activation=linear

[connected]
output=3
activation=linear

[softmax]
"""
BASE_SIZES = {
    (0, "biases"): 4,
    (0, "scales"): 4,
    (0, "rolling_mean"): 4,
    (0, "rolling_variance"): 4,
    (0, "weights"): 4 * 3 * 3 * 3,
    (1, "biases"): 2,
    (1, "weights"): 2 * 4,
    (2, "biases"): 3,
    (2, "weights"): 3 * 2 * 32 * 32,
}
"""(layer, array) -> values of the base network, in file order; with a header of 20 bytes the file has 25144."""
BASE_VALUES = sum(BASE_SIZES.values())


def graph_of(text: str = BASE) -> Graph:
    """The graph of a cfg text, without weights."""
    return build_graph(parse_cfg(text))


def header(version: tuple[int, int, int] = (0, 2, 5), seen: int = 0, size: int = 20) -> bytes:
    """A header of 16 or 20 bytes."""
    return struct.pack("<iii" + ("Q" if size == 20 else "I"), *version, seen)


def values(count: int = BASE_VALUES) -> np.ndarray:
    """Positive values below 1, so that every array, variances too, is plausible."""
    return np.random.default_rng(7).random(count).astype("<f4") + np.float32(0.001)


def base_file(version: tuple[int, int, int] = (0, 2, 5), seen: int = 0, size: int = 20) -> bytes:
    """A good file for the base network."""
    return header(version, seen, size) + values().tobytes()


def start_of(layer: int, name: str, header_bytes: int = 20) -> int:
    """At which byte an array of the base network begins in its file."""
    places = list(BASE_SIZES)
    before = places[: places.index((layer, name))]
    return header_bytes + 4 * sum(BASE_SIZES[place] for place in before)


def filled(graph: Graph) -> np.ndarray:
    """All arrays of a graph, one behind the other in file order (none transposed)."""
    return np.concatenate([node.weights[array.name].ravel() for node in graph.nodes for array in node.arrays])
