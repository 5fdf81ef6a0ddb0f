"""Depthwise kernels against naive loops in float64: sizes, strides, padding, odd channels, small groups, any width."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.convolutions import Geometry
from darknetpy.engine.depthwise import PackedDepthwise
from darknetpy.engine.memory import Value
from darknetpy.kernels.depthwise import ANY, GROUPS, Form, convolve_depthwise, filter_row, form_for, forms
from tests.kernels.running import block, run, strides, unblock

GEOMETRIES = [
    Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1),
    Geometry(size=3, stride_x=2, stride_y=2, dilation=1, padding=1),
    Geometry(size=3, stride_x=1, stride_y=2, dilation=1, padding=0),
    Geometry(size=3, stride_x=2, stride_y=1, dilation=1, padding=4),
    Geometry(size=5, stride_x=1, stride_y=1, dilation=1, padding=2),
    Geometry(size=5, stride_x=2, stride_y=2, dilation=1, padding=2),
    Geometry(size=7, stride_x=1, stride_y=1, dilation=1, padding=3),
    Geometry(size=3, stride_x=3, stride_y=3, dilation=1, padding=1),
    Geometry(size=2, stride_x=1, stride_y=1, dilation=1, padding=0),
    Geometry(size=1, stride_x=2, stride_y=4, dilation=1, padding=1),
]


def expected(x: np.ndarray, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float) -> np.ndarray:
    """The definition, pixel by pixel."""
    size, padding = geometry.size, geometry.padding
    surrounded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    group = weights.shape[1]
    height = (surrounded.shape[2] - size) // geometry.stride_y + 1
    width = (surrounded.shape[3] - size) // geometry.stride_x + 1
    result = np.empty((*x.shape[:2], height, width))
    for y, z in np.ndindex(height, width):
        top, left = y * geometry.stride_y, z * geometry.stride_x
        window = surrounded[:, :, top : top + size, left : left + size]
        for channel, own in enumerate(weights):
            first = channel // group * group
            part = window[:, first : first + group]
            result[:, channel, y, z] = (part * own).sum(axis=(1, 2, 3)) + biases[channel]
    return np.where(result > 0, result, slope * result)


def filtered(
    x: np.ndarray, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, shape: tuple[int, ...],
    *, blocks_in_chunk: int = 1, parts: int = 1,
) -> np.ndarray:  # fmt: skip
    """The kernel's output, planar, for a slope of 0.1."""
    packed = PackedDepthwise(weights, biases, geometry, 0.1)
    source = block(x)
    n, blocks = source.shape[:2]
    out = np.full((n, blocks, shape[2] * shape[3], 16), np.nan, np.float32)
    pitch = packed.pitch(Value(x.shape[1:], n, blocked=True), Value(shape[1:], n, blocked=True))
    run(
        convolve_depthwise, n * -(-blocks // blocks_in_chunk) * parts, scratch_bytes=geometry.size * pitch,
        **strides("source", source), **strides("out", out),
        weights=packed.weights, biases=packed.biases, filter_row=filter_row.address, blocks=blocks,
        group=weights.shape[1],
        height=x.shape[2], width=x.shape[3], out_height=shape[2], out_width=shape[3],
        size=geometry.size, stride_x=geometry.stride_x, stride_y=geometry.stride_y, padding=geometry.padding,
        form=form_for(weights.shape[1], geometry.size, geometry.stride_x, shape[3]), pitch=pitch,
        blocks_in_chunk=blocks_in_chunk, parts=parts, slope=0.1,
    )  # fmt: skip
    return unblock(out, shape[1], shape[2], shape[3])


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("size", [(23, 29), (7, 5), (9, 3)], ids=str)
def test_depthwise_convolution_equals_its_definition(geometry: Geometry, size: tuple[int, int]) -> None:
    if min(size) + 2 * geometry.padding < geometry.size:
        pytest.skip("the filter is larger than the picture")
    check(geometry, (2, 37, *size), 1)


@pytest.mark.parametrize("geometry", GEOMETRIES[:4], ids=str)
@pytest.mark.parametrize("size", [(23, 29), (7, 5)], ids=str)
@pytest.mark.parametrize("group", GROUPS)
def test_convolution_of_small_groups_equals_its_definition(
    geometry: Geometry, size: tuple[int, int], group: int
) -> None:
    check(geometry, (2, 40, *size), group)


def check(geometry: Geometry, shape: tuple[int, ...], group: int) -> None:
    """Random numbers of this shape, for several divisions into chunks."""
    random = np.random.default_rng(0)
    x = random.standard_normal(shape).astype(np.float32)
    weights = random.standard_normal((shape[1], group, geometry.size, geometry.size)).astype(np.float32)
    biases = random.standard_normal(shape[1]).astype(np.float32)
    right = expected(x, weights, biases, geometry, 0.1)
    found = filtered(x, weights, biases, geometry, right.shape)
    np.testing.assert_allclose(found, right, rtol=0, atol=2e-6 * np.abs(right).max())
    for blocks_in_chunk, parts in ((2, 1), (3, 2), (1, 3)):
        shared = filtered(
            x, weights, biases, geometry, right.shape, blocks_in_chunk=blocks_in_chunk, parts=min(parts, right.shape[2])
        )
        np.testing.assert_array_equal(shared, found)


def test_nan_spreads_as_far_as_filters_reach_and_to_no_other_channel() -> None:
    geometry = GEOMETRIES[0]
    x = np.ones((1, 16, 6, 11), np.float32)
    x[0, 5, 2, 3] = np.nan
    found = filtered(x, np.ones((16, 1, 3, 3), np.float32), np.zeros(16, np.float32), geometry, x.shape)
    right = np.zeros(x.shape, bool)
    right[0, 5, 1:4, 2:5] = True
    np.testing.assert_array_equal(np.isnan(found), right)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 8, 100])
def test_a_form_fits_the_row_and_is_unrolled_where_there_is_one(size: int, stride: int, width: int) -> None:
    form: Form = forms()[form_for(1, size, stride, width)]
    assert form.pixels <= width
    assert form[:3] == ((1, size, stride) if size in (3, 5) and stride in (1, 2) else (1, ANY, ANY))
    wider = [other for other in forms() if other[:3] == form[:3] and form.pixels < other.pixels <= width]
    assert not wider
