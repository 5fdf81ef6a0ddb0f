"""Fully connected layers: whose arrays they keep, and how their work is divided."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.connected import PackedConnection
from darknetpy.engine.program import Program
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures

LINES = """
convolutional filters=20 size=3 pad=1 activation=leaky
connected output=101 activation=leaky batch_normalize=1
connected output=30 activation=tanh
connected output=7
"""


def test_weights_are_used_as_they_lie_where_nothing_is_folded_in() -> None:
    weights, biases = np.zeros((5, 8), np.float32), np.zeros(5, np.float32)
    packed = PackedConnection(weights, biases, 0.1, "leaky")
    assert packed.weights is weights
    assert packed.curve is None
    turned = np.asfortranarray(np.random.default_rng(0).random((5, 8), dtype=np.float32))
    again = PackedConnection(turned, biases, 1.0, "mish")
    assert again.weights.flags.c_contiguous
    np.testing.assert_array_equal(again.weights, turned)
    assert again.curve is not None


@pytest.mark.parametrize(("outputs", "threads", "parts"), [(4096, 1, 1), (8, 2, 1), (4096, 2, 12), (4096, 8, 48)])
def test_division(outputs: int, threads: int, parts: int) -> None:
    packed = PackedConnection(np.zeros((outputs, 1000), np.float32), np.zeros(outputs, np.float32), 1.0, "linear")
    assert packed.parts(threads) == parts


@pytest.mark.parametrize("images", [1, 3])
def test_agrees_with_the_plain_form_and_with_itself(images: int) -> None:
    graph = network(LINES)
    batch = pictures(graph, images)
    found = Program(graph, threads=1).run(batch, all_layers(graph))
    assert_agrees(found, graph, batch)
    for threads in (2, 3):
        assert_same_bits(Program(graph, threads=threads).run(batch, all_layers(graph)), found)


def test_activations_across_channels_stay_plain() -> None:
    graph = network("connected output=5 activation=normalize_channels")
    program = Program(graph, threads=1)
    assert program.packed_layers == frozenset()
    batch = pictures(graph, 2)
    assert_agrees(program.run(batch, all_layers(graph)), graph, batch)
