"""How convolutions are cut: whatever the shape, all rows are there once, and memory suffices."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import UNROLL
from darknetpy.training.fast.geometry import (
    CHUNKS,
    SLICE_BYTES,
    SLICES,
    Cells,
    choose_form,
    outer_limits,
)

pytestmark = pytest.mark.quick
SHAPES = [
    Cells(4, (3, 33, 31), (20, 33, 31), 3, (1, 1), 1, 1, 0, planar=True),
    Cells(1, (1, 1, 1), (1, 1, 1), 1, (1, 1), 1, 0, 0),
    Cells(8, (17, 13, 13), (112, 7, 7), 3, (2, 2), 1, 1, 0),
    Cells(8, (512, 14, 14), (512, 14, 14), 3, (1, 1), 1, 1, 4),
    Cells(8, (512, 7, 7), (1024, 7, 7), 3, (1, 1), 1, 1, 2),
    Cells(8, (1024, 7, 7), (1000, 7, 7), 1, (1, 1), 1, 0, 0),
    Cells(2, (64, 300, 400), (64, 300, 400), 3, (1, 1), 1, 1, 4),
    Cells(2, (120, 5, 4), (112, 5, 4), 5, (1, 1), 2, 4, 0),
]


@pytest.mark.parametrize("cells", SHAPES, ids=str)
def test_cells_cover_the_output(cells: Cells) -> None:
    _, height, width = cells.output
    assert (cells.rows - 1) * cells.tile < height <= cells.rows * cells.tile
    assert (cells.across - 1) * cells.tile < width <= cells.across * cells.tile
    assert cells.points == (1 if cells.form == 0 else (cells.tile + 2) ** 2)
    assert cells.taps == (cells.points if cells.form else cells.size**2)


@pytest.mark.parametrize("cells", SHAPES, ids=str)
def test_steps_of_a_sum_read_all_channels(cells: Cells) -> None:
    if cells.planar:
        assert (cells.turns, cells.inner_depth) == (0, cells.source[0])
    else:
        assert cells.source[0] <= cells.inner_depth <= blocks_of(cells.source[0]) * LANES
        assert cells.inner_depth == cells.turns * UNROLL * cells.planes
    assert cells.depth == cells.inner_depth * (1 if cells.form else cells.taps)
    assert len(cells.offsets(10)) == cells.steps


@pytest.mark.parametrize("cells", SHAPES, ids=str)
def test_planes_of_cells_do_not_overlap(cells: Cells) -> None:
    for count in (1, 16, 64, 100):
        offsets = np.sort(cells.offsets(count))
        assert offsets[0] == 0
        assert (np.diff(offsets) >= count * cells.cell_bytes).all()
        assert cells.offsets(count).max() + count * cells.cell_bytes <= cells.gathered_bytes(count)
        assert cells.plane_step(count) % LINE == 0
        rows = cells.row_offsets(count)
        assert len(rows) == cells.outer_rows
        assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("cells", SHAPES, ids=str)
def test_work_is_divided_into_chunks_that_are_not_empty(cells: Cells) -> None:
    assert 1 <= cells.parts <= cells.all_rows
    shares, parts = cells.split_parts
    assert 1 <= parts <= cells.all_rows
    assert 1 <= shares <= cells.groups
    assert 0 <= cells.slices <= min(SLICES, cells.all_rows)
    assert cells.slices == 0 or cells.planar or cells.slice_bytes <= SLICE_BYTES
    assert cells.rows_at_once >= 1


@pytest.mark.parametrize("cells", SHAPES, ids=str)
def test_groups_are_powers_of_two(cells: Cells) -> None:
    for group in (cells.group, cells.outer_group):
        assert group.bit_count() == 1
        assert group <= cells.out_blocks
    assert cells.groups * cells.group >= cells.out_blocks


def test_there_is_work_for_threads() -> None:
    assert Cells(8, (64, 56, 56), (64, 56, 56), 3, (1, 1), 1, 1, 4).parts >= CHUNKS


def test_large_filters_are_read_once() -> None:
    assert not SHAPES[0].splits
    assert not SHAPES[6].splits
    assert SHAPES[4].splits
    assert SHAPES[4].slices == 0


def test_forms_of_winograd() -> None:
    """For 3x3 with unit strides only; larger tiles where they do not hang over the rim."""
    assert choose_form(8, (64, 56, 56), (64, 56, 56), 3, unit=False) == 0
    assert choose_form(8, (64, 56, 56), (64, 56, 56), 5, unit=True) == 0
    assert choose_form(8, (64, 56, 56), (64, 56, 56), 3, unit=True) == 4
    assert choose_form(1, (512, 2, 2), (512, 2, 2), 3, unit=True) == 2


def test_registers_hold_the_sums_of_outer_products() -> None:
    limits = outer_limits()
    assert 1 <= limits["most_rows"] <= limits["most_rows_few_blocks"]
