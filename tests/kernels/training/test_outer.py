"""Every compiled sum of outer products against sums in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.tiles import BLOCKS, most_blocks
from darknetpy.kernels.training.outer import MOST_ROWS, most_outer_rows, outer_shapes, run_outer
from tests.kernels.test_winograd import call, random
from tests.kernels.training.test_transforms import aligned

CELLS = 37


@pytest.mark.parametrize("count", [1, 2, CELLS])
@pytest.mark.parametrize("shape", outer_shapes())
def test_lanes_of_lines(shape: tuple[int, int], count: int) -> None:
    """Rows are lanes of channel-blocked lines, in any order."""
    rows, blocks = shape
    source, lines = random(CELLS, 16), random(CELLS, blocks, 16)
    lanes = np.array([11, 3, 0, 15, 7, 8, 1, 4])[:rows]
    offsets, known = lanes * 4, random(rows, blocks, 16)
    for adding in (0, 1):
        out = aligned(rows, blocks, 16)
        if adding:
            out[:] = known
        call(
            run_outer, rows, blocks, count, source.ctypes.data, offsets.ctypes.data, source.strides[0],
            lines.ctypes.data, out.ctypes.data, adding,
        )  # fmt: skip
        expected = np.einsum("tr,tbl->rbl", source[:count, lanes].astype(np.float64), lines[:count]) + adding * known
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_floats_of_a_picture() -> None:
    """Rows are planes of floats, which neighbour each other."""
    rows, blocks = outer_shapes()[-1]
    planes, lines, out = random(rows, CELLS), random(CELLS, blocks, 16), aligned(rows, blocks, 16)
    offsets = np.arange(rows) * planes.strides[0]
    call(
        run_outer, rows, blocks, CELLS, planes.ctypes.data, offsets.ctypes.data, 4, lines.ctypes.data,
        out.ctypes.data, 0,
    )  # fmt: skip
    expected = np.einsum("rt,tbl->rbl", planes.astype(np.float64), lines)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_what_is_no_number_stays_in_its_row_and_lane() -> None:
    rows, blocks = outer_shapes()[-1]
    source, lines, out = random(CELLS, 16), random(CELLS, blocks, 16), aligned(rows, blocks, 16)
    source[4, 1], lines[7, 0, 5] = np.nan, np.inf
    offsets = np.arange(rows) * 4
    call(
        run_outer, rows, blocks, CELLS, source.ctypes.data, offsets.ctypes.data, 64, lines.ctypes.data,
        out.ctypes.data, 0,
    )  # fmt: skip
    broken = ~np.isfinite(out)
    expected = np.zeros_like(broken)
    expected[1], expected[:, 0, 5] = True, True
    np.testing.assert_array_equal(broken, expected)


def test_registers_hold_every_shape() -> None:
    shapes = outer_shapes()
    assert {blocks for _, blocks in shapes} == {blocks for blocks in BLOCKS if blocks <= most_blocks(planar=False)}
    for blocks in {blocks for _, blocks in shapes}:
        widths = [rows for rows, each in shapes if each == blocks]
        assert widths == list(range(1, most_outer_rows(blocks) + 1))
        assert max(widths) <= MOST_ROWS
