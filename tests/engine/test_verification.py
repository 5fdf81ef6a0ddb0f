"""Differences between engine and plain form are found, in the layer where they begin."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.program import Program
from darknetpy.engine.verification import LayerDifference, compare_layers, difference
from tests.engine.networks import MIXED, network, pictures


def test_layers_of_the_engine_are_near_the_plain_form() -> None:
    graph = network(MIXED)
    batch = pictures(graph, 2)
    layers, kept = compare_layers(Program(graph, 2), batch)
    assert [(layer.index, layer.type) for layer in layers] == [(node.index, node.type) for node in graph.nodes]
    assert 0 < max(layer.relative for layer in layers) < 5e-6
    assert kept.keys() == {graph.output_index}
    np.testing.assert_array_equal(kept[graph.output_index], graph.run(batch.astype(np.float64))[graph.output_index])


def test_a_difference_is_found_where_it_begins() -> None:
    lines = ("convolutional filters=4 size=3 pad=1", "convolutional filters=5 activation=linear", "maxpool size=2")
    graph = network("\n".join(lines))
    program = Program(graph, 1)
    graph.nodes[1].weights["biases"] += 1  # the engine has packed the values before
    layers, _ = compare_layers(program, pictures(graph))
    assert layers[0].relative < 1e-5
    assert layers[1].largest == pytest.approx(1, rel=1e-4)
    assert layers[2].largest == pytest.approx(1, rel=1e-4)
    assert layers[1].own == pytest.approx(layers[1].relative, rel=1e-4)
    assert max(layers[0].own, layers[2].own) < 1e-6
    assert all(layer.single < 1e-5 for layer in layers)


def test_rounding_that_a_network_magnifies_is_told_from_a_wrong_layer() -> None:
    lines = "convolutional filters=8 size=3 activation=linear\nconvolutional filters=4 activation=linear"
    graph = network(lines)
    first, last = graph.nodes
    last.weights["weights"][:, 0::2] = 1000.0
    last.weights["weights"][:, 1::2] = -1000.0
    first.weights["weights"][1::2] = first.weights["weights"][0::2] * np.float32(1 + 1e-5)
    first.weights["biases"][:] = last.weights["biases"][:] = 0
    layers, _ = compare_layers(Program(graph, 1), pictures(graph))
    assert layers[1].single > 1e-3
    assert layers[1].relative > 1e-3
    assert layers[0].keeps(1e-5)


def test_a_recurrent_layer_alone_goes_on_from_nothing() -> None:
    graph = network("rnn output=5 hidden=7\nconnected output=3", channels=4, height=1, width=1)
    layers, _ = compare_layers(Program(graph, 1), pictures(graph, 2))
    assert all(max(layer.own, layer.relative, layer.single) < 1e-5 for layer in layers)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("relative", "own", "single", "keeps", "is_magnified"),
    [
        (9e-5, 9e-5, 0, True, False),
        (2e-4, 1e-6, 1e-4, False, True),
        (2e-4, 1e-6, 1e-5, False, False),
        (2e-4, 2e-4, 2e-4, False, False),
        (9e-5, 2e-4, 2e-4, False, False),
        (np.inf, np.inf, np.inf, False, False),
    ],
)
def test_what_keeps_a_limit(relative: float, own: float, single: float, keeps: bool, is_magnified: bool) -> None:
    layer = LayerDifference(0, "convolutional", (1, 1, 1), 1.0, relative, own, single)
    assert (layer.keeps(1e-4), layer.is_magnified(1e-4)) == (keeps, is_magnified)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("found", "expected", "differences"),
    [
        ([1, 2], [1, 2], (0, 0)),
        ([1, 3], [1, -2], (5, 2.5)),
        ([np.nan, 1], [np.nan, 1], (0, 0)),
        ([np.inf, 1], [np.inf, 1], (0, 0)),
        ([np.nan, 1], [2, 1], (np.inf, np.inf)),
        ([np.inf, 1], [2, 1], (np.inf, np.inf)),
        ([0, 1], [0, np.inf], (np.inf, np.inf)),
        ([0, 1], [0, 0], (1, np.inf)),
        ([0, 0], [0, 0], (0, 0)),
    ],
)
def test_difference(found: list[float], expected: list[float], differences: tuple[float, float]) -> None:
    largest, relative = difference(np.array(found, np.float32), np.array(expected, np.float64))
    assert (min(largest, np.finfo(float).max), min(relative, np.finfo(float).max)) == tuple(
        min(value, np.finfo(float).max) for value in differences
    )
