"""Whole networks with weights made by a recipe, against what the C programs computed, in plain form and by the engine.

The cfg files are official ones that stay out of the project, so these tests need the reference material.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.config.sections import read_cfg
from darknetpy.dialect import ALEXEYAB, dialect_named
from darknetpy.engine.program import Program
from darknetpy.graph import Graph, Node, build_graph
from darknetpy.layers.base import Array, size_of

DETECTORS = ("yolov2-tiny-voc", "yolov3-tiny", "yolov4-tiny", "yolov7-tiny", "yolov4-csp-swish")
NAMES = ("tiny", "cifar", "darknet19", "efficientnet_b0", "resnet18", "rnn", *DETECTORS)
TOLERANCE, ENGINE_TOLERANCE = 3e-5, 1e-4  # of the largest value of the layer


def recipe(node: Node, array: Array, gain: float, random: np.random.Generator) -> np.ndarray:
    """The values of one array, float32, drawn in the order of the weights file."""
    x = random.standard_normal(array.size, dtype=np.float32)
    if array.name.endswith("biases"):
        x = np.float32(0.1) * x
    elif array.name.endswith("scales"):
        x = 1 + np.float32(0.2) * x
    elif array.name.endswith("rolling_mean"):
        x = np.float32(0.2) * x
    elif array.name.endswith("rolling_variance"):
        x = np.float32(0.3) + x * x
    elif node.type == "shortcut":
        x = np.float32(0.5) + np.float32(0.4) * x
    else:
        x = x * np.float32(np.sqrt(gain / size_of(array.shape[1:])))
    return x.reshape(array.shape)


def make_weights(graph: Graph, about: dict[str, Any]) -> str:
    """Fill the graph by the recipe; the SHA-256 of the weights file that holds these arrays."""
    random = np.random.default_rng(about["seed"])
    header = np.array([0, 2, graph.dialect.saved_revision, 0, 0], "<i4")
    digest = hashlib.sha256(header.tobytes())
    for node in graph.nodes:
        for array in node.arrays:
            values = recipe(node, array, about["gain"], random)
            node.weights[array.name] = values
            digest.update(values.astype("<f4", copy=False))
    return digest.hexdigest()


@pytest.mark.parametrize("engine", [False, True], ids=["plain form", "engine"])
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_gives_the_recorded_values(shared: Path, name: str, engine: bool) -> None:
    folder = shared / "golden" / "networks"
    about = json.loads((folder / "cases.json").read_text())[name]
    graph = build_graph(read_cfg(folder / f"{name}.cfg"), dialect=dialect_named(about["fork"].lower()))
    assert make_weights(graph, about) == about["weights_sha256"]
    shape = (about["batch"], about["inputs"])
    batch = np.random.default_rng(about["seed"] + 1).random(shape, dtype=np.float32)
    assert hashlib.sha256(batch).hexdigest() == about["input_sha256"]
    state = graph.new_state(graph.net.time_steps)
    run = Program(graph, threads=2).run if engine else graph.run
    outputs = run(batch.reshape(about["batch"], *graph.input_shape), range(len(graph.nodes)), state)
    tolerance = ENGINE_TOLERANCE if engine else TOLERANCE
    with np.load(folder / f"{name}.npz") as recorded:
        for node, sides in zip(graph.nodes, recorded["shapes"].tolist(), strict=True):
            if all(sides):
                assert node.output_shape == tuple(reversed(sides))
            if node.type != "cost":  # which gives zeros in the C programs
                values = recorded[f"layer_{node.index:03d}"]
                compare(outputs[node.index], values, node, about["values_per_image"], tolerance)


def compare(output: np.ndarray, recorded: np.ndarray, node: Node, values_per_image: int, tolerance: float) -> None:
    """The recorded sample of a layer's values, against ours at the same places."""
    if node.type == "region" and node.layer.dialect is ALEXEYAB:  # row, column, anchor, value
        output = output.transpose(0, 2, 3, 1)
    rows = output.reshape(len(output), -1)
    length = rows.shape[1]
    if length > values_per_image:
        rows = rows[:, (np.arange(values_per_image) * length) // values_per_image]
    difference, largest = np.abs(rows - recorded).max(), np.abs(recorded).max()
    assert difference <= tolerance * largest, f"layer {node.index} [{node.type}]: {difference:.3g} of {largest:.3g}"
