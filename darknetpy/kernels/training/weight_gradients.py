"""The gradients of a loss by the filters of a convolution: sums over all cells of gathered input times gradient.

By the output's sums z a gradient has lines of 16 filters for each pixel. For Winograd's form the m x m pixels of a tile
are spread to n x n points; at each, and for pixels at each tap of the filter, the products of all channels with all
filters are summed over the cells (`darknetpy.kernels.training.outer`), in register-blocked sums of `CELLS` cells.

The lines of a group of output blocks stand together: [group][point][cell][block][16]. One *slice* of the work sums up
its rows of cells by itself; `darknetpy.kernels.training.filters` adds the slices in order. Where filters are many
there is one slice only, cells and lines are made by operations of their own, and chunks divide the products.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load, store
from darknetpy.kernels.training.gathering import gather_rows, read_gathering
from darknetpy.kernels.training.loading import load_lines, read_loading
from darknetpy.kernels.training.outer import call_outer
from darknetpy.kernels.training.transforms import call_spread

CELLS = 128
"""Summed up in registers at a time: their lines, 256 bytes each, stay in the first-level cache."""

SUMMING = record_type(
    **integers(
        "gathering", "loading", "outer", "spread", "offsets", "out", "slice_step", "slices",
        "blocks", "group", "height", "width", "channels", "points", "most_rows_few_blocks", "most_rows",
        "cells", "lines", "line_point_step", "lines_bytes", "gathered", "band_bytes", "rows_at_once", "parts",
    )
)  # fmt: skip
"""gathering: address of that of the input. loading: of the gradient by z; height, width, blocks: of z, in groups of
``group`` blocks. outer, spread: addresses of functions; offsets: for each of ``channels`` rows, from a cell's first
line to its value; points: of a sum, or taps. out: partial sums, [slice][group][point][channel][block][16].
cells, lines: gathered and spread for all rows, 0 where a chunk does so itself, in scratch memory, for ``rows_at_once``;
gathered, lines_bytes, band_bytes: bytes there. line_point_step: from a point of a group to the next for one block of
the group, 0 for pixels, whose taps share the lines. most_rows: of a sum of 4 blocks; most_rows_few_blocks: of fewer.
parts: of the operation that spreads.
"""
_read = reader(SUMMING)


@operation(SUMMING)
def sum_slice(record: int, chunk: int, scratch: int) -> None:
    """A chunk is a slice: some rows of cells, all channels and filters."""
    given = _read(record)
    gathering, loading = read_gathering(given.gathering), read_loading(given.loading)
    rows = gathering.images * gathering.rows
    first, last = divide(rows, given.slices, chunk), divide(rows, given.slices, chunk + 1)
    cells = scratch + given.band_bytes
    lines = cells + given.gathered
    out = given.out + chunk * given.slice_step
    row = first
    while row < last:
        end = min(row + given.rows_at_once, last)
        count = (end - row) * gathering.across
        gather_rows(gathering, 0, gathering.planes, row, end, cells, scratch)
        block = 0
        while block < given.blocks:
            blocks = size_of_group(given, block)
            spread_group(given, gathering, loading, block, blocks, row, end, lines, scratch)
            for point in range(given.points):
                sum_products(given, gathering, block, blocks, point, count, cells, lines, out, row > first)
            block += blocks
        row = end


@operation(SUMMING)
def spread_lines(record: int, chunk: int, scratch: int) -> None:
    """The lines of one group for one part of all rows, to ``lines``."""
    given = _read(record)
    gathering, loading = read_gathering(given.gathering), read_loading(given.loading)
    part, number = chunk % given.parts, chunk // given.parts
    rows = gathering.images * gathering.rows
    first, last = divide(rows, given.parts, part), divide(rows, given.parts, part + 1)
    block, blocks = group_number(given, number)
    out = given.lines + block * lines_of_block(given, gathering)
    spread_group(given, gathering, loading, block, blocks, first, last, out + first * gathering.across * blocks * LINE,
                 scratch)  # fmt: skip


@operation(SUMMING)
def sum_points(record: int, chunk: int, scratch: int) -> None:
    """One point, or tap, of one group, over all cells, which are there already."""
    given = _read(record)
    gathering = read_gathering(given.gathering)
    point, number = chunk % given.points, chunk // given.points
    block, blocks = group_number(given, number)
    lines = given.lines + block * lines_of_block(given, gathering)
    count = gathering.images * gathering.rows * gathering.across
    sum_products(given, gathering, block, blocks, point, count, given.cells, lines, given.out, False)


@kernel
def size_of_group(given: Any, block: int) -> int:
    """How many blocks the group has that begins at a block; the last ones are cut into powers of two."""
    blocks = given.group
    while blocks > given.blocks - block:
        blocks //= 2
    return blocks


@kernel
def group_number(given: Any, number: int) -> Any:
    """First block, and blocks, of the group of that number."""
    block, blocks = 0, size_of_group(given, 0)
    for _ in range(number):
        block += blocks
        blocks = size_of_group(given, block)
    return block, blocks


@kernel
def lines_of_block(given: Any, gathering: Any) -> int:
    """Bytes of all lines of one block."""
    if given.line_point_step == 0:
        return gathering.images * gathering.rows * gathering.across * LINE
    return given.points * given.line_point_step


@kernel
def spread_group(
    given: Any, gathering: Any, loading: Any, block: int, blocks: int, first: int, last: int, out: int, band: int
) -> None:
    """The gradient's lines of some blocks for rows ``first`` to ``last``, the first cell's at ``out``."""
    m, across, width = gathering.tile, gathering.across, given.width
    point_step = given.line_point_step * blocks
    for each in range(blocks):
        for row in range(first, last):
            image, down = row // gathering.rows, row % gathering.rows
            to = out + (row - first) * across * blocks * LINE + each * LINE
            if gathering.form == 0:
                load_lines(loading, image, block + each, down * width, width, band)
                for x in range(width):
                    store(to + x * blocks * LINE, load(band + x * LINE))
            else:
                pitch = across * m * LINE
                for y in range(m):
                    if down * m + y < given.height:
                        load_lines(loading, image, block + each, (down * m + y) * width, width, band + y * pitch)
                        clear_floats(band + y * pitch + width * LINE, (across * m - width) * LANES)
                    else:
                        clear_floats(band + y * pitch, across * m * LANES)
                for tile in range(across):
                    source, place = band + tile * m * LINE, to + tile * blocks * LINE
                    call_spread(given.spread, (gathering.form, source, pitch, place, point_step))


@kernel
def sum_products(
    given: Any, gathering: Any, block: int, blocks: int, point: int, count: int, cells: int, lines: int, out: int,
    adding: bool,
) -> None:  # fmt: skip
    """One point of one group for ``count`` cells: to the sums at ``out``, or added to them."""
    most = given.most_rows if blocks == 4 else given.most_rows_few_blocks
    cell_bytes = 4 if gathering.planar else LINE
    source = cells if gathering.planar else cells + point * gathering.point_step
    lines += point * given.line_point_step * blocks
    out += block * given.points * given.channels * LINE + point * given.channels * blocks * LINE
    for begin in range(0, count, CELLS):
        some = min(CELLS, count - begin)
        row = 0
        while row < given.channels:
            rows = min(most, given.channels - row)
            call_outer(given.outer, (
                rows, blocks, some, source + begin * cell_bytes, given.offsets + 8 * row, cell_bytes,
                lines + begin * blocks * LINE, out + row * blocks * LINE, 1 if adding or begin > 0 else 0,
            ))  # fmt: skip
            row += rows
