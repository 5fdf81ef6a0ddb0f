"""Random weights keep a network's values in bounds, and are the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.networks import network
from tools.recipe import GAIN, SMOOTH_GAIN, answering, fill, random_batch, settle, usual_gain

LINES = """
convolutional filters=16 size=3 batch_normalize=1 activation=leaky
convolutional filters=30 size=3 activation=leaky
shortcut from=-1 weights_type=per_channel
avgpool
connected output=50 activation=linear
softmax
"""


def test_values_have_the_moments_of_the_recipe() -> None:
    graph = network(LINES)
    fill(graph, 1, gain=1.7)
    first, second, shortcut, _, connected, _ = (node.weights for node in graph.nodes)
    assert abs(first["scales"].mean() - 1) < 0.2
    assert first["rolling_variance"].min() >= 0.3
    assert second["weights"].std() == pytest.approx(np.sqrt(1.7 / (16 * 9)), rel=0.1)
    assert connected["weights"].std() == pytest.approx(np.sqrt(1.7 / 30), rel=0.1)
    assert shortcut["weights"].mean() == pytest.approx(0.5, abs=0.4)
    assert all(values.dtype == np.float32 for node in graph.nodes for values in node.weights.values())


def test_the_same_seed_gives_the_same_values() -> None:
    graphs = [network(LINES) for _ in range(3)]
    for graph, seed in zip(graphs, (1, 1, 2), strict=True):
        fill(graph, seed, gain=1)
    values = [graph.nodes[1].weights["weights"] for graph in graphs]
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])


def test_gain_follows_activations() -> None:
    assert usual_gain(network(LINES)) == GAIN
    assert usual_gain(network("convolutional filters=4 activation=mish")) == SMOOTH_GAIN


def test_the_last_weights_are_divided_by_what_they_give() -> None:
    graph = network(LINES)
    fill(graph, 1, gain=400.0)
    batch = random_batch(1, graph.input_shape, 3)
    assert graph.run(batch, [4])[4].std() > 50
    settle(graph, batch)
    assert graph.run(batch, [4])[4].std() == pytest.approx(1, rel=0.05)


def test_weights_before_each_head_are_divided() -> None:
    head = "yolo mask=0 anchors=9,9 classes=2 num=1"
    graph = network(
        f"convolutional filters=7 size=3 activation=linear\n{head}\n"
        f"route layers=0\nconvolutional filters=7 activation=linear\n{head}"
    )
    fill(graph, 1, gain=1e6)
    batch = random_batch(1, graph.input_shape, 3)
    settle(graph, batch)
    assert answering(graph) == [1, 4]
    assert graph.run(batch, [0])[0].std() == pytest.approx(1, rel=0.2)  # the biases stay as they are
