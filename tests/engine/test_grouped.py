"""Grouped convolutions as slices of whole blocks of channels."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.convolutions import Geometry, PackedConvolution
from darknetpy.engine.grouped import PackedGroups, groups_in_slice, pack_groups, spread
from darknetpy.engine.program import Program
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures

NETWORK = """
convolutional filters={channels} size=3 pad=1 activation=leaky
convolutional filters={filters} size={size} stride={stride} pad=1 dilation={dilation} groups={groups} activation=leaky
convolutional filters=7 size=1 activation=linear
"""


@pytest.mark.parametrize(
    ("groups", "channels", "filters", "right"),
    [
        (32, 4, 4, 4), (32, 8, 8, 2), (32, 16, 16, 1), (2, 48, 128, 1), (8, 1, 2, 8), (64, 1, 2, 16),
        (3, 8, 8, 2), (3, 8, 24, 3), (20, 1, 2, 20), (40, 1, 2, 40), (16, 10, 10, 8), (41, 3, 17, None),
        (72, 1, 2, None),
    ],
)  # fmt: skip
def test_slices_are_the_fewest_groups_that_fill_blocks(
    groups: int, channels: int, filters: int, right: int | None
) -> None:
    assert groups_in_slice(groups, channels, filters) == right


def test_groups_are_spread_over_the_channels_of_all() -> None:
    weights = np.arange(4 * 3, dtype=np.float32).reshape(4, 3, 1, 1) + 1
    right = np.zeros((4, 9), np.float32)
    right[:2, :3], right[2:, 3:6] = weights[:2, :, 0, 0], weights[2:, :, 0, 0]
    np.testing.assert_array_equal(spread(weights, 2, 3)[:, :, 0, 0], right)


def test_slices_lie_one_after_the_other() -> None:
    random = np.random.default_rng(0)
    geometry = Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1)
    weights = random.standard_normal((96, 16, 3, 3)).astype(np.float32)
    biases = random.standard_normal(96).astype(np.float32)
    packed = pack_groups(weights, biases, geometry, 0.1, 3)
    assert isinstance(packed, PackedGroups)
    assert packed.slices == 3
    for number, (own, bias) in enumerate(zip(np.split(weights, 3), np.split(biases, 3), strict=True)):
        alone = PackedConvolution(own, bias, geometry, 0.1, planar=False)
        np.testing.assert_array_equal(packed.weights.reshape(3, -1)[number], alone.weights)
        np.testing.assert_array_equal(packed.biases.reshape(3, -1)[number], alone.biases)


@pytest.mark.parametrize(("size", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (5, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize(
    ("channels", "groups", "filters"),
    [
        (64, 16, 64),
        (64, 32, 64),
        (64, 8, 128),
        (64, 2, 96),
        (24, 3, 24),
        (20, 4, 20),
        (40, 40, 80),
        (48, 48, 96),
        (160, 10, 160),
    ],
)
def test_grouped_layers_agree_with_the_plain_form_for_any_number_of_threads(
    channels: int, groups: int, filters: int, size: int, stride: int, dilation: int
) -> None:
    lines = NETWORK.format(
        channels=channels, groups=groups, filters=filters, size=size, stride=stride, dilation=dilation
    )
    graph = network(lines)
    batch = pictures(graph, 2)
    alone = Program(graph, threads=1)
    assert 1 in alone.packed_layers
    found = alone.run(batch, all_layers(graph))
    assert_agrees(found, graph, batch)
    for threads in (2, 3):
        assert_same_bits(Program(graph, threads=threads).run(batch, all_layers(graph)), found)


def test_groups_that_would_be_mostly_zeros_run_in_plain_form() -> None:
    graph = network("convolutional filters=123 size=1\nconvolutional filters=697 size=1 groups=41 activation=relu")
    program, batch = Program(graph, threads=2), pictures(graph)
    assert 1 not in program.packed_layers
    assert_agrees(program.run(batch, all_layers(graph)), graph, batch)
