"""Packing of depthwise filters, and the division of work."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.convolutions import Geometry
from darknetpy.engine.depthwise import PackedDepthwise
from darknetpy.engine.memory import Value
from darknetpy.engine.program import Program
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures

THREE = Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1)

NETWORK = """
convolutional filters=40 size=3 pad=1 activation=leaky
convolutional filters=40 size={size} stride={stride} pad=1 groups={groups} batch_normalize=1 activation={activation}
convolutional filters=7 size=1 activation=linear
"""


def packed(channels: int, group: int = 1) -> PackedDepthwise:
    weights = np.arange(channels * group * 9, dtype=np.float32) + 1
    biases = np.arange(channels, dtype=np.float32)
    return PackedDepthwise(weights.reshape(channels, group, 3, 3), biases, THREE, 0.1)


@pytest.mark.parametrize(("channels", "group"), [(1, 1), (16, 1), (37, 1), (40, 4), (24, 8)])
def test_order_of_packed_filters(channels: int, group: int) -> None:
    depthwise = packed(channels, group)
    blocks = -(-channels // 16)
    by_block = depthwise.weights.reshape(blocks, 9, group, 16)
    for channel, member, cell in np.ndindex(blocks * 16, group, 9):
        right = (channel * group + member) * 9 + cell + 1 if channel < channels else 0
        assert by_block[channel // 16, cell, member, channel % 16] == right
    np.testing.assert_array_equal(depthwise.biases[:channels], np.arange(channels))
    assert not depthwise.biases[channels:].any()


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("shape", [(1000, 7, 7), (32, 112, 112), (16, 1, 300), (5, 3, 3)])
@pytest.mark.parametrize("images", [1, 3])
def test_division_covers_all_threads_where_work_is_large(
    shape: tuple[int, int, int], images: int, threads: int
) -> None:
    output = Value(shape, images, blocked=True)
    blocks_in_chunk, parts = packed(shape[0]).divide(output, threads)
    assert 1 <= blocks_in_chunk <= output.blocks * images
    assert 1 <= parts <= shape[1]
    if shape == (32, 112, 112) or threads == 1:
        assert images * -(-output.blocks // blocks_in_chunk) * parts >= threads


@pytest.mark.parametrize(
    ("groups", "size", "stride"),
    [(40, 3, 1), (40, 3, 2), (40, 5, 1), (40, 5, 2), (40, 7, 1), (40, 3, 3), (10, 3, 1), (5, 3, 2)],
)
@pytest.mark.parametrize("activation", ["leaky", "relu", "swish"])
def test_depthwise_layers_agree_with_the_plain_form_for_any_number_of_threads(
    groups: int, size: int, stride: int, activation: str
) -> None:
    graph = network(NETWORK.format(groups=groups, size=size, stride=stride, activation=activation))
    batch = pictures(graph, 2)
    alone = Program(graph, threads=1)
    assert 1 in alone.packed_layers
    found = alone.run(batch, all_layers(graph))
    assert_agrees(found, graph, batch)
    for threads in (2, 3):
        assert_same_bits(Program(graph, threads=threads).run(batch, all_layers(graph)), found)
