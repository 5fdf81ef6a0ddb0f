"""Packing of weights, and the division of work."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine import convolutions
from darknetpy.engine.convolutions import (
    CHUNK_FLOPS,
    CHUNKS_PER_THREAD,
    PANEL_BYTES,
    Geometry,
    PackedConvolution,
    chunks_wanted,
    divide_pixels,
    divide_rows,
)  # fmt: skip
from darknetpy.engine.memory import Value
from darknetpy.engine.program import Program
from tests.engine.networks import MIXED, all_layers, assert_same_bits, network, pictures

POINTWISE = Geometry(size=1, stride_x=1, stride_y=1, dilation=1, padding=0)
THREE = Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1)


def packed(filters: int, channels: int, geometry: Geometry = THREE, *, planar: bool = False) -> PackedConvolution:
    weights = np.arange(filters * channels * geometry.size**2, dtype=np.float32) + 1
    shape = (filters, channels, geometry.size, geometry.size)
    return PackedConvolution(weights.reshape(shape), np.arange(filters, dtype=np.float32), geometry, 0.1, planar)


def group_sizes(convolution: PackedConvolution) -> list[int]:
    """Full groups, then halves of them."""
    sizes, left = [], convolution.blocks
    size = convolution.group
    while left:
        while size > left:
            size //= 2
        sizes.append(size)
        left -= size
    return sizes


@pytest.mark.parametrize(("filters", "channels"), [(16, 16), (40, 5), (112, 33), (7, 64)])
@pytest.mark.parametrize("geometry", [POINTWISE, THREE], ids=["1x1", "3x3"])
def test_order_of_packed_weights(filters: int, channels: int, geometry: Geometry) -> None:
    convolution = packed(filters, channels, geometry)
    original = (np.arange(filters * channels * geometry.size**2) + 1).reshape(filters, channels, -1)
    position = first = 0
    seen = np.zeros(original.shape, bool)
    for blocks in group_sizes(convolution):
        for cell, channel, block, lane in np.ndindex(
            geometry.size**2, convolution.depth // geometry.size**2, blocks, 16
        ):
            filter_number = 16 * (first + block) + lane
            real = filter_number < filters and channel < channels
            assert convolution.weights[position] == (original[filter_number, channel, cell] if real else 0)
            if real:
                seen[filter_number, channel, cell] = True
            position += 1
        first += blocks
    assert position == convolution.weights.size
    assert seen.all()
    np.testing.assert_array_equal(convolution.biases[:filters], np.arange(filters))
    assert not convolution.biases[filters:].any()


def test_channels_of_a_planar_picture_take_no_more_than_their_share() -> None:
    assert packed(16, 3, planar=True).depth == 27
    assert packed(16, 3).depth == 9 * 4
    assert packed(16, 20).depth == 9 * 32


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_small_work_stays_whole_and_large_work_is_shared(threads: int) -> None:
    assert chunks_wanted(CHUNK_FLOPS - 1, threads) == 1
    many = chunks_wanted(10**12, threads)
    assert many == (1 if threads == 1 else CHUNKS_PER_THREAD * threads)
    assert chunks_wanted(CHUNK_FLOPS, threads) == threads


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("pixels", [1, 49, 10_000])
@pytest.mark.parametrize("whole", [False, True])
def test_division_of_pixels(pixels: int, threads: int, whole: bool) -> None:
    convolution = packed(256, 64, POINTWISE)
    parts, groups_in_chunk = divide_pixels(convolution, pixels, 1, threads, whole)
    assert 1 <= parts <= pixels
    assert 1 <= groups_in_chunk <= convolution.groups
    if pixels == 10_000:
        assert parts * -(-convolution.groups // groups_in_chunk) >= threads


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_division_of_rows_keeps_panels_in_cache(threads: int) -> None:
    convolution = packed(64, 64)
    source, out = Value((64, 104, 104), 1, blocked=True), Value((64, 104, 104), 1, blocked=True)
    parts = divide_rows(convolution, source, out, threads)
    assert threads <= parts <= 104
    assert convolution.geometry.panel_bytes(source, -(-104 // parts), 104) <= PANEL_BYTES


def test_pixels_are_fetched_ahead_where_they_are_many_and_weights_few() -> None:
    near, far = (Value((64, side, side), 1, blocked=True) for side in (52, 304))
    assert packed(64, 64, POINTWISE).is_far(far, far)
    assert not packed(64, 64, POINTWISE).is_far(near, near)
    assert not packed(1024, 1024, POINTWISE).is_far(far, far)


@pytest.mark.parametrize("threads", [1, 2])
def test_fetching_pixels_ahead_changes_no_bit(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    graph = network(MIXED)
    batch = pictures(graph, 2)
    near = Program(graph, threads).run(batch, all_layers(graph))
    monkeypatch.setattr(convolutions, "FAR_BYTES", 0)
    assert_same_bits(Program(graph, threads).run(batch, all_layers(graph)), near)
