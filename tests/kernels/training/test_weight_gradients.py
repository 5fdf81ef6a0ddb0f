"""Gradients by filters, summed in slices or divided by points, against sums over all cells in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.training.gathering import gather
from darknetpy.kernels.training.outer import run_outer
from darknetpy.kernels.training.transforms import spread
from darknetpy.kernels.training.weight_gradients import CELLS, spread_lines, sum_points, sum_slice
from darknetpy.training.fast.geometry import Cells, outer_limits
from tests.kernels.running import run
from tests.kernels.training.correlation import Shape, planar
from tests.kernels.training.lines import Loaded, activated
from tests.kernels.training.lines import numbers as random
from tests.kernels.training.test_convolution import IMAGES, cells_of, gathering_of, source_of
from tests.kernels.training.test_filters import at_taps, unpacked
from tests.kernels.training.test_transforms import aligned

NEAR = 1e-5
SHAPES = [
    Shape(40, 7, 6, 20),
    Shape(7, 13, 12, 33, size=1, padding=0),
    Shape(20, 9, 8, 17, size=5, padding=2, stride_y=2, stride_x=3),
    Shape(16, 9, 9, 112, padding=2, dilation=2),
    Shape(33, 1, 1, 5),
    Shape(40, 9, 11, 20, form=2),
    Shape(3, 5, 6, 50, form=4, padding=0),
    Shape(18, 13, 7, 112, form=4, padding=2),
]


def fields_of(cells: Cells, by_z: Loaded, out: np.ndarray, slices: int, count: int) -> dict[str, np.ndarray | float]:
    """All fields but those of gathering; ``count`` cells stand together."""
    return {
        "loading": by_z.record(), "outer": float(run_outer.address), "spread": float(spread.address),
        "offsets": cells.row_offsets(count), "out": out, "slice_step": cells.slice_bytes, "slices": slices,
        "blocks": cells.out_blocks, "group": cells.outer_group, "height": cells.output[1], "width": cells.output[2],
        "channels": cells.outer_rows, "points": cells.outer_points, "line_point_step": cells.line_point_step(count),
        "band_bytes": cells.band_bytes, **outer_limits(),
    }  # fmt: skip


def in_slices(cells: Cells, loading: np.ndarray, by_z: Loaded, slices: int, at_once: int) -> np.ndarray:
    """Partial sums (slices, floats)."""
    out = aligned(slices, cells.slice_bytes // 4)
    count = at_once * cells.across
    gathered, lines = cells.gathered_bytes(count), cells.line_bytes(count)
    run(
        sum_slice, slices, scratch_bytes=cells.band_bytes + gathered + lines + LINE,
        gathering=gathering_of(cells, loading, count, None, 1), gathered=gathered, lines_bytes=lines,
        rows_at_once=at_once, **fields_of(cells, by_z, out, slices, count),
    )  # fmt: skip
    return out


def by_points(cells: Cells, loading: np.ndarray, by_z: Loaded, parts: int) -> np.ndarray:
    """The same in one slice, made by three operations."""
    out, count = aligned(1, cells.slice_bytes // 4), cells.all_rows * cells.across
    gathered, lines = aligned(cells.gathered_bytes(count) // 4), aligned(cells.line_bytes(count) // 4)
    gathering = gathering_of(cells, loading, count, gathered, parts)
    given = {name: gathering[name][0] for name in gathering.dtype.names or ()}
    run(gather, parts * cells.planes, scratch_bytes=cells.band_bytes, **given)
    group = cells.outer_group
    groups = cells.out_blocks // group + (cells.out_blocks % group).bit_count()
    fields = fields_of(cells, by_z, out, 0, count) | {"cells": gathered, "lines": lines, "parts": parts}
    steps: list[tuple[Operation, int]] = [(spread_lines, groups * parts), (sum_points, groups * cells.outer_points)]
    for operation, chunks in steps:
        run(operation, chunks, scratch_bytes=cells.band_bytes, gathering=gathering, **fields)
    return out


def gradient_lines(shape: Shape) -> tuple[Loaded, np.ndarray]:
    """The gradient by the sums, with all that batch normalization does to it, and what it means."""
    pixels, blocks = shape.out_height * shape.out_width, blocks_of(shape.filters)
    by_z = activated(IMAGES, blocks, pixels, slope=1.0, seed=7)
    by_z.other = random(IMAGES, blocks, pixels, LANES, seed=8)
    by_z.other_factors = random(blocks, LANES, seed=9)
    return by_z, planar(by_z.meaning(), shape.filters, shape.out_height, shape.out_width)


def assert_right(found: np.ndarray, shape: Shape, cells: Cells, x: np.ndarray, by_z: np.ndarray) -> None:
    """Of partial sums (slices, floats), added and brought to taps."""
    points = cells.points if shape.form else shape.taps
    total = found.astype(np.float64).sum(axis=0)
    gradient = at_taps(
        unpacked(total, shape.filters, shape.channels, shape.channels, points, cells.outer_group), shape.form
    )
    expected = shape.by_filters(x, by_z)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=NEAR * np.abs(expected).max())


@pytest.mark.parametrize(("slices", "at_once"), [(1, 99), (2, 1), (2, 3)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_in_slices(shape: Shape, slices: int, at_once: int) -> None:
    cells, (source, x), (by_z, gradient) = cells_of(shape), source_of(shape), gradient_lines(shape)
    found = in_slices(cells, source.record(), by_z, min(slices, cells.all_rows), min(at_once, cells.all_rows))
    assert_right(found, shape, cells, x, gradient)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_by_points(shape: Shape, parts: int) -> None:
    cells, (source, x), (by_z, gradient) = cells_of(shape), source_of(shape), gradient_lines(shape)
    found = by_points(cells, source.record(), by_z, parts)
    assert_right(found, shape, cells, x, gradient)
    one_slice = in_slices(cells, source.record(), by_z, 1, cells.all_rows)
    assert np.array_equal(found, one_slice), "both ways form the same sums"


@pytest.mark.parametrize("shape", [Shape(3, 9, 8, 20), Shape(1, 15, 17, 33, size=7, padding=3, stride_y=2, stride_x=2)])
def test_pictures_as_they_lie(shape: Shape) -> None:
    """Taps and channels are rows of one sum: [slice][group][channel][tap][block][16]."""
    x = random(IMAGES, shape.channels, shape.height, shape.width)
    loading = Loaded(np.zeros((1, 1, 1, LANES), np.float32)).record()
    loading["array"], loading["array_image"], loading["array_plane"] = x.ctypes.data, *x.strides[:2]
    cells, (by_z, gradient) = cells_of(shape, picture=True), gradient_lines(shape)
    found = in_slices(cells, loading, by_z, 2, 2).astype(np.float64).sum(axis=0)
    rows = unpacked(found, shape.filters, cells.outer_rows, cells.outer_rows, 1, cells.outer_group)
    taken = rows.reshape(shape.filters, shape.taps, shape.channels).swapaxes(1, 2)
    expected = shape.by_filters(x, gradient)
    np.testing.assert_allclose(taken, expected, rtol=0, atol=NEAR * np.abs(expected).max())


def test_more_cells_than_registers_sum_at_a_time() -> None:
    shape = Shape(16, 12, 2 * CELLS // 12 + 5, 16, size=1, padding=0)
    assert IMAGES * shape.height * shape.width > 2 * CELLS
    cells, (source, x), (by_z, gradient) = cells_of(shape), source_of(shape), gradient_lines(shape)
    assert_right(in_slices(cells, source.record(), by_z, 1, cells.all_rows), shape, cells, x, gradient)
